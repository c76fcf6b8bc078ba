/**
 * The measures of all Limit rules, made as clients need them and dropped when nothing is remembered in them. Pure.
 *
 * A rule whose limits change keeps its measures: who is in counts on, who waits is asked anew by the bridge.
 */
import type { Decision, Limits, PolicyClient, RuleReference } from '../../lib/policy/types.ts';
import { shareKey, siteKey } from './keys.ts';
import { MEASURES_MAX, MEASURES_OF_SITE_MAX, MEASURES_SWEEP_MS } from './limits.ts';
import { Measure } from './measure.ts';
import type { PassLimit } from './pass.ts';

interface Kept extends PassLimit {
  /** Another one, whose workloads have each their own; undefined for others. */
  readonly site: string | undefined;
  limits: Limits;
  /** Whoever has got it since then may not have entered yet. */
  askedAt: number;
  isDropped: boolean;
}

export interface MeasureCounts {
  readonly queued: number;
  readonly inUse: number;
}

/** A rule that means a client, as the decision about that client has it. */
export type LimitOfClient = Decision['limits'][number];

/** What a rule says now; undefined when it is gone, or limits nothing any more. */
export type LimitsOf = (by: RuleReference) => Limits | undefined;

const NO_LIMITS: Limits = {};
/** No name of a client. */
const SHARED = '*';

export class Measures {
  /** Never later than the earliest of the measures' own times, ms. */
  deadline = Number.POSITIVE_INFINITY;
  private readonly kept = new Map<string, Kept>();
  /** The same without a look at the key, a long text: a decision is kept, and its client comes again. */
  private readonly known = new WeakMap<LimitOfClient, Kept>();
  /** The same by policy: each is asked for its counts, by everybody who looks at them all. */
  private readonly byPolicy = new Map<string, Set<Measure>>();
  /** How many of them are for workloads that another site has named. */
  private readonly bySite = new Map<string, number>();
  private sweepAt = 0;
  /** Those where somebody waits, and maybe some where nobody does any more. */
  private readonly busy = new Set<Measure>();

  get size(): number {
    return this.kept.size;
  }

  /** Of a rule that means the client. @param limit of a decision about this client and no other */
  of(limit: LimitOfClient, client: PolicyClient, now: number): PassLimit {
    const known = this.known.get(limit);
    const kept = known === undefined || known.isDropped ? this.search(limit, client, now) : known;
    kept.askedAt = now;
    if (kept.limits !== limit.limits) {
      kept.limits = limit.limits;
      kept.measure.adjust(kept.limits, now);
    }
    return kept;
  }

  private search(limit: LimitOfClient, client: PolicyClient, now: number): Kept {
    const { by, limits } = limit;
    const ofSite = limits.per === 'Workload' && client.verification !== 'local' ? siteKey(client) : undefined;
    const key = keyOf(by, shareKey(limits.per, client));
    const own = this.kept.get(key) ?? (this.isFull(ofSite, now) ? undefined : this.make(key, limit, ofSite, now));
    if (own === undefined) {
      const shared = keyOf(by, this.kept.size < MEASURES_MAX ? `${ofSite}${SHARED}` : SHARED);
      return this.kept.get(shared) ?? this.make(shared, limit, ofSite, now);
    }
    this.known.set(limit, own);
    return own;
  }

  private make(key: string, { by, limits }: LimitOfClient, site: string | undefined, now: number): Kept {
    const kept = { measure: new Measure(limits, now), by, limits, site, askedAt: now, isDropped: false };
    this.kept.set(key, kept);
    const ofPolicy = this.byPolicy.get(by.policy) ?? new Set();
    this.byPolicy.set(by.policy, ofPolicy.add(kept.measure));
    if (site !== undefined) this.bySite.set(site, (this.bySite.get(site) ?? 0) + 1);
    return kept;
  }

  /** Policies have changed. */
  refresh(limitsOf: LimitsOf, now: number): void {
    for (const [key, kept] of this.kept) {
      const limits = limitsOf(kept.by);
      if (limits === kept.limits) continue;
      kept.limits = limits ?? NO_LIMITS;
      kept.measure.adjust(kept.limits, now);
      if (limits === undefined && kept.measure.isIdle(now)) this.drop(key, kept);
    }
    this.deadline = now;
  }

  /** Somebody waits there now. */
  waitsAt(measure: Measure, now: number): void {
    this.busy.add(measure);
    this.sooner(measure.dueAt(now));
  }

  /** A connection has given its places back: who waits for one is looked at in this turn. */
  hasLeft(now: number): void {
    if (this.busy.size > 0) this.sooner(now);
  }

  /** One of those where somebody waits may have something to do earlier than was known. */
  sooner(at: number): void {
    if (at < this.deadline) this.deadline = at;
  }

  tick(now: number): void {
    if (now < this.deadline) return;
    this.deadline = Number.POSITIVE_INFINITY;
    for (const measure of [...this.busy]) {
      if (measure.dueAt(now) <= now) measure.tick(now);
      const dueAt = measure.dueAt(now);
      if (dueAt === Number.POSITIVE_INFINITY && measure.isCalm) this.busy.delete(measure);
      else this.sooner(dueAt);
    }
  }

  /** Connections that wait, and that are in. */
  get counts(): MeasureCounts {
    const count = { queued: 0, inUse: 0 };
    for (const { measure } of this.kept.values()) addTo(count, measure);
    return count;
  }

  /** The same at the measures of one policy. */
  countsOf(policy: string): MeasureCounts {
    const count = { queued: 0, inUse: 0 };
    for (const measure of this.byPolicy.get(policy) ?? []) addTo(count, measure);
    return count;
  }

  /** What is idle makes room; where nothing is, the rest of a rule's clients share one measure, or those of their site. */
  private isFull(site: string | undefined, now: number): boolean {
    if (this.hasRoom(site)) return false;
    if (now < this.sweepAt) return true;
    this.sweepAt = now + MEASURES_SWEEP_MS;
    for (const [key, kept] of this.kept) if (kept.askedAt < now && kept.measure.isIdle(now)) this.drop(key, kept);
    return !this.hasRoom(site);
  }

  private hasRoom(site: string | undefined): boolean {
    const ofSite = site === undefined ? 0 : (this.bySite.get(site) ?? 0);
    return this.kept.size < MEASURES_MAX && ofSite < MEASURES_OF_SITE_MAX;
  }

  private drop(key: string, kept: Kept): void {
    const { site, by, measure } = kept;
    kept.isDropped = true;
    this.kept.delete(key);
    const ofPolicy = this.byPolicy.get(by.policy);
    ofPolicy?.delete(measure);
    if (ofPolicy?.size === 0) this.byPolicy.delete(by.policy);
    if (site === undefined) return;
    const count = this.bySite.get(site)! - 1;
    if (count > 0) this.bySite.set(site, count);
    else this.bySite.delete(site);
  }
}

function addTo(count: { queued: number; inUse: number }, { queuedCount, inUse }: Measure): void {
  count.queued += queuedCount;
  count.inUse += inUse;
}

function keyOf({ policy, rule = 0 }: RuleReference, share: string): string {
  return `${policy} ${rule} ${share}`;
}
