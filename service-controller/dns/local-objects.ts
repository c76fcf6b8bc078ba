/**
 * What the runtime resources of a local site say of names. Pure.
 *
 * ServiceImports and EndpointSlices count as on a cluster; one without addresses is on this machine. A Listener that no import stands
 * for is a service under its host name and its routing key, at the address and port where the router listens.
 */
import { isIP } from 'node:net';
import type { KubeObject } from '../../lib/kube/object.ts';

export interface LocalNames {
  /** ServiceImports by `namespace/name`. */
  imports: ReadonlyMap<string, KubeObject>;
  /** By name; of the namespace of the site. */
  slices: ReadonlyMap<string, KubeObject>;
}

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const LOOPBACK = '127.0.0.1';
const WILDCARDS: Readonly<Record<string, string>> = { '0.0.0.0': LOOPBACK, '::': '::1' };

export function localNames(namespace: string, objects: readonly KubeObject[]): LocalNames {
  const imports = new Map<string, KubeObject>();
  const slices = new Map<string, KubeObject>();
  for (const object of objects) {
    const within = { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? namespace } };
    if (object.kind === 'ServiceImport')
      imports.set(`${within.metadata.namespace}/${object.metadata.name}`, here(within));
    if (object.kind === 'EndpointSlice') slices.set(object.metadata.name, within);
  }
  for (const [name, offer] of offersOf(objects)) {
    const key = `${namespace}/${name}`;
    if (!imports.has(key)) imports.set(key, importOf(namespace, name, offer));
  }
  return { imports, slices };
}

function here(object: KubeObject): KubeObject {
  const spec = (object.spec ?? {}) as { type?: string; ips?: string[] };
  return spec.type === 'Headless' || spec.ips?.length ? object : { ...object, spec: { ...spec, ips: [LOOPBACK] } };
}

interface Offer {
  ips: Set<string>;
  ports: Set<number>;
}

function offersOf(objects: readonly KubeObject[]): Map<string, Offer> {
  const offers = new Map<string, Offer>();
  for (const { kind, spec } of objects) {
    if (kind !== 'Listener' && kind !== 'MultiKeyListener') continue;
    const { host = '', port, routingKey = '' } = (spec ?? {}) as { host?: string; port?: number; routingKey?: string };
    if (typeof host !== 'string' || typeof routingKey !== 'string' || typeof port !== 'number') continue;
    const address = WILDCARDS[host] ?? (isIP(host) === 0 ? LOOPBACK : host);
    for (const name of new Set([host, routingKey.split(':', 1)[0]!].map((text) => text.toLowerCase()))) {
      if (!LABEL.test(name) || name === 'localhost') continue;
      const offer = offers.get(name) ?? { ips: new Set(), ports: new Set() };
      offers.set(name, offer);
      offer.ips.add(address);
      offer.ports.add(port);
    }
  }
  return offers;
}

function importOf(namespace: string, name: string, { ips, ports }: Offer): KubeObject {
  const sorted = [...ports].sort((a, b) => a - b);
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceImport',
    metadata: { name, namespace },
    spec: {
      type: 'ClusterSetIP',
      ips: [...ips].sort(),
      ports: sorted.map((port, index) => ({ name: index === 0 ? '' : `port-${port}`, protocol: 'TCP', port })),
    },
  };
}
