/**
 * EndpointSlices that kube-proxy reads: where the clusterset IP leads. Traffic that stays in the cluster goes to its pods; all other goes
 * to this cluster's routers, which choose among clusters. Pure.
 *
 * Invariants:
 * - Decided for each port and family: what is chosen when it is ready, else what is ready. So traffic moves to a router's port only once
 *   the router listens there, and back only once a pod is ready.
 * - A port that no router carries leads to the pods of this cluster, if it exports that port.
 * - The slices of pods and of routers have different names: the new ones are written before the old ones go.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { IpFamily } from '../../records.ts';
import { type Frame, type FramePort, isServedHere } from '../frame.ts';
import { choiceOf } from '../listener/choice.ts';
import { entityOf, multiKeyListenerName } from '../listener/names.ts';
import { localPrefix } from '../made.ts';
import { localTarget, twinSlices } from './own.ts';
import { type RouterTarget, routerTarget } from './router-endpoints.ts';
import { endpointSlice, proxyLabels } from './slice.ts';

type Mode = 'pods' | 'routers';

export function kubeProxySlices(frame: Frame): KubeObject[] {
  const { merged, derived, ports, families } = frame;
  if (merged.type === 'Headless') return [];
  const modes = new Map(
    families.map((family) => [family, new Map(ports.map((port) => [port, modeOf(frame, port, family)] as const))]),
  );
  const toPods = twinSlices(frame, {
    prefix: localPrefix(derived),
    labels: proxyLabels(derived),
    portsOf: (family) =>
      ports.filter((port) => modes.get(family)?.get(port) === 'pods').map((port) => ({ port, name: port.derivedName })),
  });
  const toRouters = families.flatMap((family) =>
    ports
      .filter((port) => modes.get(family)?.get(port) === 'routers')
      .map((port) => {
        const name = `${derived}-${family.toLowerCase()}-${port.port}`;
        const target = routersFor(frame, port, family);
        return endpointSlice(frame, { name, family, labels: proxyLabels(derived), ...target });
      }),
  );
  return [...toPods, ...toRouters];
}

function modeOf(frame: Frame, port: FramePort, family: IpFamily): Mode {
  if (!port.isCarried) return 'pods';
  if (!isServedHere(frame, port)) return 'routers';
  const hasPods = hasReadyPod(frame, port, family);
  const hasRouters = routersFor(frame, port, family).isReady;
  const wanted: Mode = choiceOf(frame, port).isLocalDirect ? 'pods' : 'routers';
  if (hasPods === hasRouters) return wanted;
  return hasPods ? 'pods' : 'routers';
}

function hasReadyPod(frame: Frame, port: FramePort, family: IpFamily): boolean {
  return frame.local.some(
    (slice) =>
      slice.family === family &&
      localTarget(frame, slice, port) !== undefined &&
      slice.endpoints.some(({ conditions }) => conditions.ready),
  );
}

function routersFor({ observed, carrier }: Frame, port: FramePort, family: IpFamily): RouterTarget {
  const entity = entityOf('MultiKeyListener', multiKeyListenerName(observed, port.port));
  return routerTarget(carrier, family, [{ entity, name: port.derivedName, port }], true);
}
