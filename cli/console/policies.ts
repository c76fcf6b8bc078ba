/** Access policies as the console shows them: what each rule says in a sentence, and which of them govern a service. Pure. */
import type { PolicyView } from '../../console/model/api.ts';
import { compilePolicies, governing, referenceOf } from '../../lib/policy/decide.ts';
import { limitsText } from '../../lib/policy/reason.ts';
import type { ClientSelector, PolicyDocument, PolicyRule, PolicyService } from '../../lib/policy/types.ts';
import { documentOf, type PolicyResource } from '../../site-controller/reconcile/policy/documents.ts';

const ACTION_WORDS = { Allow: 'allows', Deny: 'denies', Limit: 'allows within limits' } as const;
const OPERATION_WORDS = { Connect: 'to connect', Expose: 'to expose', Import: 'to import', Link: 'to link' } as const;

export function policyView(resource: PolicyResource, namespace: string): PolicyView {
  const { kind, metadata, spec, status } = resource;
  const { listeners = 0, connectors = 0, sites = 0 } = status?.selected ?? {};
  const conditions = status?.conditions ?? [];
  const document = documentOf(resource, namespace);
  return {
    reference: referenceOf(document),
    kind,
    name: metadata.name,
    namespace: document.namespace ?? '',
    dryRun: spec.dryRun === true,
    enforceExisting: spec.enforceExisting === true,
    rules: document.spec.rules.map(ruleSentence),
    selected: listeners + connectors + sites,
    ready: conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    warnings: warningsOf(conditions),
  };
}

/** References of those that say who may connect to any of these services. */
export function governingPolicies(documents: readonly PolicyDocument[], services: readonly PolicyService[]): string[] {
  const set = compilePolicies(documents);
  const names = services.flatMap((service) => {
    const request = { operation: 'Connect', client: { verification: 'local' }, service } as const;
    const { cluster, namespaced } = governing(set, request);
    return [...cluster, ...namespaced].map(({ reference }) => reference);
  });
  return [...new Set(names)].sort();
}

/** `allows sites west, north with labels app=web to connect`. */
export function ruleSentence({ action, operations = ['Connect'], from, limits }: PolicyRule): string {
  const who = from === undefined ? 'everyone' : from.map(clientWords).join(', or ');
  const what = operations.map((operation) => OPERATION_WORDS[operation]).join(' and ');
  const within = limits === undefined ? '' : `: ${limitsText(limits)}`;
  return `${ACTION_WORDS[action]} ${who} ${what}${within}`;
}

function clientWords({ sites, namespaces, workloads, serviceAccounts, selector, hosts }: ClientSelector): string {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const expressions = selector?.matchExpressions ?? [];
  const terms = expressions.map(({ key, operator, values = [] }) => [key, operator, values.join(',')].join(' ').trim());
  const parts: readonly (readonly [word: string, values: readonly string[] | undefined])[] = [
    ['workload', workloads],
    ['service account', serviceAccounts],
    ['labels', [...labels, ...terms]],
    ['namespace', namespaces],
    ['site', sites],
    ['host', hosts],
  ];
  const said = parts.flatMap(([word, values = []]) => (values.length === 0 ? [] : [`${word} ${values.join('|')}`]));
  return said.join(', ') || 'everyone';
}

/** Conditions that warn are true when there is something to warn of. */
function warningsOf(conditions: readonly { type: string; status: string; message: string }[]): string[] {
  return conditions.flatMap(({ type, status, message }) =>
    /Warning/.test(type) && status === 'True' ? [message] : [],
  );
}
