/**
 * Pods of a headless service in another cluster: those that its record names, and for a while those that it named before. A pod of a
 * StatefulSet comes back under its name, and is to have the address that it had. Pure.
 *
 * A pod without a hostname has a name for each of its addresses. Of these, a cluster that has one family takes those of it: the others
 * are the same pods. Where the source has none of the families that there are here, names stand for pods, and routers translate.
 */

import type { KubeObject } from '../../../lib/kube/object.ts';
import { compareText, isDnsLabel } from '../../../lib/text.ts';
import { MCS, routingKey } from '../../names.ts';
import type { IpFamily, ServiceRecord } from '../../records.ts';
import type { Source } from '../exporters.ts';
import { annotationOf, labelOf } from '../fields.ts';
import type { Frame, FramePort } from '../frame.ts';
import { POD_GRACE_MS, PODS_PER_CLUSTER_MAX, PODS_PER_SERVICE_MAX } from '../limits.ts';
import { MADE_ANNOTATION } from '../made.ts';
import { familyOfName } from '../serviceexport/endpoints.ts';

export interface RemotePod {
  hostname: string;
  /** In which it has an address here; some. */
  families: readonly IpFamily[];
  isReady: boolean;
  /** Its cluster has no such pod since then, milliseconds. */
  goneSince?: number;
}

/** Of the site-controller: a longer routing key is refused. */
const ROUTING_KEY_LENGTH_MAX = 256;

/** Ports of the pods of a cluster that can be reached from another. */
export function carriedPorts({ ports }: Frame, cluster: string): FramePort[] {
  return ports.filter(({ isCarried, clusters }) => isCarried && clusters.includes(cluster));
}

/**
 * Those that are there first, in the order of the record, where the names of one pod are neighbours; in each family as many as are
 * offered. None when none of their ports can be reached.
 */
export function remotePods(frame: Frame, { cluster, record }: Source): RemotePod[] {
  if (carriedPorts(frame, cluster).length === 0) return [];
  const pods = new Map<string, RemotePod>();
  for (const { hostname, ready, family } of record.pods ?? []) {
    const families = familiesHere(frame, record, family);
    if (families.length > 0 && isUsable(frame, cluster, hostname)) {
      pods.set(hostname, { hostname, families, isReady: ready });
    }
  }
  for (const pod of gonePods(frame, cluster)) if (!pods.has(pod.hostname)) pods.set(pod.hostname, pod);
  const others = frame.sources.filter(({ state }) => state !== 'own').length;
  const countMax = Math.min(PODS_PER_CLUSTER_MAX, Math.floor(PODS_PER_SERVICE_MAX / others) || 1);
  const counts: Record<IpFamily, number> = { IPv4: 0, IPv6: 0 };
  return [...pods.values()].filter(({ families }) => {
    if (families.some((family) => counts[family] >= countMax)) return false;
    for (const family of families) counts[family] += 1;
    return true;
  });
}

/** `family`: of the address that is a pod's name. */
function familiesHere(
  { ips }: Frame,
  { ipFamilies }: ServiceRecord,
  family: IpFamily | undefined,
): readonly IpFamily[] {
  const isShared = ips.wanted.some((one) => ipFamilies.includes(one));
  return family === undefined || !isShared ? ips.wanted : ips.wanted.filter((one) => one === family);
}

/** When the first of those that are gone is forgotten. */
export function podsEndAt(frame: Frame): number {
  const ends = frame.sources
    .filter(({ state }) => state !== 'own')
    .flatMap((source) => remotePods(frame, source))
    .flatMap(({ goneSince }) => (goneSince === undefined ? [] : [goneSince + POD_GRACE_MS]));
  return Math.min(Infinity, ...ends);
}

function gonePods(frame: Frame, cluster: string): RemotePod[] {
  const { observed, now, ips } = frame;
  return observed.derived
    .filter((service) => labelOf(service, MCS.sourceClusterLabel) === cluster)
    .flatMap((service): RemotePod[] => {
      const hostname = annotationOf(service, MADE_ANNOTATION.hostname);
      // An address does not come back.
      if (hostname === undefined || familyOfName(hostname) !== undefined) return [];
      if (ips.wanted.length === 0 || !isUsable(frame, cluster, hostname)) return [];
      const goneSince = goneSinceOf(service, now);
      return goneSince + POD_GRACE_MS <= now ? [] : [{ hostname, families: ips.wanted, isReady: false, goneSince }];
    })
    .sort((a, b) => compareText(a.hostname, b.hostname));
}

function goneSinceOf(service: KubeObject, now: number): number {
  const written = Date.parse(annotationOf(service, MADE_ANNOTATION.goneSince) ?? '');
  return written <= now ? written : now;
}

function isUsable({ observed, ports }: Frame, cluster: string, hostname: string): boolean {
  const longest = Math.max(0, ...ports.map(({ port }) => routingKey(observed, cluster, port, hostname).length));
  return isDnsLabel(hostname) && longest <= ROUTING_KEY_LENGTH_MAX;
}
