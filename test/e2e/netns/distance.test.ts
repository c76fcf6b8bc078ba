/** One flow over a long way. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { stopChild } from '../../support/child-process.ts';
import { eventually } from '../../support/eventually.ts';
import { Network } from './network.ts';
import { inPlace } from './space.ts';
import { downloads, echoes, tryOnce } from './traffic.ts';

const PLAIN = join(import.meta.dirname, 'plain.ts');
const PORT = 7001;
const START_MS = 6000;
const MEASURED_MS = 5000;
const ROUNDS = 2;
/** Of what plain TCP has on the same line; the machine runs both routers, the line and both ends. */
const SHARE = 0.8;

describe.each([{ roundTripMs: 50 }, { roundTripMs: 100 }])('at a round trip of $roundTripMs ms', ({ roundTripMs }) => {
  const network = new Network();
  const closing: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    await network.stop();
    for (const close of closing) await close();
  });

  it('one flow has four fifths of what plain TCP has on the same line', async () => {
    const [west, east] = [network.site('west'), network.site('east')];
    const [source, echo] = [await downloads(), await echoes()];
    closing.push(
      () => source.close(),
      () => echo.close(),
    );
    const wire = await network.link(west, east, {}, { delayMs: roundTripMs / 2, mtu: 9000 });
    const where = network.publish(west, 'source');
    const ask = network.publish(west, 'echo');
    network.offer(east, 'source', source.port);
    network.offer(east, 'echo', echo.port);
    await network.start();
    await eventually('services answer', async () => (await tryOnce(ask, 2000)) === undefined, 30_000);
    const server = spawn(...inPlace(east.place, process.execPath, [PLAIN, 'serve', String(PORT)]), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    closing.push(() => stopChild(server));
    await once(server.stdout, 'data');
    const fetched = async (host: string, port: number): Promise<number> => {
      const args = [PLAIN, 'fetch', host, String(port), String(START_MS), String(MEASURED_MS)];
      const { stdout } = await promisify(execFile)(...inPlace(west.place, process.execPath, args));
      return Number(stdout);
    };
    const shares: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const plain = await fetched(wire.addresses[1], PORT);
      const ours = await fetched(where.host, where.port);
      shares.push(ours / plain);
      process.stdout.write(`${roundTripMs} ms: ${megabits(ours)} of ${megabits(plain)} Mbit/s\n`);
    }
    expect(Math.max(...shares)).toBeGreaterThan(SHARE);
  });
});

function megabits(octets: number): number {
  return Math.round((octets * 8) / 1e6);
}
