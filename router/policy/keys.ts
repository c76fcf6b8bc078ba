/**
 * What clients have in common: who shares a measure, and who waits behind whom. What a client only says of itself makes no difference:
 * all that are not verified are one, or they would take more by taking names. Pure.
 */
import type { Limits, PolicyClient, RuleReference } from '../../lib/policy/types.ts';

const UNVERIFIED = '?';
/** In no id of a site that a certificate names. */
const OF_SITE = '\n';

export function siteKey({ siteId, siteName, verification }: PolicyClient): string {
  return verification === 'none' ? UNVERIFIED : (siteId ?? siteName ?? '');
}

/** Its site's, where more is not known. */
export function workloadKey(client: PolicyClient): string {
  const { namespace = '', workload, pod = '', verification } = client;
  return verification === 'none' ? UNVERIFIED : `${siteKey(client)}${OF_SITE}${namespace}/${workload ?? pod}`;
}

/** The site's part of it. */
export function siteOf(client: string): string {
  const at = client.indexOf(OF_SITE);
  return at < 0 ? client : client.slice(0, at);
}

/** Clients of one rule with the same key share its measure. */
export function shareKey(per: Limits['per'], client: PolicyClient): string {
  if (per === 'Site') return siteKey(client);
  return per === 'Workload' ? workloadKey(client) : '';
}

export function isSameRule(a: RuleReference, b: RuleReference): boolean {
  return a.policy === b.policy && a.rule === b.rule;
}
