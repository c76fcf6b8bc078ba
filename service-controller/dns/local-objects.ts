/**
 * What the runtime resources of local sites say of names. Pure.
 *
 * ServiceImports and EndpointSlices count as on a cluster; one without addresses is on this machine. A Listener that no import stands
 * for is a service under its host name and its routing key, at the address and port where the router listens.
 *
 * Each site imports every service for itself, at addresses of its own. Of several that have one, the site of the service's namespace
 * speaks for it, else the first by name; slices come from the same site.
 */

import { isIP } from 'node:net';
import type { KubeObject } from '../../lib/kube/object.ts';
import { isDnsLabel } from '../../lib/text.ts';
import { MCS } from '../names.ts';

/** Of one site. */
export interface SiteNames {
  /** ServiceImports by `namespace/name`. */
  imports: ReadonlyMap<string, KubeObject>;
  /** Imports as Listeners stand for them. */
  offers: ReadonlyMap<string, KubeObject>;
  /** By the service that they are of. */
  slices: ReadonlyMap<string, readonly KubeObject[]>;
}

/** Of all sites. */
export interface LocalNames {
  imports: ReadonlyMap<string, KubeObject>;
  /** By namespace and name. */
  slices: ReadonlyMap<string, KubeObject>;
}

const LOOPBACK = '127.0.0.1';
const WILDCARDS: Readonly<Record<string, string>> = { '0.0.0.0': LOOPBACK, '::': '::1' };

/** `namespace`: that of the site. */
export function siteNames(namespace: string, objects: readonly KubeObject[]): SiteNames {
  const imports = new Map<string, KubeObject>();
  const slices = new Map<string, KubeObject[]>();
  for (const object of objects) {
    const within = { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? namespace } };
    const { metadata } = within;
    if (object.kind === 'ServiceImport') imports.set(`${metadata.namespace}/${metadata.name}`, here(within));
    if (object.kind !== 'EndpointSlice') continue;
    const key = `${metadata.namespace}/${metadata.labels?.[MCS.serviceNameLabel] ?? ''}`;
    slices.set(key, [...(slices.get(key) ?? []), within]);
  }
  const offers = [...offersOf(objects)].map(([name, offer]) => {
    return [`${namespace}/${name}`, importOf(namespace, name, offer)] as const;
  });
  return { imports, offers: new Map(offers), slices };
}

/** By the namespaces of the sites. */
export function localNames(sites: ReadonlyMap<string, SiteNames>): LocalNames {
  const imports = new Map<string, KubeObject>();
  const slices = new Map<string, KubeObject>();
  const sorted = [...sites].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [, site] of sorted) {
    for (const key of site.imports.keys()) {
      if (imports.has(key)) continue;
      const speaker = [sites.get(key.split('/')[0]!), site].find((one) => one?.imports.has(key))!;
      imports.set(key, speaker.imports.get(key)!);
      for (const slice of speaker.slices.get(key) ?? [])
        slices.set(`${slice.metadata.namespace}/${slice.metadata.name}`, slice);
    }
  }
  for (const [, site] of sorted) {
    for (const [key, object] of site.offers) if (!imports.has(key)) imports.set(key, object);
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
      if (!isDnsLabel(name) || name === 'localhost') continue;
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
