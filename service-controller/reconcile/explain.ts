/** Why a service is in this cluster what it is, and where a connection through each cluster would have to be made. Pure. */
import { type ExplainedVersion, type Explanation, explain, type PortFact } from '../merge/explain.ts';
import { mergeExports } from '../merge/merge.ts';
import { readyTargets } from './connector/plan.ts';
import { versionsOf } from './connector/versions.ts';
import { targetOf } from './endpointslice/local.ts';
import { exportersOf } from './exporters.ts';
import { type Frame, type FramePort, frameOf, isServedHere, sourcesOf } from './frame.ts';
import { choiceOf } from './listener/choice.ts';
import { entityOf, listenerName } from './listener/names.ts';
import type { Observed, RouterView } from './observed.ts';
import { ownExport } from './serviceexport/own-record.ts';

/** A place to connect to: the first address is tried. */
export interface TestTarget {
  cluster: string;
  port: number;
  host: string;
  /** Of a router, or of the pod. */
  hostPort: number;
}

export interface ExplainedService {
  explanation: Explanation;
  /** One for each cluster and port that can be reached from here. */
  targets: TestTarget[];
}

/** @param now wall-clock milliseconds */
export function explainObserved(observed: Observed, now: number): ExplainedService {
  const own = observed.hasNamespace ? ownExport(observed) : undefined;
  const { sources } = exportersOf(observed, own?.record, now);
  const merged = mergeExports(sources);
  const frame = merged === undefined ? undefined : frameOf(observed, sources, merged, now);
  const carried = frame?.ports.filter(({ isCarried }) => isCarried) ?? [];
  const explanation = explain({
    namespace: observed.namespace,
    name: observed.name,
    self: observed.clusterId,
    exporters: sources.map(({ cluster, record, state }) => ({
      cluster,
      record,
      state: state === 'unseen' ? 'lost' : state,
    })),
    merged,
    choices:
      frame === undefined || merged?.type === 'Headless'
        ? []
        : carried.map((port) => ({ port, choice: choiceOf(frame, port) })),
    facts: frame === undefined ? [] : carried.flatMap((port) => factsOf(frame, port)),
    versions: frame === undefined ? [] : versionFacts(frame, carried),
  });
  return { explanation, targets: frame === undefined ? [] : carried.flatMap((port) => targetsOf(frame, port)) };
}

/** By the first port: the endpoints of the others are the same pods. */
function versionFacts(frame: Frame, ports: readonly FramePort[]): ExplainedVersion[] {
  const served = ports.find((port) => isServedHere(frame, port));
  const versions = served && versionsOf(frame.observed, readyTargets(frame, served));
  return (versions ?? []).map(({ name, share, targets }) => ({ service: name, share, ready: targets.length }));
}

function factsOf(frame: Frame, port: FramePort): PortFact[] {
  const routers = frame.carrier?.routers.filter(({ isReady }) => isReady) ?? [];
  return sourcesOf(frame, port).map(({ cluster }) => {
    const entity = entityFor(frame, cluster, port);
    return {
      cluster,
      protocol: port.protocol,
      port: port.port,
      routerPort: frame.carrier?.ports.get(entity),
      readyRouterCount: routers.length,
      listeningRouterCount: routers.filter(({ listening }) => listening.has(entity)).length,
    };
  });
}

function targetsOf(frame: Frame, port: FramePort): TestTarget[] {
  const { carrier } = frame;
  const remote = sourcesOf(frame, port)
    .filter(({ state }) => state !== 'own')
    .flatMap(({ cluster }): TestTarget[] => {
      const entity = entityFor(frame, cluster, port);
      const hostPort = carrier?.ports.get(entity);
      const router = carrier?.routers.find(({ isReady, listening }: RouterView) => isReady && listening.has(entity));
      const host = router?.addresses[0]?.address;
      return hostPort === undefined || host === undefined ? [] : [{ cluster, port: port.port, host, hostPort }];
    });
  return isServedHere(frame, port) ? [...ownTarget(frame, port), ...remote] : remote;
}

/** The first endpoint of this cluster that is ready. */
function ownTarget({ local, observed }: Frame, port: FramePort): TestTarget[] {
  for (const slice of local) {
    const hostPort = targetOf(slice, port);
    const host = slice.endpoints.find(({ conditions }) => conditions.ready)?.addresses[0];
    if (hostPort !== undefined && host !== undefined)
      return [{ cluster: observed.clusterId, port: port.port, host, hostPort }];
  }
  return [];
}

function entityFor({ observed }: Frame, cluster: string, port: FramePort): string {
  return entityOf('Listener', listenerName(observed, cluster, port.port));
}
