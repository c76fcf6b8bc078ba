/** `npm run bench -- services-kube`: how soon a service of one cluster is there in another, and gone. */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { KubeClient, ResourceType } from '../../../lib/kube/client.ts';
import { connectCluster } from '../../../lib/kube/config.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { TYPES } from '../../../service-controller/platform/kubernetes/watched.ts';
import { UsageError } from '../../support/arguments.ts';
import { stopChild } from '../../support/child-process.ts';
import { startApiServers } from '../../support/kube/api-server.ts';
import { HOW_TO_HAVE_THEM, kubeAssets } from '../../support/kube/assets.ts';
import { DevProcess } from '../../support/kube/dev-process.ts';
import { Observer } from '../../support/kube/observer.ts';

const NAMESPACE = 'bench';
/** Until every cluster was heard, an export is not told. */
const SETTLED_MS = 5000;

export const servicesKubeUsage = `Usage: npm run bench -- services-kube [options]

Two API servers with \`skuprt dev\` between them: time from a change in one cluster to what follows from it in the other.
Needs KUBEBUILDER_ASSETS.

  --exports N     one after the other, default 60
  --kubeconfig F  of clusters on which \`skuprt dev --link\` runs already, with
  --contexts A,B  their contexts
`;

type Step =
  | 'import with ips'
  | 'endpoint'
  | 'endpoint for kube-proxy'
  | 'not ready: withdrawn'
  | 'ready again'
  | 'gone';

/** @throws UsageError */
export async function runServicesKube(args: readonly string[], signal: AbortSignal): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ args: [...args], options: { exports: text, kubeconfig: text, contexts: text } });
  const count = Number(values.exports ?? 60);
  if (!Number.isInteger(count) || count < 1) throw new UsageError('--exports: a number from 1');
  if (values.kubeconfig !== undefined) {
    const names = (values.contexts ?? '').split(',');
    if (names.length !== 2) throw new UsageError('--contexts: two, with a comma between');
    await measure(values.kubeconfig, names, count, signal);
    return;
  }
  if (kubeAssets() === undefined) throw new UsageError(HOW_TO_HAVE_THEM);
  const { kubeconfig, stop } = await startApiServers(['a', 'b']);
  const dev = new DevProcess(kubeconfig, ['--contexts', 'a,b', '--link']);
  try {
    await dev.ready(['a', 'b']);
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    await measure(kubeconfig, ['a', 'b'], count, signal);
  } finally {
    await stopChild(dev.child);
    await stop();
  }
}

async function measure(
  kubeconfig: string,
  names: readonly string[],
  count: number,
  signal: AbortSignal,
): Promise<void> {
  const open = async (context: string) => (await connectCluster({ kubeconfig, context, env: {} })).client;
  const [from, to] = (await Promise.all(names.map(open))) as [KubeClient, KubeClient];
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  for (const client of [from, to]) await client.apply(TYPES.Namespace, namespace, { fieldManager: 'bench' });
  const imports = new Observer(to, TYPES.ServiceImport, NAMESPACE);
  const slices = new Observer(to, TYPES.EndpointSlice, NAMESPACE);
  await Promise.all([imports.synced, slices.synced]);
  const times = new Map<Step, number[]>();
  for (let index = 0; index < count && !signal.aborted; index += 1) {
    const one = await measureOne(from, imports, slices, `web-${Date.now().toString(36)}-${index}`);
    for (const [step, ms] of one) times.set(step, [...(times.get(step) ?? []), ms]);
  }
  for (const [step, all] of times) say(`${step.padEnd(24)} ${summary(all)}`);
  say(`load ${loadavg()[0]!.toFixed(1)}`);
  await Promise.all([imports.stop(), slices.stop()]);
  for (const client of [from, to]) client.close();
}

/** One service through its life. Milliseconds by step. */
async function measureOne(
  from: KubeClient,
  imports: Observer,
  slices: Observer,
  name: string,
): Promise<Map<Step, number>> {
  const ofName = (objects: KubeObject[]) => objects.filter(({ metadata }) => metadata.name === name);
  const hasIps = ({ spec }: KubeObject) => ((spec as { ips?: string[] }).ips ?? []).length > 0;
  const official = (objects: KubeObject[]) =>
    objects.filter(({ metadata }) => metadata.labels?.['multicluster.kubernetes.io/service-name'] === name);
  const proxied = (objects: KubeObject[]) =>
    objects.filter(
      ({ metadata: { labels = {} } }) =>
        labels['skuprt.io/service'] === name && !official(objects).some((o) => o.metadata.labels === labels),
    );
  const ready = (some: KubeObject[]) => some.some(({ endpoints }) => ((endpoints ?? []) as Endpoint[]).some(isReady));
  const times = new Map<Step, number>();

  await make(from, TYPES.Service, name, { spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] } });
  await make(from, TYPES.EndpointSlice, name, sliceOf(name, true));
  const beginMs = performance.now();
  const waits: [Step, Promise<number>][] = [
    ['import with ips', imports.when('an import', (all) => ofName(all).some(hasIps))],
    ['endpoint', slices.when('an endpoint', (all) => ready(official(all)))],
    ['endpoint for kube-proxy', slices.when('an endpoint for kube-proxy', (all) => ready(proxied(all)))],
  ];
  await make(from, TYPES.ServiceExport, name, {});
  for (const [step, at] of waits) times.set(step, (await at) - beginMs);

  const change = async (step: Step, isThere: boolean) => {
    const startMs = performance.now();
    const at = slices.when(step, (all) => ready(official(all)) === isThere);
    await from.patch(TYPES.EndpointSlice, NAMESPACE, name, sliceOf(name, isThere));
    times.set(step, (await at) - startMs);
  };
  await change('not ready: withdrawn', false);
  await change('ready again', true);

  const endMs = performance.now();
  const gone = imports.when('no import', (all) => ofName(all).length === 0);
  await from.delete(TYPES.ServiceExport, NAMESPACE, name);
  times.set('gone', (await gone) - endMs);
  await from.delete(TYPES.EndpointSlice, NAMESPACE, name);
  await from.delete(TYPES.Service, NAMESPACE, name);
  return times;
}

interface Endpoint {
  conditions?: { ready?: boolean };
}

function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready !== false;
}

function sliceOf(name: string, isThere: boolean): object {
  return {
    metadata: { labels: { 'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': 'bench' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: ['10.99.0.1'], conditions: { ready: isThere } }],
  };
}

async function make(client: KubeClient, type: ResourceType, name: string, members: object): Promise<void> {
  const { metadata, ...rest } = members as { metadata?: object };
  const { apiVersion, kind } = type;
  await client.create(type, { apiVersion, kind, metadata: { name, namespace: NAMESPACE, ...metadata }, ...rest });
}

function summary(all: readonly number[]): string {
  const sorted = [...all].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.ceil(part * sorted.length) - 1]!.toFixed(0).padStart(5);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms, of ${sorted.length}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
