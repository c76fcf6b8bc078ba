/**
 * Which sites may link to this one: connections of other routers are asked for when they open, and again when policies change. Routers of
 * this very site, as their certificates say, are never refused.
 */
import type { Decision, PolicyRequest } from '../../lib/policy/types.ts';
import { mayBeName, NO_TRUST } from '../identity/trust.ts';
import { saidBy } from './identity-links.ts';
import type { Peer } from './peer.ts';
import type { Router } from './router.ts';

type Rehearsed = NonNullable<Decision['dryRun']>;

export class LinkPolicies {
  private readonly router: Router;
  /** Of the policies by which open links were looked at. */
  private revision = 0;
  private readonly wouldRefuse: (peer: Peer, by: Rehearsed) => void;

  /** @param wouldRefuse is told of a link that opens, and that only a policy in dry run is against */
  constructor(router: Router, wouldRefuse: (peer: Peer, by: Rehearsed) => void) {
    this.router = router;
    this.wouldRefuse = wouldRefuse;
  }

  /** A router has opened. @returns why no policy lets it link; undefined when it may */
  refusal(peer: Peer): string | undefined {
    return this.decided(peer, false);
  }

  /** Those that may not link any more, and why, where a policy wants that they are closed. */
  changed(): (readonly [Peer, string])[] {
    const { table } = this.router.bridge.policies;
    if (this.revision === table.revision) return [];
    this.revision = table.revision;
    const refused: (readonly [Peer, string])[] = [];
    for (const peer of this.router.peers.values()) {
      if (peer.role === 'normal' || peer.openedAt === undefined) continue;
      const reason = this.decided(peer, true);
      if (reason !== undefined) refused.push([peer, reason]);
    }
    return refused;
  }

  private decided(peer: Peer, isOpen: boolean): string | undefined {
    const { table } = this.router.bridge.policies;
    if (table.isEmpty) return undefined;
    const request = this.requestOf(peer);
    const own = this.router.site.siteId;
    if (own !== undefined && peer.options.site === own) return undefined;
    const { allowed, by, reason, enforceExisting, dryRun } = table.decide(request);
    if (allowed) {
      if (!isOpen && dryRun?.allowed === false) {
        table.count(dryRun.by, 'wouldRefuse');
        this.wouldRefuse(peer, dryRun);
      }
      return undefined;
    }
    if (isOpen && !enforceExisting) return undefined;
    table.count(by, 'refused');
    this.router.bridge.refusals.policyLink++;
    return reason;
  }

  private requestOf(peer: Peer): PolicyRequest {
    const { siteId, siteName = '' } = saidBy(peer);
    const { site: certified, dir, host } = peer.options;
    return {
      operation: 'Link',
      namespace: this.router.site.siteNamespace,
      direction: dir === 'out' ? 'Outgoing' : 'Incoming',
      ...(dir === 'out' && { host }),
      client: {
        siteId: certified ?? siteId,
        siteName: this.isOfAnother(siteName, certified) ? undefined : siteName || undefined,
        ...(certified === undefined
          ? { verification: 'none', doubt: 'its certificate names no site' }
          : { verification: 'link' }),
      },
    };
  }

  /** A site names itself, and not as one that is known by that name. */
  private isOfAnother(siteName: string, certified: string | undefined): boolean {
    const { identity, site } = this.router;
    const { siteNames, siteIds } = identity?.links.identity.trust ?? NO_TRUST;
    const known = siteName === site.siteName ? site.siteId : siteNames.get(siteName);
    if (certified === undefined) return false;
    return (known !== undefined && known !== certified) || !mayBeName(siteIds, siteName, certified);
  }
}
