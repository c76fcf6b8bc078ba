/**
 * Policies of Skupper's first version as ours. Pure.
 *
 * There, once policies are installed, nothing is allowed but what some policy allows: sites of namespaces to be linked to, or to link to
 * hosts; services by their address; workloads to be exposed. What comes out allows no more than that; where it must allow less, or
 * cannot say the same, a note tells. Connections are not governed, as there.
 */
import { NO_SITE, POLICY_BOUNDS } from './limits.ts';
import { matchesPattern } from './match.ts';
import { patternsOf } from './regular-expression.ts';
import type { ClientSelector, PolicyDocument, PolicyRule, ServiceSelector } from './types.ts';

export interface SkupperClusterPolicy {
  readonly name: string;
  readonly spec: {
    readonly namespaces?: readonly string[];
    readonly allowIncomingLinks?: boolean;
    readonly allowedOutgoingLinksHostnames?: readonly string[];
    readonly allowedExposedResources?: readonly string[];
    readonly allowedServices?: readonly string[];
  };
}

export interface Converted {
  readonly documents: PolicyDocument[];
  /** Sentences for who converts. */
  readonly notes: string[];
}

const ALL = ['*'];

interface Read {
  readonly name: string;
  readonly namespaces: readonly string[];
  readonly incoming: boolean;
  readonly hosts: readonly string[];
  /** Names of Connectors. */
  readonly resources: readonly string[];
  readonly routingKeys: readonly string[];
}

export function convertPolicies(policies: readonly SkupperClusterPolicy[]): Converted {
  const notes: string[] = [];
  const read = policies.map((policy) => readPolicy(policy, notes)).filter(({ namespaces }) => namespaces.length > 0);
  const nobody: PolicyDocument = {
    kind: 'ClusterAccessPolicy',
    name: 'skupper-v1-nothing-else',
    spec: { rules: [{ action: 'Allow', operations: ['Expose', 'Import', 'Link'], from: [{ sites: [NO_SITE] }] }] },
  };
  const documents = read.flatMap((policy) => [...linksOf(policy), ...importsOf(policy), ...exposesOf(policy, read)]);
  return { documents: [nobody, ...documents], notes: [...new Set(notes)] };
}

function readPolicy({ name, spec }: SkupperClusterPolicy, notes: string[]): Read {
  const read = (member: keyof typeof spec, list: readonly string[] = []) =>
    list.flatMap((expression) => {
      const patterns = patternsOf(expression);
      if (patterns !== undefined) return patterns;
      notes.push(`${name}: ${member} "${expression}" is more than names and * can say: it is left out`);
      return [];
    });
  const labels = (spec.namespaces ?? []).filter((entry) => entry.includes('='));
  for (const label of labels) {
    notes.push(`${name}: namespaces by label (${label}) are not known to policies: name them instead`);
  }
  if ([...(spec.namespaces ?? []), ...(spec.allowedServices ?? [])].some((entry) => /^[\w-]+$/.test(entry))) {
    notes.push(
      'Names are taken as they are, where Skupper also means longer ones that contain them: write *NAME* for these',
    );
  }
  if ((spec.allowedExposedResources ?? []).some((entry) => entry.includes('/'))) {
    notes.push('Resources to be exposed are meant by the names of their Connectors: their type is not looked at');
  }
  const namespaces = read(
    'namespaces',
    (spec.namespaces ?? []).filter((entry) => !entry.includes('=')),
  );
  if (namespaces.length === 0) notes.push(`${name}: it is about no namespace, so nothing comes of it`);
  return {
    name,
    namespaces,
    incoming: spec.allowIncomingLinks === true,
    hosts: read('allowedOutgoingLinksHostnames', spec.allowedOutgoingLinksHostnames),
    resources: read('allowedExposedResources', spec.allowedExposedResources).map((entry) =>
      entry.replace(/^[^/]*\//, ''),
    ),
    routingKeys: read('allowedServices', spec.allowedServices).flatMap((key) =>
      key.endsWith('*') ? [key] : [key, `${key}:*`],
    ),
  };
}

function linksOf({ name, namespaces, incoming, hosts }: Read): PolicyDocument[] {
  const rules: PolicyRule[] = [];
  const allow = (from: ClientSelector): void => {
    rules.push({ action: 'Allow', operations: ['Link'], from: [from] });
  };
  if (incoming) allow({ direction: 'Incoming' });
  for (const some of portions(hosts)) allow({ direction: 'Outgoing', hosts: some });
  return documentsOf(`${name}-links`, [{ namespaces }], rules);
}

function importsOf({ name, namespaces, routingKeys }: Read): PolicyDocument[] {
  if (routingKeys.length === 0) return [];
  const selectors = portions(routingKeys).map((some) => ({ namespaces, ...unlessAll('routingKeys', some) }));
  return documentsOf(`${name}-imports`, selectors, [{ action: 'Allow', operations: ['Import'] }]);
}

/** What is exposed needs both: its workload allowed by one policy, and its address by one. */
function exposesOf({ name, namespaces, resources }: Read, all: readonly Read[]): PolicyDocument[] {
  if (resources.length === 0) return [];
  const selectors = all.flatMap((other) => {
    const both = common(namespaces, other.namespaces);
    if (both.length === 0 || other.routingKeys.length === 0) return [];
    return portions(resources).flatMap((names) =>
      portions(other.routingKeys).map((keys) => ({
        namespaces: both,
        ...unlessAll('names', names),
        ...unlessAll('routingKeys', keys),
      })),
    );
  });
  return documentsOf(`${name}-exposes`, selectors, [{ action: 'Allow', operations: ['Expose'] }]);
}

/** More selectors than one policy takes become several policies. */
function documentsOf(name: string, selectors: readonly ServiceSelector[], rules: PolicyRule[]): PolicyDocument[] {
  if (rules.length === 0) return [];
  const services = selectors.map(({ namespaces = ALL, ...rest }) => ({
    ...unlessAll('namespaces', namespaces),
    ...rest,
  }));
  const isAll = services.some((selector) => Object.keys(selector).length === 0);
  if (isAll) return [{ kind: 'ClusterAccessPolicy', name, spec: { rules } }];
  return portions(services, POLICY_BOUNDS.services).map((some, index) => ({
    kind: 'ClusterAccessPolicy',
    name: index === 0 ? name : `${name}-${index + 1}`,
    spec: { services: some, rules },
  }));
}

function unlessAll(member: string, patterns: readonly string[]): Record<string, readonly string[]> {
  return patterns.includes('*') ? {} : { [member]: patterns };
}

/** Patterns that mean what both lists mean; of two that overlap without one within the other, nothing. */
function common(a: readonly string[], b: readonly string[]): string[] {
  const within = (some: readonly string[], others: readonly string[]) =>
    some.filter((pattern) => others.some((other) => matchesPattern(other, pattern)));
  return [...new Set([...within(a, b), ...within(b, a)])];
}

function portions<Item>(list: readonly Item[], size: number = POLICY_BOUNDS.names): Item[][] {
  const count = Math.ceil(list.length / size);
  return Array.from({ length: count }, (_, index) => list.slice(index * size, (index + 1) * size));
}
