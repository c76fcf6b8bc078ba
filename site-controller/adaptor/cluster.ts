/** What an adaptor needs of the cluster; kube-cluster.ts has it from an API server, tests from memory. */
import type { Secret } from '../../config/api/secret.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import type { Workloads } from '../reconcile/policy/workload-document.ts';

export interface AdaptorCluster {
  /** Everything was listed at least once. */
  readonly isSynced: boolean;
  /** The router's ConfigMap as last heard; undefined while there is none. */
  configMap(): KubeObject | undefined;
  /** Secrets of the namespace, by name. */
  secrets(): ReadonlyMap<string, Secret>;
  /** Which pod has which address, from so many ConfigMaps; undefined until all of them were read. They are watched from the first call on. */
  workloads(partCount: number): Workloads | undefined;
  /** Watches until `signal` aborts; calls back after each change. */
  run(onChange: () => void, signal: AbortSignal): Promise<void>;
  /** Server-side apply of a ConfigMap. @throws SkuprtError */
  apply(configMap: KubeObject, fieldManager: string, signal?: AbortSignal): Promise<void>;
  /** Deletes a ConfigMap. @returns whether there was one. @throws SkuprtError */
  remove(name: string): Promise<boolean>;
  /** Takes part in the election of the one adaptor that speaks for the site, until `signal` aborts. */
  elect(onChange: (isLeading: boolean) => void, signal: AbortSignal): Promise<void>;
}
