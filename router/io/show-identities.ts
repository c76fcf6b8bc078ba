/** Whose the routers of the network are, as far as this one knows, as management shows it; and what it was told of workloads. */
import { nameMeant } from '../identity/believed.ts';
import type { Identity } from '../identity/identity.ts';
import { type Belief, verificationOf } from '../identity/trust.ts';
import type { ShownEntity } from '../management/managed-router.ts';
import type { Shown } from './show.ts';

export function identities({ router }: Shown): ShownEntity[] {
  const { identity } = router.identity?.links ?? {};
  if (identity === undefined) return [];
  const { key, siteId, siteName } = identity.self;
  const own = { routerId: router.id, site: siteId, siteName, verification: 'local', via: '', key };
  const others = [...identity.trust.beliefs.values()].map((belief) => believed(belief, identity));
  return [own, ...others].map((each) => {
    const name = `router.identity/${each.routerId}/${each.key}`;
    return { name, identity: name, ...each };
  });
}

function believed(belief: Belief, identity: Identity) {
  const { router: routerId, key, siteId: site, siteName, via, rival } = belief;
  const { siteNames } = identity.trust;
  const isMeant = nameMeant(siteNames, belief) === siteName;
  const doubts = [
    ...(rival === undefined ? [] : [`it is known as one of site ${rival} by a nearer way`]),
    ...(isMeant ? [] : [`its site's name means site ${siteNames.get(siteName ?? '')}`]),
  ];
  const verification = verificationOf(belief, identity.self.siteId);
  return { routerId, site, siteName, verification, via: via.join(','), key, doubt: doubts.join('; ') };
}

export function workloads({ router }: Shown): ShownEntity[] {
  const { toldRevision: revision, count } = router.workloads;
  return [{ name: 'self', identity: 'self', revision, count }];
}
