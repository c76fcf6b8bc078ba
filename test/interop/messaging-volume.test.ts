/** Many messages, and large ones: none lost, none out of order, and a router holds little of what passes it. */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest';
import { StreamReceiver, sendStream } from '../support/amqp-stream.ts';
import { eventually } from '../support/eventually.ts';
import { MessagingNetwork, PLACES, type Places } from './messaging-network.ts';
import { isFullVolume } from './volume.ts';

const COUNT = isFullVolume ? 100_000 : 10_000;
const MIB = 1024 * 1024;
const SIZE_BYTES = (isFullVolume ? 400 : 150) * MIB;
const STALL_MS = isFullVolume ? 5000 : 500;
const HEAD_BYTES = 8;
/** What a router of ours may grow by while a message passes: a window of 8 MiB, and garbage. */
const GROWTH_MIB_MAX = 64;
/** An original at its side sends as much as a session with it takes, its large messages and streams in one. */
const ORIGINALS_WINDOW_MIB = 128;
const MS_MAX = 120_000;
const LAYOUTS = PLACES.filter(({ kinds }) => isFullVolume || kinds.length > 1);
let unique = 0;

describe.each(isFullVolume ? LAYOUTS : LAYOUTS.slice(0, 1))('volume through $name', (places) => {
  let network: MessagingNetwork;
  beforeAll(async () => {
    network = await MessagingNetwork.start(places);
  }, 90_000);
  beforeEach(() => {
    onTestFailed(() => {
      process.stderr.write(`${network.evidence()}\n`);
    });
  });
  afterEach(() => network.disconnect());
  afterAll(() => network?.stop());

  const residentMib = (at: number): number => {
    const status = readFileSync(`/proc/${network.routers.pid(network.ids[at]!)}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  };

  test(
    `${COUNT} messages arrive once and in order`,
    async () => {
      const { from, to } = network.ways[0]!;
      const address = `volume-${unique++}`;
      const receiver = (await network.client(to)).connection.open_receiver({ source: address, credit_window: 500 });
      const wrong: unknown[] = [];
      let received = 0;
      receiver.on('message', ({ message }) => {
        if (message!.body !== received) wrong.push(message!.body);
        received++;
      });
      const { sender } = await (await network.client(from)).sender(address);
      let posted = 0;
      let accepted = 0;
      await new Promise<void>((resolve, reject) => {
        const fill = (): void => {
          while (posted < COUNT && sender.sendable() && posted - accepted < 250) sender.send({ body: posted++ });
        };
        sender.on('accepted', () => {
          accepted++;
          if (accepted === COUNT) resolve();
          else fill();
        });
        for (const outcome of ['rejected', 'released', 'modified'])
          sender.on(outcome, () => reject(new Error(outcome)));
        sender.on('sendable', fill);
        fill();
      });
      expect([received, wrong]).toEqual([COUNT, []]);
    },
    MS_MAX,
  );

  test.each([
    ['that takes it as it comes', 0],
    ['that stops for a while', STALL_MS],
  ])(
    'a message far larger than a window passes both ways to a consumer %s, and no more stays than a window takes',
    async (_, stallMs) => {
      for (const { from, to } of network.ways) {
        const address = `volume-${unique++}`;
        const receiver = await StreamReceiver.open(network.ports[to]!, address);
        const before = network.ids.map((_, at) => residentMib(at));
        const sent = sendStream(network.ports[from]!, address, SIZE_BYTES);
        await eventually('it arrives', () => receiver.receivedBytes > 0, MS_MAX);
        await receiver.stall(stallMs);
        const stalled = network.ids.map((_, at) => residentMib(at));
        expect(await sent).toBe('accepted');
        expect(await receiver.done).toBeGreaterThanOrEqual(SIZE_BYTES + HEAD_BYTES);
        for (const [at, kind] of places.kinds.entries()) {
          const growth = Math.max(stalled[at]!, residentMib(at)) - before[at]!;
          if (kind === 'ours') expect(growth).toBeLessThan(growthMibMax(places.kinds, at));
        }
        receiver.close();
      }
    },
    MS_MAX,
  );
});

function growthMibMax(kinds: Places['kinds'], at: number): number {
  const isFed = kinds[at - 1] === 'original' || kinds[at + 1] === 'original';
  return GROWTH_MIB_MAX + (isFed ? ORIGINALS_WINDOW_MIB : 0);
}
