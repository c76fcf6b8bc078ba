/**
 * Who may say something about which cluster. No clock. Pure.
 *
 * The only proof is the router by which a message entered the network: the own router names it, and the links between sites were
 * authenticated. A message counts when that router belongs to the site that it names. A site's claim of a cluster holds from its
 * first message until the cluster left, or its lease and a short extra time ended; another site's claim is refused and shown.
 *
 * Messages that came by a router of which nothing is known yet wait for a moment, in the order they came.
 */
import { LIMITS } from './limits.ts';
import type { Head, ServicesMessage } from './messages.ts';

export interface GateOptions {
  leaseMs: number;
  /** A claim outlives the lease by this. */
  extraMs: number;
  /** How long a message waits for its router to become known. */
  asideMs: number;
}

export interface Aside {
  message: ServicesMessage;
  ingress: string;
  at: number;
  bytes: number;
}

/** A claim of a cluster that another site has, or by a message that was not the site's own. `siteId` is that of the router. */
export interface RefusedClaim {
  clusterId: string;
  siteId: string;
}

const CLAIMS = new Set(['digest', 'update']);

export class Gate {
  readonly stats = { unidentified: 0, forged: 0, refused: 0, asideDropped: 0 };
  private readonly own: { clusterId: string; siteId: string };
  private readonly options: GateOptions;
  private siteByRouter: ReadonlyMap<string, string> = new Map();
  private readonly holders = new Map<string, { siteId: string; until: number }>();
  private aside: Aside[] = [];
  private readonly refused = new Map<string, RefusedClaim & { until: number }>();
  private revisionCount = 0;

  constructor(own: { clusterId: string; siteId: string }, options: GateOptions) {
    this.own = own;
    this.options = options;
  }

  /** Grows whenever `claims()` changes. */
  get revision(): number {
    return this.revisionCount;
  }

  claims(): RefusedClaim[] {
    const claims = [...this.refused].sort(([a], [b]) => (a < b ? -1 : 1));
    return claims.map(([, { clusterId, siteId }]) => ({ clusterId, siteId }));
  }

  /** Sites that messages wait for. */
  waitingFor(): string[] {
    return [...new Set(this.aside.map(({ message }) => message.site))];
  }

  /** The messages that can be judged now, in the order they came. */
  setRouters(siteByRouter: ReadonlyMap<string, string>, now: number): Aside[] {
    this.siteByRouter = siteByRouter;
    this.expireAside(now);
    const ready = this.aside.filter(({ ingress }) => siteByRouter.has(ingress));
    this.aside = this.aside.filter(({ ingress }) => !siteByRouter.has(ingress));
    return ready;
  }

  /** Nobody could be heard until now. */
  connected(now: number): void {
    const until = now + this.options.leaseMs + this.options.extraMs;
    for (const holder of this.holders.values()) holder.until = Math.max(holder.until, until);
  }

  disconnected(): void {
    this.aside = [];
  }

  /** Whether the message counts. One that does renews its site's claim. */
  admits(message: ServicesMessage, ingress: string | undefined, bytes: number, now: number): boolean {
    if (ingress === undefined) {
      this.stats.unidentified += 1;
      return false;
    }
    const siteId = this.siteByRouter.get(ingress);
    if (siteId === undefined) {
      this.putAside({ message, ingress, at: now, bytes });
      return false;
    }
    if (siteId !== message.site) {
      this.stats.forged += 1;
      this.refuse(message.cluster, siteId, now);
      return false;
    }
    return this.holds(message, now);
  }

  /** The cluster left. */
  release(clusterId: string): void {
    this.holders.delete(clusterId);
  }

  deadline(): number {
    let deadline = this.aside.length > 0 ? this.aside[0]!.at + this.options.asideMs : Infinity;
    for (const { until } of this.refused.values()) deadline = Math.min(deadline, until);
    return deadline;
  }

  tick(now: number): void {
    this.expireAside(now);
    for (const [key, { until }] of this.refused) {
      if (now < until) continue;
      this.refused.delete(key);
      this.revisionCount += 1;
    }
    for (const [clusterId, { until }] of this.holders) if (now >= until) this.holders.delete(clusterId);
  }

  private holds({ cluster, site, type }: Head & { type: string }, now: number): boolean {
    if (cluster === this.own.clusterId) return site === this.own.siteId || this.refuse(cluster, site, now);
    const holder = this.holders.get(cluster);
    const isHeld = holder !== undefined && now < holder.until;
    if (isHeld && holder.siteId !== site) return this.refuse(cluster, site, now);
    if (!CLAIMS.has(type)) return true;
    if (!isHeld && !this.hasRoom(site, now)) return this.refuse(cluster, site, now);
    this.holders.set(cluster, { siteId: site, until: now + this.options.leaseMs + this.options.extraMs });
    return true;
  }

  private hasRoom(siteId: string, now: number): boolean {
    const held = [...this.holders.values()].filter(({ until }) => now < until);
    const ofSite = held.filter((holder) => holder.siteId === siteId);
    return held.length < LIMITS.clusterCountMax && ofSite.length < LIMITS.clustersPerSiteMax;
  }

  private refuse(clusterId: string, siteId: string, now: number): false {
    this.stats.refused += 1;
    const key = `${clusterId} ${siteId}`;
    if (!this.refused.has(key)) {
      if (this.refused.size >= LIMITS.refusedCountMax) return false;
      this.revisionCount += 1;
    }
    this.refused.set(key, { clusterId, siteId, until: now + this.options.leaseMs });
    return false;
  }

  /** Of a router that sends more than its share the oldest go, then the oldest of all. */
  private putAside(message: Aside): void {
    const drop = (index: number) => {
      this.aside.splice(index, 1);
      this.stats.asideDropped += 1;
    };
    const ofRouter = this.aside.filter(({ ingress }) => ingress === message.ingress);
    if (ofRouter.length >= LIMITS.asidePerRouterMax) drop(this.aside.indexOf(ofRouter[0]!));
    this.aside.push(message);
    let bytes = this.aside.reduce((sum, one) => sum + one.bytes, 0);
    while (this.aside.length > LIMITS.asideCountMax || bytes > LIMITS.asideBytesMax) {
      bytes -= this.aside[0]!.bytes;
      drop(0);
    }
  }

  private expireAside(now: number): void {
    const { asideMs } = this.options;
    const kept = this.aside.filter(({ at }) => now < at + asideMs);
    this.stats.unidentified += this.aside.length - kept.length;
    this.aside = kept;
  }
}
