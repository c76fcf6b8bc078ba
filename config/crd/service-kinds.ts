/**
 * What the CRDs of the kinds of services say beyond the schemas: names, columns, labels, lists that are maps. Names, labels and the
 * meaning of the kinds are the official ones. Reference 1.1 to 1.4 and 1.7.
 */
import type { ServiceKind } from '../api/service-kinds.ts';
import type { Overlay } from './loosen.ts';

/** Labels by which installers of the official CRDs tell which of two is the newer. */
export const RELEASE_LABEL = 'multicluster.x-k8s.io/release-version';
export const REVISION_LABEL = 'multicluster.x-k8s.io/crd-schema-revision';

/** Of the multi-cluster services API: the release that these schemas hold all of. */
const RELEASE_LABELS = { [RELEASE_LABEL]: 'v0.5.0', [REVISION_LABEL]: '0' };

/** API servers ask for it in groups below k8s.io: where the group was agreed on. */
const APPROVAL = 'api-approved.kubernetes.io';

interface Column {
  name: string;
  type: 'string' | 'date';
  jsonPath: string;
  description?: string;
  /** Above 0: only with `-o wide`. */
  priority?: number;
}

export interface ServiceCrdFacts {
  description: string;
  shortNames?: readonly string[];
  categories?: readonly string[];
  columns: readonly Column[];
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
  overlay?: Overlay;
}

const AGE: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const condition = (type: string, description: string): Column => ({
  name: type,
  type: 'string',
  jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
  description,
  priority: 1,
});

/** One entry a type, so that several writers each apply their own. */
const CONDITIONS: Overlay = {
  'status.conditions': { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
  'status.conditions[].observedGeneration': { format: 'int64' },
};

export const SERVICE_CRD_FACTS: Readonly<Record<ServiceKind, ServiceCrdFacts>> = {
  ServiceExport: {
    description: 'Offers the Service of the same name and namespace to all clusters of the set.',
    shortNames: ['svcex', 'svcexport'],
    columns: [
      condition('Valid', 'Whether there is such a Service and it can be exported'),
      condition('Ready', 'Whether it has been exported'),
      condition('Conflict', 'Whether clusters export it differently'),
      AGE,
    ],
    labels: RELEASE_LABELS,
    overlay: { ...CONDITIONS, 'spec.clusterSelectors': { 'x-kubernetes-list-type': 'atomic' } },
  },
  ServiceImport: {
    description: 'A service of the cluster set, as this cluster has it. Made by the service-controller.',
    shortNames: ['svcim', 'svcimport'],
    columns: [
      { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'ClusterSetIP or Headless' },
      { name: 'IP', type: 'string', jsonPath: '.spec.ips', description: 'Its addresses in this cluster' },
      AGE,
    ],
    labels: RELEASE_LABELS,
    overlay: {
      ...CONDITIONS,
      'spec.ports': { 'x-kubernetes-list-type': 'atomic' },
      'spec.ports[].port': { format: 'int32' },
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds': { format: 'int32' },
      'status.clusters': { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['cluster'] },
      'status.observedGeneration': { format: 'int64' },
      'status.clusterSelectorResults': { 'x-kubernetes-list-type': 'atomic' },
    },
  },
  ClusterProperty: {
    description: 'Something that this cluster is known by, such as its id in a set of clusters.',
    categories: ['multicluster'],
    columns: [{ name: 'Value', type: 'string', jsonPath: '.spec.value', description: 'Its value' }, AGE],
    annotations: { [APPROVAL]: 'https://github.com/kubernetes/enhancements/pull/3084' },
  },
  DNSEndpoint: {
    description: 'Records that external-dns puts into a zone outside of this cluster.',
    columns: [AGE],
    annotations: { [APPROVAL]: 'https://github.com/kubernetes-sigs/external-dns/pull/2007' },
    overlay: {
      'spec.endpoints[].recordTTL': { format: 'int64' },
      'status.observedGeneration': { format: 'int64' },
    },
  },
};
