/** More than the routers can take: they answer, keep to their memory, and are as before when it is over. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { stopChild } from '../../support/child-process.ts';
import { eventually } from '../../support/eventually.ts';
import type { Listening } from '../../support/tcp.ts';
import { Network, type Site } from './network.ts';
import { downloads, echoes, tryOnce, type Where } from './traffic.ts';

const CROWD = join(import.meta.dirname, 'crowd.ts');
const CROWD_COUNT = 20_000;
const READER_COUNT = 10_000;
const FLOOD_MS = 10_000;
const ANSWER_MS_MAX = 1000;
/** The budget for flows is at most 512 MiB; beside it there are the process itself, and what each connection is. */
const MEMORY_MIB_MAX = 512 + 400;
const OVER_PATIENCE_MS = 60_000;
/** Of one socket, both ways: that many would take all that the system has for sockets. */
const SOCKET_BYTES = '4096 8192 16384';

describe('two routers and far too many connections', { timeout: 240_000 }, () => {
  const network = new Network();
  let sites: Site[] = [];
  let echo: Listening;
  let source: Listening;
  let ask: Where;
  let pour: Where;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    [echo, source] = [await echoes(), await downloads()];
    const [west, east] = [network.site('west'), network.site('east')];
    sites = [west, east];
    for (const set of ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']) network.setSystem(`${set}=${SOCKET_BYTES}`);
    await network.link(west, east);
    ask = network.publish(west, 'echo');
    pour = network.publish(west, 'source');
    network.offer(east, 'echo', echo.port);
    network.offer(east, 'source', source.port);
    await network.start();
    await network.whole();
    await eventually('services answer', async () => (await tryOnce(ask, 2000)) === undefined, 30_000);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await stopChild(child);
  });
  afterAll(async () => {
    await network.stop();
    await echo.close();
    await source.close();
  });

  function crowd(verb: string, { host, port }: Where, count: number): ChildProcess {
    const args = [CROWD, verb, host, String(port), String(count)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    return child;
  }

  /** What they say became of their connections; meanwhile and for a while after the routers are watched. */
  async function watched(crowds: readonly ChildProcess[], longerMs = 0): Promise<Map<string, number>> {
    let over = false;
    const outcomes = new Map<string, number>();
    const said = crowds.map(async ({ stdout }) => {
      const [text] = await once(stdout!, 'data');
      for (const [outcome, count] of Object.entries(JSON.parse(String(text)) as Record<string, number>))
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
    });
    const done = Promise.all(said)
      .then(() => sleep(longerMs))
      .finally(() => {
        over = true;
      });
    const watch = async (site: Site): Promise<{ answerMs: number; memoryMiB: number }> => {
      let [answerMs, mostMiB] = [0, 0];
      while (!over) {
        const startedMs = performance.now();
        await fetch(`http://${site.place.address}:9090/healthz`, { signal: AbortSignal.timeout(30_000) });
        answerMs = Math.max(answerMs, performance.now() - startedMs);
        mostMiB = Math.max(mostMiB, memoryMiB(site));
        await sleep(100);
      }
      return { answerMs: Math.round(answerMs), memoryMiB: mostMiB };
    };
    const [, ...seen] = await Promise.all([done, ...sites.map(watch)]);
    process.stdout.write(`${JSON.stringify([...outcomes])}, routers: ${JSON.stringify(seen)}\n`);
    for (const { answerMs, memoryMiB: most } of seen) {
      expect(most).toBeLessThan(MEMORY_MIB_MAX);
      expect(answerMs).toBeLessThan(ANSWER_MS_MAX);
    }
    return outcomes;
  }

  /** A new connection is served as ever, and nothing is left of the others. */
  async function recovered(): Promise<void> {
    await eventually('a new connection is served', async () => (await tryOnce(ask, 1000)) === undefined, 10_000);
    for (const site of sites) {
      for (const metric of ['skuprt_router_flows_open', 'skuprt_router_buffered_bytes']) {
        const none = async () => (await network.metric(site, metric)) === 0;
        await eventually(`${site.id}: ${metric} is 0`, none, OVER_PATIENCE_MS);
      }
    }
  }

  async function end(child: ChildProcess): Promise<void> {
    const exited = once(child, 'exit');
    child.stdin!.end();
    await exited;
  }

  it('20,000 opened at once are all served, or told that they are not', async () => {
    // Of two clients, since one may not have that many files open; nor may a router, everywhere.
    const clients = [crowd('all', ask, CROWD_COUNT / 2), crowd('all', ask, CROWD_COUNT / 2)];
    const outcomes = await watched(clients);
    expect(outcomes.get('served')).toBeGreaterThan(CROWD_COUNT / 2);
    expect([...outcomes.values()].reduce((sum, each) => sum + each, 0)).toBe(CROWD_COUNT);
    await Promise.all(clients.map(end));
    await recovered();
  });

  it.each(['slow', 'mute'])('10,000 %s readers of a server that pours stop nobody else', async (how) => {
    const readers = crowd(how, pour, READER_COUNT);
    const beside = sleep(15_000).then(() => tryOnce(ask, 5000));
    await watched([readers], 20_000);
    expect(await beside).toBeUndefined();
    await end(readers);
    await recovered();
  });

  it('a client that opens and resets as fast as it can leaves nothing', async () => {
    await watched([crowd('reset', ask, FLOOD_MS)]);
    await recovered();
  });

  function memoryMiB({ process: child }: Site): number {
    const [, kibibytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child!.pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kibibytes) / 1024);
  }
});
