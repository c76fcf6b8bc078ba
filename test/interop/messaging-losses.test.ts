/** What becomes of messages when somebody on their way goes: consumer, producer, router. Nothing is lost in silence, nothing comes twice. */
import { once } from 'node:events';
import type rhea from 'rhea';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { Inbox, Outbox, Outcome } from '../support/rhea-client.ts';
import { MessagingNetwork, PLACES, type Way } from './messaging-network.ts';

const MS_MAX = 30_000;
let unique = 0;

describe.each(PLACES)('losses through $name', (places) => {
  let network: MessagingNetwork;
  beforeAll(async () => {
    network = await MessagingNetwork.start(places);
  }, 90_000);
  afterEach(() => network.disconnect());
  afterAll(() => network?.stop());

  const bothWays = (title: string, body: (way: Way) => Promise<void>): void => {
    test(
      title,
      async () => {
        for (const way of network.ways) {
          await body(way);
          network.disconnect();
        }
      },
      MS_MAX * 2,
    );
  };

  async function pair(
    { from, to }: Way,
    options: Partial<rhea.ReceiverOptions>,
  ): Promise<{ inbox: Inbox; outbox: Outbox; address: string }> {
    const address = `loss-${unique++}`;
    const inbox = await (await network.client(to)).receiver({ source: address, ...options });
    return { inbox, outbox: await (await network.client(from)).sender(address), address };
  }

  bothWays('what a consumer had when it left is modified, what waited for it is released', async (way) => {
    const { inbox, outbox } = await pair(way, { autoaccept: false, credit_window: 0 });
    inbox.receiver.add_credit(3);
    const outcomes = Array.from({ length: 8 }, (_, body) => outbox.send({ body }));
    await eventually('three have come', () => inbox.messages.length === 3, MS_MAX);
    inbox.receiver.close();
    const got = await Promise.all(outcomes);
    expect(got.slice(0, 3)).toEqual(['modified', 'modified', 'modified']);
    expect(new Set(got.slice(3))).toEqual(new Set(['released']));
  });

  bothWays('the same when its connection is cut', async (way) => {
    const { inbox, outbox } = await pair(way, { autoaccept: false, credit_window: 0 });
    inbox.receiver.add_credit(2);
    const outcomes = Array.from({ length: 4 }, (_, body) => outbox.send({ body }));
    await eventually('two have come', () => inbox.messages.length === 2, MS_MAX);
    cut(inbox);
    expect(await Promise.all(outcomes)).toEqual(['modified', 'modified', 'released', 'released']);
  });

  bothWays('a consumer that stays gets all that one that leaves has not had', async (way) => {
    const { inbox, outbox, address } = await pair(way, {});
    const other = await (await network.client(way.to)).receiver({ source: address });
    const wanted = new Set(Array.from({ length: 300 }, (_, body) => body));
    const send = async (body: number): Promise<void> => {
      let outcome: Outcome;
      do outcome = await outbox.send({ body });
      while (outcome !== 'accepted');
    };
    const sent = [...wanted].map(send);
    await eventually('some have come', () => inbox.messages.length > 20, MS_MAX);
    inbox.receiver.close();
    await Promise.all(sent);
    const seen = new Set([...inbox.messages, ...other.messages].map(({ message }) => message.body));
    expect(seen).toEqual(wanted);
  });

  bothWays('with qd.resend-released one that a consumer releases goes to another', async ({ from, to }) => {
    const address = `resent-${unique++}`;
    const picky = await (await network.client(to)).receiver({ source: address, autoaccept: false });
    picky.receiver.on('message', ({ delivery }: rhea.EventContext) => delivery!.release());
    const taker = await (await network.client(to)).receiver({ source: address });
    const outbox = await (await network.client(from)).sender(address, {
      target: { address, capabilities: ['qd.resend-released'] },
    } as never);
    const outcomes = await Promise.all(Array.from({ length: 40 }, (_, body) => outbox.send({ body })));
    expect(new Set(outcomes)).toEqual(new Set(['accepted']));
    expect(taker.messages).toHaveLength(40);
    expect(picky.messages.length).toBeGreaterThan(0);
    taker.receiver.close();
    await once(taker.receiver, 'receiver_close');
    await eventually('nobody is left to take it', async () => (await outbox.send({ body: 0 })) === 'released', MS_MAX);
  });
});

function cut({ receiver }: Inbox): void {
  (receiver.connection as unknown as { socket: { destroy(): void } }).socket.destroy();
}
