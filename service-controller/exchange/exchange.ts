/**
 * The state machine by which clusters know of each other's services: no sockets, no clock (`now` in milliseconds comes in).
 *
 * Each cluster multicasts what changed in its set, and a digest (sequence number, hash) as a heartbeat. Who lacks something asks
 * the publisher, by its inbox, and is answered by its own: the changes since what it has, or all of it. So a newcomer costs each
 * of the others one answer, and nothing is sent twice to those who have it. The first time a cluster speaks it tells everyone.
 *
 * A cluster that is silent for its lease is `lost`: what it told is kept, and holds again without being sent when its digest
 * says that it is the same. One that leaves is forgotten at once.
 *
 * Invariants: what is shown of a cluster is a set that it told as a whole; only messages that `Gate` admits count; without a
 * connection to the local router nothing is sent and no lease ends, because nothing can be heard.
 */
import { SeededRandom } from '../../lib/random.ts';
import type { ClusterView } from '../records.ts';
import { Answers, type Wanted } from './answers.ts';
import { type OwnContent, type OwnEntry, ownEntries, urgencyOf } from './entries.ts';
import { Gate, type RefusedClaim } from './gate.ts';
import { Greetings } from './greetings.ts';
import { LIMITS } from './limits.ts';
import {
  type DigestMessage,
  decodeMessage,
  encodeMessage,
  type Head,
  type HelloMessage,
  inboxOf,
  type RequestMessage,
  SERVICES_ADDRESS,
  type ServicesMessage,
  ServicesMessageError,
  type UpdateMessage,
} from './messages.ts';
import { DEFAULTS, type ServiceExchangeOptions } from './options.ts';
import { OwnSet } from './own-set.ts';
import { type Missing, Peers } from './peers.ts';
import { TraceNotes, type Traces, tracesOf } from './traces.ts';
import { Turn, type TurnChange } from './turn.ts';

export interface ServiceExchangeIdentity {
  clusterId: string;
  clusterSet: string;
  /** Of the site that carries the services. */
  siteId: string;
  /** Unique among the processes of the cluster, and growing with each start: microseconds since 1970 do. */
  instance: number;
}

export class ServiceExchange {
  readonly stats = {
    received: 0,
    malformed: 0,
    otherSet: 0,
    expired: 0,
    requests: 0,
    /** Updates whose hash was not that of what they led to. */
    mismatched: 0,
    answersUnicast: 0,
    answersMulticast: 0,
  };
  /** Own unicast address, to be listened to as long as this lives. */
  readonly inbox: string;
  private readonly options: ServiceExchangeOptions;
  private readonly identity: ServiceExchangeIdentity;
  private readonly turn: Turn;
  private readonly gate: Gate;
  private readonly greetings: Greetings;
  private readonly answers: Answers;
  private readonly set = new OwnSet();
  private readonly tracesToTell = new TraceNotes();
  private readonly tracesHeard = new TraceNotes();
  private readonly peers: Peers;
  private readonly outbox: { to: string; text: string }[] = [];
  /** What is to be told; undefined while this process only listens. */
  private own: ReadonlyMap<string, OwnEntry> | undefined;
  private faults: ReadonlyMap<string, string> = new Map();
  /** The others may know nothing of the set yet. */
  private isNew = true;
  private announceAt = Infinity;
  private heartbeatAt = Infinity;
  private announcedAt = -Infinity;
  private connectedAt: number | undefined;
  private wasSettled = false;
  private revisionCount = 0;

  constructor(identity: ServiceExchangeIdentity, options: Partial<ServiceExchangeOptions> = {}) {
    this.identity = identity;
    this.inbox = inboxOf(identity.clusterId, identity.instance);
    this.options = { ...DEFAULTS, random: new SeededRandom(seedOf(this.inbox)), ...options };
    const { leaseMs, claimExtraMs: extraMs, asideMs, answerIntervalMs, answerMulticastFrom } = this.options;
    this.peers = new Peers(this.options, this.stats);
    this.turn = new Turn(identity.instance, leaseMs);
    this.gate = new Gate(identity, { leaseMs, extraMs, asideMs });
    this.greetings = new Greetings(this.options);
    this.answers = new Answers(answerIntervalMs, answerMulticastFrom);
  }

  /** Grows whenever `views()`, `claims()` or `isSettled()` change, but for `heardAt`. */
  get revision(): number {
    return this.revisionCount + this.peers.revision + this.gate.revision;
  }

  /** Messages refused because of who sent them, by why. */
  get refusals(): Readonly<Gate['stats']> {
    return this.gate.stats;
  }

  /** This process speaks for its cluster: it has something to say and no other says it. */
  get isSpeaking(): boolean {
    return this.own !== undefined && !this.turn.isSilent;
  }

  /** The other clusters of the set that told of themselves, by id. */
  views(): ClusterView[] {
    return this.peers.views();
  }

  /** Refused claims that were heard within the lease: of clusters that another site has, the own one included. */
  claims(): RefusedClaim[] {
    return this.gate.claims();
  }

  /** Why something of the own set is not told, by `s/<namespace>/<name>` or `i/<namespace>/<name>`. */
  untold(): ReadonlyMap<string, string> {
    return this.faults;
  }

  /** Sites whose routers have to be known before what came from there can be judged. */
  unknownSites(): string[] {
    return this.gate.waitingFor();
  }

  /**
   * Whether every cluster that answers had time to tell of itself, and those that did told all: until then absence means nothing.
   * A cluster that none of the greetings reached is missed; `hasWaited` says when that cannot be any more.
   */
  isSettled(now: number): boolean {
    return this.connectedAt !== undefined && now >= this.settlesAt(this.connectedAt);
  }

  /** Settled, and every living cluster would have been heard by its heartbeat. */
  hasWaited(now: number): boolean {
    return this.isSettled(now) && now >= this.connectedAt! + this.options.leaseMs;
  }

  /** What this cluster exports now. From the first call on this process speaks, or waits for its turn to. */
  setOwn(content: OwnContent, now: number): void {
    const { entries, faults } = ownEntries(content);
    const isFirst = this.own === undefined;
    this.tracesToTell.add(content.traces ?? []);
    this.own = entries;
    this.faults = faults;
    if (isFirst) this.turn.want(now);
    if (isFirst) this.begin(now);
    else if (!this.isNew) this.schedule(this.set.entries, entries, now);
  }

  connected(now: number): void {
    this.connectedAt = now;
    this.turn.connected(now);
    this.gate.connected(now);
    this.peers.connected(now);
    this.greetings.connected(now);
    this.announceAt = now;
  }

  disconnected(): void {
    this.connectedAt = undefined;
    this.wasSettled = false;
    this.gate.disconnected();
    this.answers.clear();
    this.peers.disconnected();
    this.greetings.disconnected();
    this.outbox.length = 0;
  }

  /** Site ids by the ids of their routers, those of the own site included. */
  setRouters(siteByRouter: ReadonlyMap<string, string>, now: number): void {
    for (const { message, ingress, at, bytes } of this.gate.setRouters(siteByRouter, now)) {
      if (this.gate.admits(message, ingress, bytes, now)) this.accept(message, at, now);
    }
    const sites = new Set(siteByRouter.values());
    sites.delete(this.identity.siteId);
    this.greetings.reach(sites, now);
  }

  /** `ingress`: the router where the message entered the network, as the own router says. */
  receive({ text, ingress }: { text: string; ingress: string | undefined }, now: number): void {
    if (this.connectedAt === undefined) return;
    this.stats.received += 1;
    let message: ServicesMessage;
    try {
      message = decodeMessage(text);
    } catch (error) {
      if (!(error instanceof ServicesMessageError)) throw error;
      this.stats.malformed += 1;
      return;
    }
    if (message.set !== this.identity.clusterSet) {
      this.stats.otherSet += 1;
      return;
    }
    if (this.gate.admits(message, ingress, text.length, now)) this.accept(message, now, now);
  }

  tick(now: number): void {
    if (this.connectedAt === undefined) return;
    for (const missing of this.peers.tick(now)) this.request(missing);
    this.gate.tick(now);
    this.turned(this.turn.tick(now), now);
    if (this.greetings.take(now)) this.greet(now);
    if (this.isSpeaking) this.speak(now);
    const isSettled = this.isSettled(now);
    if (isSettled !== this.wasSettled) this.revisionCount += 1;
    this.wasSettled = isSettled;
  }

  /** When `tick` has to be called next. */
  deadline(): number {
    if (this.connectedAt === undefined) return Infinity;
    const { peers, greetings, turn, gate } = this;
    let deadline = Math.min(peers.deadline(), greetings.deadline(), turn.deadline(), gate.deadline());
    if (this.isSpeaking) {
      const heartbeatAt = this.isNew ? Infinity : this.heartbeatAt;
      deadline = Math.min(deadline, this.announceAt, heartbeatAt, this.answers.deadline());
    }
    if (!this.wasSettled) deadline = Math.min(deadline, this.settlesAt(this.connectedAt));
    return deadline;
  }

  /** What led to changes of `views()` since the last call, as the others say. */
  takeTraces(): Traces {
    return this.tracesHeard.take();
  }

  nextMessage(): { to: string; text: string } | undefined {
    return this.outbox.shift();
  }

  /** Tells the others that this cluster goes away, unless another process speaks for it; nothing is told afterwards. */
  leave(): void {
    if (this.isSpeaking && !this.isNew) this.multicast(encodeMessage({ ...this.head(), type: 'leave' }));
    this.resign();
  }

  /** Another process speaks for this cluster from now on: nothing is told, what the others tell is still heard. */
  resign(): void {
    this.own = undefined;
    this.faults = new Map();
    this.turn.resign();
    this.answers.clear();
  }

  private accept(message: ServicesMessage, at: number, now: number): void {
    const { clusterId } = this.identity;
    const { type } = message;
    if (message.cluster !== clusterId) {
      if (type === 'digest' || type === 'update') this.heard(message, at, now);
      else if (type === 'leave') this.leftBy(message, now);
      else this.asked(message, now);
      return;
    }
    // What this process multicasts comes back to it. Of another process of the cluster only what it tells is of interest.
    if (message.box === this.turn.box || type === 'hello' || type === 'request') return;
    this.turned(this.turn.heard(message, now), now);
  }

  private heard(message: DigestMessage | UpdateMessage, at: number, now: number): void {
    const { left, applied, back } = this.peers.hear(message, at, now);
    if (left) this.gate.release(message.cluster);
    if (applied) this.tracesHeard.add(tracesOf(message));
    if (back) this.greetings.extra(now);
  }

  private leftBy(message: Head, now: number): void {
    if (this.peers.leave(message, now)) this.gate.release(message.cluster);
  }

  private asked(message: HelloMessage | RequestMessage, now: number): void {
    if (!this.isSpeaking || this.isNew) return;
    const { answerMs, random } = this.options;
    const { clusterId } = this.identity;
    let wanted: Wanted;
    if (message.type === 'hello') {
      wanted = message.known.includes(clusterId) ? 'digest' : -1;
    } else {
      if (message.about !== clusterId) return;
      const isOurs = message.aboutInstance === this.turn.instance && message.aboutBox === this.turn.box;
      wanted = isOurs ? this.set.startFor(message.seq) : -1;
      if (wanted === this.set.seq) wanted = 'digest';
    }
    const at = now + answerMs * (0.5 + random.next() / 2);
    this.answers.add(inboxOf(message.cluster, message.box), wanted, at, now);
  }

  private settlesAt(connectedAt: number): number {
    const { leaseMs, settleMsMax } = this.options;
    // Somebody may have answered by a router that is not known yet.
    const unknownUntil = this.gate.waitingFor().length > 0 ? connectedAt + leaseMs : -Infinity;
    return Math.min(
      connectedAt + settleMsMax,
      Math.max(this.greetings.answeredAt, this.peers.awaitedUntil(), unknownUntil),
    );
  }

  private request({ cluster, speaker, seq, requestCount }: Missing): void {
    const { instance: aboutInstance, box: aboutBox } = speaker;
    // An inbox may be out of reach where the multicast is not.
    const to = requestCount % 4 === 3 ? SERVICES_ADDRESS : inboxOf(cluster, aboutBox);
    this.send(to, encodeMessage({ ...this.head(), type: 'request', about: cluster, aboutInstance, aboutBox, seq }));
    this.stats.requests += 1;
  }

  /** Asks who is there, and says that this cluster is. */
  private greet(now: number): void {
    this.heartbeatAt = now;
    const known = this.views().map(({ id }) => id);
    this.multicast(encodeMessage({ ...this.head(), type: 'hello', known: known.slice(0, LIMITS.clusterCountMax) }));
  }

  private turned(change: TurnChange, now: number): void {
    if (change === 'begin') this.begin(now);
    else if (change === 'show') this.announceAt = Math.min(this.announceAt, now + this.options.debounceMs);
  }

  private begin(now: number): void {
    this.isNew = true;
    this.answers.clear();
    this.announceAt = now + this.options.debounceMs;
  }

  private schedule(before: ReadonlyMap<string, OwnEntry>, after: ReadonlyMap<string, OwnEntry>, now: number): void {
    const { spacingMs, readyLagMs } = this.options;
    const urgency = urgencyOf(before, after);
    if (urgency === 'none') return;
    const at = urgency === 'urgent' ? Math.max(now, this.announcedAt + spacingMs) : now + readyLagMs;
    this.announceAt = Math.min(this.announceAt, at);
  }

  private speak(now: number): void {
    if (now >= this.announceAt) this.announce(now);
    else if (!this.isNew && now >= this.heartbeatAt) this.beat(now);
    for (const { to, wanted } of this.answers.take(now)) {
      const texts = wanted === 'digest' ? [this.digest()] : this.set.update(this.head(), wanted);
      for (const address of to ?? [SERVICES_ADDRESS]) for (const text of texts) this.send(address, text);
      if (to === undefined) this.stats.answersMulticast += 1;
      else this.stats.answersUnicast += to.length;
    }
  }

  /** Tells what changed, everything when this process has not spoken before, or that nothing did. */
  private announce(now: number): void {
    this.announceAt = Infinity;
    this.announcedAt = now;
    const before = this.set.seq;
    const isChanged = this.set.tell(this.own!);
    const isKnown = this.isNew ? this.set.hash === this.turn.hashHeard : !isChanged;
    const from = this.isNew ? -1 : before;
    const traces = this.tracesToTell.take();
    this.isNew = false;
    if (isKnown) {
      this.beat(now);
      return;
    }
    for (const text of this.set.update(this.head(), from, traces)) this.multicast(text);
    this.answers.told(from);
    this.heartbeatAt = now + this.options.confirmMs;
  }

  /** Never all at once, although all may have begun at once. */
  private beat(now: number): void {
    const { heartbeatMs, random } = this.options;
    this.multicast(this.digest());
    this.heartbeatAt = now + heartbeatMs * (0.9 + random.next() / 10);
  }

  private digest(): string {
    const { seq, hash, entries } = this.set;
    return encodeMessage({ ...this.head(), type: 'digest', seq, count: entries.size, hash });
  }

  private head(): Head {
    const { clusterSet: set, clusterId: cluster, siteId: site } = this.identity;
    const { instance, box } = this.turn;
    return { v: 1, set, cluster, site, instance, box };
  }

  private multicast(text: string): void {
    this.send(SERVICES_ADDRESS, text);
  }

  private send(to: string, text: string): void {
    if (this.connectedAt !== undefined) this.outbox.push({ to, text });
  }
}

function seedOf(text: string): number {
  let seed = 0;
  for (const character of text) seed = (Math.imul(seed, 31) + character.charCodeAt(0)) | 0;
  return seed;
}
