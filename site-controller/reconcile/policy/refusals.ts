/**
 * What policies refuse here, before any router is asked: what is offered to the network, what is used of it, and whose links. Pure.
 *
 * Who asks is the site itself; of a link, the site at its other end.
 */
import { decide, decideEarly } from '../../../lib/policy/decide.ts';
import type { Decision, Direction, PolicyClient, PolicyService } from '../../../lib/policy/types.ts';
import type { Observed } from '../observed.ts';
import { activeSite, siteIdOf } from '../site/identity.ts';
import { policySet, type SeesPolicies } from './documents.ts';

/** Why a service is not offered by this site; undefined when it may be. */
export function exposeRefusal(observed: Observed, service: PolicyService): string | undefined {
  return refusal(observed, 'Expose', service);
}

/** Why a service is not offered to clients of this site; undefined when it may be. */
export function importRefusal(observed: Observed, service: PolicyService): string | undefined {
  return refusal(observed, 'Import', service);
}

/** What is known of a link before it is up. */
export interface LinkWish {
  direction: Direction;
  /** That this site dials; undefined where it is not known yet. */
  host?: string;
  /** Of the site at the other end, where it is known. */
  siteId?: string;
  siteName?: string;
}

/** Of a link, or a token for one: what is told when it is refused whatever becomes known. The routers decide when they know all. */
export function linkRefusal(
  observed: SeesPolicies,
  { direction, host, siteId, siteName }: LinkWish,
): string | undefined {
  const set = policySet(observed);
  if (set.policyCount === 0) return undefined;
  const client: PolicyClient = {
    verification: 'link',
    ...(siteId !== undefined && { siteId }),
    ...(siteName !== undefined && { siteName }),
  };
  const { namespace } = observed;
  return textOf(decideEarly(set, { operation: 'Link', client, namespace, direction, host }));
}

function refusal(observed: Observed, operation: 'Expose' | 'Import', service: PolicyService): string | undefined {
  const set = policySet(observed);
  if (set.policyCount === 0) return undefined;
  const site = activeSite(observed);
  const client: PolicyClient = {
    ...(site !== undefined && { siteId: siteIdOf(site), siteName: site.metadata.name }),
    namespace: service.namespace,
    verification: 'local',
  };
  return textOf(decide(set, { operation, client, service }));
}

/** As a message that stands alone. */
function textOf({ allowed, reason }: Decision): string | undefined {
  return allowed ? undefined : `Refused by policy: ${reason}`;
}
