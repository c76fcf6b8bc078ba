/** A derived Service for each pod that a headless service has in another cluster: the pod's address here. Pure. */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { MCS } from '../../names.ts';
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
  return remotePods(frame, source).map(({ hostname, goneSince }) => {
    const name = podServiceName(frame, cluster, hostname);
    return derivedService(frame, {
      name,
      ports,
      given: addressesOf(frame.services.get(name)?.spec).map(({ family }) => family),
      labels: { [MCS.sourceClusterLabel]: cluster },
      annotations: {
        [MADE_ANNOTATION.hostname]: hostname,
        ...(goneSince !== undefined && { [MADE_ANNOTATION.goneSince]: new Date(goneSince).toISOString() }),
      },
    });
  });
}
