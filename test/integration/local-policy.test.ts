/** Access policies of local sites, as files: a service that may not be offered or used is not, from one pass to the next. */
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localRouter } from '../../cli/console/router-endpoint.ts';
import type { Explanation } from '../../lib/policy/explain.ts';
import { NETWORK_STATUS_NAME } from '../../site-controller/exchange/network-document.ts';
import { readPidFile } from '../../site-controller/platform/local/process-identity.ts';
import { runHere } from '../support/cli.ts';
import { FakeCluster } from '../support/cli-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { freePort, LocalMachine } from '../support/local-machine.ts';
import { connect, echoServer, type Listening, reset } from '../support/tcp.ts';
import { ask } from '../support/two-sites.ts';

const HOST = '127.0.0.1';
const GREETING = 'hello from east';

const east = new LocalMachine('east', 'east');
const west = new LocalMachine('west', 'west');
let backend: Server;
let echo: Listening;
let port: number;

/** As a user drops it. */
function drop(machine: LocalMachine, kind: 'AccessPolicy' | 'ClusterAccessPolicy', name: string, spec: object): void {
  const policy = { apiVersion: 'skuprt.io/v1alpha1', kind, metadata: { name }, spec };
  writeFileSync(join(machine.paths.inputResources, `${name}.yaml`), JSON.stringify(policy));
}

function remove(machine: LocalMachine, name: string): void {
  rmSync(join(machine.paths.inputResources, `${name}.yaml`));
}

/** What a client in the west gets of the service: the text, or why not. */
async function fromWest(): Promise<string> {
  return await ask(port, 'anyone there?').catch((error: NodeJS.ErrnoException) => error.code ?? String(error));
}

async function answers(what: string, wanted: (answer: string) => boolean): Promise<void> {
  let last = '';
  await eventually(
    () => `${what}: ${last}\n${east.output}\n${west.output}`,
    async () => {
      last = await fromWest();
      return wanted(last);
    },
    20_000,
  );
}

/** A connection whose octets come back, and that stays open; undefined when nobody is there. */
async function held(at: number): Promise<Socket | undefined> {
  const socket = await connect(at).catch(() => undefined);
  if (socket === undefined) return undefined;
  socket.write('x');
  const came = await Promise.race([
    once(socket, 'data').then(
      () => true,
      () => false,
    ),
    once(socket, 'close').then(() => false),
  ]);
  if (came) return socket;
  socket.destroy();
  return undefined;
}

const isRefused = (answer: string) => answer !== GREETING;
const isAnswered = (answer: string) => answer === GREETING;

async function condition(
  machine: LocalMachine,
  kind: 'Connector' | 'Listener' | 'AccessPolicy' | 'ClusterAccessPolicy',
  name: string,
  type: string,
) {
  const found = await machine.store.get(kind, name);
  return found?.status?.conditions?.find((one) => one.type === type);
}

beforeAll(async () => {
  backend = createServer({ allowHalfOpen: true }, (socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end(GREETING),
  ).listen(0, HOST);
  await new Promise((resolve) => backend.once('listening', resolve));
  echo = await echoServer();
  port = await freePort();
  await Promise.all([east.begin(), west.begin()]);
  await west.link(east);
  await east.apply('Connector', 'shop', {
    routingKey: 'shop',
    host: HOST,
    port: (backend.address() as AddressInfo).port,
  });
  await west.apply('Listener', 'shop', { routingKey: 'shop', host: HOST, port });
  await answers('the service answers', isAnswered);
});

afterAll(async () => {
  await Promise.all([west.end(), east.end()]);
  await echo.close();
  await new Promise((resolve) => backend.close(resolve));
});

describe('access policies of local sites', () => {
  it('keep a service from being offered, until their file is gone', async () => {
    drop(east, 'ClusterAccessPolicy', 'nothing-leaves', {
      services: [{ names: ['shop'] }],
      rules: [{ action: 'Deny', operations: ['Expose'] }],
    });
    await answers('the service is not offered', isRefused);
    await eventually('the Connector says why', async () =>
      (await condition(east, 'Connector', 'shop', 'Configured'))?.message.includes(
        'ClusterAccessPolicy/nothing-leaves',
      ),
    );
    expect((await east.store.get('ClusterAccessPolicy', 'nothing-leaves'))!.status).toMatchObject({
      status: 'Ready',
      selected: { connectors: 1, listeners: 0 },
    });
    remove(east, 'nothing-leaves');
    await answers('the service is offered again', isAnswered);
  });

  it('only tell in dry run that a service would not be offered: by condition, log, events and count', async () => {
    const warning = () => condition(east, 'Connector', 'shop', 'Warnings');
    const rules = [{ action: 'Deny', operations: ['Expose'] }];
    drop(east, 'AccessPolicy', 'rehearsal', { services: [{ names: ['shop'] }], rules, dryRun: true });
    const told = await eventually('the Connector is warned of it', async () => {
      const found = await warning();
      return found?.status === 'True' ? found : undefined;
    });
    expect(told).toMatchObject({
      reason: 'WouldBeRefused',
      message: expect.stringContaining('AccessPolicy/east/rehearsal, rule 0'),
    });
    expect(await fromWest()).toBe(GREETING);
    const ready = async () => (await condition(east, 'Connector', 'shop', 'Ready'))?.status === 'True';
    await eventually('the Connector is Ready', ready);
    const logged = () =>
      east.output.split('\n').filter((line) => line.includes('would be refused by a policy in dry run'));
    await eventually('it is logged', () => logged().length > 0);
    expect(logged()).toEqual([expect.stringContaining('"policy":"AccessPolicy/east/rehearsal"')]);
    const given = { env: { XDG_DATA_HOME: east.home } };
    const where = ['-p', 'local', '-n', east.namespace];
    expect((await runHere([...where, 'policy', 'status'], given)).err).toContain(
      'would refuse Expose of 1: Connector shop',
    );
    await eventually('it is among the events', async () =>
      (await runHere([...where, 'events'], given)).out.includes('connector-would-be-refused'),
    );
    remove(east, 'rehearsal');
    await eventually('the warning is over', async () => (await warning())?.status === 'False');
  });

  it('keep a service from being used', async () => {
    drop(west, 'AccessPolicy', 'nothing-comes', { rules: [{ action: 'Deny', operations: ['Import'] }] });
    await answers('the service is not used', isRefused);
    await eventually('the Listener says why', async () =>
      (await condition(west, 'Listener', 'shop', 'Configured'))?.message.includes('AccessPolicy/west/nothing-comes'),
    );
    remove(west, 'nothing-comes');
    await answers('the service is used again', isAnswered);
  });

  it('refuse connections at the router of the connector by the site of the client', async () => {
    drop(east, 'AccessPolicy', 'friends', { rules: [{ action: 'Allow', from: [{ sites: ['nobody'] }] }] });
    await answers('clients of west are refused', isRefused);
    drop(east, 'AccessPolicy', 'friends', { rules: [{ action: 'Allow', from: [{ sites: ['west'] }] }] });
    await answers('clients of west are allowed', isAnswered);
    remove(east, 'friends');
  });

  it('are explained at either site by what the routers of both say', async () => {
    const explained = async (machine: LocalMachine) => {
      const given = { env: { XDG_DATA_HOME: machine.home } };
      const where = ['-p', 'local', '-n', machine.namespace];
      const told = await runHere(
        [...where, 'policy', 'explain', '--from', 'west', '--to', 'shop', '-o', 'json'],
        given,
      );
      return { ...told, explanation: JSON.parse(told.out) as Explanation };
    };
    for (const machine of [west, east]) {
      const { code, err, explanation } = await explained(machine);
      expect([code, err]).toEqual([0, '']);
      expect(explanation).toMatchObject({ allowed: true, complete: true, unseen: [] });
      const asked = explanation.checks.filter(({ answeredBy }) => answeredBy?.length === 1);
      const [site, kind] = machine === west ? ['east', 'Connector'] : ['west', 'Listener'];
      expect(asked.map((check) => [check.site, check.kind, check.name])).toEqual([
        [site, kind, 'shop'],
        [site, kind, 'shop'],
      ]);
    }
    drop(east, 'AccessPolicy', 'closed', { rules: [{ action: 'Deny', from: [{ sites: ['west'] }] }] });
    await answers('clients of west are refused', isRefused);
    const { code, err, explanation } = await explained(west);
    expect(code).toBe(5);
    expect(err).toMatch(/^Error: AccessPolicy\/east\/closed refuses site west to use shop\n {2}See /);
    expect(explanation.checks.at(-1)).toMatchObject({
      operation: 'Connect',
      client: { siteName: 'west', verification: 'link' },
      decision: { allowed: false, by: { policy: 'AccessPolicy/east/closed', rule: 0 } },
    });
    remove(east, 'closed');
    await answers('clients are allowed again', isAnswered);
  });

  it('are explained from a cluster by a router that is reached through its API server', async () => {
    const { ca, cert, key, port: amqps } = await localRouter(west.paths);
    const cluster = new FakeCluster();
    const put = (plural: string, name: string, rest: object) =>
      cluster.put(plural, { metadata: { name, namespace: 'west' }, ...rest });
    cluster.put('sites', { metadata: { name: 'west', namespace: 'west', uid: await west.siteId() }, spec: {} });
    put('listeners', 'shop', { spec: { routingKey: 'shop', host: 'shop', port } });
    const told = readFileSync(west.paths.networkStatus, 'utf8');
    put('configmaps', NETWORK_STATUS_NAME, { data: { NetworkStatus: told } });
    const labels = { 'skupper.io/component': 'router' };
    const status = { conditions: [{ type: 'Ready', status: 'True' }] };
    cluster.put('pods', { metadata: { name: 'router-1', namespace: 'west', labels }, status });
    cluster.podPorts.set('router-1:5671', amqps);
    const kubeconfig = join(west.home, 'kubeconfig');
    writeFileSync(kubeconfig, JSON.stringify({ contexts: [{ name: 'one', context: { namespace: 'west' } }] }));
    const line = '-c one policy explain --from west --to shop -o json';
    const explained = async () => {
      const args = ['--kubeconfig', kubeconfig, ...line.split(' ')];
      const { code, out } = await runHere(args, { connect: async () => cluster });
      return [code, JSON.parse(out) as Explanation] as const;
    };
    const [, without] = await explained();
    expect(without.unseen).toEqual([expect.stringContaining('has no Secret skupper-local-client')]);
    const files = { 'ca.crt': ca, 'tls.crt': cert, 'tls.key': key };
    const data = Object.entries(files).map(([name, text]) => [name, Buffer.from(String(text)).toString('base64')]);
    put('secrets', 'skupper-local-client', { data: Object.fromEntries(data) });
    const [code, explanation] = await explained();
    expect([code, explanation.complete, explanation.unseen]).toEqual([0, true, []]);
    expect(explanation.checks.at(-1)).toMatchObject({ site: 'east', kind: 'Connector', answeredBy: { length: 1 } });
  });

  it('hold from the first connection on when a router is killed and starts again; what was open is reset', async () => {
    const openPort = await freePort();
    // Beside it, one of which no policy speaks: it shows when the routers are there again.
    await east.apply('Connector', 'open', { routingKey: 'open', host: HOST, port: echo.port });
    await west.apply('Listener', 'open', { routingKey: 'open', host: HOST, port: openPort });
    drop(east, 'AccessPolicy', 'closed', { services: [{ names: ['shop'] }], rules: [{ action: 'Deny' }] });
    await answers('clients are refused', isRefused);
    const opened = async () => await held(openPort);
    const client = await eventually('the other service is open', opened);
    const broken = new Promise((resolve) => client.once('error', resolve));
    const before = (await readPidFile(east.paths.routerPid))!;
    process.kill(before.pid, 'SIGKILL');
    let isBack = false;
    const answered: string[] = [];
    const knocking = (async () => {
      while (!isBack) answered.push(await fromWest());
    })();
    const again = await eventually('it is open again', opened, 60_000);
    isBack = true;
    await knocking;
    reset(again);
    expect(await broken).toMatchObject({ code: 'ECONNRESET' });
    expect((await readPidFile(east.paths.routerPid))!.pid).not.toBe(before.pid);
    expect(await fromWest()).not.toBe(GREETING);
    expect(answered).not.toContain(GREETING);
    remove(east, 'closed');
    await answers('clients are allowed again', isAnswered);
  });

  it('stay in force as they were last good while their file is bad', async () => {
    drop(east, 'AccessPolicy', 'strict', { rules: [{ action: 'Deny' }] });
    await answers('clients are refused', isRefused);
    drop(east, 'AccessPolicy', 'strict', { rulez: [] });
    await eventually('the fault is told', async () => JSON.stringify(await east.store.faults()).includes('rulez'));
    // What shows that the pass after it has run.
    drop(east, 'AccessPolicy', 'after', { services: [{ names: ['nobody'] }], rules: [{ action: 'Deny' }] });
    await eventually(
      'a later policy is in force',
      async () => (await condition(east, 'AccessPolicy', 'after', 'Warnings'))?.reason === 'SelectsNothing',
    );
    expect(await fromWest()).not.toBe(GREETING);
    remove(east, 'strict');
    remove(east, 'after');
    await answers('clients are allowed again', isAnswered);
  });
});
