/** The status of every resource of a site, from the plans of their kinds; of a SecuredAccess with what is made for it. Pure. */
import { failed, requiredConditions, withFindings } from '../../config/api/conditions.ts';
import { KINDS, type Resource } from '../../config/api/index.ts';
import { planAccessGrants } from './accessgrant/plan.ts';
import type { Attempt } from './accesstoken/plan.ts';
import { planAccessTokens } from './accesstoken/plan.ts';
import { planAttachedConnectorBindings, planAttachedConnectors } from './attachedconnector/plan.ts';
import { planCertificates } from './certificate/plan.ts';
import type { InvalidResource } from './cluster.ts';
import { planConnectors } from './connector/plan.ts';
import { planLinks } from './link/plan.ts';
import { planListeners } from './listener/plan.ts';
import { planMultiKeyListeners } from './multikeylistener/plan.ts';
import type { Observed, Outcome } from './observed.ts';
import { planPolicies } from './policy/plan.ts';
import { withRehearsals } from './policy/rehearsals.ts';
import { planRouterAccesses } from './routeraccess/plan.ts';
import { planSites } from './site/plan.ts';

export interface OutcomeInputs {
  /** Draws the secret of a grant. */
  newCode: () => string;
  /** Redemptions of a grant by its uid. */
  redemptions: (uid: string) => number;
  /** PEM bundle by which the redemption server is trusted, where it is not that of the site. */
  grantServerCa?: string;
  /** Failed tries of tokens by name. */
  attempts: ReadonlyMap<string, Attempt>;
}

export function planOutcomes(observed: Observed, inputs: OutcomeInputs): Outcome[] {
  return withRehearsals(observed, [
    ...planCertificates(observed),
    ...planRouterAccesses(observed),
    ...planLinks(observed),
    ...planListeners(observed),
    ...planMultiKeyListeners(observed),
    ...planConnectors(observed),
    ...planAttachedConnectors(observed),
    ...planAttachedConnectorBindings(observed),
    ...planAccessGrants(observed, inputs.newCode, inputs.redemptions, inputs.grantServerCa),
    ...planAccessTokens(observed, inputs.attempts),
    ...planPolicies(observed),
    ...planSites(observed),
  ]);
}

export function invalidOutcome({ kind, metadata, status, message }: InvalidResource): Outcome {
  const resource = { apiVersion: KINDS[kind].apiVersion, kind, metadata, spec: {}, status } as unknown as Resource;
  return { resource, findings: [failed(requiredConditions(resource)[0] ?? 'Configured', message)] };
}

/** The whole status that an outcome comes to. */
export function statusFrom({ resource, status, findings }: Outcome, now: number): object {
  const before = 'status' in resource ? resource.status : undefined;
  return withFindings(resource, { ...before, ...status }, findings, now);
}
