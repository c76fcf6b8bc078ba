/**
 * A headless service has no address of its own: each name of a pod of another cluster gets one here, that of a derived Service, which
 * leads to the router's port for that name. The slices of that cluster list these addresses with the pods' hostnames. Pure.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { resourceName, shortHash } from '../../names.ts';
import type { IpFamily } from '../../records.ts';
import { addressesOf } from '../derived-service/ips.ts';
import type { Source } from '../exporters.ts';
import type { Frame } from '../frame.ts';
import { entityOf, listenerName } from '../listener/names.ts';
import type { LocalEndpoint } from './local.ts';
import { carriedPorts, type RemotePod, remotePods } from './remote-pods.ts';
import { type RouterTarget, routerTarget } from './router-endpoints.ts';
import { endpointSlice, officialLabels, proxyLabels } from './slice.ts';

export function podServiceName({ derived }: Pick<Frame, 'derived'>, cluster: string, hostname: string): string {
  return `${derived}-${shortHash(`${cluster}/${hostname}`)}`;
}

/** For consumers: one slice a family. */
export function remotePodSlices(frame: Frame, source: Source): KubeObject[] {
  const { observed, families } = frame;
  const { cluster } = source;
  const ports = carriedPorts(frame, cluster);
  const pods = remotePods(frame, source);
  if (ports.length === 0) return [];
  return families.map((family) =>
    endpointSlice(frame, {
      name: resourceName(observed, cluster, family.toLowerCase()),
      family,
      labels: officialLabels(frame, cluster),
      ports: ports.map(({ name, protocol, port, appProtocol }) => ({ name, protocol, port, appProtocol })),
      endpoints: pods.flatMap((pod) => podEndpoint(frame, cluster, pod, family)),
    }),
  );
}

/** For kube-proxy: of each pod's derived Service. */
export function podProxySlices(frame: Frame): KubeObject[] {
  if (frame.merged.type !== 'Headless') return [];
  return frame.sources
    .filter(({ state, record }) => state !== 'own' && record.type === 'Headless')
    .flatMap((source) =>
      remotePods(frame, source).flatMap(({ hostname, families }) => {
        const name = podServiceName(frame, source.cluster, hostname);
        return families.map((family) => {
          const target = targetOfPod(frame, source.cluster, hostname, family);
          return endpointSlice(frame, {
            name: `${name}-${family.toLowerCase()}`,
            family,
            labels: proxyLabels(name),
            ...target,
          });
        });
      }),
    );
}

function podEndpoint(
  frame: Frame,
  cluster: string,
  { hostname, families, isReady }: RemotePod,
  family: IpFamily,
): LocalEndpoint[] {
  if (!families.includes(family)) return [];
  const name = podServiceName(frame, cluster, hostname);
  const given = addressesOf(frame.services.get(name)?.spec).find((address) => address.family === family);
  if (given === undefined) return [];
  const ready = isReady && targetOfPod(frame, cluster, hostname, family).isReady;
  return [{ addresses: [given.address], conditions: { ready, serving: ready, terminating: false }, hostname }];
}

function targetOfPod(frame: Frame, cluster: string, hostname: string, family: IpFamily): RouterTarget {
  const wanted = carriedPorts(frame, cluster).map((port) => ({
    entity: entityOf('Listener', listenerName(frame.observed, cluster, port.port, hostname)),
    name: port.derivedName,
    port,
  }));
  return routerTarget(frame.carrier, family, wanted, true);
}
