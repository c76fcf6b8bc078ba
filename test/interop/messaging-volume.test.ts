/** Many messages, and large ones: none lost, none out of order, and a router holds little of what passes it. */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { StreamReceiver, sendStream } from '../support/amqp-stream.ts';
import { MessagingNetwork, PLACES } from './messaging-network.ts';

const COUNT = 100_000;
const MIB = 1024 * 1024;
const HEAD_BYTES = 8;
/** What a router of ours may grow by while it passes: the window of a session with a router, 128 MiB, and garbage. */
const GROWTH_MIB_MAX = 192;
const MS_MAX = 120_000;
let unique = 0;

describe.each(PLACES.filter(({ kinds }) => kinds.length !== 2))('volume through $name', (places) => {
  let network: MessagingNetwork;
  beforeAll(async () => {
    network = await MessagingNetwork.start(places);
  }, 90_000);
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

  test(
    'a message far larger than a window passes both ways, and no more stays than a window takes',
    async () => {
      const sizeBytes = (places.kinds.includes('original') ? 100 : 400) * MIB;
      for (const { from, to } of network.ways) {
        const address = `volume-${unique++}`;
        const receiver = await StreamReceiver.open(network.ports[to]!, address);
        const before = network.ids.map((_, at) => residentMib(at));
        expect(await sendStream(network.ports[from]!, address, sizeBytes)).toBe('accepted');
        expect(await receiver.done).toBeGreaterThanOrEqual(sizeBytes + HEAD_BYTES);
        const growth = network.ids.map((_, at) => residentMib(at) - before[at]!);
        for (const [at, kind] of places.kinds.entries()) {
          if (kind === 'ours') expect(growth[at]).toBeLessThan(GROWTH_MIB_MAX);
        }
        receiver.close();
      }
    },
    MS_MAX,
  );
});
