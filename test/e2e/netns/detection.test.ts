/** How soon the loss of a link is known, and that a poor line is not taken for a lost one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { Listening } from '../../support/tcp.ts';
import { Network, type Site } from './network.ts';
import type { Wire } from './space.ts';
import { Download, downloads, echoes, open, tryOnce } from './traffic.ts';

/** Looking and asking take time too. */
const KNOWN_WITHIN_MS = 2200;
/** A round trip of 500 ms. */
const POOR = { delayMs: 250, lossPercent: 7 };
const STALL_MS = 300;
const WATCHED_MS = Number(process.env.SKUPRT_NETNS_WATCH_SECONDS ?? 45) * 1000;

describe('a link of two routers', () => {
  let network: Network;
  let [west, east]: Site[] = [];
  let wire: Wire;
  const servers: Listening[] = [];

  afterEach(async () => {
    await network.stop();
    for (const server of servers.splice(0)) await server.close();
  });

  async function joined(distance?: typeof POOR): Promise<void> {
    network = new Network();
    west = network.site('west');
    east = network.site('east');
    wire = await network.link(west, east, {}, distance && { ...distance, lossPercent: 0 });
  }

  const isUp = async (site: Site) => (await network.metric(site, 'skuprt_router_link_up')) > 0;

  async function up(): Promise<void> {
    await network.start();
    for (const site of [west!, east!]) await eventually(`${site.id} is linked`, () => isUp(site), 30_000);
  }

  it.each(['killed', 'frozen'])('is known to be lost within two seconds when one is %s', async (how) => {
    await joined();
    await up();
    network.signal(east!, how === 'killed' ? 'SIGKILL' : 'SIGSTOP');
    await eventually('the link is down', async () => !(await isUp(west!)), KNOWN_WITHIN_MS);
  });

  it('is known to be lost at both ends within two seconds when the wire falls silent, and comes back with it', async () => {
    await joined();
    await up();
    wire.silence();
    const lost = (site: Site) => eventually('the link is down', async () => !(await isUp(site)), KNOWN_WITHIN_MS);
    await Promise.all([west!, east!].map(lost));
    wire.mend();
    for (const site of [west!, east!]) await eventually(`${site.id} is linked`, () => isUp(site), 15_000);
  });

  it.each(['idle', 'loaded'])(
    'stands at 500 ms round trip, 7 %% loss and stalls of 300 ms, when it is %s',
    async (load) => {
      await joined(POOR);
      const echo = await echoes();
      const source = await downloads();
      servers.push(echo, source);
      const ask = network.publish(west!, 'echo');
      const fetched = network.publish(west!, 'source');
      network.offer(east!, 'echo', echo.port);
      network.offer(east!, 'source', source.port);
      await up();
      await eventually('the service is there', async () => (await tryOnce(ask, 5000)) === undefined, 30_000);
      wire.change(POOR);
      const bulk = load === 'loaded' ? [new Download(await open(fetched)), new Download(await open(fetched))] : [];
      const endMs = performance.now() + WATCHED_MS;
      while (performance.now() < endMs) {
        for (const site of [west!, east!]) {
          await sleep(1500);
          network.signal(site, 'SIGSTOP');
          await sleep(STALL_MS);
          network.signal(site, 'SIGCONT');
        }
      }
      expect(network.lostLinks(west!)).toEqual([]);
      expect(network.lostLinks(east!)).toEqual([]);
      expect(await isUp(west!)).toBe(true);
      for (const download of bulk) {
        expect(download.octets).toBeGreaterThan(0);
        download.socket.destroy();
      }
    },
  );
});
