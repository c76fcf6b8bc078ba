/** Names that the service-controller shares with users, consumers and the site-controller: labels, annotations, addresses, objects. Pure. */
import { createHash } from 'node:crypto';

/** Of server-side apply, and of `endpointslice.kubernetes.io/managed-by`. */
export const MANAGER = 'skuprt-service-controller';

/** On the Lease of a service-controller outside of pods: where it answers, as `http://127.0.0.1:9000`. */
export const LEASE_ADDRESS = 'skuprt.io/address';

/** multicluster.x-k8s.io and its KEP, reference 1.6. */
export const MCS = {
  group: 'multicluster.x-k8s.io',
  serviceNameLabel: 'multicluster.kubernetes.io/service-name',
  sourceClusterLabel: 'multicluster.kubernetes.io/source-cluster',
  derivedAnnotation: 'multicluster.kubernetes.io/derived-service',
} as const;

export const LABEL = {
  /** Of Kubernetes: a slice of this Service, for kube-proxy. */
  serviceName: 'kubernetes.io/service-name',
  /** Of Kubernetes: who writes a slice. */
  sliceManager: 'endpointslice.kubernetes.io/managed-by',
  /** `MANAGER` on all that the service-controller makes. */
  managedBy: 'app.kubernetes.io/managed-by',
  /** On what is made in the namespace of the site: the service it is for. */
  service: 'skuprt.io/service',
  namespace: 'skuprt.io/service-namespace',
  /** On a Site: it carries the services of the cluster set. */
  carrier: 'skuprt.io/cluster-set',
} as const;

/** On a ServiceExport: how its cluster wants to be chosen by the others. */
export const EXPORT_ANNOTATION = {
  /** A whole number from 0 to 1000, lower is tried first; 0 when absent. */
  priority: 'skuprt.io/priority',
  /** A whole number from 1 to 1000: the share among clusters of one priority; 100 when absent. */
  weight: 'skuprt.io/weight',
  /** `local-first` (default) or `none`. The oldest export decides for all. */
  locality: 'skuprt.io/locality',
  /** How many local endpoints must be ready before traffic stays in a cluster; 1 when absent. The oldest export decides for all. */
  localMinimum: 'skuprt.io/local-minimum',
  /** Versions of the service with their shares: reconcile/connector/versions.ts. */
  versions: 'skuprt.io/versions',
  /**
   * Written by the controller once, RFC 3339 with milliseconds: when this export counts as made, its creation or later. It is there also
   * when the two are the same, so that a restart does not decide anew (reconcile/serviceexport/since.ts).
   */
  since: 'skuprt.io/since',
} as const;

/** On a ServiceImport. */
export const IMPORT_ANNOTATION = {
  /** Ids of the clusters that export it, comma separated: kept over restarts, so that silence is not taken for an unexport. */
  exporters: 'skuprt.io/exporting-clusters',
} as const;

/** Of ClusterProperty. KEP-2149. */
export const PROPERTY = {
  clusterId: 'cluster.clusterset.k8s.io',
  clusterSet: 'clusterset.k8s.io',
} as const;

export const CLUSTER_SET_DEFAULT = 'supercluster';

const ROUTING_KEY_PREFIX = 'skuprt.service/';
const BASE32HEX = '0123456789abcdefghijklmnopqrstuv';

/** Ten characters that stand for a service, or whatever text. */
export function shortHash(text: string): string {
  const digest = createHash('sha256').update(text).digest();
  return Array.from({ length: 10 }, (_, index) => BASE32HEX[digest[index]! & 31]).join('');
}

/** Of the Service that holds the clusterset IP. */
export function derivedName(namespace: string, name: string): string {
  return `derived-${shortHash(`${namespace}/${name}`)}`;
}

/** What connectors and listeners of one port of a service in one cluster, or of one of its pods, find each other by. */
export function routingKey(
  service: { namespace: string; name: string },
  cluster: string,
  port: number,
  hostname?: string,
): string {
  const key = `${ROUTING_KEY_PREFIX}${cluster}/${service.namespace}/${service.name}/${port}`;
  return hostname === undefined ? key : `${key}/${hostname}`;
}

/** It carries a service of the set. */
export function isRoutingKeyOfSet(key: string): boolean {
  return key.startsWith(ROUTING_KEY_PREFIX);
}

/** Of Connectors, Listeners and MultiKeyListeners: `parts` tell those of one service apart. */
export function resourceName(service: { namespace: string; name: string }, ...parts: (string | number)[]): string {
  return ['svc', shortHash(`${service.namespace}/${service.name}`), ...parts].join('-');
}
