/** `npm run bench -- kube`: how a controller does with many sites. */
import { loadavg } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { readKustomization } from '../../../cli/commands/install/manifests.ts';
import type { KubeClient, ResourceType } from '../../../lib/kube/client.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { WATCHED } from '../../../site-controller/platform/kubernetes/watched.ts';
import { UsageError } from '../../support/arguments.ts';
import { ApiServer } from '../../support/kube/api-server.ts';
import { HOW_TO_HAVE_THEM, kubeAssets } from '../../support/kube/assets.ts';
import { unusedPort } from '../../support/tcp.ts';
import { ControllerProcess } from './controller-process.ts';
import { type KubeOptions, kubeUsage, parseKubeOptions } from './options.ts';

const SKUPPER = 'skupper.io/v2alpha1';
const DEFINITION: ResourceType = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};
const NAMESPACE: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const AT_ONCE = 16;
/** Nothing was written for so long: all that follows from something else is there. */
const SETTLED_MS = 5000;
const GIVE_UP_MS = 20 * 60_000;
const POLL_MS = 250;

export async function runKube(args: readonly string[], signal: AbortSignal): Promise<void> {
  const options = parseKubeOptions(args);
  if (options === 'help') {
    say(kubeUsage);
    return;
  }
  if (kubeAssets() === undefined) throw new UsageError(HOW_TO_HAVE_THEM);
  const api = await ApiServer.start('bench');
  try {
    const { client } = await api.connect();
    await install(client);
    const startMs = performance.now();
    await populate(client, options);
    say(`made ${options.sites} sites in ${seconds(performance.now() - startMs)} s`);
    const grantPort = await unusedPort();
    await coldStart('first start', { api, client, grantPort }, options, signal);
    await coldStart('restart', { api, client, grantPort }, { ...options, idleMinutes: 0 }, signal);
    client.close();
  } finally {
    await api.stop();
  }
}

/** A fresh process, until nothing is written any more; then the idle time. */
async function coldStart(
  title: string,
  { api, client, grantPort }: { api: ApiServer; client: KubeClient; grantPort: number },
  { idleMinutes, ...counts }: KubeOptions,
  signal: AbortSignal,
): Promise<void> {
  const startMs = performance.now();
  const controller = await ControllerProcess.start(await api.kubeconfig(), grantPort);
  try {
    const convergedMs = await converged(controller, counts, signal);
    const { rssMiB, peakMiB, cpuSeconds } = await controller.usage();
    say(
      `${title}: converged ${seconds(convergedMs - startMs)} s, cpu ${cpuSeconds.toFixed(1)} s, ` +
        `rss ${rssMiB.toFixed(0)} MiB (peak ${peakMiB.toFixed(0)}), api calls ${await calls(controller)}, ` +
        `writes ${await writes(controller)}, load ${loadavg()[0]!.toFixed(1)}`,
    );
    if (idleMinutes > 0) await idle(controller, client, idleMinutes, signal);
  } finally {
    await controller.stop();
  }
}

async function idle(
  controller: ControllerProcess,
  client: KubeClient,
  minutes: number,
  signal: AbortSignal,
): Promise<void> {
  const [versions, written, before] = [await versionsOf(client), await writes(controller), await controller.usage()];
  await sleep(minutes * 60_000, undefined, { signal });
  const after = await controller.usage();
  const now = await versionsOf(client);
  const changed = [...now].filter(([name, version]) => versions.get(name) !== version).map(([name]) => name);
  say(
    `idle ${minutes} min: writes ${(await writes(controller)) - written}, objects changed ${changed.length}` +
      `${changed.length === 0 ? '' : ` (${changed.slice(0, 5).join(', ')})`}, ` +
      `cpu ${(after.cpuSeconds - before.cpuSeconds).toFixed(1)} s, rss ${after.rssMiB.toFixed(0)} MiB`,
  );
}

/** When the last write was done, once there were none for a while and every site is configured. */
async function converged(
  controller: ControllerProcess,
  { sites }: Pick<KubeOptions, 'sites'>,
  signal: AbortSignal,
): Promise<number> {
  const giveUpMs = performance.now() + GIVE_UP_MS;
  let last = { count: 0, atMs: performance.now() };
  let lookedMs: number | undefined;
  for (;;) {
    await sleep(POLL_MS, undefined, { signal });
    await controller.usage();
    const count = await writes(controller);
    const passes = await controller.metric('skuprt_controller_reconcile_total');
    if (count !== last.count) last = { count, atMs: performance.now() };
    const isLooked = passes >= sites && (await controller.metric('skuprt_controller_queue_depth')) === 0;
    if (isLooked) lookedMs ??= performance.now();
    if (lookedMs !== undefined && performance.now() - last.atMs > SETTLED_MS) return Math.max(last.atMs, lookedMs);
    if (performance.now() > giveUpMs) throw new Error(`not converged after ${GIVE_UP_MS / 60_000} minutes`);
  }
}

function writes(controller: ControllerProcess): Promise<number> {
  const verbs = /verb="(create|update|apply|patch|delete)"/;
  return controller.metric(
    'skuprt_controller_api_requests_total',
    (labels) => verbs.test(labels) && !/kind="(Lease|Event)"/.test(labels),
  );
}

function calls(controller: ControllerProcess): Promise<number> {
  return controller.metric('skuprt_controller_api_requests_total');
}

/** resourceVersions of everything that the controller watches. */
async function versionsOf(client: KubeClient): Promise<Map<string, string>> {
  const versions = new Map<string, string>();
  for (const type of WATCHED) {
    const { items } = await client.list(type).catch(() => ({ items: [] as KubeObject[] }));
    for (const { metadata } of items) {
      versions.set(`${type.kind} ${metadata.namespace}/${metadata.name}`, metadata.resourceVersion!);
    }
  }
  return versions;
}

async function install(client: KubeClient): Promise<void> {
  await client.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'skupper' } });
  const definitions = readKustomization('crd');
  for (const definition of definitions) await client.apply(DEFINITION, definition, { fieldManager: 'bench' });
  while ((await client.kindsOf(SKUPPER)).size < definitions.length) await sleep(POLL_MS);
}

async function populate(client: KubeClient, { sites, listeners, connectors }: KubeOptions): Promise<void> {
  const make = (kind: string, namespace: string, name: string, spec: object) => {
    const type = { apiVersion: SKUPPER, kind, plural: `${kind.toLowerCase()}s` };
    return client.create(type, { apiVersion: SKUPPER, kind, metadata: { name, namespace }, spec });
  };
  const names = Array.from({ length: sites }, (_, index) => `site-${index}`);
  await inParallel(names, async (namespace) => {
    await client.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await make('Site', namespace, 'site', { linkAccess: 'default' });
    for (let index = 0; index < listeners; index += 1) {
      const spec = { routingKey: `key-${index}`, host: `backend-${index}`, port: 8080 };
      await make('Listener', namespace, `listener-${index}`, spec);
    }
    for (let index = 0; index < connectors; index += 1) {
      const spec = { routingKey: `key-${index}`, selector: `app=workload-${index}`, port: 8080 };
      await make('Connector', namespace, `connector-${index}`, spec);
    }
  });
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
