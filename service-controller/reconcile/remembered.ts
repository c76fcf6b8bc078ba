/**
 * What a cluster exports that was not heard since this process began: what the import says, and what was made here for that cluster.
 * It counts as the oldest export, so that an import does not change because a controller restarted. Pure.
 */
import { compareText, isDnsLabel } from '../../lib/text.ts';
import { MCS } from '../names.ts';
import type { IpFamily, PodRecord, PortRecord, Protocol, ServiceRecord } from '../records.ts';
import { annotationOf, fieldsOf, labelOf, listOf, portOf, textOf, textsOf } from './fields.ts';
import { isExportable, MADE_ANNOTATION } from './made.ts';
import type { Observed } from './observed.ts';
import { familyOfName } from './serviceexport/endpoints.ts';

/** `heard`: what others export, which is asked for what no import shows. */
export function rememberedRecord(observed: Observed, cluster: string, heard: readonly ServiceRecord[]): ServiceRecord {
  const { namespace, name, import: made } = observed;
  const spec = fieldsOf(made?.spec);
  const type = spec.type === 'Headless' ? 'Headless' : 'ClusterSetIP';
  const timeout = fieldsOf(fieldsOf(spec.sessionAffinityConfig).clientIP).timeoutSeconds;
  const [oldest] = [...heard].sort((a, b) => a.since - b.since);
  return {
    namespace,
    name,
    uid: '',
    since: 0,
    type,
    ports: rememberedPorts(observed, cluster, listOf(spec.ports).flatMap(portRecord)),
    ipFamilies: textsOf(spec.ipFamilies).filter((family): family is IpFamily => family === 'IPv4' || family === 'IPv6'),
    sessionAffinity: spec.sessionAffinity === 'ClientIP' ? 'ClientIP' : 'None',
    ...(typeof timeout === 'number' && { sessionAffinityTimeoutSeconds: timeout }),
    internalTrafficPolicy: textOf(spec.internalTrafficPolicy),
    trafficDistribution: textOf(spec.trafficDistribution),
    labels: exported(made?.metadata.labels),
    annotations: exported(made?.metadata.annotations),
    clusterSelectors: oldest?.clusterSelectors,
    locality: oldest?.locality,
    localMinimum: oldest?.localMinimum,
    ready: 0,
    ...(type === 'Headless' && { pods: rememberedPods(observed, cluster) }),
  };
}

/** Of those that routers carry, the ones for which there is a listener: a cluster may export only some of the ports. */
function rememberedPorts({ listeners }: Observed, cluster: string, ports: PortRecord[]): PortRecord[] {
  const ofCluster = listeners.filter((listener) => labelOf(listener, MCS.sourceClusterLabel) === cluster);
  if (ofCluster.length === 0) return ports;
  const listened = new Set(ofCluster.map(({ spec }) => fieldsOf(spec).port));
  return ports.filter(({ protocol, port }) => protocol !== 'TCP' || listened.has(port));
}

function rememberedPods({ derived }: Observed, cluster: string): PodRecord[] {
  const pods = new Map<string, PodRecord>();
  for (const service of derived) {
    const hostname = annotationOf(service, MADE_ANNOTATION.hostname);
    if (labelOf(service, MCS.sourceClusterLabel) !== cluster || hostname === undefined || !isDnsLabel(hostname))
      continue;
    const family = familyOfName(hostname);
    // One that was made for a pod of a family that this cluster has not stands for the pod.
    const isOfFamily = family !== undefined && textsOf(fieldsOf(service.spec).ipFamilies).includes(family);
    pods.set(hostname, { hostname, ready: false, ...(isOfFamily && { family }) });
  }
  return [...pods.values()].sort((a, b) => compareText(a.hostname, b.hostname));
}

function portRecord({ name, protocol, port, appProtocol }: ReturnType<typeof fieldsOf>): PortRecord[] {
  const number = portOf(port);
  if (number === undefined) return [];
  const known: Protocol = protocol === 'UDP' || protocol === 'SCTP' ? protocol : 'TCP';
  const app = textOf(appProtocol);
  return [{ name: textOf(name) ?? '', protocol: known, port: number, ...(app !== undefined && { appProtocol: app }) }];
}

function exported(texts: unknown): Record<string, string> | undefined {
  const kept = Object.entries(fieldsOf(texts)).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && isExportable(entry[0]),
  );
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
