/** What a user reads when the router cannot listen where a resource says. */
import type { ListenerState } from '../../lib/router-client/state.ts';

const IN_USE = /EADDRINUSE|in use/i;
const FORBIDDEN = /EACCES|permission denied/i;
const NO_ADDRESS = /EADDRNOTAVAIL|ENOTFOUND|not available/i;

/** Names the port and the resource that asks for it; undefined when the router has no fault to report. */
export function portFault(
  listener: ListenerState | undefined,
  host: string,
  port: number | undefined,
  owner: string,
): string | undefined {
  const message = listener?.message ?? '';
  if (listener?.operStatus !== 'down') return undefined;
  const place = `port ${port} on ${host || 'every address'}`;
  if (IN_USE.test(message)) return `${owner} cannot listen: ${place} is in use by another process`;
  if (FORBIDDEN.test(message)) return `${owner} cannot listen: ${place} needs privileges that the router does not have`;
  if (NO_ADDRESS.test(message)) return `${owner} cannot listen: "${host}" is not an address of this machine`;
  return undefined;
}
