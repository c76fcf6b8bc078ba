/**
 * The command line's own failures and the exit code of every failure: 0 ok, 1 failed, 2 usage or validation,
 * 3 not found, 4 timed out, 5 refused or TLS, 130 interrupted.
 *
 * Other parts throw their own `SkuprtError`s and know nothing about exit codes; `exitCodeOf` gives them one by `fault`.
 */
import { type ErrorDetails, SkuprtError } from '../lib/errors.ts';

export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, timedOut: 4, refused: 5, interrupted: 130 } as const;

/** Whoever reads it is told what to do. */
abstract class CommandError extends SkuprtError {
  constructor(message: string, details: ErrorDetails & { readonly next: string }) {
    super(message, details);
  }
}

/** What was typed cannot be done as typed; nothing was changed. */
export class UsageError extends CommandError {
  readonly code = 'SKUPRT_CLI_USAGE';
  readonly fault = 'caller';
}

/** The named thing does not exist in this namespace. */
export class NotFoundError extends CommandError {
  readonly code = 'SKUPRT_CLI_NOT_FOUND';
  readonly fault = 'caller';
}

/** The state waited for did not come in time; what was asked for stays in place and goes on. */
export class TimedOutError extends CommandError {
  readonly code = 'SKUPRT_CLI_TIMED_OUT';
  readonly fault = 'environment';
}

/** The user ended the wait. */
export class InterruptedError extends CommandError {
  readonly code = 'SKUPRT_CLI_INTERRUPTED';
  readonly fault = 'caller';
}

/** The other side, or a certificate, said no. */
export class RefusedError extends CommandError {
  readonly code = 'SKUPRT_CLI_REFUSED';
  readonly fault = 'peer';
}

/** The state of this machine or of a running site does not allow what was asked for. */
export class FailedError extends CommandError {
  readonly code = 'SKUPRT_CLI_FAILED';
  readonly fault = 'environment';
}

/** A file of the user cannot be read or written. */
export class FileError extends CommandError {
  readonly code = 'SKUPRT_CLI_FILE';
  readonly fault = 'caller';
}

export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof NotFoundError) return EXIT.notFound;
  if (thrown instanceof TimedOutError) return EXIT.timedOut;
  if (thrown instanceof InterruptedError) return EXIT.interrupted;
  if (!(thrown instanceof SkuprtError)) return EXIT.failed;
  if (thrown.fault === 'peer') return EXIT.refused;
  // What an API server answered.
  const status = 'status' in thrown ? thrown.status : undefined;
  if (status === 401 || status === 403) return EXIT.refused;
  if (status === 404) return EXIT.notFound;
  return thrown.fault === 'caller' ? EXIT.usage : EXIT.failed;
}

/** What to do about faults of parts that know no commands. */
const OF_OTHERS = {
  peer: 'Nothing here can mend it: look at the other side; -v tells more',
  caller: 'Correct what was given; -v tells more',
  environment: 'Try again, and see what skuprt check finds; -v tells more',
} as const;

const DISK_IS_FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);

/** `Error: what happened, to what`, then what to do next, indented; the code only when asked for. */
export function describeError(thrown: unknown, verbose: boolean): string {
  if (!(thrown instanceof Error)) return `Error: ${String(thrown)}\n`;
  const lines = [`Error: ${thrown.message}`, nextOf(thrown)];
  if (verbose && thrown instanceof SkuprtError) lines.push(`code ${thrown.code}`);
  if (verbose && thrown.cause instanceof Error) lines.push(`because ${thrown.cause.message}`);
  const text = lines.join('\n').split('\n').join('\n  ');
  // A fault of ours is reported to us: the stack is what helps.
  return isOurs(thrown) && verbose && thrown.stack !== undefined ? `${text}\n${thrown.stack}\n` : `${text}\n`;
}

function nextOf(thrown: Error): string {
  if (thrown instanceof SkuprtError && thrown.next !== undefined) return thrown.next;
  if ('code' in thrown && DISK_IS_FULL.has(thrown.code))
    return 'Make room on that disk and try again: what was there before is as it was';
  if (isOurs(thrown)) return 'This is a mistake of skuprt: please report it, with what -v tells';
  return OF_OTHERS[thrown instanceof SkuprtError && thrown.fault !== 'ours' ? thrown.fault : 'environment'];
}

/** What the system refuses is not. */
function isOurs(thrown: Error): boolean {
  return thrown instanceof SkuprtError ? thrown.fault === 'ours' : !('syscall' in thrown);
}
