/**
 * The network as far as its routers have told of it. Pure: what was heard comes in with the time, pictures of it go out.
 *
 * Two clocks: `now` never goes back and measures rates and leases; events say when by the wall clock.
 */
import { cleanText } from '../../lib/text.ts';
import { ATTRIBUTE, LOG_SEVERITY, OWN_ATTRIBUTE, RECORD_TYPE } from '../../lib/vanflow.ts';
import { NOTHING } from './changes.ts';
import { Edges } from './edges.ts';
import type { EventSink } from './event-sources.ts';
import type { Flow } from './flow.ts';
import { type FlowFilter, matcherOf } from './flow-filter.ts';
import { FlowTable } from './flow-table.ts';
import { happenings, history } from './happenings.ts';
import { EVENT_COUNT_MAX, FLOWS_TOLD_MAX, LOG_ID_COUNT_MAX, RETOLD_MS } from './limits.ts';
import { FlowPlaces, type Known, networkView } from './network-view.ts';
import type { Lost } from './places.ts';
import { type PolicyLogLine, readPolicyLog } from './policy-log.ts';
import { RecentIds } from './recent-ids.ts';
import { type KeptRecord, RecordStore } from './record-store.ts';
import { numberOf, routerNameOf, type ToldRecord, textOf, timeOf, type Values } from './records.ts';
import { type Refusal, Refusals } from './refusals.ts';
import type { PlatformCertificate, PlatformEvent } from './sources.ts';
import { type Happening, TimeLine } from './time-line.ts';
import type { EventView, FlowView, NetworkView, ProblemView } from './view.ts';

const EXPIRES_SOON_MS = 7 * 86_400_000;
/** A router that is reached again so soon was hardly away. */
const UNHEARD_MS = 1000;
const UNHEARD = 'The router of this site cannot be reached: what is shown is as it was then';
/** After something was left out. */
const LEFT_OUT_MS = 60_000;
const LEFT_OUT = 'Routers tell of more than is kept here: something is missing';
const PLATFORM_KEY_COUNT_MAX = 5000;
/** Between two looks. */
const CHANGED_FLOW_COUNT_MAX = 20_000;

export class NetworkModel implements EventSink {
  private readonly store = new RecordStore();
  private readonly table = new FlowTable();
  private readonly line = new TimeLine();
  private readonly refusals = new Refusals(this.line);
  /** What logs said of things that were not known yet. */
  private readonly early: { readonly values: Values; readonly severity: number }[] = [];
  private readonly edges = new Edges();
  private readonly logIds = new RecentIds(LOG_ID_COUNT_MAX);
  private readonly wall: (now: number) => number;
  private readonly platformKeys = new Set<string>();
  private readonly lost = new Map<string, Lost>();
  private certificates: readonly PlatformCertificate[] = [];
  private self: string | undefined;
  private isHearingFlows = false;
  /** What was there when events were looked for last, and when that was. */
  private seen = NOTHING;
  private seenAt = Number.NEGATIVE_INFINITY;
  private seenRevision = -1;
  private readonly problems = new Map<string, ProblemView>();
  /** Since when the router at which is listened cannot be reached. */
  private unheardAt: number | undefined;
  private settledAt = Number.POSITIVE_INFINITY;
  private isSettled = false;
  /** Flows that were told of since `takeFlows`. */
  private changed = new Set<Flow>();

  /** @param wall wall-clock milliseconds of a time `now` */
  constructor(wall: (now: number) => number) {
    this.wall = (now) => Math.round(wall(now));
  }

  /** Grows with each change of what there is. */
  get revision(): number {
    return this.store.revision;
  }

  /** @param self the name of the router at which is listened */
  connected(self: string, now: number): void {
    if (this.self !== undefined && this.unheardAt !== undefined)
      this.toldOfSelf('router-found', 'is reached again', now);
    this.self = self;
    this.unheardAt = undefined;
    if (this.settledAt === Number.POSITIVE_INFINITY) this.settledAt = now + RETOLD_MS;
    this.store.revision++;
  }

  /** Nothing is heard any more, or not yet: what is known stays as it was. */
  disconnected(now: number): void {
    if (this.unheardAt !== undefined) return;
    this.unheardAt = now;
    if (this.self !== undefined) this.toldOfSelf('router-lost', 'cannot be reached by the console', now);
  }

  /** What there was has been heard: what comes from now on is new. */
  settle(now: number): void {
    this.settledAt = Math.min(this.settledAt, now);
  }

  hearFlows(isHearing: boolean): void {
    this.isHearingFlows = isHearing;
    if (!isHearing) this.table.clearOpen();
  }

  // ---- EventSink

  heard(source: string, now: number): void {
    this.store.heard(source, now);
  }

  told(source: string, records: readonly ToldRecord[], isRetold: boolean, now: number): void {
    for (const record of records) {
      if (record.type === RECORD_TYPE.transportFlow) this.toldFlow(source, record, isRetold, now);
      else if (record.type === RECORD_TYPE.log) this.toldLog(record, now);
      else this.toldRecord(source, record, now);
    }
  }

  toldAll(source: string, askedAt: number): void {
    this.store.forgetOlder(source, askedAt);
    if (this.isHearingFlows) this.table.forgetOlder(source, askedAt);
  }

  gone(source: string): void {
    this.store.forget(source);
    this.table.forget(source);
  }

  // ---- of other origin

  /** Edge routers are in no picture of the network that routers have: of these it is asked whether anything can be sent to them. */
  get hasEdges(): boolean {
    return [...this.routers()].some(({ mode }) => mode === 'edge');
  }

  /**
   * @param names of routers that can be reached; undefined when that cannot be known, as at the edge
   * @param takers the sources that what is sent to them gets to; undefined when it was not asked
   */
  reachable(names: ReadonlySet<string> | undefined, now: number, takers?: ReadonlySet<string>): void {
    const known = [...this.routers()];
    this.edges.look(
      known.filter(({ mode }) => mode === 'edge').map(({ source }) => source),
      takers,
      now,
    );
    const knownNames = new Set(known.map(({ name }) => name));
    for (const name of this.lost.keys()) if (!knownNames.has(name)) this.lost.delete(name);
    for (const { name, mode, source } of known) {
      const lost = this.lost.get(name);
      const isLost =
        mode === 'edge'
          ? this.edges.isGone(source, now)
          : names !== undefined && mode === 'interior' && !names.has(name);
      // One that was started again is reached before it has told: what is known is of the one before.
      const isSilent = names !== undefined && lost !== undefined && !this.store.isHeardSince(source, lost.at);
      if (isLost === (lost !== undefined) || (!isLost && isSilent)) continue;
      if (isLost) this.lost.set(name, { since: this.wall(now), at: now });
      else this.lost.delete(name);
      this.store.revision++;
    }
  }

  platformTold(events: readonly PlatformEvent[], certificates: readonly PlatformCertificate[], now: number): void {
    for (const { key, ...happening } of events) {
      if (this.platformKeys.has(key)) continue;
      this.platformKeys.add(key);
      this.happened(happening, now);
    }
    for (const oldest of this.platformKeys) {
      if (this.platformKeys.size <= PLATFORM_KEY_COUNT_MAX) break;
      this.platformKeys.delete(oldest);
    }
    this.certificates = certificates;
    const at = this.wall(now);
    for (const { name, expiresAt } of certificates) {
      const key = `certificate ${name} ${expiresAt}`;
      if (expiresAt - at > EXPIRES_SOON_MS || this.platformKeys.has(key)) continue;
      this.platformKeys.add(key);
      const site = this.seen.sites.find((each) => each.self)?.id ?? '';
      const message = `Certificate ${name} expires at ${new Date(expiresAt).toISOString()}`;
      const object = `certificate/${name}`;
      this.happened({ at, severity: 'warning', type: 'certificate-expiring', site, object, message }, now);
    }
  }

  /** Something keeps the picture from being true; or, without a message, not any more. */
  problem(id: string, message: string | undefined, now: number): void {
    if (message === undefined) this.problems.delete(id);
    else if (!this.problems.has(id)) this.problems.set(id, { id, since: this.wall(now), message });
  }

  // ---- pictures

  view(now: number): NetworkView {
    this.lookForEvents(now);
    this.lookForProblems(now);
    const known = this.known();
    const view = this.seenAt === now ? this.seen : networkView(known, now);
    return { ...view, events: known.events, problems: [...this.problems.values()] };
  }

  /** What is there now becomes events of what is new; cheap as long as nothing but counters has changed. */
  lookForEvents(now: number): void {
    const isDue = !this.isSettled && now >= this.settledAt;
    if (this.store.revision === this.seenRevision && !isDue) return;
    this.seenRevision = this.store.revision;
    const after = networkView(this.known(), now);
    const at = this.wall(now);
    if (now >= this.settledAt) {
      // What is heard first was there before.
      const isFirst = !this.isSettled;
      this.isSettled = true;
      const happened = isFirst ? history(after) : happenings(this.seen, after, at);
      for (const happening of happened) this.happened(happening, now);
    }
    this.seen = after;
    this.seenAt = now;
    if (this.isSettled) for (const { values, severity } of this.early.splice(0)) this.logged(values, severity, now);
  }

  events(): EventView[] {
    return this.line.all();
  }

  /** The newest first, those that are open before the others. */
  flows(filter: FlowFilter, now: number): FlowView[] {
    const places = new FlowPlaces(this.known(), now);
    const matches = matcherOf(filter, places);
    const found: FlowView[] = [];
    for (const flow of this.table.newest()) {
      // Whether it is still open nobody can say.
      if (!flow.isEnded && places.isGone(flow.source)) continue;
      const view = places.view(flow);
      if (matches(view)) found.push(view);
      if (found.length >= (filter.limit ?? FLOWS_TOLD_MAX)) break;
    }
    return found;
  }

  /** Flows of which something was told since the last call; undefined when there are none, or nobody wants them. */
  takeFlows(isWanted: boolean, now: number): { flows: FlowView[]; places: FlowPlaces } | undefined {
    if (this.changed.size === 0 || !isWanted) {
      this.changed.clear();
      return undefined;
    }
    const places = new FlowPlaces(this.known(), now);
    const flows = [...this.changed].map((flow) => places.view(flow));
    this.changed = new Set();
    return { flows, places };
  }

  private lookForProblems(now: number): void {
    const isUnheard = this.unheardAt !== undefined && now - this.unheardAt >= UNHEARD_MS;
    this.problem('router', isUnheard ? UNHEARD : undefined, now);
    const leftOutAt = Math.max(this.store.leftOutAt, this.table.leftOutAt);
    this.problem('limits', now - leftOutAt < LEFT_OUT_MS ? LEFT_OUT : undefined, now);
  }

  /** By this clock: that of who tells it may be ahead. */
  private happened(happening: Happening, now: number): void {
    const { at, object, message } = happening;
    const words = { object: cleanText(object), message: cleanText(message) };
    this.line.add({ ...happening, ...words, at: Math.min(at, this.wall(now)) });
  }

  private toldOfSelf(type: 'router-lost' | 'router-found', says: string, now: number): void {
    const router = this.seen.routers.find(({ name }) => name === this.self);
    const severity = type === 'router-lost' ? 'error' : 'info';
    const message = `Router ${this.self} ${says}`;
    this.happened(
      { at: this.wall(now), severity, type, site: router?.site ?? '', object: `router/${this.self}`, message },
      now,
    );
  }

  private known(): Known {
    const { store, table: flows, self, lost, certificates } = this;
    return { store, flows, self, lost, certificates, events: this.line.all() };
  }

  /** A router's own record has the name of its source. */
  private *routers(): Iterable<{ name: string; mode: string; source: string }> {
    for (const [source, { values }] of this.store.ofType(RECORD_TYPE.router)) {
      yield { name: routerNameOf(textOf(values, ATTRIBUTE.name)), mode: textOf(values, ATTRIBUTE.mode), source };
    }
  }

  private toldRecord(source: string, record: ToldRecord, now: number): void {
    const before = this.store.find(source, record.id);
    const refusedBefore = before && numberOf(before.values, OWN_ATTRIBUTE.flowsRefused);
    const kept = this.store.tell(source, record, now);
    if (kept === undefined || kept.type !== RECORD_TYPE.listener || refusedBefore === undefined) return;
    const count = numberOf(kept.values, OWN_ATTRIBUTE.flowsRefused) - refusedBefore;
    // While flows are heard each says why.
    if (count <= 0 || this.isHearingFlows) return;
    this.refused({ ...this.listenerOf(kept), at: this.wall(now), reason: '', toldBy: 'counter', count });
  }

  private toldFlow(source: string, record: ToldRecord, isRetold: boolean, now: number): void {
    const news = this.table.tell(source, record, isRetold, now);
    if (news === undefined) return;
    const { flow, hasEnded } = news;
    if (flow.isChanged && this.changed.size < CHANGED_FLOW_COUNT_MAX) this.changed.add(flow);
    flow.isChanged = false;
    if (!hasEnded || flow.state !== 'refused') return;
    const { endedAt, reason, clientHost } = flow;
    const listener = this.listenerOf(this.store.find(source, flow.listener));
    const client = clientHost === '' ? {} : { client: clientHost };
    this.refused({ ...listener, ...client, at: Math.min(endedAt, this.wall(now)), reason, toldBy: 'flow', count: 1 });
  }

  private refused(refusal: Omit<Refusal, 'fate' | 'end'>): void {
    this.refusals.tell({ ...refusal, fate: 'refused', end: 'listener' });
  }

  private listenerOf(listener: KeptRecord | undefined): Pick<Refusal, 'address' | 'site' | 'siteName'> {
    if (listener === undefined) return { address: '', site: '', siteName: '' };
    const { values } = listener;
    return { address: textOf(values, ATTRIBUTE.address), ...this.siteOf(textOf(values, ATTRIBUTE.parent)) };
  }

  private siteOf(router: string): Pick<Refusal, 'site' | 'siteName'> {
    const site = this.seen.routers.find(({ id }) => id === router)?.site ?? '';
    return { site, siteName: this.seen.sites.find(({ id }) => id === site)?.name ?? site };
  }

  private toldLog({ id, values }: ToldRecord, now: number): void {
    const severity = numberOf(values, ATTRIBUTE.logSeverity);
    if (severity < LOG_SEVERITY.warning || !this.logIds.add(id)) return;
    if (this.isSettled) this.logged(values, severity, now);
    else if (this.early.length < EVENT_COUNT_MAX) this.early.push({ values, severity });
  }

  private logged(values: Values, severity: number, now: number): void {
    const parent = textOf(values, ATTRIBUTE.parent);
    const at = Math.min(timeOf(values, ATTRIBUTE.startTime) || this.wall(now), this.wall(now));
    const message = textOf(values, ATTRIBUTE.logText);
    const line = readPolicyLog(message);
    if (line !== undefined) {
      const address = this.addressOf(line, parent);
      this.refusals.tell({ ...line, ...this.siteOf(parent), at, address, toldBy: 'log' });
      return;
    }
    const router = this.seen.routers.find(({ id }) => id === parent);
    const about = { site: router?.site ?? '', object: `router/${router?.name ?? ''}`, message };
    this.happened(
      { at, severity: severity === LOG_SEVERITY.warning ? 'warning' : 'error', type: 'router-log', ...about },
      now,
    );
  }

  /** Of a router's listener or connector, if it has one address. */
  private addressOf({ end, entity }: PolicyLogLine, router: string): string {
    const found = new Set<string>();
    for (const { values } of this.store.ofType(RECORD_TYPE[end]).values()) {
      const isIt = textOf(values, ATTRIBUTE.parent) === router && textOf(values, ATTRIBUTE.name) === entity;
      if (isIt) found.add(textOf(values, ATTRIBUTE.address));
    }
    const [address = ''] = found;
    return found.size > 1 ? '' : address;
  }
}
