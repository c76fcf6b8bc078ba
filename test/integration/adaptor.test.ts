/** The adaptor beside a real router: what the ConfigMap and the Secrets say reaches it, whatever is killed or away meanwhile. */
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { decodeReport } from '../../lib/router-client/report.ts';
import { Adaptor } from '../../site-controller/adaptor/adaptor.ts';
import { initRouter } from '../../site-controller/adaptor/init.ts';
import { decodeNetwork } from '../../site-controller/exchange/network-document.ts';
import { MemoryCluster, profileSection, type Section, TestPod } from '../support/adaptor.ts';
import { eventually } from '../support/eventually.ts';
import { RouterProcesses } from '../support/router-process.ts';
import { connect, echoServer, unusedPort } from '../support/tcp.ts';

const log = createLogger({ name: 'adaptor', level: 'silent' });
const base = { clock: systemClock, random: systemRandom, log };

let pod: TestPod;
let cluster: MemoryCluster;
let routers: RouterProcesses;
let running: { adaptor: Adaptor; stop: () => Promise<void> } | undefined;

function startAdaptor(): Adaptor {
  const adaptor = new Adaptor({ options: pod.options, cluster, ...base });
  const stopping = new AbortController();
  const done = adaptor.run(stopping.signal);
  running = {
    adaptor,
    stop: async () => {
      running = undefined;
      stopping.abort();
      await done;
    },
  };
  return adaptor;
}

async function startRouter(): Promise<void> {
  await initRouter({ options: pod.options, cluster, ...base }, new AbortController().signal);
  routers.startWith('ours', 'router', readFileSync(pod.options.routerConfig, 'utf8'));
}

const ready = (adaptor: Adaptor) => eventually('ready', () => adaptor.problem() === undefined);
const names = async (adaptor: Adaptor, type: string) =>
  (await adaptor.client.query(type)).map(({ name }) => String(name)).sort();
const shows = (adaptor: Adaptor, type: string, wanted: readonly string[]) =>
  eventually(
    `${type}: ${wanted}`,
    async () =>
      adaptor.client.isUp && (await names(adaptor, type).catch(() => [])).join() === [...wanted].sort().join(),
  );
const report = () => decodeReport(cluster.data('skupper-router-status')[pod.options.pod] ?? '');

beforeEach(async () => {
  pod = await TestPod.make();
  cluster = new MemoryCluster();
  routers = new RouterProcesses();
});

afterEach(async () => {
  await running?.stop();
  await routers.stop();
});

describe('the adaptor', () => {
  test('init writes what the router starts with, the pod in its id, keys for the owner only', async () => {
    const secret = pod.secret('skupper-site-server');
    cluster.putConfigMap(pod.data([profileSection('skupper-site-server')]));
    setTimeout(() => cluster.putSecret(secret), 50);
    await initRouter({ options: pod.options, cluster, ...base }, new AbortController().signal);
    const sections = JSON.parse(readFileSync(pod.options.routerConfig, 'utf8')) as Section[];
    expect(sections[0]![1].id).toBe('west-router-a');
    const directory = join(pod.options.certs, 'skupper-site-server');
    expect(sections.find(([type]) => type === 'sslProfile')![1].caCertFile).toBe(join(directory, 'ca.crt'));
    expect(readFileSync(join(directory, 'tls.crt'), 'utf8')).toBe(readFileSync(pod.certificates.certFile, 'utf8'));
    expect(statSync(join(directory, 'tls.key')).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'tls.crt')).mode & 0o777).toBe(0o644);
  });

  test('a changed ConfigMap is in the router at once; its state and the network are reported, and nothing at rest', async () => {
    const backend = await echoServer();
    const port = await unusedPort();
    cluster.putConfigMap(pod.data([]));
    await startRouter();
    const adaptor = startAdaptor();
    await ready(adaptor);
    const services: Section[] = [
      ['tcpListener', { name: 'listener/web', host: '', port: String(port), address: 'web' }],
      [
        'tcpConnector',
        { name: 'connector/web@127.0.0.1', host: '127.0.0.1', port: String(backend.port), address: 'web' },
      ],
    ];
    cluster.putConfigMap(pod.data(services));
    await shows(adaptor, 'tcpListener', ['listener/web']);
    const socket = await eventually('listening', () => connect(port).catch(() => undefined));
    socket.destroy();
    await eventually(
      'reported',
      () => report()?.consumers.get('web') === 1 && report()?.listeners.get('listener/web')?.operStatus === 'up',
    );
    expect(report()!.id).toBe('west-router-a');
    // The router tells of its services by itself, a moment after its adaptor.
    const network = () => decodeNetwork([...cluster.applied.values()]);
    await eventually('network', () => network()?.sites[0]?.connectors.some(({ name }) => name === 'web'));
    const writes = cluster.writeCount;
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(cluster.writeCount).toBe(writes);
    cluster.putConfigMap(pod.data([]));
    await shows(adaptor, 'tcpListener', []);
    await backend.close();
  });

  test('an ordinal waits for the files of its revision; what uses a profile waits for the profile', async () => {
    const first = pod.secret('link');
    const port = await unusedPort();
    const sections = (ordinal: number): Section[] => [
      profileSection('link', ordinal),
      [
        'listener',
        {
          name: 'access',
          role: 'inter-router',
          host: '',
          port,
          sslProfile: 'link',
          saslMechanisms: 'EXTERNAL',
          authenticatePeer: true,
        },
      ],
    ];
    cluster.putConfigMap(pod.data([]));
    await startRouter();
    const adaptor = startAdaptor();
    await ready(adaptor);
    cluster.putConfigMap(pod.data(sections(1), { tls: { link: pod.source(first, 1) } }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await names(adaptor, 'sslProfile')).toEqual([]);
    cluster.putSecret(first);
    await shows(adaptor, 'sslProfile', ['link']);
    await shows(adaptor, 'listener', ['@9090', 'amqp', 'access']);

    const second = pod.secret('link', '\n');
    const ordinal = async () => (await adaptor.client.query('sslProfile'))[0]?.ordinal;
    cluster.putConfigMap(pod.data(sections(2), { tls: { link: pod.source(second, 2) } }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await ordinal()).toBe(1);
    cluster.putSecret(second);
    await eventually('second ordinal', async () => (await ordinal()) === 2);

    cluster.putConfigMap(pod.data([]));
    await shows(adaptor, 'sslProfile', []);
    await eventually('files gone', () => !existsSync(join(pod.options.certs, 'link')));
  });

  test('garbage in the ConfigMap changes nothing', async () => {
    const listener: Section = ['tcpListener', { name: 'l', port: String(await unusedPort()), address: 'web' }];
    cluster.putConfigMap(pod.data([listener]));
    await startRouter();
    const adaptor = startAdaptor();
    await ready(adaptor);
    for (const text of ['{', '[]', '[["tcpListener", {}]]', '[["nonsense", {"name": "x"}]]']) {
      cluster.putConfigMap({ 'skrouterd.json': text });
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await names(adaptor, 'tcpListener')).toEqual(['l']);
      expect(adaptor.problem()).toBeUndefined();
    }
    cluster.putConfigMap(pod.data([]));
    await shows(adaptor, 'tcpListener', []);
  });

  test('what the router refuses is reported and keeps nothing else back', async () => {
    const port = String(await unusedPort());
    cluster.putConfigMap(pod.data([]));
    await startRouter();
    const adaptor = startAdaptor();
    await ready(adaptor);
    cluster.putConfigMap(
      pod.data([
        ['tcpListener', { name: 'bad', port: 'no-port', address: 'web' }],
        ['tcpListener', { name: 'good', port, address: 'web' }],
      ]),
    );
    await shows(adaptor, 'tcpListener', ['good']);
    const refusal = await eventually('refusal reported', () => report()?.listeners.get('bad'));
    expect(refusal).toMatchObject({ operStatus: 'down', message: expect.stringContaining('port') });
  });

  test('router and adaptor killed at any point: the router comes to what is wanted', async () => {
    const ports = await Promise.all(Array.from({ length: 6 }, () => unusedPort()));
    const listeners = (count: number): Section[] =>
      ports
        .slice(0, count)
        .map((port, at) => ['tcpListener', { name: `l${at}`, port: String(port), address: `a${at}` }]);
    cluster.putConfigMap(pod.data(listeners(1)));
    await startRouter();
    let adaptor = startAdaptor();
    for (const [round, count] of [3, 0, 6, 2].entries()) {
      cluster.putConfigMap(pod.data(listeners(count)));
      if (round % 2 === 0) {
        routers.kill('router');
        await routers.ended('router');
        await startRouter();
      } else {
        await running!.stop();
        adaptor = startAdaptor();
      }
      await shows(
        adaptor,
        'tcpListener',
        listeners(count).map(([, { name }]) => String(name)),
      );
    }
    // What another program changes in the router is put right when the adaptor looks again.
    await adaptor.client.delete('tcpListener', String((await adaptor.client.query('tcpListener'))[0]!.identity));
    adaptor.keeper.look();
    await shows(adaptor, 'tcpListener', ['l0', 'l1']);
  });

  test('without an API server the router goes on; afterwards the report is true again', async () => {
    const listener: Section = ['tcpListener', { name: 'l', port: String(await unusedPort()), address: 'web' }];
    cluster.putConfigMap(pod.data([]));
    await startRouter();
    const adaptor = startAdaptor();
    await ready(adaptor);
    await eventually('reported', () => report());
    cluster.away(true);
    cluster.putConfigMap(pod.data([listener]));
    routers.kill('router');
    await routers.ended('router');
    routers.startWith('ours', 'router', readFileSync(pod.options.routerConfig, 'utf8'));
    await eventually('down', () => adaptor.problem());
    await ready(adaptor);
    expect(await names(adaptor, 'tcpListener')).toEqual([]);
    cluster.away(false);
    await shows(adaptor, 'tcpListener', ['l']);
    await eventually('reported', () => report()?.listeners.has('l'));
  });

  test('a link goes on to the endpoint that answers, and a restarted adaptor stays with it', async () => {
    const [linkPort, deadPort] = [await unusedPort(), await unusedPort()];
    const accept = { role: 'inter-router', host: '127.0.0.1', port: linkPort };
    const east: Section[] = [
      ['router', { id: 'east', mode: 'interior' }],
      ['listener', { name: 'access', ...accept, saslMechanisms: 'ANONYMOUS', authenticatePeer: false }],
    ];
    routers.startWith('ours', 'east', JSON.stringify(east));
    const endpoints = { link: [deadPort, linkPort].map((port) => ({ host: '127.0.0.1', port })) };
    const connector: Section = [
      'connector',
      { name: 'link', role: 'inter-router', host: '127.0.0.1', port: deadPort, cost: 1 },
    ];
    cluster.putConfigMap(pod.data([connector], { endpoints }));
    await startRouter();
    startAdaptor();
    await eventually('link up', () => report()?.connectors.get('link')?.status === 'SUCCESS');
    // The other router may be heard of a moment after its link.
    await eventually('both routers', () => `${report()!.routerIds}` === 'east,west-router-a');
    await running!.stop();
    expect(report()).toBeUndefined();
    const adaptor = startAdaptor();
    await ready(adaptor);
    expect(adaptor.keeper.stats.operations).toBe(0);
  });

  test('endpoints, tiers and session affinity change while flows go on; a restarted adaptor has nothing to do', async () => {
    const backends = await Promise.all([echoServer(), echoServer()]);
    const ports = [await unusedPort(), await unusedPort()];
    const dialled = (at: number): Section => {
      const { port } = backends[at]!;
      return ['tcpConnector', { name: `connector/x@127.0.0.1:${port}`, host: '127.0.0.1', port, address: 'x' }];
    };
    const tier = (key: string, value: number, further: object = {}): Section => [
      'listenerAddress',
      { name: `multiAddress/m/${key}`, address: key, value, listener: 'multiAddress/m', ...further },
    ];
    const listeners = (affinity: object): Section[] => [
      ['tcpListener', { name: 'listener/x', host: '', port: String(ports[0]), address: 'x', ...affinity }],
      [
        'tcpListener',
        { name: 'multiAddress/m', host: '', port: String(ports[1]), multiAddressStrategy: 'priority', ...affinity },
      ],
    ];
    const affinity = { sessionAffinity: 'clientIP' };
    const first = [...listeners({}), dialled(0), tier('x', 0, { weight: 1 }), tier('y', 1, { weight: 5 })];
    const second = [...listeners(affinity), dialled(0), dialled(1), tier('x', 1, { weight: 9 }), tier('y', 1)];
    cluster.putConfigMap(pod.data(first));
    await startRouter();
    let adaptor = startAdaptor();
    await ready(adaptor);
    const sockets = await Promise.all(
      ports.map((port) => eventually('listening', () => connect(port).catch(() => undefined))),
    );
    const answers = async (text: string) => {
      for (const socket of sockets) {
        const answer = once(socket, 'data');
        socket.write(text);
        expect(String((await answer)[0])).toBe(text);
      }
    };
    await answers('before');
    cluster.putConfigMap(pod.data(second));
    const dialledNow = [dialled(0), dialled(1)].map(([, { name }]) => String(name));
    await shows(adaptor, 'tcpConnector', dialledNow);
    const shown = async (type: string, attribute: string) =>
      Object.fromEntries((await adaptor.client.query(type)).map((found) => [found.name, found[attribute]]));
    expect(await shown('tcpListener', 'sessionAffinity')).toEqual({
      'listener/x': 'clientIP',
      'multiAddress/m': 'clientIP',
    });
    expect(await shown('listenerAddress', 'value')).toEqual({ 'multiAddress/m/x': 1, 'multiAddress/m/y': 1 });
    expect((await shown('listenerAddress', 'weight'))['multiAddress/m/x']).toBe(9);
    await answers('after');
    await eventually('counted', () => adaptor.keeper.stats.operations > 0);
    expect(adaptor.keeper.stats.operations).toBe(5);
    await running!.stop();
    adaptor = startAdaptor();
    await ready(adaptor);
    expect(adaptor.keeper.stats.operations).toBe(0);
    await answers('still');
    for (const socket of sockets) socket.destroy();
    await Promise.all(backends.map((backend) => backend.close()));
  });
});
