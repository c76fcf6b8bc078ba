/** What is known of who others are, as metrics tell it. */
import type { Router } from '../core/router.ts';
import { verificationOf } from '../identity/trust.ts';
import type { IdentityCounters } from '../telemetry/identity-metrics.ts';

export function identityCounters({ identity, workloads }: Router): IdentityCounters {
  const routers = { local: 0, link: 0, path: 0, none: 0 };
  const { links, claims } = identity ?? {};
  const ownSiteId = links?.identity.self.siteId;
  for (const belief of links?.identity.trust.beliefs.values() ?? []) routers[verificationOf(belief, ownSiteId)]++;
  const { believed = 0, doubted = 0, absent = 0, made = 0, verified = 0, forged = 0 } = claims?.counts ?? {};
  return {
    routers,
    refused: links?.refusedCount ?? 0,
    clients: { believed, doubted, absent },
    signatures: { made, verified, forged: forged + (links?.identity.forgedCount ?? 0) },
    workloads: workloads.count,
  };
}
