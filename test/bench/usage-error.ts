/** A mistake on the command line; the usage of the suite goes with its message. */
export class UsageError extends Error {}
