/** What clusters tell each other about the services they export: one small record a service, never its endpoints. Plain values. */

export type Protocol = 'TCP' | 'UDP' | 'SCTP';
export type IpFamily = 'IPv4' | 'IPv6';
export type ServiceType = 'ClusterSetIP' | 'Headless';

export interface PortRecord {
  /** '' for the only port of a service without names. */
  name: string;
  protocol: Protocol;
  port: number;
  appProtocol?: string;
}

/** KEP-5939. `@SameAsImporter@` as a value: that of the cluster which imports. */
export interface ClusterSelector {
  propertySelector: {
    matchProperties?: Record<string, string>;
    matchExpressions?: { key: string; operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'; values?: string[] }[];
  };
}

/** A name of a pod of a headless service. */
export interface PodRecord {
  /** One DNS label: that of the pod, or one of its addresses with dashes. */
  hostname: string;
  ready: boolean;
  /** Of the address that is its name: a pod without a hostname has one record for each of its addresses. Absent: all families. */
  family?: IpFamily;
}

export interface ServiceRecord {
  namespace: string;
  name: string;
  /** Of the ServiceExport. */
  uid: string;
  /** When the export counts as made: milliseconds since 1970. The oldest wins a conflict, ties by the id of the cluster. */
  since: number;
  type: ServiceType;
  ports: PortRecord[];
  ipFamilies: IpFamily[];
  sessionAffinity: 'None' | 'ClientIP';
  /** Of ClientIP. */
  sessionAffinityTimeoutSeconds?: number;
  internalTrafficPolicy?: string;
  trafficDistribution?: string;
  /** `spec.exportedLabels`; undefined as the empty map. */
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  clusterSelectors?: ClusterSelector[];
  /** Of EXPORT_ANNOTATION; absent is the default. */
  priority?: number;
  weight?: number;
  locality?: 'local-first' | 'none';
  localMinimum?: number;
  /** Endpoints that are ready. Between numbers above 0 it may lag by a second. */
  ready: number;
  /** Headless only. */
  pods?: PodRecord[];
  /** Where the service can be reached from outside: `status.loadBalancer` of a Service of that type. For DNSEndpoint. */
  external?: ExternalAddress[];
}

export type ExternalAddress = { ip: string } | { hostname: string };

/** An Ingress that takes part in the names of an external domain. */
export interface IngressRecord {
  namespace: string;
  name: string;
  hosts: string[];
  addresses: ExternalAddress[];
  weight?: number;
  /** Some service behind it has a ready endpoint. */
  isHealthy: boolean;
}

/** What a cluster says of itself, beside its services. */
export interface ClusterInfo {
  /** Its ClusterProperties, without that of the id. */
  properties: Record<string, string>;
  /** Of skuprt. */
  version: string;
}

/**
 * `live`: heard within its lease. `lost`: it fell silent, what it said last is kept. A cluster that left cleanly is not there.
 */
export type ClusterState = 'live' | 'lost';

export interface ClusterView {
  id: string;
  /** Of the site that carries its services. */
  siteId: string;
  state: ClusterState;
  /** When it was last heard, milliseconds. */
  heardAt: number;
  info: ClusterInfo;
  /** By `serviceKey`. */
  services: ReadonlyMap<string, ServiceRecord>;
  ingresses: ReadonlyMap<string, IngressRecord>;
}

export function serviceKey({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}
