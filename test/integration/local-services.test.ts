/**
 * Services of a cluster set without Kubernetes: three machines (data homes), each with a local site, a service that two of them export,
 * and names for it at the third. Commands are those that a user types.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../config/api/schema.ts';
import { SETTING } from '../../config/names.ts';
import { composeToken } from '../../site-controller/grants/token.ts';
import { type SitePaths, sitePaths } from '../../site-controller/platform/local/paths.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { stopChild } from '../support/child-process.ts';
import { CLI_ENTRY, localEnv, type Outcome, runChild } from '../support/cli.ts';
import { ask, type DnsAddress } from '../support/dns-client.ts';
import { eventually } from '../support/eventually.ts';

const HOST = '127.0.0.1';
/** Of the service; its servers have any. */
const PORT = 8080;
const NAME = 'backend.west.supercluster.local';

class Machine {
  readonly home = mkdtempSync(join(tmpdir(), 'skuprt-set-'));
  readonly namespace: string;
  readonly site: string;
  readonly paths: SitePaths;
  readonly store: LocalStore;
  output = '';
  process: ChildProcess | undefined;

  constructor(namespace: string, site: string) {
    this.namespace = namespace;
    this.site = site;
    this.paths = sitePaths(this.home, namespace);
    this.store = new LocalStore(this.paths);
  }

  start(): void {
    const child = spawn(process.execPath, [CLI_ENTRY, '-n', this.namespace, 'site', 'run'], {
      env: { ...localEnv(), XDG_DATA_HOME: this.home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (this.output += String(chunk)));
    this.process = child;
  }

  async stop(): Promise<void> {
    if (this.process !== undefined) await stopChild(this.process);
  }

  run(...args: string[]): Promise<Outcome> {
    return runChild(this.home, ['-n', this.namespace, ...args]);
  }

  apply(kind: string, name: string, spec: object): Promise<void> {
    return this.store.apply({ apiVersion: SKUPPER_API_VERSION, kind, metadata: { name }, spec } as Resource);
  }

  async isReady(kind: 'Site' | 'AccessGrant' | 'Link' | 'Connector', name: string): Promise<boolean> {
    const found = await this.store.get(kind, name);
    return found?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  }

  /** A server here, exposed under that address. */
  async expose(made: Server, name = 'backend', servicePort = PORT): Promise<void> {
    const settings = { [SETTING.servicePort]: String(servicePort) };
    const { port } = made.address() as AddressInfo;
    await this.apply('Connector', name, { routingKey: name, host: HOST, port, settings });
  }

  madeFiles(): string[] {
    return readdirSync(this.paths.runtimeResources).filter((name) => /^(Service|EndpointSlice)/.test(name));
  }
}

const west = new Machine('west', 'west');
const east = new Machine('east', 'east');
/** Another machine with a namespace of the same name. */
const spare = new Machine('west', 'spare');
const machines = [west, east, spare];
const servers: Server[] = [];
const children: ChildProcess[] = [];
let dns: DnsAddress;

async function server(text: string): Promise<Server> {
  const made = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(text);
  }).listen(0, HOST);
  servers.push(made);
  await once(made, 'listening');
  return made;
}

async function freePort(): Promise<number> {
  const made = createServer().listen(0, HOST);
  await once(made, 'listening');
  const { port } = made.address() as AddressInfo;
  made.close();
  // One that can be moved by 10000.
  return port < 50_000 ? port : await freePort();
}

/** What a connection there says; undefined when it says nothing. */
async function said(host: string, port: number): Promise<string | undefined> {
  const socket = connect({ host, port });
  socket.setTimeout(2000, () => socket.destroy());
  let text = '';
  try {
    for await (const chunk of socket) text += String(chunk);
  } catch {
    return undefined;
  }
  return text === '' ? undefined : text;
}

/** As a client does that knows the name only. */
async function saidByName(name = NAME): Promise<string | undefined> {
  const [addresses, services] = await Promise.all([ask(dns, name), ask(dns, name, 'SRV')]);
  const host = addresses.answers[0]?.split(' ').at(-1);
  const port = Number(services.answers[0]?.split(' ')[4]);
  return host === undefined ? undefined : await said(host, port);
}

async function link(from: Machine, to: Machine): Promise<void> {
  const name = `for-${from.site}`;
  const grant = (await to.store.get('AccessGrant', name))!;
  const siteId = (await to.store.get('Site', to.site))!.metadata.uid!;
  await from.store.apply(composeToken({ grant, siteId }));
  await eventually(
    () => `link of ${from.site}: ${from.output}${to.output}`,
    () => from.isReady('Link', name),
    20_000,
  );
}

async function serveDns(machine: Machine): Promise<DnsAddress> {
  const env = { ...localEnv(), XDG_DATA_HOME: machine.home };
  const child = spawn(process.execPath, [CLI_ENTRY, 'dns', 'serve', '--listen', `${HOST}:0`], { env });
  children.push(child);
  child.stdout.resume();
  for await (const line of createInterface({ input: child.stderr })) {
    const port = /^Answering for .* at 127\.0\.0\.1:(\d+)$/.exec(line)?.[1];
    if (port === undefined) continue;
    child.stderr.resume();
    return { host: HOST, port: Number(port) };
  }
  throw new Error('it ended before it listened');
}

beforeAll(async () => {
  // Who redeems tokens listens first: machines that are one do not know of each other's ports before somebody listens there.
  for (const machine of [east, west, spare]) {
    const settings = { [SETTING.bindHost]: HOST, [SETTING.linkPort]: String(await freePort()) };
    await machine.apply('Site', machine.site, { linkAccess: 'default', settings });
    machine.start();
    await eventually(
      () => `site ${machine.site} is ready: ${machine.output}`,
      () => machine.isReady('Site', machine.site),
      20_000,
    );
    for (const name of machine === east ? ['for-west', 'for-spare'] : []) {
      await east.apply('AccessGrant', name, {});
      await eventually(`grant ${name}`, () => east.isReady('AccessGrant', name));
    }
  }
  await link(west, east);
  await link(spare, east);
  await west.expose(await server('hello from west'));
  dns = await serveDns(east);
}, 90_000);

afterAll(async () => {
  for (const child of children) await stopChild(child);
  await Promise.all(machines.map((machine) => machine.stop()));
  for (const one of servers) one.close();
  for (const { home } of machines) rmSync(home, { recursive: true, force: true, maxRetries: 5 });
}, 60_000);

describe('services of a cluster set on local sites', () => {
  it('nothing is written for who exports nothing, and nothing at rest', async () => {
    expect(machines.flatMap((machine) => machine.madeFiles())).toEqual([]);
    expect(existsSync(east.paths.servicesCluster)).toBe(false);
  });

  it('what is not exposed cannot be exported, and how to expose it is said', async () => {
    const { code, err } = await west.run('service', 'export', 'nobody');
    expect({ code, err }).toMatchObject({ code: 3, err: expect.stringContaining('expose host/127.0.0.1') });
  });

  it('an exported service has a name elsewhere, and leads to its server', async () => {
    expect((await ask(dns, NAME)).rcode).toBe('NXDOMAIN');
    const { code, err } = await west.run('service', 'export', 'backend');
    expect(code, err + west.output).toBe(0);
    expect(err).toContain(`exported as ${NAME}`);
    expect(err).toMatch(/reached at 127\.\d+\.\d+\.\d+:8080/);
    await eventually('the name answers', async () => (await ask(dns, NAME)).answers.length === 1);
    expect((await ask(dns, NAME)).answers[0]).toMatch(/ A 127\.(6[4-9]|[789]\d|1[01]\d|12[0-7])\.\d+\.\d+$/);
    await eventually('an answer through the mesh', async () => (await saidByName()) === 'hello from west');
  });

  it('status and explain tell where it is reached and why, also from another namespace', async () => {
    const { out } = await east.run('service', 'status', 'backend.west', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject({
      kind: 'SetServiceStatus',
      metadata: { name: 'backend', namespace: 'west' },
      status: { clusters: ['west'], isExported: false, trouble: '' },
    });
    const told = await east.run('service', 'explain', 'backend.west');
    expect(told, told.err).toMatchObject({ code: 0, out: expect.stringContaining('goes to west') });
    expect(told.out).toContain('west, port 8080: ok');
    expect((await east.run('service', 'explain', 'backend')).code).toBe(3);
  });

  it('at rest no file is written', async () => {
    const times = () =>
      machines.flatMap(({ paths }) =>
        readdirSync(paths.runtimeResources).map((name) => statSync(join(paths.runtimeResources, name)).mtimeMs),
      );
    await eventually('rest', async () => {
      const before = times();
      await sleep(1500);
      return times().join() === before.join();
    });
    const before = times();
    await sleep(3000);
    expect(times()).toEqual(before);
  });

  it('an export in a file of several resources is left there when one of the others goes', async () => {
    await west.run('service', 'unexport', 'backend', '--yes');
    const file = join(west.paths.inputResources, 'Connector-backend.yaml');
    const made = 'apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceExport\nmetadata:\n  name: backend\n';
    const { writeFileAtomic } = await import('../../lib/files.ts');
    await writeFileAtomic(file, `${readFileSync(file, 'utf8')}---\n${made}`);
    await eventually('the name answers again', async () => (await ask(dns, NAME)).rcode === 'NOERROR');
    const connector = (await west.store.get('Connector', 'backend'))!;
    await west.store.delete('Connector', 'backend');
    expect(readFileSync(file, 'utf8')).toContain('kind: ServiceExport');
    await eventually('the name goes with the server', async () => (await ask(dns, NAME)).rcode === 'NXDOMAIN');
    await west.store.apply(connector);
    await eventually('and comes with it', async () => (await saidByName()) === 'hello from west');
  });

  it('unexport takes the name away everywhere', async () => {
    const { code, err } = await west.run('service', 'unexport', 'backend', '--yes');
    expect(code, err).toBe(0);
    expect(west.madeFiles()).toEqual([]);
    await eventually('NXDOMAIN', async () => (await ask(dns, NAME)).rcode === 'NXDOMAIN');
    expect(east.madeFiles()).toEqual([]);
    const listeners = await Promise.all([east.store.list('Listener'), east.store.list('MultiKeyListener')]);
    expect(listeners.flat().filter(({ spec }) => spec.port === PORT)).toEqual([]);
  });

  it('a second exporter that differs is a conflict, which is shown, and the first goes on', async () => {
    expect((await west.run('service', 'export', 'backend')).code).toBe(0);
    await eventually('the first answers', async () => (await saidByName()) === 'hello from west');
    await spare.expose(await server('hello from spare'));
    const { code, err } = await spare.run('service', 'export', 'backend', '--label', 'tier=gold', '--priority', '10');
    expect(code, err + spare.output).toBe(0);
    await eventually('the conflict is told at the first too', async () =>
      (await west.run('service', 'status', 'backend')).out.includes('Conflict'),
    );
    expect(await saidByName()).toBe('hello from west');
    const told = await east.run('service', 'explain', 'backend.west', '--no-test', '-o', 'json');
    expect(JSON.parse(told.out).explanation.exporters.map(({ cluster }: { cluster: string }) => cluster)).toEqual([
      'west',
      'spare',
    ]);
  });

  it('when the first site stops the second serves', async () => {
    await west.stop();
    await eventually('the other answers', async () => (await saidByName()) === 'hello from spare', 5000);
    await eventually('only it is listed', async () => {
      const { out, err } = await east.run('service', 'status', 'backend.west', '-o', 'json');
      expect(out, err).not.toBe('');
      return JSON.parse(out).status.clusters.join() === 'spare';
    });
    expect(west.madeFiles().filter((name) => name.startsWith('ServiceImport'))).toEqual([]);
  });

  it('a site that comes back exports at once what it exported before', async () => {
    west.start();
    await eventually('the first answers again', async () => (await saidByName()) === 'hello from west', 30_000);
  });

  it('a port that another process has on all addresses is another one here', async () => {
    const taken = createServer((socket) => socket.end('no')).listen(await freePort(), '0.0.0.0');
    servers.push(taken);
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    await west.expose(await server('hello from other'), 'other', port);
    expect((await west.run('service', 'export', 'other')).code).toBe(0);
    await eventually(
      'the port is another',
      async () => {
        const { answers } = await ask(dns, 'other.west.supercluster.local', 'SRV');
        return answers[0]?.includes(` ${port + 10_000} `);
      },
      30_000,
    );
    await eventually(
      'and it leads there',
      async () => (await saidByName('other.west.supercluster.local')) === 'hello from other',
    );
    await eventually('nothing is wrong with it', async () => {
      const { out } = await east.run('service', 'status', 'other.west', '-o', 'json');
      return JSON.parse(out).status.trouble === '';
    });
  });

  it('who wants no imports has none', async () => {
    const site = (await east.store.get('Site', 'east'))!;
    const settings = { ...site.spec.settings, [SETTING.import]: 'false' };
    await east.store.apply({ ...site, spec: { ...site.spec, settings } });
    await eventually('NXDOMAIN', async () => (await ask(dns, NAME)).rcode === 'NXDOMAIN');
    await eventually('no listener', async () => (await east.store.list('MultiKeyListener')).length === 0);
    expect(east.madeFiles()).toEqual([]);
  });
});
