/**
 * The access policies that the site of a namespace goes by: of the cluster, and of each namespace whose services it has. Pure.
 *
 * One that has become bad stays in force as it was last good, which on Kubernetes is found in what the routers were told.
 */
import type { AccessPolicy, ClusterAccessPolicy } from '../../../config/api/access-policy.ts';
import { NAME } from '../../../config/names.ts';
import { sectionsOf } from '../../../config/router-config.ts';
import { type PolicySet, referenceOf } from '../../../lib/policy/decide.ts';
import { judgeOf } from '../../../lib/policy/judge.ts';
import { type PolicyFault, parsePolicyText, parseReference } from '../../../lib/policy/parse.ts';
import type { PolicyDocument } from '../../../lib/policy/types.ts';
import { objectOf } from '../cluster.ts';
import { type Observed, ofKind } from '../observed.ts';

export type PolicyResource = ClusterAccessPolicy | AccessPolicy;
export const POLICY_KINDS = ['ClusterAccessPolicy', 'AccessPolicy'] as const;

export type SeesPolicies = Pick<Observed, 'resources' | 'namespace' | 'cluster'>;

/** Each plan asks, and what is observed never changes. */
const known = new WeakMap<SeesPolicies['resources'], readonly PolicyDocument[]>();
const judged = new WeakMap<PolicyResource, readonly PolicyFault[]>();

/** Those in force. */
export function policyDocuments(observed: SeesPolicies): readonly PolicyDocument[] {
  const found = known.get(observed.resources) ?? findDocuments(observed);
  known.set(observed.resources, found);
  return found;
}

/** Of all in force together. */
export function policySet(observed: SeesPolicies): PolicySet {
  return judgeOf(policyDocuments(observed)).set;
}

/** What keeps it from meaning something; empty for one that is good. */
export function faultsOfPolicy(policy: PolicyResource): readonly PolicyFault[] {
  const faults = judged.get(policy) ?? parsePolicyText(policy.kind, JSON.stringify(policy.spec)).faults ?? [];
  judged.set(policy, faults);
  return faults;
}

/** `namespace`: of one whose file does not say it. */
export function documentOf({ kind, metadata, spec }: PolicyResource, namespace: string): PolicyDocument {
  const { name } = metadata;
  return kind === 'AccessPolicy'
    ? { kind, name, namespace: metadata.namespace ?? namespace, spec }
    : { kind, name, spec };
}

function findDocuments(observed: SeesPolicies): readonly PolicyDocument[] {
  const { namespace, cluster } = observed;
  const own: PolicyResource[] = [...ofKind(observed, 'ClusterAccessPolicy'), ...ofKind(observed, 'AccessPolicy')];
  const all = [...own, ...(cluster?.policies ?? [])];
  const good = all.filter((policy) => faultsOfPolicy(policy).length === 0);
  const bad = all
    .filter((policy) => !good.includes(policy))
    .map((policy) => referenceOf(documentOf(policy, namespace)));
  return [...good.map((policy) => documentOf(policy, namespace)), ...lastGood(observed, [...bad, ...unread(observed)])];
}

/** References of policies that the API server took and that cannot be read. */
function unread({ cluster, namespace }: SeesPolicies): string[] {
  return (cluster?.invalid ?? []).flatMap(({ kind, metadata }) => {
    const policyKind = POLICY_KINDS.find((policy) => policy === kind);
    return policyKind === undefined ? [] : [referenceOf({ kind: policyKind, name: metadata.name, namespace })];
  });
}

function lastGood({ cluster }: SeesPolicies, references: readonly string[]): PolicyDocument[] {
  if (references.length === 0 || cluster === undefined) return [];
  const wanted = new Set(references);
  return sectionsOf(objectOf(cluster, 'ConfigMap', NAME.router)?.data).flatMap(({ type, attributes }) => {
    const name = String(attributes.name);
    const reference = type === 'accessPolicy' && wanted.has(name) ? parseReference(name) : undefined;
    if (reference === undefined) return [];
    const parsed = parsePolicyText(reference.kind, String(attributes.spec));
    return parsed.faults === undefined ? [{ ...reference, spec: parsed.spec }] : [];
  });
}
