/** Who others are, as one router knows it: the parts of that, put together. */
import { Claims } from '../identity/claims.ts';
import { Identity } from '../identity/identity.ts';
import { IdentityLinks } from './identity-links.ts';
import type { Router } from './router.ts';
import type { IdentityOptions } from './router-options.ts';

export interface RouterIdentity {
  links: IdentityLinks;
  claims: Claims;
}

export function makeIdentity(router: Router, { keys, wall }: IdentityOptions, now: number): RouterIdentity {
  const log = (message: string, fields: Record<string, unknown>): void => {
    router.bridge.effects.log('warn', message, fields);
  };
  const identity = new Identity({ routerId: router.id, keys, site: () => router.site, log }, now);
  const links = new IdentityLinks({
    identity,
    linkName: router.names.link,
    faulty: (peer, fault, detail) => router.faults.record(peer, fault, detail, router.bridge.now),
  });
  const claims = new Claims({ identity, routerId: router.id, now: () => router.bridge.now, wall });
  return { links, claims };
}
