/** `top`, `flows`, `events` and `network graph` at two local sites, as a user types them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI_ENTRY, localEnv, runHere } from '../support/cli.ts';
import { eventually, PATIENCE } from '../support/eventually.ts';
import { freePort, LocalMachine } from '../support/local-machine.ts';
import { connect, echoServer, type Listening } from '../support/tcp.ts';

const west = new LocalMachine('west', 'west');
const east = new LocalMachine('east', 'east');
let backend: Listening;
let port: number;

beforeAll(async () => {
  backend = await echoServer();
  await Promise.all([west.begin(), east.begin()]);
  await west.link(east);
  await east.apply('Connector', 'echo', { routingKey: 'echo', host: '127.0.0.1', port: backend.port });
  port = await freePort();
  await west.apply('Listener', 'echo', { routingKey: 'echo', host: '127.0.0.1', port });
  await eventually('the service answers', () => connect(port).then(ended, () => false), 60_000);
});

afterAll(async () => {
  await backend.close();
  await Promise.all([west.end(), east.end()]);
});

const at = (machine: LocalMachine, line: string, signal?: AbortSignal) =>
  runHere(['-p', 'local', '-n', machine.namespace, ...line.split(' ')], {
    env: { XDG_DATA_HOME: machine.home },
    ...(signal && { signal }),
  });

function ended(socket: Socket): boolean {
  socket.on('error', () => undefined);
  socket.destroy();
  return true;
}

describe('commands that look', () => {
  it('top, from either site', async () => {
    for (const machine of [west, east]) {
      // How long a round trip takes is known after the first heartbeat.
      const look = () => at(machine, 'top --once');
      await expect.poll(async () => (await look()).out, PATIENCE).toMatch(/^\S+ +west +east +up +1 +[\d.]+ ms/m);
      const { code, out } = await look();
      expect(code).toBe(0);
      expect(out).toMatch(/^2 sites {3}2 routers {3}1 link {3}1 service$/m);
      expect(out).toMatch(/^echo +1 +1 +0 +\d+ +0 /m);
    }
  });

  it('top as JSON, with when the certificate of the link ends', async () => {
    const { out } = await at(west, 'top -o json');
    const { kind, sites, links } = JSON.parse(out);
    expect([kind, sites.length, links.length]).toEqual(['NetworkView', 2, 1]);
    expect(links[0].certificateExpiresAt).toBeGreaterThan(Date.now());
  });

  it('the graph, in each notation', async () => {
    const told = (machine: LocalMachine, line: string) =>
      expect.poll(async () => (await at(machine, `network graph ${line}`.trim())).out, PATIENCE);
    await told(west, '-o dot').toMatch(/s1 -> s0 \[label="cost 1/);
    await told(east, '').toMatch(/s1 -->\|"cost 1.*"\| s0/);
    await told(east, '-o svg').toMatch(/^<svg [\s\S]*offers echo[\s\S]*<\/svg>\n$/);
  });

  it('a connection from its beginning to its end, by both sites, and only what was asked for', async () => {
    const stop = new AbortController();
    const follow = [west, east].map((machine) =>
      at(machine, 'flows -f -o json --service echo --from west', stop.signal),
    );
    const others = at(west, 'flows -f -o json --from east', stop.signal);
    // Until they listen: told again and again.
    const seen = async () => {
      const client = await connect(port);
      client.on('error', () => undefined);
      client.write('12345');
      await new Promise((resolve) => client.once('data', resolve));
      client.end();
      return JSON.parse((await at(west, 'flows -o json --state open')).out).kind === 'FlowList';
    };
    for (let time = 0; time < 4; time++) expect(await seen()).toBe(true);
    stop.abort();
    for (const { out } of await Promise.all(follow)) {
      const flows = out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      const closed = flows.find(({ state }) => state === 'closed');
      expect(closed).toMatchObject({
        apiVersion: 'skuprt.io/v1alpha1',
        kind: 'Flow',
        address: 'echo',
        fromSiteName: 'west',
        toSiteName: 'east',
        octets: 5,
        octetsBack: 5,
      });
    }
    expect((await others).out).toBe('');
  });

  it('events, with what the resources say', async () => {
    const events = async () => (await at(east, 'events')).out;
    await expect.poll(events, PATIENCE).toMatch(/^\S+ \S+ +info +token-issued /m);
    const { code, out } = await at(east, 'events');
    expect(code).toBe(0);
    expect(out).toMatch(/^\S+ \S+ +info +link-up +Link \S+ from west to east is up$/m);
    const document = JSON.parse((await at(east, 'events -o json')).out);
    expect(document).toMatchObject({ apiVersion: 'skuprt.io/v1alpha1', kind: 'EventList', items: expect.any(Array) });
  });

  it('that are interrupted before they have seen the whole say so, and print nothing', async () => {
    for (const line of ['top --once', 'flows', 'events', 'flows -f', 'network graph']) {
      const { code, out, err } = await at(west, line, AbortSignal.abort());
      expect([line, code, out]).toEqual([line, 130, '']);
      expect(err).toMatch(/^Error: Interrupted/);
    }
  });

  it('that follow end well when whoever reads has seen enough', async () => {
    const env = { ...localEnv(), XDG_DATA_HOME: west.home };
    const args = [CLI_ENTRY, '-n', west.namespace, 'flows', '-f', '-o', 'json'];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const exit = once(child, 'exit');
    const said = text(child.stderr);
    let isRead = false;
    child.stdout.once('data', () => {
      isRead = true;
      child.stdout.destroy();
    });
    // Until it listens, and then until it notices.
    await eventually(
      'it has ended',
      async () => {
        const client = await connect(port);
        client.on('error', () => undefined);
        client.end('1');
        return child.exitCode !== null;
      },
      60_000,
    );
    expect([isRead, await exit, await said]).toEqual([true, [0, null], '']);
  });

  it('connections when there are none: nothing on stdout, and how to see some', async () => {
    const { code, out, err } = await at(west, 'flows --service nosuch');
    expect([code, out]).toEqual([0, '']);
    expect(err).toContain('-f shows them');
    expect(err).toContain('no service "nosuch" is known here now');
  });

  it('connections of a site that nobody knows: which there are', async () => {
    for (const flag of ['--from', '--to']) {
      const { code, out, err } = await at(west, `flows ${flag} nosuch`);
      expect([flag, code, out]).toEqual([flag, 3, '']);
      expect(err).toMatch(/No site "nosuch" is known here\n {2}These are: east, west; see \S+ .*network status/);
    }
  });

  it('of a namespace without a site it is said that there is none', async () => {
    for (const line of ['top --once', 'flows', 'events', 'network graph']) {
      const env = { XDG_DATA_HOME: west.home };
      const { code, err } = await runHere(['-p', 'local', '-n', 'nowhere', ...line.split(' ')], { env });
      expect([line, code]).toEqual([line, 3]);
      expect(err).toMatch(/There is no site in namespace "nowhere"[\s\S]*init/);
    }
  });

  it('of a site that does not run there is nothing to see, and it is said what to do', async () => {
    await west.stop();
    const { code, err } = await at(west, 'top --once');
    expect(code).toBe(1);
    expect(err).toMatch(/does not run[\s\S]*site start/);
  });
});
