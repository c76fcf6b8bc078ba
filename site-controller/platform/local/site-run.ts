/** One local site in the foreground: wires the controller's parts and runs them until told to stop. */

export interface SiteRunOptions {
  namespace: string;
  /** As given by `dataHomeOf`. */
  dataHome: string;
  logLevel: string;
  /** The command whose `router` verb runs the router; this very program unless given. */
  command?: readonly string[];
}

/**
 * Runs the site of `namespace` until `signal` aborts; resolves when its router has drained and everything is closed.
 * Throws SiteRunningError when another process runs it already.
 */
export async function runSite(_options: SiteRunOptions, _signal: AbortSignal): Promise<void> {
  throw new Error('not there yet');
}
