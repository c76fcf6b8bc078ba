/**
 * Which router belongs to which site, learnt from what sites tell each other on `mc/skuprt.site`. No clock. Pure.
 *
 * A site's record counts when the router by which it entered the network is one that the site is known by. A site that is not
 * known, has left, or of which nothing was heard for two heartbeats may be told by any router that the record lists, for the
 * routers of a site change with its pods. A router belongs to the first site that lists it, as long as that site lives; but one
 * that has itself brought a site's record is that site's, whoever else listed it before.
 *
 * A router that is no longer listed, and those of a site that is gone, are remembered for a while: the process that tells of a
 * site may restart while its routers go on.
 */
import { checkOf, Type } from '../../lib/shape.ts';
import { LIMITS } from './limits.ts';
import { Count } from './record.ts';

export const SITES_ADDRESS = 'mc/skuprt.site';

export interface SiteRoutersOptions {
  /** Without a message for so long, another router may tell of a site. Two heartbeats of the exchange of sites and a bit. */
  silentMs: number;
  /** How long routers that nobody lists any more are remembered. */
  retentionMs: number;
  /** Least time between two requests for one site's record. */
  requestMs: number;
}

const DEFAULTS: SiteRoutersOptions = { silentMs: 11_000, retentionMs: 3_600_000, requestMs: 1000 };

const Id = Type.String({ minLength: 1, maxLength: LIMITS.idLengthMax });
const Version = Type.Literal(1);
const Common = { v: Version, instance: Count };
const CHECKS = {
  record: checkOf(
    Type.Object({
      ...Common,
      seq: Count,
      site: Type.Object({ id: Id }),
      routers: Type.Array(Type.Object({ id: Id }), { maxItems: LIMITS.routersPerSiteMax }),
    }),
  ),
  digest: checkOf(Type.Object({ ...Common, seq: Count, siteId: Id })),
  leave: checkOf(Type.Object({ ...Common, siteId: Id })),
};

interface Site {
  instance: number;
  /** Of its last record. */
  seq: number;
  heardAt: number;
  hasLeft: boolean;
  listed: ReadonlySet<string>;
}

interface Router {
  siteId: string;
  /** It brought a record of the site itself. */
  isProven: boolean;
  /** When it was last listed. */
  listedAt: number;
}

export class SiteRouters {
  readonly stats = { received: 0, malformed: 0, refused: 0 };
  private readonly options: SiteRoutersOptions;
  private readonly sites = new Map<string, Site>();
  private readonly routers = new Map<string, Router>();
  private readonly requestedAt = new Map<string, number>();
  private readonly outbox: string[] = [];
  private revisionCount = 0;

  constructor(options: Partial<SiteRoutersOptions> = {}) {
    this.options = { ...DEFAULTS, ...options };
  }

  /** Grows whenever `siteByRouter()` changes. */
  get revision(): number {
    return this.revisionCount;
  }

  siteByRouter(): Map<string, string> {
    return new Map([...this.routers].map(([id, { siteId }]) => [id, siteId]));
  }

  /** Nothing could be heard until now. */
  connected(now: number): void {
    for (const site of this.sites.values()) site.heardAt = now;
    this.requestedAt.clear();
  }

  /** Asks for the record of a site, not more often than it may. */
  want(siteId: string, now: number): void {
    const { requestMs } = this.options;
    if (now < (this.requestedAt.get(siteId) ?? -Infinity) + requestMs) return;
    for (const [id, at] of this.requestedAt) if (now >= at + requestMs) this.requestedAt.delete(id);
    if (this.requestedAt.size >= LIMITS.siteRequestCountMax) return;
    this.requestedAt.set(siteId, now);
    this.outbox.push(JSON.stringify({ v: 1, type: 'request', siteId }));
  }

  receive({ text, ingress }: { text: string; ingress: string | undefined }, now: number): void {
    this.stats.received += 1;
    const body = parse(text);
    const type = typeof body === 'object' && body !== null && 'type' in body ? body.type : undefined;
    if (type === 'request') return;
    if (type === 'record' && CHECKS.record.Check(body)) {
      const { site, instance, seq, routers } = body;
      this.heardRecord({ siteId: site.id, instance, seq, routerIds: routers.map(({ id }) => id) }, ingress, now);
    } else if (type === 'digest' && CHECKS.digest.Check(body)) {
      this.heardDigest(body, ingress, now);
    } else if (type === 'leave' && CHECKS.leave.Check(body)) {
      const site = this.sites.get(body.siteId);
      if (site === undefined || !this.isOf(ingress, body.siteId)) this.stats.refused += 1;
      else if (body.instance >= site.instance) site.hasLeft = true;
    } else {
      this.stats.malformed += 1;
    }
  }

  /** Forgets what nobody told for long. To be called now and then; a minute late does no harm. */
  tick(now: number): void {
    const { retentionMs } = this.options;
    for (const [id, { siteId, listedAt }] of this.routers) {
      const { heardAt = -Infinity } = this.sites.get(siteId) ?? {};
      if (now < Math.max(heardAt, listedAt) + retentionMs) continue;
      this.routers.delete(id);
      this.revisionCount += 1;
    }
    for (const [id, { heardAt }] of this.sites) if (now >= heardAt + retentionMs) this.sites.delete(id);
  }

  /** The next message for SITES_ADDRESS. */
  nextMessage(): string | undefined {
    return this.outbox.shift();
  }

  private heardDigest(
    { siteId, instance, seq }: { siteId: string; instance: number; seq: number },
    ingress: string | undefined,
    now: number,
  ): void {
    const site = this.sites.get(siteId);
    if (site === undefined || !this.isOf(ingress, siteId)) {
      // A record may tell that this router belongs to it.
      if (ingress !== undefined && (site === undefined || !this.isAlive(siteId, now))) this.want(siteId, now);
      else this.stats.refused += 1;
      return;
    }
    if (instance < site.instance && !site.hasLeft) return;
    site.heardAt = now;
    site.hasLeft = false;
    if (instance !== site.instance || seq > site.seq) this.want(siteId, now);
  }

  private heardRecord(
    record: { siteId: string; instance: number; seq: number; routerIds: string[] },
    ingress: string | undefined,
    now: number,
  ): void {
    const { siteId, instance, seq, routerIds } = record;
    if (ingress === undefined || !this.mayTell(siteId, routerIds, ingress, now)) {
      this.stats.refused += 1;
      return;
    }
    const before = this.sites.get(siteId);
    if (before === undefined && this.sites.size >= LIMITS.siteCountMax) {
      this.stats.refused += 1;
      return;
    }
    const isLive = before !== undefined && this.isAlive(siteId, now);
    if (isLive && (instance < before.instance || (instance === before.instance && seq < before.seq))) return;
    const listed = new Set(routerIds);
    this.sites.set(siteId, { instance, seq, heardAt: now, hasLeft: false, listed });
    for (const id of listed) this.list(id, siteId, id === ingress, now);
    this.trim(siteId, listed);
  }

  private mayTell(siteId: string, routerIds: readonly string[], ingress: string, now: number): boolean {
    if (this.isOf(ingress, siteId)) return true;
    const isListed = this.sites.get(siteId)?.listed.has(ingress) ?? false;
    if (!routerIds.includes(ingress) || (this.isAlive(siteId, now) && !isListed)) return false;
    const owner = this.routers.get(ingress);
    return owner === undefined || !owner.isProven || !this.isAlive(owner.siteId, now);
  }

  /** The router is this site's from now on, unless it is another's. */
  private list(id: string, siteId: string, isIngress: boolean, now: number): void {
    const owner = this.routers.get(id);
    if (owner?.siteId === siteId) {
      owner.listedAt = now;
      owner.isProven ||= isIngress;
      return;
    }
    if (owner !== undefined && this.keeps(owner, isIngress, now)) return;
    this.routers.set(id, { siteId, isProven: isIngress, listedAt: now });
    this.revisionCount += 1;
  }

  /** Whether a router stays its owner's when another site lists it. */
  private keeps({ siteId, isProven }: Router, isIngress: boolean, now: number): boolean {
    if (isIngress) return isProven && this.isAlive(siteId, now);
    // To list a router proves nothing, so silence alone does not lose a site the routers that spoke for it.
    return this.isAlive(siteId, now) || (isProven && this.sites.get(siteId)?.hasLeft === false);
  }

  /** Of the routers that a site lists no more only the latest few are remembered. */
  private trim(siteId: string, listed: ReadonlySet<string>): void {
    const former = [...this.routers].filter(([id, router]) => router.siteId === siteId && !listed.has(id));
    former.sort(([, a], [, b]) => b.listedAt - a.listedAt);
    for (const [id] of former.slice(LIMITS.routersPerSiteMax)) {
      this.routers.delete(id);
      this.revisionCount += 1;
    }
  }

  private isOf(router: string | undefined, siteId: string): boolean {
    return router !== undefined && this.routers.get(router)?.siteId === siteId;
  }

  private isAlive(siteId: string, now: number): boolean {
    const site = this.sites.get(siteId);
    return site !== undefined && !site.hasLeft && now < site.heardAt + this.options.silentMs;
  }
}

function parse(text: string): unknown {
  if (Buffer.byteLength(text) > LIMITS.siteMessageBytesMax) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
