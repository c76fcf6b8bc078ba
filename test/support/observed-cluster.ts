/** Observations of a site on Kubernetes for the plans of services: what the API server holds after a pass, pods of workloads. */
import type { Resource } from '../../config/api/index.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import type { PodView } from '../../site-controller/reconcile/cluster.ts';
import type { Observed } from '../../site-controller/reconcile/observed.ts';
import { type ClusterParts, cluster, foreign, live, pod as routerPod } from './cluster.ts';
import { observed } from './observed.ts';

/** No ports are given out: a test that needs them adds those of `allocatePorts`. */
export function onKubernetes(
  resources: Resource[],
  parts: ClusterParts = {},
  around: Partial<Observed> = {},
): Observed {
  return observed(resources, { ports: new Map(), ...around, cluster: cluster(parts) });
}

/** Of a workload; running and ready, unless the test says otherwise. */
export function pod(name: string, ip: string, parts: Partial<PodView> = {}): PodView {
  return routerPod(name, { labels: { app: 'web' }, ips: [ip], ...parts });
}

export function foreignService(name: string): KubeObject {
  return foreign('Service', name, { spec: { ports: [{ port: 80 }] } });
}

/** What a plan made, as it is found when it has been applied. */
export function applied(object: KubeObject): KubeObject {
  const { metadata } = live(object.kind, object.metadata.name);
  const labels = { ...object.metadata.labels, ...metadata.labels };
  return { ...object, metadata: { ...object.metadata, ...metadata, labels } };
}

/** The ConfigMap of a group of routers with these entities. */
export function configMap(name: string, entities: readonly unknown[] | string): KubeObject {
  const text = typeof entities === 'string' ? entities : JSON.stringify(entities);
  const labels = { 'internal.skupper.io/router-config': '' };
  return live('ConfigMap', name, { data: { 'skrouterd.json': text } }, { labels });
}
