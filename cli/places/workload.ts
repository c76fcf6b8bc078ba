/** What a Connector is to reach: a host, or the pods of a workload and the ports they listen on. Pure. */
import type { KubeObject } from '../../lib/kube/object.ts';

export interface Target {
  /** Either of these two. */
  host?: string;
  selector?: string;
  /** The port of the workload for a port of its service, where they differ. */
  ports: ReadonlyMap<number, number>;
  /** Each pod matters by itself: those of a StatefulSet. */
  isByName: boolean;
}

/** Kinds by every name that kubectl knows them by. */
export const WORKLOAD_KINDS: Readonly<Record<string, { apiVersion: string; kind: string; plural: string }>> = (() => {
  const kinds = [
    [['deployment', 'deployments', 'deploy'], 'apps/v1', 'Deployment', 'deployments'],
    [['statefulset', 'statefulsets', 'sts'], 'apps/v1', 'StatefulSet', 'statefulsets'],
    [['daemonset', 'daemonsets', 'ds'], 'apps/v1', 'DaemonSet', 'daemonsets'],
    [['replicaset', 'replicasets', 'rs'], 'apps/v1', 'ReplicaSet', 'replicasets'],
    [['service', 'services', 'svc'], 'v1', 'Service', 'services'],
  ] as const;
  return Object.fromEntries(
    kinds.flatMap(([names, apiVersion, kind, plural]) => names.map((name) => [name, { apiVersion, kind, plural }])),
  );
})();

export function hostTarget(host: string): Target {
  return { host, ports: new Map(), isByName: false };
}

export function selectorTarget(selector: string): Target {
  return { selector, ports: new Map(), isByName: false };
}

interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

interface ServicePort {
  port: number;
  targetPort?: number | string;
}

/** The target of a workload; undefined when it selects no pods. `pods` are looked at for the names of ports. */
export function targetOf(workload: KubeObject, pods: readonly KubeObject[]): Target | undefined {
  const { kind, metadata } = workload;
  const spec = workload.spec as
    | { selector?: LabelSelector | Record<string, string>; ports?: ServicePort[] }
    | undefined;
  if (kind === 'Service') {
    const selector = selectorText({ matchLabels: (spec?.selector ?? {}) as Record<string, string> });
    // One that leads to endpoints of its own, or to another name, is reached by its own.
    if (selector === '') return hostTarget(`${metadata.name}.${metadata.namespace ?? 'default'}.svc`);
    return { selector, ports: portsOf(spec?.ports ?? [], pods), isByName: false };
  }
  const selector = selectorText((spec?.selector ?? {}) as LabelSelector);
  if (selector === '') return undefined;
  return { selector, ports: new Map(), isByName: kind === 'StatefulSet' };
}

/** In the form that a label selector has in a query. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    switch (operator) {
      case 'Exists':
        return key;
      case 'DoesNotExist':
        return `!${key}`;
      default:
        return `${key} ${operator === 'NotIn' ? 'notin' : 'in'} (${values.join(',')})`;
    }
  });
  return [...labels, ...expressions].join(',');
}

/** A target port may be a name that the containers of the pods give a number. */
function portsOf(ports: readonly ServicePort[], pods: readonly KubeObject[]): Map<number, number> {
  const named = new Map(pods.flatMap((pod) => containerPorts(pod)));
  return new Map(
    ports.flatMap(({ port, targetPort }): [number, number][] => {
      const target = typeof targetPort === 'string' ? named.get(targetPort) : targetPort;
      return target === undefined || target === 0 ? [] : [[port, target]];
    }),
  );
}

function containerPorts(pod: KubeObject): [name: string, port: number][] {
  const { containers = [] } = (pod.spec ?? {}) as {
    containers?: { ports?: { name?: string; containerPort: number }[] }[];
  };
  return containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ name, containerPort }): [string, number][] => (name === undefined ? [] : [[name, containerPort]])),
  );
}
