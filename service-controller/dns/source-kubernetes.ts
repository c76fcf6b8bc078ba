/** What the API server of a cluster knows of names, into the data of zones: each change touches its own service only. */

import type { Clock } from '../../lib/clock.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { Reflector, type ReflectorParts } from '../../lib/kube/reflector.ts';
import { MCS } from '../names.ts';
import type { ExternalZone } from './external-zone.ts';
import type { ServiceData } from './service-data.ts';

export interface KubernetesSourceParts extends Omit<ReflectorParts, 'clock'> {
  clock: Clock;
  data: ServiceData;
  externalZones: readonly ExternalZone[];
}

const SERVICE_IMPORTS = {
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceImport',
  plural: 'serviceimports',
};
const ENDPOINT_SLICES = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', plural: 'endpointslices' };
const NAMESPACES = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const DNS_ENDPOINTS = { apiVersion: 'externaldns.k8s.io/v1alpha1', kind: 'DNSEndpoint', plural: 'dnsendpoints' };

export class KubernetesSource {
  readonly reflectors: readonly Reflector[];

  constructor(parts: KubernetesSourceParts) {
    const { data, externalZones, clock } = parts;
    const reflect = (options: ConstructorParameters<typeof Reflector>[1]) => new Reflector(parts, options);
    this.reflectors = [
      reflect({
        type: SERVICE_IMPORTS,
        transform: (object) => slim(object, { spec: object.spec }),
        onChange: (before, after) => {
          const { namespace = '', name } = (after ?? before)!.metadata;
          data.setImport(namespace, name, after, clock.wall());
        },
      }),
      reflect({
        type: ENDPOINT_SLICES,
        labelSelector: MCS.serviceNameLabel,
        transform: (object) => {
          const { addressType, ports, endpoints } = object;
          return slim(object, { addressType, ports, endpoints });
        },
        onChange: (before, after) => data.setSlice(before, after, clock.wall()),
      }),
      reflect({
        type: NAMESPACES,
        transform: (object) => slim(object, {}),
        onChange: (before, after) =>
          data.setNamespace((after ?? before)!.metadata.name, after !== undefined, clock.wall()),
      }),
      // Of external-dns, which need not be there.
      ...(externalZones.length === 0
        ? []
        : [
            reflect({
              type: DNS_ENDPOINTS,
              isOptional: true,
              transform: (object) => slim(object, { spec: object.spec }),
              onChange: (before, after) => {
                for (const zone of externalZones) zone.setEndpoint(before, after, clock.wall());
              },
            }),
          ]),
    ];
  }

  /** Everything was seen once; it stays so while the API server is away. */
  get isSynced(): boolean {
    return this.reflectors.every((reflector) => reflector.isSynced);
  }

  /** What it waits for. */
  missing(): string[] {
    return this.reflectors.filter((reflector) => !reflector.isSynced).map(({ type }) => type.plural);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.reflectors.map((reflector) => reflector.run(signal)));
  }
}

/** Names, labels and what answers are made from: 5,000 imports are a few MiB. */
function slim({ apiVersion, kind, metadata }: KubeObject, rest: object): KubeObject {
  const { name, namespace, uid, resourceVersion, labels } = metadata;
  return { apiVersion, kind, metadata: { name, namespace, uid, resourceVersion, labels }, ...rest };
}
