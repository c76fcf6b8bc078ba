/**
 * Whether a request is allowed, by all policies together. Pure and total; the order of the policies does not matter.
 *
 * Policies that select the service and have a rule for the operation govern it. Where none does, it is allowed. Cluster policies are
 * asked first, then those of the service's namespace, and both must agree: a Deny that matches refuses, whatever else is said; where
 * a policy governs, some Allow or Limit rule of a governing one must match. `docs/adr/0033` has the reasons.
 */
import { compareText } from '../text.ts';
import { type ClientMatch, clientMatch, type Look, type ServiceMatch, serviceMatch } from './match.ts';
import { doubtText, listText, ruleText, wishText } from './reason.ts';
import type {
  Action,
  Decision,
  Limits,
  Operation,
  PolicyDocument,
  PolicyRequest,
  PolicyService,
  RuleReference,
} from './types.ts';

/** Made once for many decisions. */
export interface PolicySet {
  readonly cluster: readonly CompiledPolicy[];
  /** AccessPolicies by their namespace. */
  readonly namespaced: ReadonlyMap<string, readonly CompiledPolicy[]>;
  readonly policyCount: number;
}

interface CompiledPolicy {
  readonly reference: string;
  readonly dryRun: boolean;
  readonly enforceExisting: boolean;
  readonly selects: ServiceMatch;
  readonly rules: readonly CompiledRule[];
}

interface CompiledRule {
  readonly action: Action;
  readonly operations: readonly Operation[];
  readonly matches: ClientMatch;
  readonly by: RuleReference;
  readonly limits: Limits | undefined;
}

/** The policies that have a say, whoever asks: the same for all clients of a service, so it may be kept. */
export interface Governing {
  readonly cluster: readonly CompiledPolicy[];
  readonly namespaced: readonly CompiledPolicy[];
  /** Some of them only say what they would do. */
  readonly hasDryRun: boolean;
}

type Answer = Pick<Decision, 'allowed' | 'by' | 'reason'>;

const RULE_OPERATIONS_DEFAULT: readonly Operation[] = ['Connect'];

/** `ClusterAccessPolicy/NAME` or `AccessPolicy/NAMESPACE/NAME`. */
export function referenceOf({ kind, name, namespace }: Pick<PolicyDocument, 'kind' | 'name' | 'namespace'>): string {
  return kind === 'ClusterAccessPolicy' ? `${kind}/${name}` : `${kind}/${namespace ?? ''}/${name}`;
}

/** Of documents without faults (`policyFaults` in parse.ts). Two of one name are two policies. */
export function compilePolicies(documents: Iterable<PolicyDocument>): PolicySet {
  const sorted = [...documents]
    .map((document) => ({ document, reference: referenceOf(document), text: JSON.stringify(document.spec) }))
    .sort((a, b) => compareText(a.reference, b.reference) || compareText(a.text, b.text));
  const cluster: CompiledPolicy[] = [];
  const namespaced = new Map<string, CompiledPolicy[]>();
  for (const { document, reference } of sorted) {
    const compiled = compile(document, reference);
    if (document.kind === 'ClusterAccessPolicy') cluster.push(compiled);
    else {
      const namespace = document.namespace ?? '';
      const beside = namespaced.get(namespace);
      if (beside === undefined) namespaced.set(namespace, [compiled]);
      else beside.push(compiled);
    }
  }
  return { cluster, namespaced, policyCount: sorted.length };
}

function compile({ spec }: PolicyDocument, reference: string): CompiledPolicy {
  return {
    reference,
    dryRun: spec.dryRun === true,
    enforceExisting: spec.enforceExisting === true,
    selects: serviceMatch(spec.services),
    rules: spec.rules.map(({ action, operations, from, limits }, rule) => ({
      action,
      operations: operations ?? RULE_OPERATIONS_DEFAULT,
      matches: clientMatch(from),
      by: { policy: reference, rule },
      limits: action === 'Limit' ? (limits ?? {}) : undefined,
    })),
  };
}

/** Which policies have a say in a request, by all of it but the client. */
export function governing(set: PolicySet, request: PolicyRequest): Governing {
  const { operation } = request;
  const governs = (policy: CompiledPolicy) =>
    policy.rules.some(({ operations }) => operations.includes(operation)) && policy.selects(request);
  const cluster = set.cluster.filter(governs);
  const namespaced = policiesOfNamespace(set, request).filter(governs);
  return { cluster, namespaced, hasDryRun: [...cluster, ...namespaced].some(({ dryRun }) => dryRun) };
}

/** The same with those of one name replaced: `instead` holds none, or others of that name. */
export function governingInstead(
  policies: Governing,
  reference: string,
  instead: PolicySet,
  request: PolicyRequest,
): Governing {
  const own = governing(instead, request);
  const level = (all: readonly CompiledPolicy[], of: readonly CompiledPolicy[]) =>
    [...all.filter((policy) => policy.reference !== reference), ...of].sort((a, b) =>
      compareText(a.reference, b.reference),
    );
  const cluster = level(policies.cluster, own.cluster);
  const namespaced = level(policies.namespaced, own.namespaced);
  return { cluster, namespaced, hasDryRun: [...cluster, ...namespaced].some(({ dryRun }) => dryRun) };
}

/** Who has a say in both is the same, so that both are decided alike for each client. */
export function isSameGoverning(a: Governing, b: Governing): boolean {
  const isSame = (one: readonly CompiledPolicy[], other: readonly CompiledPolicy[]) =>
    one.length === other.length && one.every((policy, at) => policy === other[at]);
  return isSame(a.cluster, b.cluster) && isSame(a.namespaced, b.namespaced);
}

function policiesOfNamespace(set: PolicySet, request: PolicyRequest): readonly CompiledPolicy[] {
  const namespace = namespaceOf(request);
  return namespace === undefined ? [...set.namespaced.values()].flat() : (set.namespaced.get(namespace) ?? []);
}

function namespaceOf({ operation, service, namespace }: PolicyRequest): string | undefined {
  return operation === 'Link' ? namespace : (service as PolicyService | undefined)?.namespace;
}

export function decide(set: PolicySet, request: PolicyRequest): Decision {
  return decideBy(governing(set, request), request);
}

/**
 * The same while the client is only partly known, such as a site before its link is up: refuses only what would be refused whatever
 * becomes known.
 */
export function decideEarly(set: PolicySet, request: PolicyRequest): Decision {
  return decideBy(governing(set, request), request, 'early');
}

/** With what `governing` has said of a request with the same operation, service and namespace. */
export function decideBy(policies: Governing, request: PolicyRequest, look: Look = 'strict'): Decision {
  const enforced = policies.hasDryRun ? withoutDryRun(policies) : policies;
  const answer = answerOf(enforced, request, look);
  const decision: Decision = {
    ...answer,
    limits: answer.allowed ? limitsOf(enforced, request, look) : [],
    enforceExisting: [...enforced.cluster, ...enforced.namespaced].some(({ enforceExisting }) => enforceExisting),
  };
  if (!policies.hasDryRun) return decision;
  const dryRun = answerOf(policies, request, look);
  return dryRun.allowed === answer.allowed ? decision : { ...decision, dryRun };
}

function withoutDryRun({ cluster, namespaced }: Governing): Governing {
  const isEnforced = ({ dryRun }: CompiledPolicy) => !dryRun;
  return { cluster: cluster.filter(isEnforced), namespaced: namespaced.filter(isEnforced), hasDryRun: false };
}

function answerOf({ cluster, namespaced }: Governing, request: PolicyRequest, look: Look): Answer {
  if (cluster.length === 0 && namespaced.length === 0) {
    return { allowed: true, reason: `no policy selects this, so it is allowed: ${wishText(request)}` };
  }
  const byCluster = cluster.length > 0 ? answerOfLevel(cluster, request, look) : undefined;
  if (byCluster?.allowed === false || namespaced.length === 0) return byCluster!;
  return answerOfLevel(namespaced, request, look);
}

/** Of policies of one kind, at least one. */
function answerOfLevel(policies: readonly CompiledPolicy[], request: PolicyRequest, look: Look): Answer {
  const denied = firstRule(policies, request, (rule) => rule.action === 'Deny' && rule.matches(request, 'unverified'));
  if (denied !== undefined) {
    return { allowed: false, by: denied.by, reason: `${ruleText(denied.by)}, denies this: ${wishText(request)}` };
  }
  const allowed = firstRule(policies, request, (rule) => rule.action !== 'Deny' && rule.matches(request, look));
  if (allowed !== undefined) {
    const verb = allowed.action === 'Limit' ? 'allows this within its limits' : 'allows this';
    return { allowed: true, by: allowed.by, reason: `${ruleText(allowed.by)}, ${verb}: ${wishText(request)}` };
  }
  const names = policies.map(({ reference }) => reference);
  return {
    allowed: false,
    by: { policy: names[0]! },
    reason: `no rule of ${listText(names)} allows this: ${wishText(request)}${wouldMatch(policies, request)}`,
  };
}

function firstRule(
  policies: readonly CompiledPolicy[],
  { operation }: PolicyRequest,
  wanted: (rule: CompiledRule) => boolean,
): CompiledRule | undefined {
  for (const { rules } of policies) {
    const found = rules.find((rule) => rule.operations.includes(operation) && wanted(rule));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The half that is missing when a rule means the client but asks that it be better known. */
function wouldMatch(policies: readonly CompiledPolicy[], request: PolicyRequest): string {
  const { client } = request;
  const rule = firstRule(
    policies,
    request,
    ({ action, matches }) => action !== 'Deny' && matches(request, 'unverified'),
  );
  if (rule === undefined) return doubtText(client);
  const known = doubtText(client) || `; it is verified by ${client.verification} only`;
  return `${known}, and ${ruleText(rule.by)}, asks for more`;
}

function limitsOf({ cluster, namespaced }: Governing, request: PolicyRequest, look: Look): Decision['limits'] {
  const limits: { by: RuleReference; limits: Limits }[] = [];
  for (const { rules } of [...cluster, ...namespaced]) {
    for (const rule of rules) {
      if (rule.limits === undefined || !rule.operations.includes(request.operation)) continue;
      if (rule.matches(request, look)) limits.push({ by: rule.by, limits: rule.limits });
    }
  }
  return limits;
}
