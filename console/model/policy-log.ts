/** What a router's log says of connections that policies refused: lines of its module POLICY, as `router/bridge/policies.ts` writes them. Pure. */
import type { Fate } from './refusals.ts';

export interface PolicyLogLine {
  readonly fate: Fate;
  readonly end: 'listener' | 'connector';
  /** The name of the listener or connector. */
  readonly entity: string;
  readonly reason: string;
  /** Since the line before. */
  readonly count: number;
}

const FATE_OF: Readonly<Record<string, Fate>> = {
  'connection refused by a policy': 'refused',
  'connection refused by a policy at the other end': 'refused',
  'connection would be refused by a policy in dry run': 'wouldBeRefused',
  'open connection reset: a policy does not allow it any more': 'reset',
};
const LINE =
  /^LOG_POLICY: (?<says>.+?) (?<end>listener|connector)=(?<entity>.+?)(?: policy=\S+)?(?: rule=\d+)? reason=(?<reason>.*?)(?: count=(?<count>\d+))?$/s;
/** Of a line that was cut off. */
const CUT = / c(o(u(n(t=?)?)?)?)?$/;

/** Undefined of any other line. */
export function readPolicyLog(text: string): PolicyLogLine | undefined {
  const { says = '', end, entity = '', reason = '', count } = LINE.exec(text)?.groups ?? {};
  const fate = FATE_OF[says];
  if (fate === undefined) return undefined;
  return {
    fate,
    end: end === 'connector' ? 'connector' : 'listener',
    entity,
    reason: reason.replace(CUT, ''),
    count: Number(count ?? 1),
  };
}
