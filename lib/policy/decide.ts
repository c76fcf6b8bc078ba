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
import { RuleIndex } from './rule-index.ts';
import type {
  Action,
  Decision,
  Limits,
  Operation,
  PolicyDocument,
  PolicyRequest,
  PolicyRule,
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
  readonly from: PolicyRule['from'];
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
  /** Asked for a few clients only: not worth an index. */
  readonly isPassing?: boolean;
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
      from,
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

/** The same with those of one name replaced. @param own those that have a say in their place: none, or others of that name */
export function governingInstead(policies: Governing, reference: string, own: Governing): Governing {
  const level = (all: readonly CompiledPolicy[], of: readonly CompiledPolicy[]) => {
    const others = all.filter((policy) => policy.reference !== reference);
    if (of.length === 0) return others;
    const behind = others.findIndex((policy) => compareText(policy.reference, reference) > 0);
    others.splice(behind < 0 ? others.length : behind, 0, ...of);
    return others;
  };
  const cluster = level(policies.cluster, own.cluster);
  const namespaced = level(policies.namespaced, own.namespaced);
  const hasDryRun = [cluster, namespaced].some((all) => all.some(({ dryRun }) => dryRun));
  return { cluster, namespaced, hasDryRun, isPassing: true };
}

/** Who has a say in both is the same, so that both are decided alike for each client. */
export function isSameGoverning(a: Governing, b: Governing): boolean {
  const isSame = (one: readonly CompiledPolicy[], other: readonly CompiledPolicy[]) =>
    one.length === other.length && one.every((policy, at) => policy === other[at]);
  return a === b || (isSame(a.cluster, b.cluster) && isSame(a.namespaced, b.namespaced));
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
  const enforced = enforcedOf(policies);
  const answer = answerOf(enforced, request, look);
  const decision: Decision = {
    ...answer,
    limits: answer.allowed ? limitsOf(enforced, request, look) : [],
    enforceExisting: resetsOpen(enforced),
  };
  if (!policies.hasDryRun) return decision;
  const dryRun = answerOf(policies, request, look);
  return dryRun.allowed === answer.allowed ? decision : { ...decision, dryRun };
}

/** Found once for all clients. */
const enforcedAlone = new WeakMap<Governing, Governing>();
const resetting = new WeakMap<Governing, boolean>();
const indices = new WeakMap<readonly CompiledPolicy[], RuleIndex<CompiledRule>>();

function enforcedOf(policies: Governing): Governing {
  if (!policies.hasDryRun) return policies;
  const known = enforcedAlone.get(policies);
  if (known !== undefined) return known;
  const isEnforced = ({ dryRun }: CompiledPolicy) => !dryRun;
  const { cluster, namespaced, isPassing } = policies;
  const found = {
    cluster: cluster.filter(isEnforced),
    namespaced: namespaced.filter(isEnforced),
    hasDryRun: false,
    isPassing,
  };
  enforcedAlone.set(policies, found);
  return found;
}

function resetsOpen(policies: Governing): boolean {
  const { cluster, namespaced } = policies;
  const found =
    resetting.get(policies) ?? [cluster, namespaced].some((all) => all.some(({ enforceExisting }) => enforceExisting));
  resetting.set(policies, found);
  return found;
}

/** Of one level that governs; undefined where all of its rules are to be looked at. */
function indexOf(policies: readonly CompiledPolicy[], isPassing: boolean): RuleIndex<CompiledRule> | undefined {
  if (isPassing) return undefined;
  const found = indices.get(policies) ?? new RuleIndex(policies.flatMap(({ rules }) => rules));
  indices.set(policies, found);
  return found;
}

function answerOf({ cluster, namespaced, isPassing = false }: Governing, request: PolicyRequest, look: Look): Answer {
  if (cluster.length === 0 && namespaced.length === 0) {
    return { allowed: true, reason: `no policy selects this, so it is allowed: ${wishText(request)}` };
  }
  const answerBy = (policies: readonly CompiledPolicy[]) =>
    answerOfLevel(policies, request, look, indexOf(policies, isPassing || look === 'early'));
  const byCluster = cluster.length > 0 ? answerBy(cluster) : undefined;
  if (byCluster?.allowed === false || namespaced.length === 0) return byCluster!;
  return answerBy(namespaced);
}

/** Of policies of one kind, at least one. */
function answerOfLevel(
  policies: readonly CompiledPolicy[],
  request: PolicyRequest,
  look: Look,
  index: RuleIndex<CompiledRule> | undefined,
): Answer {
  const first = (wanted: (rule: CompiledRule) => boolean) => firstRule(policies, request, index, wanted);
  const denied = first((rule) => rule.action === 'Deny' && rule.matches(request, 'unverified'));
  if (denied !== undefined) {
    return { allowed: false, by: denied.by, reason: `${ruleText(denied.by)}, denies this: ${wishText(request)}` };
  }
  const allowed = first((rule) => rule.action !== 'Deny' && rule.matches(request, look));
  if (allowed !== undefined) {
    const verb = allowed.action === 'Limit' ? 'allows this within its limits' : 'allows this';
    return { allowed: true, by: allowed.by, reason: `${ruleText(allowed.by)}, ${verb}: ${wishText(request)}` };
  }
  const names = policies.map(({ reference }) => reference);
  return {
    allowed: false,
    by: { policy: names[0]! },
    reason: `no rule of ${listText(names)} allows this: ${wishText(request)}${wouldMatch(request, first)}`,
  };
}

function firstRule(
  policies: readonly CompiledPolicy[],
  { operation, client }: PolicyRequest,
  index: RuleIndex<CompiledRule> | undefined,
  wanted: (rule: CompiledRule) => boolean,
): CompiledRule | undefined {
  if (index !== undefined) return index.first(client, (rule) => rule.operations.includes(operation) && wanted(rule));
  for (const { rules } of policies) {
    const found = rules.find((rule) => rule.operations.includes(operation) && wanted(rule));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The half that is missing when a rule means the client but asks that it be better known. */
function wouldMatch(
  request: PolicyRequest,
  first: (wanted: (rule: CompiledRule) => boolean) => CompiledRule | undefined,
): string {
  const { client } = request;
  const rule = first(({ action, matches }) => action !== 'Deny' && matches(request, 'unverified'));
  if (rule === undefined) return doubtText(client);
  const known = doubtText(client) || `; it is verified by ${client.verification} only`;
  return `${known}, and ${ruleText(rule.by)}, asks for more`;
}

function limitsOf(policies: Governing, request: PolicyRequest, look: Look): Decision['limits'] {
  const { cluster, namespaced, isPassing = false } = policies;
  const { operation, client } = request;
  const isWanted = (rule: CompiledRule) =>
    rule.limits !== undefined && rule.operations.includes(operation) && rule.matches(request, look);
  return [cluster, namespaced].flatMap((level) => {
    const index = level.length === 0 ? undefined : indexOf(level, isPassing || look === 'early');
    const rules = index?.all(client, isWanted) ?? level.flatMap((policy) => policy.rules.filter(isWanted));
    return rules.map(({ by, limits = {} }): { by: RuleReference; limits: Limits } => ({ by, limits }));
  });
}
