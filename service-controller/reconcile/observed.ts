/** What a plan of one service sees: everything at one moment, as plain values. */
import type { KubeObject } from '../../lib/kube/object.ts';
import type { PolicySet } from '../../lib/policy/decide.ts';
import type { ClusterView, IpFamily } from '../records.ts';

/** A router pod of the site that carries the services here. */
export interface RouterView {
  name: string;
  /** By family; several routers when the site has HA. */
  addresses: readonly { family: IpFamily; address: string }[];
  isReady: boolean;
  /** Names of tcpListeners on which it listens now: those whose address has a consumer in reach. */
  listening: ReadonlySet<string>;
}

export interface CarrierView {
  namespace: string;
  siteId: string;
  /** Families that pods of this cluster have. */
  ipFamilies: readonly IpFamily[];
  routers: readonly RouterView[];
  /** Router ports by the name of the tcpListener: `listener/<Listener>`, `multiAddress/<MultiKeyListener>`. */
  ports: ReadonlyMap<string, number>;
}

/** One service, by its namespace and name, in this cluster. */
export interface Observed {
  namespace: string;
  name: string;
  clusterId: string;
  clusterSet: string;
  /** ClusterProperties of this cluster. */
  properties: Readonly<Record<string, string>>;
  /** `undefined`: no Site carries the services, `carrierFault` says why. */
  carrier: CarrierView | undefined;
  carrierFault: string | undefined;
  /** Since everyone who answers was heard by this process; before, absence means nothing. */
  isSettled: boolean;
  /** Since a cluster that is there would have been heard even if no greeting reached it. Absent: as `isSettled`. */
  hasWaited?: boolean;
  /** When this process began, milliseconds. */
  startedAt: number;
  /** The other clusters of the set. */
  clusters: readonly ClusterView[];
  /**
   * Ids of all clusters that this process has had among `clusters` since it began. One of them that is no longer there left, or was
   * silent for too long; one that an import lists and that never was there is only silent.
   */
  heard?: ReadonlySet<string>;
  /** The namespace exists and is not going away. */
  hasNamespace: boolean;
  /** Of this cluster. */
  service: KubeObject | undefined;
  export: KubeObject | undefined;
  /** EndpointSlices of `service`. */
  slices: readonly KubeObject[];
  /** EndpointSlices of the Services that are its versions, by their names; absent where there are none. */
  versions?: ReadonlyMap<string, readonly KubeObject[]>;
  /** What was made before. */
  import: KubeObject | undefined;
  derived: readonly KubeObject[];
  madeSlices: readonly KubeObject[];
  connectors: readonly KubeObject[];
  /** Listeners and MultiKeyListeners. */
  listeners: readonly KubeObject[];
  /** That hold for the service; absent where there are none. */
  policies?: PolicySet;
}

export interface StatusWrite {
  object: KubeObject;
  status: object;
}

export interface EventWant {
  about: KubeObject;
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}
