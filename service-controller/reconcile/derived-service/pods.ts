/**
 * A derived Service for each name that a pod of a headless service has in another cluster: its address here. Pure.
 *
 * One that is named by an address has that family alone. While no Service shows that this cluster gives addresses of the second
 * family, the API server is asked for both, which it may answer with the first: for the second alone it would refuse.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { MCS } from '../../names.ts';
import type { IpFamily } from '../../records.ts';
import { podServiceName } from '../endpointslice/headless.ts';
import { remotePods } from '../endpointslice/remote-pods.ts';
import type { Source } from '../exporters.ts';
import type { Frame } from '../frame.ts';
import { MADE_ANNOTATION } from '../made.ts';
import { addressesOf } from './ips.ts';
import { derivedService } from './plan.ts';

export function podServices(frame: Frame): KubeObject[] {
  if (frame.merged.type !== 'Headless' || frame.ips.wanted.length === 0) return [];
  return frame.sources
    .filter(({ state, record }) => state !== 'own' && record.type === 'Headless')
    .flatMap((source) => ofCluster(frame, source));
}

function ofCluster(frame: Frame, source: Source): KubeObject[] {
  const { cluster } = source;
  const ports = frame.ports.filter(({ clusters }) => clusters.includes(cluster));
  const { wanted } = frame.ips;
  const given = new Set(
    [...frame.services.values()].flatMap(({ spec }) => addressesOf(spec)).map(({ family }) => family),
  );
  const isGiven = (family: IpFamily) => family === wanted[0] || given.has(family);
  return remotePods(frame, source).map(({ hostname, families, goneSince }) => {
    const name = podServiceName(frame, cluster, hostname);
    return derivedService(frame, {
      name,
      ports,
      given: addressesOf(frame.services.get(name)?.spec).map(({ family }) => family),
      wanted: families.every(isGiven) ? families : wanted,
      labels: { [MCS.sourceClusterLabel]: cluster },
      annotations: {
        [MADE_ANNOTATION.hostname]: hostname,
        ...(goneSince !== undefined && { [MADE_ANNOTATION.goneSince]: new Date(goneSince).toISOString() }),
      },
    });
  });
}
