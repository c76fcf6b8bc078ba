/** ClusterAccessPolicy and AccessPolicy: whether each is good, how much it governs, and what about it is probably not meant. Pure. */
import { type Finding, failed, ready } from '../../../config/api/conditions.ts';
import { faultText } from '../../../lib/policy/parse.ts';
import type { PolicyDocument } from '../../../lib/policy/types.ts';
import { policyWarnings, warningText } from '../../../lib/policy/warnings.ts';
import { type PolicyWorld, selectedBy } from '../../../lib/policy/world.ts';
import { type Observed, type Outcome, ofKind } from '../observed.ts';
import { documentOf, faultsOfPolicy, type PolicyResource } from './documents.ts';
import { worldOf } from './world.ts';

/** For a namespace; on Kubernetes those of the cluster are told of elsewhere, once. */
export function planPolicies(observed: Observed): Outcome[] {
  const { namespace, cluster } = observed;
  const shared = cluster === undefined ? ofKind(observed, 'ClusterAccessPolicy') : [];
  const told: PolicyResource[] = [...shared, ...ofKind(observed, 'AccessPolicy')];
  if (told.length === 0) return [];
  const world = worldOf(observed);
  return told.map((policy) => policyOutcome(policy, namespace, world, world.site === undefined ? [] : [world.site]));
}

/** `sites`: those whose links it may govern. */
export function policyOutcome(
  policy: PolicyResource,
  namespace: string,
  world: PolicyWorld,
  sites: readonly NonNullable<PolicyWorld['site']>[],
): Outcome {
  const faults = faultsOfPolicy(policy);
  const { generation } = policy.metadata;
  if (faults.length > 0) {
    const status = { observedGeneration: generation, selected: undefined };
    return { resource: policy, status, findings: [failed('Valid', faultText(faults)), NO_WARNINGS] };
  }
  const document = documentOf(policy, namespace);
  const status = { observedGeneration: generation, selected: selectedOf(document, world, sites) };
  return { resource: policy, status, findings: [ready('Valid'), warningFinding(document, world)] };
}

const NO_WARNINGS: Finding = { type: 'Warnings', status: 'False', reason: 'NoWarnings', message: 'OK' };

function selectedOf(document: PolicyDocument, world: PolicyWorld, sites: readonly NonNullable<PolicyWorld['site']>[]) {
  const { listeners, connectors } = selectedBy(document, world);
  const governed = sites.filter((site) => selectedBy(document, { services: [], site }).sites > 0);
  return { listeners, connectors, sites: governed.length };
}

/** The first by its reason, all by their message. */
function warningFinding(document: PolicyDocument, world: PolicyWorld): Finding {
  const warnings = policyWarnings(document, world);
  const [first] = warnings;
  if (first === undefined) return NO_WARNINGS;
  return { type: 'Warnings', status: 'True', reason: first.reason, message: warningText(warnings) };
}
