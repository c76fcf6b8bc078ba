/** The DNS server on real sockets, and as the process that a user starts. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { SeededRandom, systemRandom } from '../../lib/random.ts';
import { LIMITS } from '../../service-controller/dns/limits.ts';
import { runDnsServer } from '../../service-controller/dns/main.ts';
import { Responder } from '../../service-controller/dns/responder.ts';
import { DnsListenError, DnsServer } from '../../service-controller/dns/server.ts';
import { ServiceData } from '../../service-controller/dns/service-data.ts';
import { ServiceZone } from '../../service-controller/dns/service-zone.ts';
import { KubernetesSource } from '../../service-controller/dns/source-kubernetes.ts';
import { watchFiles } from '../../site-controller/platform/local/file-watch.ts';
import { stopChild } from '../support/child-process.ts';
import { CLI_ENTRY, localEnv, runHere } from '../support/cli.ts';
import { FakeCluster } from '../support/cli-cluster.ts';
import { COREFILES } from '../support/corefiles.ts';
import { DnsWorld, decode, NOW, query, serviceImport, slice } from '../support/dns.ts';
import { ask, askTcp, askUdp, type DnsAddress, dig } from '../support/dns-client.ts';
import { eventually } from '../support/eventually.ts';
import { FakeApi } from '../support/kube/fake-api.ts';
import { findProgram } from '../support/programs.ts';
import { unusedPort } from '../support/tcp.ts';

const NAME = 'web.shop.svc.clusterset.local';
const HEADLESS = 'db.shop.svc.clusterset.local';
const log = createLogger({ name: 'test', level: 'silent' });
const DIG = findProgram('dig');

const undo: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
});

async function serve(host: string, world: DnsWorld = wide()): Promise<DnsAddress & { server: DnsServer }> {
  const server = new DnsServer({ responder: world.responder, clock: systemClock, log });
  undo.push(() => server.stop());
  const [address] = await server.start([{ host, port: 0 }]);
  return { ...address!, server };
}

function wide(): DnsWorld {
  const pods = Array.from({ length: 300 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
  return new DnsWorld().put(serviceImport('web'), serviceImport('db', { type: 'Headless' }), slice('db', 'east', pods));
}

function addresses(family: 'IPv4' | 'IPv6'): string[] {
  return Object.entries(networkInterfaces()).flatMap(([name, all]) =>
    (all ?? [])
      .filter((one) => one.family === family)
      .map(({ address }) => (address.startsWith('fe80') ? `${address}%${name}` : address)),
  );
}

describe('the server', () => {
  it.each(addresses('IPv6').includes('::1') ? ['127.0.0.1', '::1'] : ['127.0.0.1'])(
    'answers over UDP and TCP at %s',
    async (host) => {
      const at = await serve(host);
      expect((await ask(at, NAME)).answers).toEqual([`${NAME} A 10.96.1.1`]);
      const [answer] = await askTcp(at, [query(NAME, 'A')]);
      expect(decode(answer!).answers).toEqual([`${NAME} A 10.96.1.1`]);
    },
  );

  it('cuts over UDP what TCP has whole', async () => {
    const at = await serve('127.0.0.1');
    const cut = await ask(at, HEADLESS);
    expect(cut.packet.flag_tc).toBe(true);
    const [whole] = await askTcp(at, [query(HEADLESS, 'A')]);
    expect(decode(whole!).answers).toHaveLength(300);
  });

  it('answers from the address that was asked, on every address of this machine', async () => {
    const at = await serve('0.0.0.0');
    const own = addresses('IPv4');
    expect(own).toContain('127.0.0.1');
    for (const host of own) expect((await ask({ ...at, host }, NAME)).answers, host).toHaveLength(1);
  });

  it('answers pipelined queries in their order, in whatever pieces they come', async () => {
    const at = await serve('127.0.0.1');
    const queries = Array.from({ length: 20 }, (_, id) =>
      query(id % 2 === 0 ? NAME : 'x.clusterset.local', 'A', { packet: { id } }),
    );
    for (const pieceBytes of [1, 7, 65_536]) {
      const answers = await askTcp(at, queries, pieceBytes);
      expect(answers.map((bytes) => bytes.readUInt16BE(0))).toEqual(queries.map((_, id) => id));
    }
  });

  it('answers all of a burst that is larger than what a client takes at once', async () => {
    const at = await serve('127.0.0.1');
    const queries = Array.from({ length: 400 }, (_, id) => query(HEADLESS, 'SRV', { packet: { id } }));
    const answers = await askTcp(at, queries);
    expect(answers).toHaveLength(400);
    expect(answers.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(8 * LIMITS.tcpUnsentBytesMax);
  });

  it('answers who closes its half after the query', async () => {
    const at = await serve('127.0.0.1');
    const socket = connect(at.port, at.host);
    const message = query(NAME, 'A');
    socket.end(Buffer.concat([Buffer.from([0, message.length]), message]));
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(decode(Buffer.concat(chunks).subarray(2)).answers).toHaveLength(1);
  });

  it('ends a connection that sends no query, and goes on for the others', async () => {
    const at = await serve('127.0.0.1');
    const socket = connect(at.port, at.host);
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    for await (const _ of socket.resume()) expect.unreachable('nothing is said to that');
    expect(at.server.metrics.render()).toContain('skuprt_dns_tcp_connections_refused_total 1\n');
    expect((await ask(at, NAME)).rcode).toBe('NOERROR');
  });

  it('survives garbage over UDP', async () => {
    const at = await serve('127.0.0.1');
    const random = new SeededRandom(7);
    for (let round = 0; round < 200; round += 1) {
      const bytes = Buffer.from(Array.from({ length: round }, () => Math.floor(random.next() * 256)));
      // A query, so that each round has an answer to wait for.
      if (bytes.length > 2) bytes[2]! &= 0x7f;
      if (bytes.length >= 12) expect((await askUdp(at, bytes)).length).toBeGreaterThanOrEqual(12);
    }
    expect((await ask(at, NAME)).rcode).toBe('NOERROR');
  });

  it('says where it cannot listen, and then listens nowhere', async () => {
    const at = await serve('127.0.0.1');
    const other = new DnsServer({ responder: wide().responder, clock: systemClock, log });
    const both = [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port: at.port },
    ];
    await expect(other.start(both)).rejects.toThrow(DnsListenError);
    expect((await ask(at, NAME)).rcode).toBe('NOERROR');
  });

  it('counts what it answers', async () => {
    const at = await serve('127.0.0.1');
    await ask(at, NAME);
    await ask(at, 'nothing.shop.svc.clusterset.local');
    await ask(at, 'example.org');
    const text = at.server.metrics.render();
    expect(text).toContain('skuprt_dns_queries_total{zone="clusterset.local",type="A",rcode="NOERROR"} 1');
    expect(text).toContain('skuprt_dns_queries_total{zone="clusterset.local",type="A",rcode="NXDOMAIN"} 1');
    expect(text).toContain('skuprt_dns_queries_total{zone="",type="A",rcode="REFUSED"} 1');
    expect(text).toContain('skuprt_dns_answer_duration_seconds_count{transport="udp"} 3');
  });

  it.runIf(DIG !== undefined)('is understood by dig: over UDP, with TC then TCP, over TCP, SRV, cookies', async () => {
    const at = await serve('127.0.0.1');
    expect(await dig(DIG!, at, '+short', NAME)).toBe('10.96.1.1\n');
    const headless = await dig(DIG!, at, HEADLESS, 'A');
    expect(headless).toContain('ANSWER: 300');
    expect(headless).toContain('(TCP)');
    expect(headless).not.toMatch(/malformed|FORMERR|extra bytes/i);
    expect(await dig(DIG!, at, '+tcp', '+short', `_http._tcp.${NAME}`, 'SRV')).toBe(`0 100 80 ${NAME}.\n`);
    const missing = await dig(DIG!, at, 'nothing.clusterset.local', '+cookie');
    expect(missing).toContain('status: NXDOMAIN');
    expect(missing).toContain('flags: qr aa rd');
    expect(await dig(DIG!, at, 'clusterset.local', 'AXFR')).toContain('Transfer failed');
  });
});

describe('names of a cluster', () => {
  const IMPORTS = { apiVersion: 'multicluster.x-k8s.io/v1beta1', kind: 'ServiceImport', plural: 'serviceimports' };
  const SLICES = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', plural: 'endpointslices' };
  const NAMESPACES = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };

  async function cluster() {
    const api = new FakeApi({ types: [IMPORTS, SLICES, NAMESPACES] });
    const data = new ServiceData(NOW);
    const source = new KubernetesSource({
      client: api.client(),
      clock: systemClock,
      random: systemRandom,
      log,
      data,
      externalZones: [],
    });
    const zone = new ServiceZone(data, { origin: 'clusterset.local', hasShortNames: false });
    const responder = new Responder({ zones: [zone], random: new SeededRandom(1), isReady: () => source.isSynced });
    const server = new DnsServer({ responder, clock: systemClock, log });
    const [at] = await server.start([{ host: '127.0.0.1', port: 0 }]);
    const ended = new AbortController();
    undo.push(() => server.stop());
    const start = () => {
      const running = source.run(ended.signal);
      undo.push(
        () => running,
        () => ended.abort(),
      );
    };
    return { api, at: at!, start, data };
  }

  it('are SERVFAIL until all was seen once, follow each change, and stay while the API server is away', async () => {
    const { api, at, start } = await cluster();
    api.goDown();
    start();
    api.store.create(IMPORTS, serviceImport('web'), 'shop');
    expect((await ask(at, NAME)).rcode).toBe('SERVFAIL');
    api.comeUp();
    await eventually('the name is there', async () => (await ask(at, NAME)).rcode === 'NOERROR');
    expect((await ask(at, HEADLESS)).rcode).toBe('NXDOMAIN');
    api.store.create(IMPORTS, serviceImport('db', { type: 'Headless' }), 'shop');
    const made = slice('db', 'east', ['10.1.0.1', '10.1.0.2']);
    api.store.create(SLICES, made, 'shop');
    api.store.create(SLICES, { ...made, metadata: { name: 'of-kubernetes', namespace: 'shop' } }, 'shop');
    await eventually('both endpoints are there', async () => (await ask(at, HEADLESS)).answers.length === 2);
    api.store.remove(SLICES, { namespace: 'shop', name: made.metadata.name, subresource: undefined });
    await eventually('they are gone', async () => (await ask(at, HEADLESS)).rcode === 'NXDOMAIN');
    api.store.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'empty' } }, undefined);
    await eventually(
      'the namespace is there',
      async () => (await ask(at, 'empty.svc.clusterset.local')).rcode === 'NOERROR',
    );
    api.goDown();
    expect((await ask(at, NAME)).answers).toEqual([`${NAME} A 10.96.1.1`]);
  });

  it('of 5,000 imports: one change is answered without making the others anew', async () => {
    const { api, at, start, data } = await cluster();
    for (let index = 0; index < 5000; index += 1) api.store.create(IMPORTS, serviceImport(`s${index}`), 'shop');
    start();
    await eventually('all are there', () => data.size === 5000);
    const before = data.find('shop', 's1')!.revision.count;
    const place = { namespace: 'shop', name: 's0', subresource: undefined };
    api.store.replace(IMPORTS, place, serviceImport('s0', { ips: ['10.96.9.9'] }));
    await eventually('the change is there', async () =>
      (await ask(at, 's0.shop.svc.clusterset.local')).answers[0]?.endsWith('10.96.9.9'),
    );
    expect(data.find('shop', 's1')!.revision.count).toBe(before);
  });
});

describe('dns install', () => {
  async function install(world: DnsWorld, ...args: string[]) {
    const { host, port } = await serve('127.0.0.1', world);
    const cluster = new FakeCluster();
    cluster.put('configmaps', {
      metadata: { name: 'coredns', namespace: 'kube-system' },
      data: { Corefile: COREFILES.kubeadm! },
    });
    cluster.put('services', {
      metadata: { name: 'skuprt-dns', namespace: 'skupper' },
      spec: { clusterIP: '10.0.0.1' },
    });
    const labels = { 'k8s-app': 'kube-dns' };
    const spec = { clusterIP: `${host}:${port}` };
    cluster.put('services', { metadata: { name: 'kube-dns', namespace: 'kube-system', labels }, spec });
    return runHere(['-p', 'kubernetes', 'dns', 'install', ...args], { connect: async () => cluster });
  }

  it('waits until CoreDNS answers for our zone, where it can be asked', async () => {
    const world = wide();
    world.isReady = false;
    const installing = install(world);
    await eventually('it was asked', () =>
      [...world.responder.stats.queries()].some(({ rcode }) => rcode === 'SERVFAIL'),
    );
    world.isReady = true;
    const { code, err } = await installing;
    expect(code, err).toBe(0);
    expect(err).toContain('dns-version.supercluster.local answers');
  });

  it('gives up in the end, and leaves the blocks', async () => {
    const world = wide();
    world.isReady = false;
    const { code, err } = await install(world, '--timeout', '500ms');
    expect(code).toBe(4);
    expect(err).toContain('does not know the name yet');
    expect(err).toContain('It stays in the Corefile');
  });
});

it('the process that is told to stop goes on answering for a moment, and is not ready', async () => {
  const ended = new AbortController();
  const metricsPort = await unusedPort();
  let running: Promise<void> | undefined;
  const at = await new Promise<DnsAddress>((resolve, reject) => {
    const places = { namespacesDirectory: '/nowhere', resourcesOf: () => '/nowhere', watch: watchFiles };
    running = runDnsServer(
      {
        listen: [{ host: '127.0.0.1', port: 0 }],
        zones: [{ origin: 'clusterset.local', hasShortNames: false }],
        domains: [],
        nameServerAddresses: [],
        lameDuckMs: 500,
        metricsPort,
        logLevel: 'silent',
        source: { local: places },
        onListening: ([address]) => resolve(address!),
      },
      ended.signal,
    );
    running.catch(reject);
  });
  const readyz = async () => (await fetch(`http://127.0.0.1:${metricsPort}/readyz`)).status;
  await eventually('it is ready', async () => (await readyz()) === 200);
  ended.abort();
  expect((await ask(at, 'dns-version.clusterset.local', 'TXT')).answers).toHaveLength(1);
  expect(await readyz()).toBe(503);
  await running;
  await expect(readyz()).rejects.toThrow();
});

describe('names of local sites', () => {
  async function home(): Promise<string> {
    const dataHome = await mkdtemp(join(tmpdir(), 'dns-'));
    undo.push(() => rm(dataHome, { recursive: true, force: true }));
    return dataHome;
  }

  async function put(dataHome: string, namespace: string, file: string, text: string): Promise<void> {
    const directory = join(dataHome, 'skuprt', 'namespaces', namespace, 'runtime', 'resources');
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, file), text);
  }

  async function start(
    dataHome: string,
    ...args: string[]
  ): Promise<DnsAddress & { stop: () => Promise<number | null> }> {
    const env = { ...localEnv(), XDG_DATA_HOME: dataHome };
    const child = spawn(process.execPath, [CLI_ENTRY, 'dns', 'serve', '--listen', '127.0.0.1:0', ...args], { env });
    undo.push(() => stopChild(child));
    child.stdout.resume();
    for await (const line of createInterface({ input: child.stderr })) {
      const port = /^Answering for .* at 127\.0\.0\.1:(\d+)$/.exec(line)?.[1];
      if (port === undefined) continue;
      child.stderr.resume();
      const stop = async () => {
        await stopChild(child);
        return child.exitCode;
      };
      return { host: '127.0.0.1', port: Number(port), stop };
    }
    throw new Error('it ended before it listened');
  }

  const listener = (host: string, port: number, key: string) =>
    `apiVersion: skupper.io/v2alpha1\nkind: Listener\nmetadata: {name: ${key}}\nspec: {routingKey: ${key}, host: ${host}, port: ${port}}\n`;

  it('come with listeners and imports, change and go with their files, in the process that a user starts', async () => {
    const dataHome = await home();
    await put(dataHome, 'east', 'a.yaml', listener('backend', 8080, 'backend-key'));
    const at = await start(dataHome);
    const short = 'backend.east.supercluster.local';
    await eventually('the listener is there', async () => (await ask(at, short)).answers[0] === `${short} A 127.0.0.1`);
    expect((await ask(at, short, 'SRV')).answers).toEqual([`${short} SRV 0 100 8080 ${short}`]);
    expect((await ask(at, 'backend-key.east.svc.clusterset.local')).rcode).toBe('NOERROR');
    await put(dataHome, 'west', 'b.yaml', listener('0.0.0.0', 9090, 'other'));
    await eventually(
      'a new site is there',
      async () => (await ask(at, 'other.west.supercluster.local')).rcode === 'NOERROR',
    );
    const imported = JSON.stringify(serviceImport('backend', { namespace: 'east', ips: ['127.0.0.7'] }));
    await put(dataHome, 'east', 'i.json', imported);
    await eventually('the import counts', async () => (await ask(at, short)).answers[0] === `${short} A 127.0.0.7`);
    await put(dataHome, 'east', 'i.json', '{ broken');
    await put(dataHome, 'east', 'z.yaml', listener('later', 8081, 'later'));
    await eventually(
      'both were read',
      async () => (await ask(at, 'later.east.supercluster.local')).rcode === 'NOERROR',
    );
    expect((await ask(at, short)).answers).toEqual([`${short} A 127.0.0.7`]);
    await rm(join(dataHome, 'skuprt', 'namespaces', 'east'), { recursive: true });
    await eventually('the site is gone', async () => (await ask(at, short)).rcode === 'NXDOMAIN');
    expect((await ask(at, 'other.west.supercluster.local')).rcode).toBe('NOERROR');
    expect(await at.stop()).toBe(0);
  });

  it('of one service in several sites are those of the site of its namespace, then of the first by name', async () => {
    const dataHome = await home();
    const imported = (ip: string) => JSON.stringify(serviceImport('web', { namespace: 'mid', ips: [ip] }));
    await put(dataHome, 'west', 'i.json', imported('127.0.0.3'));
    await put(dataHome, 'east', 'i.json', imported('127.0.0.2'));
    const at = await start(dataHome);
    const name = 'web.mid.svc.clusterset.local';
    const isAt = async (ip: string) => (await ask(at, name)).answers[0] === `${name} A ${ip}`;
    await eventually('the first by name speaks', () => isAt('127.0.0.2'));
    await put(dataHome, 'mid', 'i.json', imported('127.0.0.9'));
    await eventually('its own site speaks', () => isAt('127.0.0.9'));
    await rm(join(dataHome, 'skuprt', 'namespaces', 'mid'), { recursive: true });
    await eventually('the first by name speaks again', () => isAt('127.0.0.2'));
    await rm(join(dataHome, 'skuprt', 'namespaces', 'east'), { recursive: true });
    await eventually('the other one is left', () => isAt('127.0.0.3'));
  });

  it('answers without any site', async () => {
    const at = await start(await home(), '--zones', 'my.zone');
    await eventually('it has looked', async () => (await ask(at, 'dns-version.my.zone', 'TXT')).rcode !== 'SERVFAIL');
    expect((await ask(at, 'dns-version.my.zone', 'TXT')).answers).toEqual(['dns-version.my.zone TXT 1.0.0']);
    expect((await ask(at, 'x.clusterset.local')).rcode).toBe('REFUSED');
  });
});
