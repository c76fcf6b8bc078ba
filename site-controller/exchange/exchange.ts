/**
 * The state machine by which sites know of each other: no sockets, no clock (`now` in milliseconds comes in).
 *
 * Each site multicasts its full record when that changes and when it hears a site it did not know; a digest (instance,
 * sequence number) each heartbeat repairs what was lost, by a request for the record. A site that is silent for its lease is
 * dropped, one that leaves cleanly at once. Instances order the restarts of a site, sequence numbers its records.
 *
 * A site whose routers the local one lost is hidden after a grace, and shown again when one is back. Only a loss that was seen
 * on this connection counts: a router that has just started reaches nobody yet, and that says nothing of the others.
 *
 * Several processes may speak for one site for a while: an old and a new pod, or two of a pair. The highest instance is heard;
 * who has just begun and hears a higher one goes above it once, whatever the clocks say; else it is silent from then on. The
 * silent one speaks again when the other leaves or falls silent; its own good-bye would be that of the site, so it says none.
 *
 * Invariant: without a connection to the local router nothing is sent and no lease or grace ends, because nothing can be
 * heard.
 */
import {
  decodeMessage,
  type ExchangeMessage,
  ExchangeMessageError,
  encodeMessage,
  type SiteContent,
} from './record.ts';

export interface ExchangeOptions {
  heartbeatMs: number;
  leaseMs: number;
  /** Changes within this time go out as one record. */
  debounceMs: number;
  /** A second announcement after the topology changed: addresses spread after routers do. */
  repeatMs: number;
  /** Least time between two requests for one site's record. */
  requestMs: number;
  /** How long a site's routers may be out of reach, as when they restart. */
  graceMs: number;
  siteCountMax: number;
}

const DEFAULTS: ExchangeOptions = {
  heartbeatMs: 5000,
  leaseMs: 15_000,
  debounceMs: 50,
  repeatMs: 1000,
  requestMs: 1000,
  graceMs: 2000,
  siteCountMax: 1024,
};

interface Neighbour {
  instance: number;
  /** -1 until the first record. */
  seq: number;
  content: SiteContent | undefined;
  heardAt: number;
  requestedAt: number;
  /** When the last of its routers went out of reach; Infinity while one is in reach, undefined until one was. */
  lostAt: number | undefined;
  isHidden: boolean;
}

export class Exchange {
  readonly stats = { received: 0, malformed: 0, refused: 0, expired: 0 };
  private readonly options: ExchangeOptions;
  private readonly siteId: string;
  private instance: number;
  /** The highest instance of this site that another process spoke with, and when. */
  private rival = { instance: -1, heardAt: -Infinity };
  private isSilent = false;
  /** By then one that was there before has been heard. */
  private mayGoAboveUntil = -Infinity;
  private readonly neighbours = new Map<string, Neighbour>();
  private readonly gone = new Set<string>();
  private readonly outbox: string[] = [];
  private announceAt = Infinity;
  private repeatAt = Infinity;
  private own: SiteContent | undefined;
  private ownText = '';
  private seq = 0;
  private heartbeatAt = Infinity;
  private connectedAt: number | undefined;
  /** Ids of the routers in reach; undefined while that is not known. */
  private routerIds: ReadonlySet<string> | undefined;
  private revisionCount = 0;

  constructor(identity: { siteId: string; instance: number }, options: Partial<ExchangeOptions> = {}) {
    this.siteId = identity.siteId;
    this.instance = identity.instance;
    this.options = { ...DEFAULTS, ...options };
  }

  /** Grows whenever `records()` changes. */
  get revision(): number {
    return this.revisionCount;
  }

  /** The records of the other sites that can be reached, by site id. */
  records(): SiteContent[] {
    const known = [...this.neighbours].filter(([, { content, isHidden }]) => content !== undefined && !isHidden);
    return known.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, neighbour]) => neighbour.content!);
  }

  /** Ids of sites that are out of reach, and of those that left or fell silent while not everyone had time to be heard. */
  goneSites(): ReadonlySet<string> {
    const hidden = [...this.neighbours].filter(([, { isHidden }]) => isHidden).map(([siteId]) => siteId);
    return new Set([...this.gone, ...hidden]);
  }

  /** Whether every living site had time to be heard: until then absence means nothing. */
  isSettled(now: number): boolean {
    return this.connectedAt !== undefined && now - this.connectedAt >= this.options.leaseMs;
  }

  setOwn(content: SiteContent, now: number): void {
    const text = JSON.stringify(content);
    if (text === this.ownText) return;
    if (this.own === undefined) {
      this.instance = Math.max(this.instance, this.rival.instance + 1);
      this.mayGoAboveUntil = now + this.options.leaseMs;
    }
    this.own = content;
    this.ownText = text;
    this.seq += 1;
    this.announce(now);
  }

  connected(now: number): void {
    this.connectedAt = now;
    this.rival.heardAt = now;
    for (const neighbour of this.neighbours.values()) neighbour.heardAt = now;
    this.announceTwice(now);
  }

  disconnected(): void {
    this.connectedAt = undefined;
    this.routerIds = undefined;
    for (const neighbour of this.neighbours.values()) neighbour.lostAt = undefined;
    this.gone.clear();
    this.announceAt = Infinity;
    this.repeatAt = Infinity;
    this.heartbeatAt = Infinity;
    this.outbox.length = 0;
  }

  /** Routers came or went: these are in reach now. Whoever is new should learn of us at once. */
  topologyChanged(routerIds: readonly string[], now: number): void {
    if (this.connectedAt === undefined) return;
    this.routerIds = new Set(routerIds);
    for (const neighbour of this.neighbours.values()) this.judgeReach(neighbour, now);
    this.announceTwice(now);
  }

  receive(text: string, now: number): void {
    this.stats.received += 1;
    let message: ExchangeMessage;
    try {
      message = decodeMessage(text);
    } catch (error) {
      if (!(error instanceof ExchangeMessageError)) throw error;
      this.stats.malformed += 1;
      return;
    }
    if (message.type === 'request') {
      if (message.siteId === this.siteId) this.announce(now);
      return;
    }
    const siteId = message.type === 'record' ? message.site.id : message.siteId;
    if (siteId === this.siteId) this.heardRival(message, now);
    else if (message.type === 'leave') this.left(siteId, message.instance);
    else this.heard(siteId, message, now);
  }

  tick(now: number): void {
    if (this.connectedAt === undefined) return;
    for (const [siteId, neighbour] of this.neighbours) {
      if (now >= neighbour.heardAt + this.options.leaseMs) {
        this.stats.expired += 1;
        this.drop(siteId);
      } else if (now >= this.hideAt(neighbour)) {
        neighbour.isHidden = true;
        this.revisionCount += 1;
      }
    }
    if (this.isSettled(now)) this.gone.clear();
    if (this.isSilent && now >= this.rival.heardAt + this.options.leaseMs) this.speakAgain(now);
    if (this.own === undefined || this.isSilent) return;
    if (now >= this.announceAt || now >= this.repeatAt) {
      this.announceAt = Infinity;
      if (now >= this.repeatAt) this.repeatAt = Infinity;
      this.send({ v: 1, type: 'record', instance: this.instance, seq: this.seq, ...this.own });
      this.heartbeatAt = now + this.options.heartbeatMs;
    } else if (now >= this.heartbeatAt) {
      this.send({ v: 1, type: 'digest', siteId: this.siteId, instance: this.instance, seq: this.seq });
      this.heartbeatAt = now + this.options.heartbeatMs;
    }
  }

  /** Tells the others that this site goes away, unless another process speaks for it; nothing is said afterwards. */
  leave(): void {
    if (this.own !== undefined && !this.isSilent) {
      this.send({ v: 1, type: 'leave', siteId: this.siteId, instance: this.instance });
    }
    this.resign();
  }

  /** Another process speaks for this site from now on: nothing is said, what the others say is still heard. */
  resign(): void {
    this.own = undefined;
    this.ownText = '';
    this.isSilent = false;
  }

  /** When `tick` has to be called next. */
  deadline(): number {
    if (this.connectedAt === undefined) return Infinity;
    const isSpeaking = this.own !== undefined && !this.isSilent;
    let deadline = isSpeaking ? Math.min(this.heartbeatAt, this.announceAt, this.repeatAt) : Infinity;
    if (this.isSilent) deadline = this.rival.heardAt + this.options.leaseMs;
    for (const neighbour of this.neighbours.values()) {
      deadline = Math.min(deadline, neighbour.heardAt + this.options.leaseMs, this.hideAt(neighbour));
    }
    return deadline;
  }

  /** The next message to multicast. */
  nextMessage(): string | undefined {
    return this.outbox.shift();
  }

  private heard(siteId: string, message: ExchangeMessage & { type: 'record' | 'digest' }, now: number): void {
    let neighbour = this.neighbours.get(siteId);
    if (neighbour === undefined) {
      if (this.neighbours.size >= this.options.siteCountMax) {
        this.stats.refused += 1;
        return;
      }
      neighbour = newNeighbour(message.instance, now);
      this.neighbours.set(siteId, neighbour);
      this.gone.delete(siteId);
      this.announce(now);
    }
    if (message.instance < neighbour.instance) return;
    if (message.instance > neighbour.instance) {
      neighbour.instance = message.instance;
      neighbour.seq = -1;
    }
    neighbour.heardAt = now;
    if (message.seq <= neighbour.seq) return;
    if (message.type === 'record') {
      const { site, routers, listeners, connectors, services } = message;
      neighbour.seq = message.seq;
      neighbour.content = { site, routers, listeners, connectors, services };
      this.judgeReach(neighbour, now);
      this.revisionCount += 1;
    } else if (now - neighbour.requestedAt >= this.options.requestMs) {
      neighbour.requestedAt = now;
      this.send({ v: 1, type: 'request', siteId });
    }
  }

  /** This site's messages come back to their sender too: those are of the own instance. */
  private heardRival(message: ExchangeMessage & { instance: number }, now: number): void {
    const { instance } = message;
    if (instance <= this.instance && !this.isSilent) {
      // It has not heard this one yet.
      if (instance < this.instance && message.type !== 'leave') this.announce(now);
      return;
    }
    if (message.type === 'leave') {
      if (this.isSilent && instance >= this.rival.instance) this.speakAgain(now);
      return;
    }
    this.rival = { instance: Math.max(instance, this.rival.instance), heardAt: now };
    if (this.own === undefined) return;
    if (now >= this.mayGoAboveUntil) {
      this.isSilent = true;
      return;
    }
    this.mayGoAboveUntil = -Infinity;
    this.speakAgain(now);
  }

  private speakAgain(now: number): void {
    this.isSilent = false;
    this.instance = Math.max(this.instance, this.rival.instance + 1);
    this.announce(now);
  }

  private judgeReach(neighbour: Neighbour, now: number): void {
    const { routerIds } = this;
    if (routerIds === undefined || neighbour.content === undefined) return;
    if (!neighbour.content.routers.some(({ id }) => routerIds.has(id))) {
      if (neighbour.lostAt === Infinity) neighbour.lostAt = now;
      return;
    }
    neighbour.lostAt = Infinity;
    if (!neighbour.isHidden) return;
    neighbour.isHidden = false;
    this.revisionCount += 1;
  }

  /** When a site is to be hidden that is not yet. */
  private hideAt({ lostAt, isHidden }: Neighbour): number {
    return isHidden || lostAt === undefined ? Infinity : lostAt + this.options.graceMs;
  }

  private left(siteId: string, instance: number): void {
    const neighbour = this.neighbours.get(siteId);
    if (neighbour !== undefined && instance >= neighbour.instance) this.drop(siteId);
  }

  private drop(siteId: string): void {
    if (this.neighbours.get(siteId)?.content !== undefined) this.revisionCount += 1;
    this.neighbours.delete(siteId);
    this.gone.add(siteId);
  }

  /** Now, and again when addresses have spread. */
  private announceTwice(now: number): void {
    this.announce(now);
    this.repeatAt = now + this.options.repeatMs;
  }

  private announce(now: number): void {
    if (this.connectedAt !== undefined) this.announceAt = Math.min(this.announceAt, now + this.options.debounceMs);
  }

  private send(message: ExchangeMessage): void {
    if (this.connectedAt !== undefined) this.outbox.push(encodeMessage(message));
  }
}

function newNeighbour(instance: number, now: number): Neighbour {
  return {
    instance,
    seq: -1,
    content: undefined,
    heardAt: now,
    requestedAt: -Infinity,
    lostAt: undefined,
    isHidden: false,
  };
}
