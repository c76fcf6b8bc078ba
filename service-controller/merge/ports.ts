/**
 * The ports of a merged service: the union of what its exports have. Unique by name (the empty one too) and by protocol and number,
 * as the ports of a Service are. Pure.
 *
 * What a client asks for is a protocol and a number: the name only helps it to find the number. So a merged port is served by each
 * cluster that has this protocol and number, whatever it calls it:
 * - Equal name, protocol and number: one port, served by both (conformance 10: tcp/42 of two clusters).
 * - Equal protocol and number, other name: one port under the older name, served by both: a renamed port is no other service.
 * - Equal name, other number or protocol: the younger one is dropped and its cluster serves nothing for it (conformance 11, 20):
 *   one name cannot stand for two numbers. This is looked at first, so that a port which was dropped for its name does not come
 *   back as a helper of another port that happens to have its number: `admin` of one cluster and `web` of another on 8080.
 * - Neither: a port of its own, served by the clusters that have it and by no other (conformance 10 and 21).
 * `appProtocol` is the older one's and keeps nobody from serving.
 */
import type { PortRecord } from '../records.ts';
import { MERGED_PORTS_MAX } from './limits.ts';
import type { Exporter, MergedPort } from './merge.ts';

/** `exporters`: of the merged type, the oldest first. */
export function mergePorts(exporters: readonly Exporter[]): MergedPort[] {
  const byName = new Map<string, MergedPort>();
  const byNumber = new Map<string, MergedPort>();
  for (const { cluster, record } of exporters) {
    for (const port of record.ports) {
      const named = byName.get(port.name);
      const numbered = byNumber.get(numberOf(port));
      if (named && named !== numbered) continue;
      if (numbered) {
        if (!numbered.clusters.includes(cluster)) numbered.clusters.push(cluster);
      } else if (byName.size < MERGED_PORTS_MAX) {
        const merged: MergedPort = { ...port, clusters: [cluster] };
        byName.set(port.name, merged);
        byNumber.set(numberOf(port), merged);
      }
    }
  }
  return [...byName.values()].map((port) => ({ ...port, clusters: port.clusters.sort() }));
}

function numberOf({ protocol, port }: PortRecord): string {
  return `${protocol}/${port}`;
}
