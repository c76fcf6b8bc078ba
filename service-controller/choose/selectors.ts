/**
 * Cluster selectors of KEP-5939 (a draft): which clusters a selector names, seen from a cluster that imports. The words and operators
 * of a label selector, over ClusterProperties. Endpoints have no say here. Pure.
 */
import { isRecord } from '../../lib/shape.ts';
import { PROPERTY } from '../names.ts';
import type { ClusterSelector } from '../records.ts';

/** As a value: the value that the importing cluster has for this key. */
export const SAME_AS_IMPORTER = '@SameAsImporter@';
/** Of KEP-5939. */
const SELECTORS_MAX = 16;
/** As the exchange takes them. */
const PROPERTIES_MAX = 64;
const EXPRESSIONS_MAX = 16;
const VALUES_MAX = 64;
/** Of all selectors of one export, as JSON: every cluster keeps them. */
const LENGTH_MAX = 16 * 1024;
/** A ClusterProperty's value may have 128,000 characters; nobody selects by such. */
const VALUE_LENGTH_MAX = 1024;

/** A cluster by what selectors see of it. Its id needs not be among the properties. */
export interface SelectableCluster {
  cluster: string;
  properties: Readonly<Record<string, string>>;
}

export interface SelectorResult {
  /** Sorted; none when the selector matches nothing. */
  clusters: string[];
  /** Why the selector cannot be evaluated. */
  fault: string | undefined;
}

interface Requirement {
  key: string;
  operator: string;
  values: readonly string[];
}

/** One result a selector, in their order. */
export function selectClusters(
  selectors: readonly ClusterSelector[],
  importer: SelectableCluster,
  clusters: readonly SelectableCluster[],
): SelectorResult[] {
  const own = propertiesOf(importer);
  return selectors.map((selector) => {
    const requirements = requirementsOf(selector);
    const fault = requirements.map(requirementFault).find((text) => text !== undefined);
    if (fault !== undefined) return { clusters: [], fault };
    const resolved = requirements.map((requirement) => resolve(requirement, own));
    const matching = clusters.filter((cluster) => {
      const properties = propertiesOf(cluster);
      return resolved.every((requirement) => requirement !== undefined && matches(requirement, properties));
    });
    return { clusters: matching.map(({ cluster }) => cluster).sort(), fault: undefined };
  });
}

/**
 * What is wrong with `spec.clusterSelectors` of a ServiceExport, whatever its value is; `undefined` when it can be used. Stricter
 * than `selectClusters`: a selector without requirements, which matches all there, is none that somebody meant.
 */
export function selectorsFault(value: unknown): string | undefined {
  if (!Array.isArray(value)) return 'clusterSelectors is no list';
  if (value.length > SELECTORS_MAX) return `there are ${value.length} cluster selectors, ${SELECTORS_MAX} are allowed`;
  for (const [index, selector] of value.entries()) {
    const fault = selectorFault(selector);
    if (fault !== undefined) return `clusterSelectors[${index}]: ${fault}`;
  }
  const { length } = JSON.stringify(value);
  return length > LENGTH_MAX ? `the cluster selectors have ${length} characters, ${LENGTH_MAX} are allowed` : undefined;
}

function selectorFault(value: unknown): string | undefined {
  if (!isRecord(value) || !isRecord(value.propertySelector)) return 'it has no propertySelector';
  const extra = Object.keys(value).find((key) => key !== 'propertySelector');
  if (extra !== undefined) return `${extra} is not known; a selector has a propertySelector and nothing else`;
  const { matchProperties = {}, matchExpressions = [], ...unknown } = value.propertySelector;
  const [other] = Object.keys(unknown);
  if (other !== undefined) return `propertySelector.${other} is not known`;
  if (!isRecord(matchProperties)) return 'matchProperties is no map';
  if (!Array.isArray(matchExpressions)) return 'matchExpressions is no list';
  const propertyCount = Object.keys(matchProperties).length;
  if (propertyCount + matchExpressions.length === 0) return 'its propertySelector is empty';
  if (propertyCount > PROPERTIES_MAX)
    return `matchProperties has ${propertyCount} members, ${PROPERTIES_MAX} are allowed`;
  if (matchExpressions.length > EXPRESSIONS_MAX) {
    return `matchExpressions has ${matchExpressions.length} items, ${EXPRESSIONS_MAX} are allowed`;
  }
  return requirementsOf(value as unknown as ClusterSelector)
    .map(requirementFault)
    .find((fault) => fault !== undefined);
}

function requirementsOf({ propertySelector }: ClusterSelector): Requirement[] {
  return [
    ...Object.entries(propertySelector.matchProperties ?? {}).map(([key, value]) => ({
      key,
      operator: 'In',
      values: [value],
    })),
    ...(propertySelector.matchExpressions ?? []).map((expression) => ({
      key: expression?.key,
      operator: expression?.operator,
      values: expression?.values ?? [],
    })),
  ];
}

/** Names of ClusterProperties are those of objects; clusters tell each other those that are no longer than this. */
const PROPERTY_NAME = /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/;

/** Looks at the values too: records come from other clusters. */
function requirementFault({ key, operator, values }: Requirement): string | undefined {
  if (typeof key !== 'string' || !PROPERTY_NAME.test(key))
    return `${JSON.stringify(key)} is no name of a ClusterProperty`;
  if (!Array.isArray(values)) return `values of ${key} is no list`;
  if (values.length > VALUES_MAX) return `${key} has ${values.length} values, ${VALUES_MAX} are allowed`;
  if (values.some((value) => typeof value !== 'string')) return `a value of ${key} is no text`;
  if (values.some((value) => value.length > VALUE_LENGTH_MAX || /\p{Cc}|\p{Cs}/u.test(value))) {
    return `a value of ${key} has more than ${VALUE_LENGTH_MAX} characters, or one that cannot be shown`;
  }
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length === 0 ? `${operator} of ${key} has no values` : undefined;
    case 'Exists':
    case 'DoesNotExist':
      return values.length > 0 ? `${operator} of ${key} has values, which it cannot use` : undefined;
    default:
      return `the operator of ${key} is ${JSON.stringify(operator)}, and not In, NotIn, Exists or DoesNotExist`;
  }
}

/** `undefined`: it asks for a value that the importer does not have, so the selector matches no cluster, also with NotIn. */
function resolve(requirement: Requirement, own: ReadonlyMap<string, string>): Requirement | undefined {
  if (!requirement.values.includes(SAME_AS_IMPORTER)) return requirement;
  const value = own.get(requirement.key);
  if (value === undefined) return undefined;
  return { ...requirement, values: requirement.values.map((text) => (text === SAME_AS_IMPORTER ? value : text)) };
}

/** As label selectors: NotIn and DoesNotExist match what has no such key. */
function matches({ key, operator, values }: Requirement, properties: ReadonlyMap<string, string>): boolean {
  const value = properties.get(key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    default:
      return value === undefined;
  }
}

function propertiesOf({ cluster, properties }: SelectableCluster): ReadonlyMap<string, string> {
  return new Map([...Object.entries(properties), [PROPERTY.clusterId, cluster]]);
}
