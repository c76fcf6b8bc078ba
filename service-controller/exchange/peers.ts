/**
 * The other clusters: who is met, heard, lost and forgotten, and whom to ask again. No clock, and nothing is sent here. Pure.
 *
 * A cluster that is silent for its lease is `lost`: what it told is kept, and holds again when its digest says that it is the same. One
 * that leaves is forgotten at once, and what its old process said before does not bring it back.
 */
import type { ClusterView } from '../records.ts';
import { LIMITS } from './limits.ts';
import type { DigestMessage, Head, UpdateMessage } from './messages.ts';
import type { ServiceExchangeOptions } from './options.ts';
import { compareSpeakers, type Outcome, Peer, type Speaker } from './peer.ts';

type PeersOptions = Pick<
  ServiceExchangeOptions,
  'leaseMs' | 'retentionMs' | 'leftMs' | 'requestMs' | 'retryMs' | 'retryMsMax' | 'random'
>;

export interface PeersStats {
  expired: number;
  /** Updates whose hash was not that of what they led to. */
  mismatched: number;
}

/** What came of a word of a cluster. `left`: it is from before the cluster left, and counts for nothing. */
export interface Heard {
  left?: boolean;
  /** Its set is another one now. */
  applied?: boolean;
  /** It was lost until now. */
  back?: boolean;
}

/** What a cluster is to be asked for. */
export interface Missing {
  cluster: string;
  speaker: Speaker;
  /** The last of its states that is known. */
  seq: number;
  /** How often it was asked before. */
  requestCount: number;
}

const NOTHING: Heard = {};

export class Peers {
  /** Grows whenever `views()` changes, but for `heardAt`. */
  revision = 0;
  private readonly options: PeersOptions;
  private readonly stats: PeersStats;
  private readonly peers = new Map<string, Peer>();
  /** Clusters that left a moment ago. */
  private readonly left = new Map<string, Speaker & { site: string; until: number }>();

  constructor(options: PeersOptions, stats: PeersStats) {
    this.options = options;
    this.stats = stats;
  }

  /** Those that told of themselves, by id. */
  views(): ClusterView[] {
    const known = [...this.peers].filter(([, { state }]) => state !== 'new');
    return known.sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, peer]) => peer.view(id));
  }

  connected(now: number): void {
    for (const peer of this.peers.values()) peer.leaseFrom = now;
  }

  disconnected(): void {
    for (const peer of this.peers.values()) peer.requestAt = Infinity;
  }

  /** @param at when it was received; it may have waited */
  hear(message: DigestMessage | UpdateMessage, at: number, now: number): Heard {
    const { cluster, site } = message;
    const left = this.left.get(cluster);
    if (left?.site === site && now < left.until && compareSpeakers(message, left) <= 0) return { left: true };
    const peer = this.peers.get(cluster) ?? this.meet(message, at);
    if (peer === undefined) return NOTHING;
    if (peer.claimant !== site) peer.follow(message);
    const order = compareSpeakers(message, peer.speaker);
    // After a crash a process may begin with a clock that is behind: whoever speaks for a lost cluster is heard.
    if (order < 0 && (peer.state === 'live' || at < peer.heardAt + this.options.leaseMs)) return NOTHING;
    if (order !== 0) peer.follow(message);
    peer.heardAt = Math.max(peer.heardAt, at);
    peer.leaseFrom = Math.max(peer.leaseFrom, at);
    const outcome = message.type === 'digest' ? peer.hearDigest(message) && 'known' : peer.hearUpdate(message);
    return { applied: outcome === 'applied', back: this.heardSo(peer, outcome || 'gap', now) };
  }

  /** False when it is not for that site to say so, or no longer. */
  leave(message: Head, now: number): boolean {
    const { cluster, site, instance, box } = message;
    const peer = this.peers.get(cluster);
    if (peer === undefined || peer.claimant !== site) return false;
    if (compareSpeakers(message, peer.speaker) < 0 && peer.state === 'live') return false;
    this.left.set(cluster, { instance, box, site, until: now + this.options.leftMs });
    if (peer.siteId !== site) {
      // It never told anything: what another site told before stays as it was.
      peer.follow({ ...message, site: peer.siteId, instance: -1, box: -1 });
      return true;
    }
    this.peers.delete(cluster);
    if (peer.state !== 'new') this.revision += 1;
    return true;
  }

  /** Leases end. @returns whom to ask for what is missing now */
  tick(now: number): Missing[] {
    const missing: Missing[] = [];
    for (const [cluster, peer] of this.peers) {
      if (now >= this.endOf(peer)) this.end(cluster, peer, now);
      if (now < peer.requestAt) continue;
      peer.requestAt = Infinity;
      if (!peer.isBehind || now >= peer.leaseFrom + this.options.leaseMs) continue;
      const { speaker, seq, requestCount } = peer;
      missing.push({ cluster, speaker, seq, requestCount });
      this.asked(peer, now);
    }
    for (const [id, { until }] of this.left) if (now >= until) this.left.delete(id);
    return missing;
  }

  /** When `tick` has to be called next. */
  deadline(): number {
    let deadline = Infinity;
    for (const peer of this.peers.values()) deadline = Math.min(deadline, this.endOf(peer), peer.requestAt);
    for (const { until } of this.left.values()) deadline = Math.min(deadline, until);
    return deadline;
  }

  /** When the last of those that are not live would have been heard. */
  awaitedUntil(): number {
    const absent = [...this.peers.values()].filter(({ state }) => state !== 'live');
    return Math.max(-Infinity, ...absent.map(({ leaseFrom }) => leaseFrom + this.options.leaseMs));
  }

  /** True when it was lost and is live now. */
  private heardSo(peer: Peer, outcome: Outcome, now: number): boolean {
    const { requestMs, retryMs, random } = this.options;
    let isBack = false;
    if (outcome === 'bad') this.stats.mismatched += 1;
    if (outcome === 'applied') this.revision += 1;
    if (peer.state !== 'live' && (outcome === 'applied' || !peer.isBehind)) {
      this.revision += 1;
      isBack = peer.state === 'lost';
      peer.state = 'live';
    }
    if (!peer.isBehind) {
      peer.requestAt = Infinity;
      peer.requestCount = 0;
    } else if (outcome === 'incomplete') {
      peer.requestAt = now + retryMs * (0.5 + random.next() / 2);
    } else if (peer.requestAt === Infinity) {
      peer.requestAt = now + requestMs * (0.2 + 0.8 * random.next());
    }
    return isBack;
  }

  /** A new cluster; of one site the longest lost makes room. Undefined when there is none. */
  private meet(head: Head, at: number): Peer | undefined {
    const ofSite = [...this.peers].filter(([, { claimant }]) => claimant === head.site);
    if (ofSite.length >= LIMITS.clustersPerSiteMax) {
      const lost = ofSite.filter(([, { state }]) => state === 'lost').sort(([, a], [, b]) => a.lostAt - b.lostAt);
      if (lost.length === 0) return undefined;
      this.peers.delete(lost[0]![0]);
      this.revision += 1;
    }
    if (this.peers.size >= LIMITS.clusterCountMax) return undefined;
    const peer = new Peer(head, at);
    this.peers.set(head.cluster, peer);
    return peer;
  }

  /** A live cluster is lost, another one forgotten. */
  private end(cluster: string, peer: Peer, now: number): void {
    if (peer.state !== 'new') this.revision += 1;
    if (peer.state === 'live') {
      this.stats.expired += 1;
      peer.state = 'lost';
      peer.lostAt = now;
    } else {
      this.peers.delete(cluster);
    }
  }

  private endOf({ state, leaseFrom, lostAt }: Peer): number {
    const { leaseMs, retentionMs } = this.options;
    return state === 'lost' ? Math.max(leaseFrom, lostAt) + retentionMs : leaseFrom + leaseMs;
  }

  private asked(peer: Peer, now: number): void {
    const { retryMs, retryMsMax, random } = this.options;
    peer.requestAt = now + Math.min(retryMsMax, retryMs * 2 ** peer.requestCount) * (0.75 + random.next() / 2);
    peer.requestCount += 1;
  }
}
