/** Two local sites as processes: a service that only one of them reaches is used from the other, whatever is killed in between. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Kind, Resource, ResourceOf } from '../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../config/api/schema.ts';
import { SETTING } from '../../config/names.ts';
import { composeToken } from '../../site-controller/grants/token.ts';
import { type SitePaths, sitePaths } from '../../site-controller/platform/local/paths.ts';
import { isAlive, readPidFile } from '../../site-controller/platform/local/process-identity.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { unusedPort } from '../support/tcp.ts';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const HOST = '127.0.0.1';

const home = mkdtempSync(join(tmpdir(), 'skuprt-sites-'));

class SiteUnderTest {
  readonly name: string;
  readonly paths: SitePaths;
  readonly store: LocalStore;
  process: ChildProcess | undefined;
  output = '';

  constructor(name: string) {
    this.name = name;
    this.paths = sitePaths(home, name);
    this.store = new LocalStore(this.paths);
  }

  start(): void {
    const child = spawn(process.execPath, [CLI, '-n', this.name, 'site', 'run'], {
      env: { ...process.env, XDG_DATA_HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (this.output += String(chunk)));
    this.process = child;
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    child.kill(signal);
    return closed;
  }

  apply(kind: Kind, name: string, spec: object): Promise<void> {
    return this.store.apply({ apiVersion: SKUPPER_API_VERSION, kind, metadata: { name }, spec } as Resource);
  }

  ready<K extends Exclude<Kind, 'Secret'>>(kind: K, name: string): Promise<ResourceOf<K>> {
    return eventually(`${kind} ${name} of ${this.name} ready`, async () => {
      const found = await this.store.get(kind, name);
      const condition = found?.status?.conditions?.find(({ type }) => type === 'Ready');
      const isCurrent = condition?.observedGeneration === found?.metadata.generation;
      return condition?.status === 'True' && isCurrent ? found : undefined;
    });
  }
}

const sites = { east: new SiteUnderTest('east'), west: new SiteUnderTest('west') };
let backend: Server;

async function eventually<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = 45_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) {
      throw new Error(`${what}: did not happen\n${sites.east.output}\n${sites.west.output}`);
    }
    await sleep(20);
  }
}

/** What the service answers through the port of the imported Listener at west. */
async function fetchFromWest(): Promise<string | undefined> {
  const listener = await sites.west.store.get('Listener', 'backend');
  if (listener === undefined) return undefined;
  const url = `http://${HOST}:${listener.spec.port}/`;
  return fetch(url, { signal: AbortSignal.timeout(5000), headers: { connection: 'close' } }).then(
    (response) => response.text(),
    () => undefined,
  );
}

async function amqpsPort({ paths }: SiteUnderTest): Promise<number> {
  const config = JSON.parse(await readFile(paths.routerConfig, 'utf8')) as [string, { name?: string; port?: number }][];
  return Number(config.find(([type, { name }]) => type === 'listener' && name === 'amqps')![1].port);
}

/** True when it does now, undefined when it cannot yet. */
function listens(server: TcpServer, port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(port, HOST, () => resolve(true));
  });
}

beforeAll(async () => {
  backend = createServer((_request, response) => response.end('hello from east')).listen(0, HOST);
  await new Promise((resolve) => backend.once('listening', resolve));
  for (const site of Object.values(sites)) {
    const settings = { [SETTING.bindHost]: HOST, [SETTING.linkPort]: String(await unusedPort()) };
    await site.apply('Site', site.name, { linkAccess: 'default', settings });
    site.start();
  }
});

afterAll(async () => {
  await Promise.all(Object.values(sites).map((site) => site.end('SIGTERM')));
  await new Promise((resolve) => backend.close(resolve));
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
});

describe('two local sites', () => {
  it('become ready', async () => {
    await Promise.all(Object.values(sites).map((site) => site.ready('Site', site.name)));
  });

  it('are linked by a token that keeps the private key where it was made', async () => {
    const { east, west } = sites;
    await east.apply('AccessGrant', 'for-west', {});
    const grant = await east.ready('AccessGrant', 'for-west');
    const siteId = (await east.ready('Site', 'east')).metadata.uid!;
    await west.store.apply(composeToken({ grant, siteId, linkCost: 3 }));
    await west.ready('AccessToken', 'for-west');
    const link = await west.ready('Link', 'for-west');
    expect(link.spec.cost).toBe(3);
    const named = await eventually('remote site named', async () => {
      const { status } = (await west.store.get('Link', 'for-west'))!;
      return status?.remoteSiteName === undefined ? undefined : status;
    });
    expect(named).toMatchObject({ remoteSiteName: 'east', remoteSiteId: siteId });
    expect((await east.store.get('AccessGrant', 'for-west'))!.status!.redemptions).toBe(1);
    expect(readFileSync(join(east.paths.grants, `${grant.metadata.uid}.json`), 'utf8')).not.toContain('tls.key');
  });

  it('share an exposed service, on another port where that of the service is taken', async () => {
    const { port } = backend.address() as AddressInfo;
    const settings = { [SETTING.advertise]: 'true' };
    await sites.east.apply('Connector', 'backend', { routingKey: 'backend', host: HOST, port, settings });
    expect(await eventually('an answer', fetchFromWest)).toBe('hello from east');
    const listener = await sites.west.ready('Listener', 'backend');
    expect(listener.spec.port).not.toBe(port);
    await sites.east.ready('Connector', 'backend');
  });

  it('show the whole network, the same at both', async () => {
    for (const { paths, name } of Object.values(sites)) {
      await eventually(`network as seen by ${name}`, async () => {
        const { siteStatus } = JSON.parse(readFileSync(paths.networkStatus, 'utf8'));
        const links = siteStatus.flatMap(
          (site: { routerStatus: { links: object[] }[] }) => site.routerStatus[0]!.links,
        );
        const text = JSON.stringify(links);
        return (
          (links.length === 2 &&
            text.includes('"outgoing"') &&
            text.includes('"incoming"') &&
            !text.includes('"down"')) ||
          undefined
        );
      });
    }
  });

  it('act on an edited file without a restart', async () => {
    const { west } = sites;
    const router = await readPidFile(west.paths.routerPid);
    const port = await unusedPort();
    await west.apply('Listener', 'mine', { routingKey: 'backend', host: HOST, port });
    await eventually('an answer on the own port', async () =>
      fetch(`http://${HOST}:${port}/`, { headers: { connection: 'close' } }).then(
        (response) => response.ok || undefined,
        () => undefined,
      ),
    );
    await eventually(
      'the import gives way',
      async () => (await west.store.get('Listener', 'backend')) === undefined || undefined,
    );
    await west.store.delete('Listener', 'mine');
    expect(await eventually('an answer by the import', fetchFromWest)).toBe('hello from east');
    expect(await readPidFile(west.paths.routerPid)).toEqual(router);
  });

  it('survive kill -9 of a router', async () => {
    const before = (await readPidFile(sites.west.paths.routerPid))!;
    process.kill(before.pid, 'SIGKILL');
    await eventually('another router', async () => {
      const after = await readPidFile(sites.west.paths.routerPid);
      return (after !== undefined && after.pid !== before.pid) || undefined;
    });
    expect(await eventually('an answer', fetchFromWest)).toBe('hello from east');
  });

  it('survive that another program takes the port of a router that is just starting again', async () => {
    const { west } = sites;
    const port = await amqpsPort(west);
    process.kill((await readPidFile(west.paths.routerPid))!.pid, 'SIGKILL');
    const other = createTcpServer((socket) => socket.destroy());
    try {
      await eventually('the port is taken', () => listens(other, port));
      await eventually('another port', async () => (await amqpsPort(west)) !== port || undefined, 20_000);
      await west.ready('Site', 'west');
      expect(await eventually('an answer', fetchFromWest)).toBe('hello from east');
    } finally {
      other.close();
    }
  });

  it('survive kill -9 of a controller, whose router goes with it', async () => {
    const { east } = sites;
    const router = (await readPidFile(east.paths.routerPid))!;
    const before = await east.store.get('Site', 'east');
    await east.end('SIGKILL');
    await eventually('its router ends', async () => !(await isAlive(router)) || undefined);
    east.start();
    expect(await eventually('an answer', fetchFromWest, 20_000)).toBe('hello from east');
    expect((await east.ready('Site', 'east')).metadata.uid).toBe(before!.metadata.uid);
    await sites.west.ready('Link', 'for-west');
  });

  it('refuse a second controller, naming the first', async () => {
    const second = new SiteUnderTest('east');
    second.start();
    const code = await new Promise((resolve) => second.process!.once('close', resolve));
    expect(code).not.toBe(0);
    expect(second.output).toContain(String(sites.east.process!.pid));
  });

  it('lose sight of each other when their link is deleted, long before a lease ends, and are back with it', async () => {
    const { east, west } = sites;
    const link = (await west.store.get('Link', 'for-west'))!;
    const credentials = (await west.store.get('Secret', 'for-west'))!;
    const sitesInNetwork = async () =>
      Promise.all([east, west].map(async ({ name, store }) => (await store.get('Site', name))!.status?.sitesInNetwork));
    await west.store.delete('Link', 'for-west');
    await eventually('both are alone', async () => (await sitesInNetwork()).join() === '1,1' || undefined, 12_000);
    const hasNoImport = async () => (await west.store.get('Listener', 'backend')) === undefined || undefined;
    await eventually('the import is gone', hasNoImport);
    await west.store.apply(credentials);
    await west.store.apply(link);
    await eventually('both are back', async () => (await sitesInNetwork()).join() === '2,2' || undefined);
    expect(await eventually('an answer', fetchFromWest)).toBe('hello from east');
  });

  it('stop cleanly, and the other one notices at once', async () => {
    const { east, west } = sites;
    expect(await east.end('SIGTERM')).toBe(0);
    await eventually('west is alone', async () => {
      const { status } = (await west.store.get('Site', 'west'))!;
      return status?.sitesInNetwork === 1 || undefined;
    });
    await eventually(
      'the import is gone',
      async () => (await west.store.get('Listener', 'backend')) === undefined || undefined,
    );
  });
});
