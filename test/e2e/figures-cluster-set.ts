/**
 * `npm run test:e2e -- --contexts a,b --figures --only cluster-set`: how soon a Service that was exported in one cluster has a name in the
 * other, and answers there. One export after the other, each by one request to the API server, so that no kubectl is measured.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MCS_API } from '../../cli/places/cluster-set.ts';
import { connectCluster } from '../../lib/kube/config.ts';
import { nameOf, PORT, service, serviceExport } from './cluster-set.ts';
import { CONTEXTS, CONTROLLER_NAMESPACE, dropPlaces, newNamespace, Place } from './world.ts';

const COUNT = 60;
/** Between two exports. */
const PAUSE_MS = 400;
const NAMESPACE = 'e2e-set-figures';

const [west, east] = CONTEXTS.slice(0, 2).map((context) => new Place(context, NAMESPACE)) as [Place, Place];
for (const place of [west, east]) {
  await newNamespace(place);
}
await Promise.all([west.server('backend', 2), east.client()]);
const { spec } = await new Place(east.context, CONTROLLER_NAMESPACE).get('service', 'skuprt-dns');
const { client } = await connectCluster({ context: west.context, env: process.env, userAgent: 'figures' });
const names = Array.from({ length: COUNT }, (_, index) => `backend-${index}`);
await west.apply(...names.map((name) => ({ ...service(name, { selector: { app: 'backend' } }) })));
await sleep(3000);
const watching = east.start('client', 'known', [spec.clusterIP, PORT]);
await sleep(2000);
const begun = new Map<string, number>();
for (const name of names) {
  watching.tell(nameOf(name, east));
  await sleep(PAUSE_MS);
  begun.set(name, Date.now());
  const object = serviceExport(name) as Parameters<typeof client.create>[1];
  await client.create(MCS_API.exports, { ...object, metadata: { ...object.metadata, namespace: NAMESPACE } });
}
await sleep(10_000);
const times = JSON.parse(await watching.stop()) as Record<string, { resolvedMs: number; answeredMs: number }>;
client.close();
const since = (read: (time: { resolvedMs: number; answeredMs: number }) => number): number[] =>
  names.flatMap((name) => {
    const time = times[nameOf(name, east)];
    return time === undefined ? [] : [read(time) - begun.get(name)!];
  });
for (const [what, values] of [
  ['export made to name answered', since(({ resolvedMs }) => resolvedMs)],
  ['export made to first answer over it', since(({ answeredMs }) => answeredMs)],
] as const) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  process.stdout.write(
    `${what}: p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms, most ${sorted.at(-1)} ms, of ${sorted.length} of ${COUNT}\n`,
  );
}
await dropPlaces([west, east]);
