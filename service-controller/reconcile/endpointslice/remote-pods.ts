/**
 * Pods of a headless service in another cluster: those that its record names, and for a while those that it named before. A pod of a
 * StatefulSet comes back under its name, and is to have the address that it had. Pure.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { MCS, routingKey } from '../../names.ts';
import type { Source } from '../exporters.ts';
import { annotationOf, byText, isDnsLabel, labelOf } from '../fields.ts';
import type { Frame, FramePort } from '../frame.ts';
import { POD_GRACE_MS, PODS_PER_CLUSTER_MAX, PODS_PER_SERVICE_MAX } from '../limits.ts';
import { MADE_ANNOTATION } from '../made.ts';

export interface RemotePod {
  hostname: string;
  isReady: boolean;
  /** Its cluster has no such pod since then, milliseconds. */
  goneSince?: number;
}

/** Of the site-controller: a longer routing key is refused. */
const ROUTING_KEY_LENGTH_MAX = 256;
/** Of a pod without a hostname: its address, which does not come back. */
const DASHED_ADDRESS = /^(\d{1,3}-){3}\d{1,3}$|^[0-9a-f]{0,4}-[0-9a-f-]*-[0-9a-f]{1,4}$/;

/** Ports of the pods of a cluster that can be reached from another. */
export function carriedPorts({ ports }: Frame, cluster: string): FramePort[] {
  return ports.filter(({ isCarried, clusters }) => isCarried && clusters.includes(cluster));
}

/** Those that are there first, by hostname; as many as are offered. None when none of their ports can be reached. */
export function remotePods(frame: Frame, { cluster, record }: Source): RemotePod[] {
  if (carriedPorts(frame, cluster).length === 0) return [];
  const pods = new Map<string, RemotePod>();
  const sorted = [...(record.pods ?? [])].sort((a, b) => byText(a.hostname, b.hostname));
  for (const { hostname, ready } of sorted) {
    if (isUsable(frame, cluster, hostname)) pods.set(hostname, { hostname, isReady: ready });
  }
  for (const pod of gonePods(frame, cluster)) if (!pods.has(pod.hostname)) pods.set(pod.hostname, pod);
  const others = frame.sources.filter(({ state }) => state !== 'own').length;
  return [...pods.values()].slice(0, Math.min(PODS_PER_CLUSTER_MAX, Math.floor(PODS_PER_SERVICE_MAX / others) || 1));
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
  const { observed, now } = frame;
  return observed.derived
    .filter((service) => labelOf(service, MCS.sourceClusterLabel) === cluster)
    .flatMap((service): RemotePod[] => {
      const hostname = annotationOf(service, MADE_ANNOTATION.hostname);
      if (hostname === undefined || !isUsable(frame, cluster, hostname) || DASHED_ADDRESS.test(hostname)) return [];
      const goneSince = goneSinceOf(service, now);
      return goneSince + POD_GRACE_MS <= now ? [] : [{ hostname, isReady: false, goneSince }];
    })
    .sort((a, b) => byText(a.hostname, b.hostname));
}

function goneSinceOf(service: KubeObject, now: number): number {
  const written = Date.parse(annotationOf(service, MADE_ANNOTATION.goneSince) ?? '');
  return written <= now ? written : now;
}

function isUsable({ observed, ports }: Frame, cluster: string, hostname: string): boolean {
  const longest = Math.max(0, ...ports.map(({ port }) => routingKey(observed, cluster, port, hostname).length));
  return isDnsLabel(hostname) && longest <= ROUTING_KEY_LENGTH_MAX;
}
