/** What the routers have as policies while they are measured. Pure. */
import type { PolicySpec } from '../../../lib/policy/types.ts';

export const ADDRESS = 'bench';

export const CASES = {
  none: 'no policy',
  few: 'policies, few of which select the service',
  all: 'policies, all of which select the service',
} as const;
export type Case = keyof typeof CASES;
export const CASE_NAMES = Object.keys(CASES) as Case[];

/** Of every hundred, with `few`. */
const SELECTING_EVERY = 100;

export function specsOf(name: Case, count: number): PolicySpec[] {
  if (name === 'none') return [];
  return Array.from({ length: count }, (_, at) => specOf(at, name === 'all' || at % SELECTING_EVERY === 0));
}

/** The first lets everybody in, within limits that nobody reaches; the others mean clients of elsewhere. */
function specOf(at: number, isSelecting: boolean): PolicySpec {
  const services = isSelecting
    ? [{ names: ['bench*', 'tcp*', 'connector*'] }, { routingKeys: [ADDRESS] }]
    : [{ names: [`other-${at}`] }];
  if (at === 0) {
    const limits = { concurrentConnections: 100_000, connectionsPerSecond: 1_000_000 } as const;
    return { services, rules: [{ action: 'Limit', limits, from: [{ verification: 'none' }] }] };
  }
  const from = [{ sites: [`site-${at}`], selector: { matchLabels: { app: `app-${at}` } } }];
  return { services, rules: [{ action: at % 2 === 0 ? 'Allow' : 'Deny', from }] };
}
