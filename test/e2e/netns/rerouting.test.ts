/** The preferred way between two routers is lost while another, dearer one stands. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { Listening } from '../../support/tcp.ts';
import { Network, type Site } from './network.ts';
import { type Attempt, Attempts, echoes, open, told, tryOnce, type Where } from './traffic.ts';

const EVERY_MS = 25;
/** Who has no answer after this long hangs. */
const PATIENCE_MS = 8000;
const WATCHED_MS = 6000;

describe('a client of a service two routers away, with two routers between of which one is preferred', () => {
  const network = new Network();
  let [west, near, far, east]: Site[] = [];
  let echo: Listening;
  let where: Where;

  beforeAll(async () => {
    echo = await echoes();
    [west, near, far, east] = ['west', 'near', 'far', 'east'].map((id) => network.site(id));
    await network.link(west!, near!);
    await network.link(east!, near!);
    await network.link(west!, far!, { cost: 10 });
    await network.link(east!, far!, { cost: 10 });
    where = network.publish(west!, 'echo');
    network.offer(east!, 'echo', echo.port);
    await network.start();
    await network.whole();
  });
  afterAll(async () => {
    await network.stop();
    await echo.close();
  });

  afterEach(async () => {
    network.signal(near!, 'SIGCONT');
    if (network.isOver(near!)) await network.restart(near!);
    await network.whole();
  });

  /** New connections since something happened; those that were open by then too. */
  async function around(happens: () => void): Promise<Attempt[]> {
    const attempts = new Attempts(where, EVERY_MS, PATIENCE_MS);
    await sleep(1000);
    attempts.mark();
    happens();
    await sleep(WATCHED_MS);
    return await attempts.stop();
  }

  it('is served within half a second after the preferred one is killed', async () => {
    const made = await around(() => network.kill(near!));
    expect(made.length).toBeGreaterThan(WATCHED_MS / EVERY_MS / 4);
    expect(told(made.filter(({ tookMs }) => tookMs > 3000))).toEqual([]);
    expect(told(made.filter(({ startedMs, failure }) => startedMs > 500 && failure !== undefined))).toEqual([]);
    expect(told(made.filter(({ startedMs, tookMs }) => startedMs > 500 && tookMs > 500))).toEqual([]);
  });

  it('is served within two seconds after the preferred one is frozen, and none waits for three', async () => {
    const made = await around(() => network.signal(near!, 'SIGSTOP'));
    network.signal(near!, 'SIGCONT');
    expect(made.length).toBeGreaterThan(WATCHED_MS / EVERY_MS / 4);
    expect(told(made.filter(({ tookMs }) => tookMs > 3000))).toEqual([]);
    expect(told(made.filter(({ startedMs, failure }) => startedMs > 2000 && failure !== undefined))).toEqual([]);
    expect(told(made.filter(({ startedMs, tookMs }) => startedMs > 2000 && tookMs > 500))).toEqual([]);
  });

  it('uses the preferred one again within a second after it has healed', async () => {
    network.kill(near!);
    await eventually('another way', async () => (await tryOnce(where, 1000)) === undefined);
    await network.restart(near!);
    const upAt = async (site: Site) => (await network.metric(site, 'skuprt_router_link_up', 'near')) === 1;
    const healed = async () => (await upAt(west!)) && (await upAt(east!));
    await eventually(() => `both links are up\n${network.evidence()}`, healed);
    const passed = () => network.metric(near!, 'qdr_deliveries_transit_total');
    const before = await passed();
    const uses = async () => (await tryOnce(where, 1000)) === undefined && (await passed()) > before;
    await eventually(() => `new connections use it\n${network.evidence()}`, uses, 1000);
  });

  it('whose connection stands over a way that is lost for good is told within three seconds, or goes on', async () => {
    const socket = await open(where);
    socket.on('error', () => {});
    socket.write('a');
    await new Promise((resolve) => socket.once('data', resolve));
    network.signal(near!, 'SIGSTOP');
    const said = new Promise<string>((resolve) => {
      socket.once('data', () => resolve('goes on'));
      socket.once('close', () => resolve('is over'));
    });
    socket.write('b');
    const outcome = await Promise.race([said, sleep(3000).then(() => 'hangs')]);
    network.signal(near!, 'SIGCONT');
    expect(outcome).not.toBe('hangs');
    socket.destroy();
  });
});
