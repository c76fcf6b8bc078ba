/** Proton's Python binding as the client of a chain of routers, whoever sits where. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { HOW_TO_HAVE_PROTON, ProtonClient, type ProtonJob, protonPython } from '../support/proton-client.ts';
import { MessagingNetwork, PLACES, type Way } from './messaging-network.ts';

const MS_MAX = 60_000;
const COUNT = 2000;
let unique = 0;

if (protonPython === undefined)
  process.stdout.write(`interop with Proton: skipped; to run it, ${HOW_TO_HAVE_PROTON}\n`);

describe.runIf(protonPython).each(PLACES)('Proton through $name', (places) => {
  let network: MessagingNetwork;
  const clients: ProtonClient[] = [];
  beforeAll(async () => {
    network = await MessagingNetwork.start(places);
  }, 90_000);
  afterEach(() => {
    for (const client of clients.splice(0)) client.stop();
  });
  afterAll(() => network?.stop());

  const begin = (at: number, job: Omit<ProtonJob, 'port'>): ProtonClient => {
    const client = new ProtonClient({ ...job, port: network.ports[at]! });
    clients.push(client);
    return client;
  };

  const bothWays = (title: string, body: (way: Way, address: string) => Promise<void>): void => {
    test(
      title,
      async () => {
        for (const way of network.ways) await body(way, `proton-${unique++}`);
      },
      MS_MAX,
    );
  };

  bothWays('messages arrive once and in order, and are accepted', async ({ from, to }, address) => {
    const receiver = begin(to, { do: 'receive', address, count: COUNT, credit: 100 });
    await receiver.opened();
    const sender = begin(from, { do: 'send', address, count: COUNT, size: 100 });
    expect(await sender.done).toEqual({ sent: COUNT, outcomes: { accepted: COUNT } });
    expect(await receiver.done).toEqual({ received: COUNT, reordered: 0, octets: COUNT * 100 });
  });

  for (const outcome of ['rejected', 'released', 'modified']) {
    bothWays(`messages are ${outcome}`, async ({ from, to }, address) => {
      const receiver = begin(to, { do: 'receive', address, count: 20, outcome });
      await receiver.opened();
      const sender = begin(from, { do: 'send', address, count: 20, size: 10 });
      // The one that ends is told of as gone by then, or in time.
      expect((await sender.done).outcomes).toEqual({ [outcome]: 20 });
    });
  }

  bothWays('as many pre-settled messages as the original keeps waiting arrive', async ({ from, to }, address) => {
    const receiver = begin(to, { do: 'receive', address, count: 200, credit: 10 });
    await receiver.opened();
    await begin(from, { do: 'send', address, count: 200, size: 100, settled: true }).done;
    expect(await receiver.done).toMatchObject({ received: 200, reordered: 0 });
  });

  bothWays('requests are answered at a dynamic address', async ({ from, to }, address) => {
    const service = begin(to, { do: 'reply', address, count: 300 });
    await service.opened();
    expect(await begin(from, { do: 'request', address, count: 300 }).done).toEqual({ answered: 300 });
    expect(await service.done).toEqual({ answered: 300 });
  });

  bothWays('a message broken off never counts as received', async ({ from, to }, address) => {
    const receiver = begin(to, { do: 'receive', address, count: 1 });
    await receiver.opened();
    expect(await begin(from, { do: 'abort', address, size: 4_000_000 }).done).toEqual({ accepted: true });
    expect(await receiver.done).toEqual({ received: 1, reordered: 0, octets: 5 });
  });

  bothWays('large messages arrive whole', async ({ from, to }, address) => {
    const receiver = begin(to, { do: 'receive', address, count: 5, credit: 2 });
    await receiver.opened();
    const sender = begin(from, { do: 'send', address, count: 5, size: 5_000_000 });
    expect(await sender.done).toEqual({ sent: 5, outcomes: { accepted: 5 } });
    expect(await receiver.done).toEqual({ received: 5, reordered: 0, octets: 25_000_000 });
  });

  test('a receiver is drained at each router', async () => {
    for (const at of network.ids.keys()) {
      const drained = await begin(at, { do: 'drain', address: `proton-${unique++}`, credit: 10 }).done;
      expect(drained).toEqual({ drained: true, received: 0 });
    }
  });

  test('transactions are refused by each of ours', async () => {
    for (const [at, kind] of places.kinds.entries()) {
      // The original takes the coordinator for a sender whose messages name their addresses.
      if (kind === 'original') continue;
      expect(await begin(at, { do: 'transact' }).done).toEqual({ refused: 'amqp:not-implemented' });
    }
  });
});
