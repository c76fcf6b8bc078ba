/** `skuprt dev` on two API servers: two linked sites as processes, a flow from one to the other, changes in time, and nothing left. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KubeClient, ResourceType } from '../../lib/kube/client.ts';
import { connectCluster } from '../../lib/kube/config.ts';
import { stopChild } from '../support/child-process.ts';
import { eventually } from '../support/eventually.ts';
import { type ApiServer, startApiServers } from '../support/kube/api-server.ts';
import { kubeAssets } from '../support/kube/assets.ts';
import { DevProcess } from '../support/kube/dev-process.ts';
import { echoServer } from '../support/tcp.ts';

const CHANGES = 200;
const IN = 'skuprt-system';
const SKUPPER = 'skupper.io/v2alpha1';
const typeOf = (kind: string): ResourceType => ({ apiVersion: SKUPPER, kind, plural: `${kind.toLowerCase()}s` });
const MAP: ResourceType = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' };
const SECRET: ResourceType = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' };
const SERVICE: ResourceType = { apiVersion: 'v1', kind: 'Service', plural: 'services' };
const NAMESPACE: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };

describe.runIf(kubeAssets() !== undefined)('skuprt dev', () => {
  let kubeconfig: string;
  let stop: () => Promise<void>;
  let clients: KubeClient[];
  let dev: DevProcess | undefined;

  beforeAll(async () => {
    let servers: ApiServer[];
    ({ servers, kubeconfig, stop } = await startApiServers(['a', 'b']));
    const open = ({ name }: ApiServer) => connectCluster({ kubeconfig, context: name, env: {} });
    clients = await Promise.all(servers.map(async (server) => (await open(server)).client));
    // Without a controller manager a namespace never ends; what is there already is not the command's to remove.
    for (const client of clients) {
      await client.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: IN } });
    }
  });
  afterEach(async () => {
    if (dev !== undefined) await stopChild(dev.child);
  });
  afterAll(async () => {
    for (const client of clients ?? []) client.close();
    await stop?.();
  });

  const make = (client: KubeClient, kind: string, name: string, spec: object) =>
    client.create(typeOf(kind), { apiVersion: SKUPPER, kind, metadata: { name, namespace: IN }, spec });

  /** Where the router of the first site listens for a Listener, as soon as it is told to. */
  async function portOf(listener: string): Promise<number> {
    const port = await eventually(`port of ${listener}`, async () => {
      const { data } = await clients[0]!.get(MAP, IN, 'skupper-router');
      const entities = JSON.parse((data as Record<string, string>)['skrouterd.json']!) as [string, { name: string }][];
      return entities.find(([, { name }]) => name === `listener/${listener}`)?.[1] as { port?: number } | undefined;
    });
    return port.port!;
  }

  /** A connection to the first router, as soon as it listens there. */
  async function dialled(host: string, port: number): Promise<Socket> {
    return eventually(`${host}:${port}`, async () => {
      const socket = connect({ host, port });
      return once(socket, 'connect').then(
        () => socket,
        () => undefined,
      );
    });
  }

  /** Of what controllers make: certificates, configuration, Services. */
  const leftOf = async (client: KubeClient) => {
    const lists = await Promise.all([MAP, SECRET, SERVICE].map((type) => client.list(type, { namespace: IN })));
    return lists.flatMap(({ items }) => items.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
  };

  it('links two sites, carries a flow and changes, and leaves nothing at SIGINT', async () => {
    dev = new DevProcess(kubeconfig, ['--contexts', 'a,b', '--link']);
    await dev.ready(['a', 'b']);
    const echo = await echoServer();
    const [a, b] = clients as [KubeClient, KubeClient];
    const [site] = (await a.list(typeOf('Site'), { namespace: IN })).items;
    const { host } = (site!.status as { endpoints: { host: string }[] }).endpoints[0]!;
    await make(b, 'Connector', 'echo', { routingKey: 'echo', host: '127.0.0.1', port: echo.port });
    await make(a, 'Listener', 'echo', { routingKey: 'echo', host: 'echo', port: 7 });
    const port = await portOf('echo');
    await eventually('an answer of the other site', async () => {
      const socket = await dialled(host, port);
      socket.on('error', () => undefined).write('hello');
      const answer = once(socket, 'data').then(([chunk]) => String(chunk));
      const heard = await Promise.race([answer, once(socket, 'close'), sleep(500)]);
      socket.destroy();
      return heard === 'hello';
    });
    const timesMs: number[] = [];
    for (let change = 0; change < CHANGES; change += 1) {
      const startMs = performance.now();
      const name = `change-${change}`;
      await make(a, 'Listener', name, { routingKey: 'echo', host: name, port: 7 });
      (await dialled(host, await portOf(name))).on('error', () => undefined).destroy();
      timesMs.push(performance.now() - startMs);
      await a.delete(typeOf('Listener'), IN, name);
    }
    timesMs.sort((x, y) => x - y);
    const at = (part: number) => timesMs[Math.ceil(part * CHANGES) - 1]!.toFixed(0);
    process.stdout.write(`Listener to open port: median ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms\n`);
    dev.child.kill('SIGINT');
    await dev.exit();
    await echo.close();
    for (const client of clients) {
      expect([...(await client.kindsOf(SKUPPER))]).toEqual([]);
      expect(await leftOf(client)).toEqual([]);
    }
    expect(dev.err.filter((line) => line.startsWith('Warning'))).toEqual([]);
  });

  it('begins anew where it was before', async () => {
    dev = new DevProcess(kubeconfig, ['--contexts', 'a,b', '--link']);
    await dev.ready(['a', 'b']);
  });

  it('ends with a clear error when one of its processes ends, and leaves nothing', async () => {
    dev = new DevProcess(kubeconfig, ['--contexts', 'a']);
    await dev.ready(['a']);
    process.kill(dev.pidOf('router'), 'SIGKILL');
    expect(await dev.exit()).toBe(1);
    expect(dev.err.join('\n')).toMatch(/router of a ended with SIGKILL/);
    expect([...(await clients[0]!.kindsOf(SKUPPER))]).toEqual([]);
  });
});
