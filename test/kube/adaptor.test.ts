/** Adaptors on a real API server, each beside a real router. */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { createLogger } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { decodeReport } from '../../lib/router-client/report.ts';
import { Adaptor } from '../../site-controller/adaptor/adaptor.ts';
import { initRouter } from '../../site-controller/adaptor/init.ts';
import { KubeCluster } from '../../site-controller/adaptor/kube-cluster.ts';
import { decodeNetwork } from '../../site-controller/exchange/network-document.ts';
import { profileSection, type Section, TestPod } from '../support/adaptor.ts';
import { eventually } from '../support/eventually.ts';
import { ApiServer } from '../support/kube/api-server.ts';
import { kubeAssets } from '../support/kube/assets.ts';
import { RouterProcesses } from '../support/router-process.ts';
import { unusedPort } from '../support/tcp.ts';

const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' };
const SECRET = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' };
const NAMESPACE = 'default';
const OWNER = { apiVersion: 'skupper.io/v2alpha1', kind: 'Site', name: 'west', uid: 'uid-of-site' };
const log = createLogger({ name: 'adaptor', level: 'silent' });
const base = { clock: systemClock, random: systemRandom, log };
const hasAssets = kubeAssets() !== undefined;

let api: ApiServer;
let client: KubeClient;
let ends: (() => Promise<unknown>)[] = [];

/** One pod: its files, its router, its adaptor. */
class Pod {
  readonly files: TestPod;
  readonly routers = new RouterProcesses();
  readonly options: TestPod['options'];
  adaptor: Adaptor | undefined;
  private stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  private constructor(files: TestPod) {
    this.files = files;
    this.options = { ...files.options, namespace: NAMESPACE };
  }

  static async make(name: string, configMap?: string): Promise<Pod> {
    const pod = new Pod(await TestPod.make(name, configMap));
    ends.push(() => pod.end());
    return pod;
  }

  async configure(sections: readonly Section[], adaptor: object = {}): Promise<void> {
    const metadata = { name: this.options.configMap, namespace: NAMESPACE, ownerReferences: [OWNER] };
    const data = this.files.data(sections, adaptor);
    await client.apply(CONFIG_MAP, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }, { fieldManager: 'test' });
  }

  async start(): Promise<void> {
    const own = (await api.connect()).client;
    ends.push(async () => own.close());
    const cluster = () => new KubeCluster({ client: own, ...this.options, ...base });
    await initRouter({ options: this.options, cluster: cluster(), ...base }, new AbortController().signal);
    this.routers.startWith('ours', 'router', readFileSync(this.options.routerConfig, 'utf8'));
    this.adaptor = new Adaptor({ options: this.options, cluster: cluster(), ...base });
    this.stopping = new AbortController();
    this.running = this.adaptor.run(this.stopping.signal);
    await eventually('ready', () => this.adaptor!.problem() === undefined, 20_000);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  async end(): Promise<void> {
    await this.stop();
    await this.routers.stop();
  }

  async names(type: string): Promise<string[]> {
    return (await this.adaptor!.client.query(type)).map(({ name }) => String(name));
  }
}

const dataOf = async (name: string) =>
  ((await client.find(CONFIG_MAP, NAMESPACE, name))?.data ?? {}) as Record<string, string>;
const reportOf = async (pod: Pod) => decodeReport((await dataOf('skupper-router-status'))[pod.options.pod] ?? '');
const network = async () => {
  const map = await client.find(CONFIG_MAP, NAMESPACE, 'skupper-network-status');
  return map && decodeNetwork([map]);
};

beforeAll(async () => {
  if (!hasAssets) return;
  api = await ApiServer.start('adaptor');
  client = (await api.connect()).client;
});

afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
  if (!hasAssets) return;
  for (const { metadata } of (await client.list(CONFIG_MAP, { namespace: NAMESPACE })).items) {
    await client.delete(CONFIG_MAP, NAMESPACE, metadata.name);
  }
});

afterAll(async () => {
  client?.close();
  await api?.stop();
});

test.skipIf(!hasAssets)('brings changes of ConfigMap and Secrets to the router, and its state back', async () => {
  const pod = await Pod.make('router-a');
  await pod.configure([]);
  await pod.start();
  const secret = pod.files.secret('skupper-site-server');
  const access: Section[] = [
    profileSection('skupper-site-server', 1),
    [
      'listener',
      {
        name: 'access',
        role: 'inter-router',
        host: '',
        port: await unusedPort(),
        sslProfile: 'skupper-site-server',
        saslMechanisms: 'EXTERNAL',
        authenticatePeer: true,
      },
    ],
  ];
  await pod.configure(access, { tls: { 'skupper-site-server': pod.files.source(secret, 1) } });
  await client.create(SECRET, { ...secret, metadata: { ...secret.metadata, namespace: NAMESPACE } });
  ends.push(() => client.delete(SECRET, NAMESPACE, secret.metadata.name));
  await eventually('listener', async () => (await pod.names('listener')).includes('access'));
  await eventually('report', async () => (await reportOf(pod))?.listeners.get('access')?.operStatus === 'up');
  const status = await client.get(CONFIG_MAP, NAMESPACE, 'skupper-router-status');
  expect(status.metadata.ownerReferences).toEqual([OWNER]);
  await eventually('network', async () => (await network()) !== undefined);
  await pod.configure([]);
  await eventually('away', async () => !(await pod.names('listener')).includes('access'));
  await pod.stop();
  expect(await reportOf(pod)).toBeUndefined();
});

test.skipIf(!hasAssets)('of a pair: both report, one speaks, the other goes on when that one ends', async () => {
  const pods = [await Pod.make('router-a'), await Pod.make('router-b', 'skupper-router-2')] as const;
  for (const pod of pods) {
    await pod.configure([], { ha: true });
    await pod.start();
  }
  await eventually('both report', async () => (await reportOf(pods[0])) && (await reportOf(pods[1])));
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' };
  const holder = async () => {
    const { spec, metadata } = await client.get(lease, NAMESPACE, 'skupper-site-leader');
    return { name: (spec as { holderIdentity?: string }).holderIdentity, owners: metadata.ownerReferences };
  };
  await eventually('first leads', async () => (await holder()).name === 'router-a');
  expect((await holder()).owners).toEqual([OWNER]);
  await eventually('network', async () => (await network()) !== undefined);
  await pods[0].stop();
  await eventually('second leads', async () => (await holder()).name === 'router-b', 5000);
  expect(await reportOf(pods[0])).toBeUndefined();
  expect(await reportOf(pods[1])).toBeDefined();
});

test.skipIf(!hasAssets)('goes on after the API server was away', async () => {
  const pod = await Pod.make('router-a');
  const listener: Section = ['tcpListener', { name: 'web', port: String(await unusedPort()), address: 'web' }];
  await pod.configure([]);
  await pod.start();
  await api.stopServer();
  expect(await pod.names('listener')).toHaveLength(2);
  expect(pod.adaptor!.problem()).toBeUndefined();
  await api.startServer();
  await pod.configure([listener]);
  await eventually('listener', async () => (await pod.names('tcpListener')).includes('web'), 20_000);
  await eventually('report', async () => (await reportOf(pod))?.listeners.has('web'), 20_000);
});

test.skipIf(!hasAssets)('a change is in the router within a second', async () => {
  const pod = await Pod.make('router-a');
  await pod.configure([]);
  await pod.start();
  const port = String(await unusedPort());
  for (let round = 0; round < 10; round += 1) {
    await pod.configure([['tcpListener', { name: `l${round}`, port, address: 'web' }]]);
    await eventually('in the router', async () => (await pod.names('tcpListener')).join() === `l${round}`, 1000);
  }
});
