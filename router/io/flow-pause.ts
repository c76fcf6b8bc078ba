/**
 * For how long a TCP flow may be without a way through the network before both its ends are reset (docs/adr/0027):
 * `SKUPRT_FLOW_PAUSE_SECONDS`, 0 to end flows with their way, 10 where it is not set.
 */
import { FLOW_PAUSE_LIMIT_MAX_MS, FLOW_PAUSE_LIMIT_MS } from '../bridge/resume/limits.ts';
import { StartConfigError } from './start-config.ts';

const NAME = 'SKUPRT_FLOW_PAUSE_SECONDS';
const SECONDS_MAX = FLOW_PAUSE_LIMIT_MAX_MS / 1000;

/**
 * @returns ms
 * @throws StartConfigError
 */
export function flowPauseLimitMs(env: Readonly<Record<string, string | undefined>>): number {
  const given = env[NAME]?.trim();
  if (!given) return FLOW_PAUSE_LIMIT_MS;
  const seconds = /^[0-9]{1,6}(\.[0-9]{1,3})?$/.test(given) ? Number(given) : Number.NaN;
  if (!(seconds <= SECONDS_MAX)) {
    throw new StartConfigError(`${NAME} is '${given}'`, {
      next: `Set it to a number of seconds from 0 to ${SECONDS_MAX}`,
    });
  }
  return Math.round(seconds * 1000);
}
