/**
 * EndpointSlices with the labels of the multi-cluster services API: for each cluster that exports the service, its endpoints as they are
 * reached from here. Own ones are the pods; those of others are this cluster's routers, at a port that leads to that cluster only.
 * Reference 1.6, KEP-1645 "EndpointSlice". Pure.
 *
 * A lost cluster has none (its lease ended); one that may be live and was not heard yet keeps those that it has.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { resourceName } from '../../names.ts';
import type { Source } from '../exporters.ts';
import type { Frame } from '../frame.ts';
import { entityOf, listenerName } from '../listener/names.ts';
import { remotePodSlices } from './headless.ts';
import { twinSlices } from './own.ts';
import { routerTarget } from './router-endpoints.ts';
import { endpointSlice, officialLabels } from './slice.ts';

export function officialSlices(frame: Frame): KubeObject[] {
  return frame.sources
    .filter(({ record, state }) => record.type === frame.merged.type && (state === 'own' || state === 'live'))
    .flatMap((source) => {
      if (source.state === 'own') return ownSlices(frame, source.cluster);
      return frame.merged.type === 'Headless' ? remotePodSlices(frame, source) : remoteSlices(frame, source);
    });
}

function ownSlices(frame: Frame, cluster: string): KubeObject[] {
  return twinSlices(frame, {
    prefix: resourceName(frame.observed, cluster),
    labels: officialLabels(frame, cluster),
    portsOf: () => frame.ports.map((port) => ({ port, name: port.name })),
  });
}

function remoteSlices(frame: Frame, { cluster, record }: Source): KubeObject[] {
  const { observed, ports, carrier, families } = frame;
  const served = ports.filter((port) => port.isCarried && port.clusters.includes(cluster));
  if (served.length === 0) return [];
  return families.map((family) => {
    const wanted = served.map((port) => ({
      entity: entityOf('Listener', listenerName(observed, cluster, port.port)),
      name: port.name,
      port,
    }));
    const { ports: slicePorts, endpoints } = routerTarget(carrier, family, wanted, record.ready > 0);
    const name = resourceName(observed, cluster, family.toLowerCase());
    return endpointSlice(frame, { name, family, labels: officialLabels(frame, cluster), ports: slicePorts, endpoints });
  });
}
