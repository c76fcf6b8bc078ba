/**
 * What this cluster is called in its set, from its ClusterProperties and its settings. Pure. KEP-2149.
 *
 * The property is the cluster's word and is never changed here; one that is missing is made once, under a name that nobody else has.
 */

import type { KubeObject } from '../../../lib/kube/object.ts';
import { isDnsLabel } from '../../../lib/text.ts';
import { PROPERTY } from '../../names.ts';

export type IdentityDecision =
  | { clusterId: string; clusterSet: string }
  /** The ClusterProperty to be made first. */
  | { make: { name: string; value: string } }
  | { fault: string };

export interface IdentityInput {
  properties: ReadonlyMap<string, KubeObject>;
  /** `--cluster-id`, `--cluster-set`. */
  clusterId: string;
  clusterSet: string;
  /** The Site that carries the services. */
  site: KubeObject;
  /** Ids of the other clusters of the set. */
  taken: ReadonlySet<string>;
}

const LABEL_LENGTH_MAX = 63;
const SUFFIX_LENGTH = 5;

export function decideIdentity({ properties, clusterId, clusterSet, site, taken }: IdentityInput): IdentityDecision {
  const id = propertyValue(properties.get(PROPERTY.clusterId));
  if (id === undefined) return { make: { name: PROPERTY.clusterId, value: clusterId || freeName(site, taken) } };
  if (!isDnsLabel(id)) {
    return {
      fault: `ClusterProperty ${PROPERTY.clusterId} is "${id}": it must be one DNS label of at most 63 characters to name this cluster in its set`,
    };
  }
  const set = propertyValue(properties.get(PROPERTY.clusterSet));
  if (set === undefined) return { make: { name: PROPERTY.clusterSet, value: clusterSet } };
  return { clusterId: id, clusterSet: set };
}

/** What other clusters may know of this one, by the name of the property. */
export function publicProperties(properties: Iterable<KubeObject>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const property of properties) {
    const value = propertyValue(property);
    if (value !== undefined && property.metadata.name !== PROPERTY.clusterId) found[property.metadata.name] = value;
  }
  return found;
}

export function propertyValue(property: KubeObject | undefined): string | undefined {
  if (property === undefined || property.metadata.deletionTimestamp !== undefined) return undefined;
  const { value } = (property.spec ?? {}) as { value?: unknown };
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function freeName({ metadata }: KubeObject, taken: ReadonlySet<string>): string {
  const name = asLabel(metadata.name, LABEL_LENGTH_MAX);
  if (name !== '' && !taken.has(name)) return name;
  const suffix = (metadata.uid ?? '').replaceAll('-', '').slice(0, SUFFIX_LENGTH);
  return `${asLabel(metadata.name, LABEL_LENGTH_MAX - SUFFIX_LENGTH - 1) || 'cluster'}-${suffix}`;
}

/** A Site's name may have dots and be longer than a label. */
function asLabel(name: string, length: number): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
    .slice(0, length)
    .replace(/^-+|-+$/g, '');
}
