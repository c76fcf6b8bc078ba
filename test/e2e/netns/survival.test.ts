/** Open connections while what lies between their two ends is killed, frozen and restarted: a pause, no error, no wrong octet. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { Listening } from '../../support/tcp.ts';
import { Network, type Site } from './network.ts';
import { PostgresServer } from './postgres.ts';
import type { Wire } from './space.ts';
import { SshServer } from './ssh.ts';
import { Download, downloads, echoes, open, tryOnce, type Where } from './traffic.ts';

const GIBIBYTE = 2 ** 30;
/** Less time than a flow may pause for. */
const FROZEN_MS = 6000;
const CUT_MS = 3000;

/** What flows go over at first: a router, and its link to the end that dials. */
interface Middle {
  readonly site: Site;
  readonly wire: Wire;
}

type Trouble = (network: Network, middle: Middle) => Promise<void>;
const TROUBLES: Readonly<Record<string, Trouble>> = {
  // Else no failure below would say anything.
  'left alone': async () => {},
  'killed and restarted': async (network, { site }) => {
    network.kill(site);
    await network.restart(site);
  },
  'stopped and restarted': async (network, { site }) => {
    network.signal(site, 'SIGTERM');
    await network.restart(site);
  },
  frozen: async (network, { site }) => {
    network.signal(site, 'SIGSTOP');
    await sleep(FROZEN_MS);
    network.signal(site, 'SIGCONT');
  },
  'cut off and reached again': async (_network, { wire }) => {
    wire.reject();
    await sleep(CUT_MS);
    wire.mend();
  },
  'not heard and heard again': async (_network, { wire }) => {
    wire.silence();
    await sleep(CUT_MS);
    wire.mend();
  },
};
const CASES = Object.keys(TROUBLES).flatMap((what) => [
  { what, ways: 1 },
  { what, ways: 2 },
]);

describe('a connection over routers in the middle', { timeout: 240_000 }, () => {
  let network: Network;
  let [west, east]: Site[] = [];
  let middles: Middle[] = [];
  const servers: { close(): Promise<void> }[] = [];

  afterEach(async () => {
    await network.stop();
    for (const server of servers.splice(0)) await server.close();
  });

  async function services(ways: number, ports: Readonly<Record<string, number>>): Promise<Record<string, Where>> {
    network = new Network();
    west = network.site('west');
    east = network.site('east');
    middles = [];
    for (let way = 0; way < ways; way++) {
      const site = network.site(`middle${way}`);
      middles.push({ site, wire: await network.link(west, site, { cost: 1 + way }) });
      await network.link(east, site, { cost: 1 + way });
    }
    const found: Record<string, Where> = {};
    for (const [name, port] of Object.entries(ports)) {
      found[name] = network.publish(west, name);
      network.offer(east, name, port);
    }
    const echo = await served(echoes());
    found.echo = network.publish(west, 'echo');
    network.offer(east, 'echo', echo.port);
    await network.start();
    await network.whole();
    const answers = async () => (await tryOnce(found.echo!, 2000)) === undefined;
    await eventually(() => `services answer\n${network.evidence()}`, answers, 30_000);
    return found;
  }

  async function served(listening: Promise<Listening>): Promise<Listening> {
    const server = await listening;
    servers.push(server);
    return server;
  }

  /** What the flow goes over is in trouble; with two ways the flow is left where it then is. */
  const trouble = (what: string) => TROUBLES[what]!(network, middles[0]!);

  it.each(CASES)(
    'a download of 1 GiB over $ways way(s) comes whole while the router between is $what',
    async ({ what, ways }) => {
      const source = await served(downloads(GIBIBYTE));
      const { download: where } = await services(ways, { download: source.port });
      const download = new Download(await open(where!));
      await eventually('an eighth has come', () => download.octets > GIBIBYTE / 8, 100_000);
      await trouble(what);
      expect(await Promise.race([download.done, sleep(150_000).then(() => `hangs at ${download.octets}`)])).toBe(
        GIBIBYTE,
      );
      process.stdout.write(`${what}, ${ways} way(s): longest pause ${Math.round(download.pauseMsMax)} ms\n`);
    },
  );

  it.skipIf(SshServer.isMissing).each(CASES)(
    'an ssh session over $ways way(s) goes on while the router between is $what',
    async ({ what, ways }) => {
      const ssh = await SshServer.start();
      servers.push(ssh);
      const { shell } = await services(ways, { shell: ssh.port });
      const session = ssh.session(shell!);
      expect(await session.say('echo $((40 + 2))')).toBe('42');
      expect(await session.say('marker=kept; echo $marker')).toBe('kept');
      const during = session.say('for i in 1 2 3 4 5 6 7 8; do sleep 1; done; echo waited');
      during.catch(() => {});
      await trouble(what);
      expect(await during).toBe('waited');
      expect(await session.say('echo $marker')).toBe('kept');
      expect(await session.end()).toBe(0);
    },
  );

  it.skipIf(PostgresServer.isMissing).each(CASES)(
    'an open PostgreSQL transaction over $ways way(s) is committed after the router between was $what',
    async ({ what, ways }) => {
      const postgres = await PostgresServer.start();
      servers.push(postgres);
      const { database } = await services(ways, { database: postgres.port });
      const session = postgres.session(database!);
      await session.ask('create table kept (n int)');
      await session.ask('begin');
      await session.ask('insert into kept select generate_series(1, 1000)');
      const backend = await session.ask('select pg_backend_pid()');
      const during = session.ask('select sum(n)::text || pg_sleep(5)::text from kept');
      during.catch(() => {});
      await trouble(what);
      expect(await during).toBe('500500');
      expect(await session.ask('select pg_backend_pid()')).toBe(backend);
      await session.ask('commit');
      expect(await session.ask('select count(*) from kept')).toBe('1000');
      expect(await session.end()).toBe(0);
    },
  );
});
