/**
 * Connections that policies or servers refused, as events. Up to four tell of the same one: the record of the flow, the logs of the
 * routers at both of its ends, and the listener's counter while nobody listens to flows. What they tell of the same within a while is one
 * event with a count, which says who has seen it. Pure.
 */
import { EVENT_COUNT_MAX, EVENT_REPEAT_MS } from './limits.ts';
import type { TimeLine } from './time-line.ts';

/** What has become of the connection: type of the event, and how it is said. */
const FATES = {
  refused: { type: 'flow-refused', verb: 'refused' },
  wouldBeRefused: { type: 'flow-would-be-refused', verb: 'would be refused, were it no dry run' },
  reset: { type: 'flow-reset', verb: 'reset' },
} as const;
export type Fate = keyof typeof FATES;

export interface Refusal {
  /** Wall-clock milliseconds. */
  readonly at: number;
  readonly fate: Fate;
  /** Of the service, and why; each empty where that was not told. */
  readonly address: string;
  readonly reason: string;
  readonly client?: string;
  /** What one of them counts adds up; what several count are the same connections. */
  readonly toldBy: 'flow' | 'log' | 'counter';
  readonly count: number;
  /** At which end it was seen, and of which site that is. */
  readonly end: 'listener' | 'connector';
  readonly site: string;
  readonly siteName: string;
}

interface Row {
  /** Of the event. */
  id: number;
  readonly fate: Fate;
  address: string;
  reason: string;
  firstAt: number;
  lastAt: number;
  /** By teller and site. */
  readonly counts: Map<string, number>;
  readonly clients: Set<string>;
  /** Ids of sites that have seen it, and their names, by end. */
  readonly seen: Record<Refusal['end'], Map<string, string>>;
}

const CLIENT_COUNT_MAX = 3;
/** As routers wrap it into the error of a flow; the end may be cut off. */
const WRAPPED = /^policy-refused \((.*?)\)?$/s;

export class Refusals {
  private readonly line: TimeLine;
  /** The latest last. */
  private readonly rows: Row[] = [];

  constructor(line: TimeLine) {
    this.line = line;
  }

  tell(refusal: Refusal): void {
    const told = { ...refusal, reason: plainReason(refusal.reason) };
    const row = this.rows.findLast((one) => isSame(one, told)) ?? this.newRow(told);
    const { at, address, reason, client, toldBy, count, end, site, siteName } = told;
    row.firstAt = Math.min(row.firstAt, at);
    row.lastAt = Math.max(row.lastAt, at);
    row.address ||= address;
    // A log line cuts it off.
    if (reason.length > row.reason.length) row.reason = reason;
    const teller = toldBy === 'log' ? `log ${end} ${site}` : toldBy;
    row.counts.set(teller, (row.counts.get(teller) ?? 0) + count);
    if (client !== undefined && row.clients.size <= CLIENT_COUNT_MAX) row.clients.add(client);
    row.seen[end].set(site, siteName);
    row.id = this.line.put(row.id, happeningOf(row), Math.max(...row.counts.values()));
  }

  private newRow({ at, fate, address, reason }: Refusal): Row {
    const seen = { listener: new Map<string, string>(), connector: new Map<string, string>() };
    const clients = new Set<string>();
    const row: Row = { id: 0, fate, address, reason, firstAt: at, lastAt: at, counts: new Map(), clients, seen };
    this.rows.push(row);
    if (this.rows.length > EVENT_COUNT_MAX) this.rows.shift();
    return row;
  }
}

/** What is not told, by one or the other, may be the same. */
function isSame(row: Row, { at, fate, address, reason, end, site }: Refusal): boolean {
  if (row.fate !== fate || at < row.firstAt - EVENT_REPEAT_MS || at > row.lastAt + EVENT_REPEAT_MS) return false;
  if (row.address !== '' && address !== '' && row.address !== address) return false;
  // Those that came in at different sites are different ones.
  if (end === 'listener' && row.seen.listener.size > 0 && !row.seen.listener.has(site)) return false;
  return row.reason.startsWith(reason) || reason.startsWith(row.reason);
}

function happeningOf({ fate, address, reason, lastAt, clients, seen }: Row) {
  const { type, verb } = FATES[fate];
  const [site = ''] = [...seen.listener.keys(), ...seen.connector.keys()];
  const named = [...clients].slice(0, CLIENT_COUNT_MAX);
  const from = clients.size === 0 ? '' : ` from ${named.join(', ')}${clients.size > named.length ? ' and others' : ''}`;
  const ends = (['listener', 'connector'] as const).flatMap((end) =>
    [...seen[end].values()].map((name) => `at the ${end} of ${name}`),
  );
  const message = `Connection to ${address || 'a service'}${from} ${verb}${reason && `: ${reason}`}; seen ${ends.join(' and ')}`;
  return { at: lastAt, severity: 'warning', type, site, object: `service/${address}`, message } as const;
}

function plainReason(reason: string): string {
  const [, inner = reason] = WRAPPED.exec(reason) ?? [];
  return inner;
}
