/**
 * Services of a cluster set without Kubernetes: three machines (data homes), each with a local site, a service that two of them export,
 * and names for it at the third. Commands are those that a user types.
 */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SETTING } from '../../config/names.ts';
import { ask, type DnsAddress } from '../support/dns-client.ts';
import { eventually } from '../support/eventually.ts';
import { freePort, LocalMachine, said } from '../support/local-machine.ts';

const HOST = '127.0.0.1';
/** Of the service; its servers have any. */
const PORT = 8080;
const NAME = 'backend.west.supercluster.local';

class Machine extends LocalMachine {
  /** A server here, exposed under that address. */
  async expose(made: Server, name = 'backend', servicePort = PORT): Promise<void> {
    const settings = { [SETTING.servicePort]: String(servicePort) };
    const { port } = made.address() as AddressInfo;
    await this.apply('Connector', name, { routingKey: name, host: HOST, port, settings });
  }
}

const west = new Machine('west', 'west');
const east = new Machine('east', 'east');
/** Another machine with a namespace of the same name. */
const spare = new Machine('west', 'spare');
const machines = [west, east, spare];
const servers: Server[] = [];
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

/** As a client does that knows the name only. */
async function saidByName(name = NAME): Promise<string | undefined> {
  const [addresses, services] = await Promise.all([ask(dns, name), ask(dns, name, 'SRV')]);
  const host = addresses.answers[0]?.split(' ').at(-1);
  const port = Number(services.answers[0]?.split(' ')[4]);
  return host === undefined ? undefined : await said(host, port);
}

beforeAll(async () => {
  await Promise.all(machines.map((machine) => machine.begin()));
  await Promise.all([west, spare].map((machine) => machine.link(east)));
  await west.expose(await server('hello from west'));
  dns = await east.serveDns();
});

afterAll(async () => {
  await Promise.all(machines.map((machine) => machine.end()));
  for (const one of servers) one.close();
});

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
    await eventually('the other answers', async () => (await saidByName()) === 'hello from spare');
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
    const taken = createServer((socket) => socket.on('error', () => undefined).end('no')).listen(
      await freePort(),
      '0.0.0.0',
    );
    servers.push(taken);
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    await west.expose(await server('hello from other'), 'other', port);
    expect((await west.run('service', 'export', 'other')).code).toBe(0);
    await eventually('the port is another', async () => {
      const { answers } = await ask(dns, 'other.west.supercluster.local', 'SRV');
      return answers[0]?.includes(` ${port + 10_000} `);
    });
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
