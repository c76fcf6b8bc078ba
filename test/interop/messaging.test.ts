/**
 * Ordinary AMQP messaging with rhea through a chain of routers, whoever sits where: distribution, anonymous senders, requests and
 * replies, outcomes, credit. Volume is in `messaging-volume.test.ts`, losses in `messaging-losses.test.ts`.
 */
import { once } from 'node:events';
import rhea from 'rhea';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { Inbox, Outbox, RheaClient } from '../support/rhea-client.ts';
import { MessagingNetwork, PLACES, type Way } from './messaging-network.ts';

const SETTLE_MS_MAX = 20_000;
let unique = 0;

describe.each(PLACES)('messages through $name', (places) => {
  let network: MessagingNetwork;
  beforeAll(async () => {
    network = await MessagingNetwork.start(places);
  }, 90_000);
  afterEach(() => network.disconnect());
  afterAll(() => network?.stop());

  const name = (what: string): string => `${what}-${unique++}`;

  /** Runs once for each way round. */
  const bothWays = (title: string, body: (way: Way) => Promise<void>): void => {
    test(title, async () => {
      for (const way of network.ways) {
        await body(way);
        network.disconnect();
      }
    });
  };

  interface Pair {
    producer: RheaClient;
    consumer: RheaClient;
    inbox: Inbox;
    outbox: Outbox;
  }

  async function pair({ from, to }: Way, address: string, options: Partial<rhea.ReceiverOptions> = {}): Promise<Pair> {
    const [producer, consumer] = [await network.client(from), await network.client(to)];
    const inbox = await consumer.receiver({ source: address, ...options });
    return { producer, consumer, inbox, outbox: await producer.sender(address) };
  }

  /** The delivery once it is settled: `remote_state` is its outcome. */
  async function settled(outbox: Outbox, message: rhea.Message): Promise<Settled> {
    const delivery = outbox.post(message);
    if (!delivery.remote_settled) {
      await new Promise<void>((resolve) => {
        const look = ({ delivery: one }: rhea.EventContext): void => {
          if (one !== delivery) return;
          outbox.sender.removeListener('settled', look);
          resolve();
        };
        outbox.sender.on('settled', look);
      });
    }
    return delivery.remote_state as unknown as Settled;
  }

  describe('outcomes', () => {
    bothWays('accepted', async (way) => {
      const { inbox, outbox } = await pair(way, name('accepted'), { autoaccept: false });
      const outcome = outbox.send({ body: 'hello' });
      const { message, delivery } = await inbox.next();
      expect(message.body).toBe('hello');
      expect(delivery.remote_settled).toBe(false);
      delivery.accept();
      expect(await outcome).toBe('accepted');
    });

    bothWays('rejected with an error', async (way) => {
      const { inbox, outbox } = await pair(way, name('rejected'), { autoaccept: false });
      const outcome = settled(outbox, { body: 1 });
      (await inbox.next()).delivery.reject({
        condition: 'test:no',
        description: 'not today',
        info: { code: 7 },
      } as never);
      expect(await outcome).toMatchObject({
        error: { condition: 'test:no', description: 'not today', info: { code: 7 } },
      });
    });

    bothWays('released', async (way) => {
      const { inbox, outbox } = await pair(way, name('released'), { autoaccept: false });
      const outcome = outbox.send({ body: 1 });
      (await inbox.next()).delivery.release();
      expect(await outcome).toBe('released');
    });

    bothWays('modified with annotations', async (way) => {
      const { inbox, outbox } = await pair(way, name('modified'), { autoaccept: false });
      const outcome = settled(outbox, { body: 1 });
      (await inbox.next()).delivery.modified({
        delivery_failed: true,
        undeliverable_here: true,
        message_annotations: { 'x-why': 'full' },
      } as never);
      expect(await outcome).toMatchObject({
        delivery_failed: true,
        undeliverable_here: true,
        message_annotations: { 'x-why': 'full' },
      });
    });

    bothWays('one that the receiver settles without an outcome', async (way) => {
      const { inbox, outbox } = await pair(way, name('silent'), { autoaccept: false, autosettle: false });
      const delivery = outbox.post({ body: 1 });
      (await inbox.next()).delivery.update(true);
      await eventually('it is settled', () => delivery.remote_settled, SETTLE_MS_MAX);
      expect(delivery.remote_state).toBeFalsy();
    });

    bothWays('pre-settled messages arrive settled', async (way) => {
      const address = name('presettled');
      const { producer, inbox } = await pair(way, address);
      const outbox = await producer.sender(address, { snd_settle_mode: 1 });
      outbox.post({ body: 'quick' });
      const { message, delivery } = await inbox.next();
      expect(message.body).toBe('quick');
      expect(delivery.remote_settled).toBe(true);
    });

    bothWays('one that the sender settles first stays settled', async (way) => {
      const { inbox, outbox } = await pair(way, name('sender-settles'), { autoaccept: false });
      const delivery = outbox.post({ body: 1 });
      const arrived = await inbox.next();
      delivery.update(true);
      await eventually('the receiver hears of it', () => arrived.delivery.remote_settled, SETTLE_MS_MAX);
    });
  });

  describe('distribution', () => {
    async function consumers(address: string): Promise<Inbox[]> {
      return await Promise.all(
        [...network.ids.keys()].map(async (at) => await (await network.client(at)).receiver({ source: address })),
      );
    }

    /** Sends to the address until each consumer is known where messages enter. */
    async function known(outbox: Outbox, inboxes: Inbox[]): Promise<void> {
      await eventually(
        'every consumer has a message',
        async () => {
          await Promise.all(Array.from({ length: 20 }, () => outbox.send({ body: 'probe' })));
          return inboxes.every(({ messages }) => messages.length > 0);
        },
        SETTLE_MS_MAX,
      );
    }

    bothWays('balanced: every message goes to one consumer, and all of them have some', async ({ from }) => {
      const address = name('balanced');
      const inboxes = await consumers(address);
      const outbox = await (await network.client(from)).sender(address);
      await known(outbox, inboxes);
      const before = inboxes.reduce((sum, { messages }) => sum + messages.length, 0);
      const outcomes = await Promise.all(Array.from({ length: 200 }, (_, body) => outbox.send({ body })));
      expect(new Set(outcomes)).toEqual(new Set(['accepted']));
      expect(inboxes.reduce((sum, { messages }) => sum + messages.length, 0) - before).toBe(200);
    });

    bothWays('closest: the consumer at this router has all', async ({ from }) => {
      // Its own consumers and what lies beyond its interior router are one to an edge router of the original.
      if (places.kinds[from] === 'original' && places.edges?.includes(from)) return;
      const address = name('near/by');
      const inboxes = await consumers(address);
      const outbox = await (await network.client(from)).sender(address);
      const outcomes = await Promise.all(Array.from({ length: 100 }, (_, body) => outbox.send({ body })));
      expect(new Set(outcomes)).toEqual(new Set(['accepted']));
      expect(inboxes.map(({ messages }) => messages.length)).toEqual(inboxes.map((_, at) => (at === from ? 100 : 0)));
    });

    test.each([
      ['prefix', 'mc/things'],
      ['pattern', 'org/acme/news/today/sports'],
    ])('multicast by %s: each consumer has each message once', async (_by, prefix) => {
      for (const { from } of network.ways) {
        const address = name(prefix);
        const inboxes = [...(await consumers(address)), ...(await consumers(address))];
        const outbox = await (await network.client(from)).sender(address);
        await known(outbox, inboxes);
        const outcomes = await Promise.all(Array.from({ length: 50 }, (_, body) => outbox.send({ body })));
        expect(new Set(outcomes)).toEqual(new Set(['accepted']));
        const all = Array.from({ length: 50 }, (_, body) => body);
        const bodies = ({ messages }: Inbox): unknown[] =>
          messages.map(({ message }) => message.body).filter((body) => body !== 'probe');
        await eventually('all have come', () => inboxes.every((inbox) => bodies(inbox).length >= 50), SETTLE_MS_MAX);
        for (const inbox of inboxes) expect(bodies(inbox)).toEqual(all);
        network.disconnect();
      }
    });
  });

  describe('anonymous senders', () => {
    bothWays('each message goes where it says', async ({ from, to }) => {
      const addresses = ['a', 'b', 'c'].map(name);
      const consumer = await network.client(to);
      const inboxes = await Promise.all(addresses.map((source) => consumer.receiver({ source })));
      const outbox = await (await network.client(from)).sender();
      for (const to of addresses) {
        await eventually(`${to} is known`, async () => (await outbox.send({ to, body: 'probe' })) === 'accepted');
      }
      const sent = Array.from({ length: 60 }, (_, body) => ({ to: addresses[body % 3]!, body }));
      const outcomes = await Promise.all(sent.map((message) => outbox.send(message)));
      expect(new Set(outcomes)).toEqual(new Set(['accepted']));
      for (const [at, { messages }] of inboxes.entries()) {
        const bodies = messages.map(({ message }) => message.body).filter((body) => body !== 'probe');
        expect(bodies).toEqual(sent.filter(({ to }) => to === addresses[at]).map(({ body }) => body));
      }
    });

    bothWays('one that nobody takes is released, one without an address rejected', async ({ from }) => {
      const outbox = await (await network.client(from)).sender();
      expect(await outbox.send({ to: name('nowhere'), body: 1 })).toBe('released');
      const outcome = await settled(outbox, { body: 1 });
      expect(outcome.error?.condition).toBe('amqp:precondition-failed');
    });
  });

  describe('requests and replies', () => {
    bothWays('a dynamic address is answered to from across the network', async ({ from, to }) => {
      const address = name('service');
      const service = await network.client(to);
      const requests = service.connection.open_receiver(address);
      const replies = service.connection.open_sender({ target: {} });
      requests.on('message', ({ message }: rhea.EventContext) => {
        replies.send({ to: message!.reply_to!, correlation_id: message!.correlation_id!, body: message!.body * 2 });
      });
      await once(requests, 'receiver_open');
      const client = await network.client(from);
      const inbox = await client.receiver({ source: { dynamic: true } } as never);
      expect(inbox.address).toBeTruthy();
      const outbox = await client.sender(address);
      const count = 100;
      for (let body = 0; body < count; body++) {
        outbox.post({ body, reply_to: inbox.address, correlation_id: `c-${body}` });
      }
      await eventually('all are answered', () => inbox.messages.length === count, SETTLE_MS_MAX);
      for (const { message } of inbox.messages) {
        expect(message.correlation_id).toBe(`c-${message.body / 2}`);
      }
    });
  });

  describe('credit', () => {
    bothWays('a receiver gets no more than its credit, and drain gives back what is left', async (way) => {
      const { inbox, outbox } = await pair(way, name('credit'), { credit_window: 0 });
      for (let body = 0; body < 10; body++) outbox.post({ body });
      inbox.receiver.add_credit(3);
      await eventually('three have come', () => inbox.messages.length === 3);
      inbox.receiver.add_credit(20);
      await eventually('all have come', () => inbox.messages.length === 10);
      const drained = once(inbox.receiver, 'receiver_drained');
      inbox.receiver.drain_credit();
      await drained;
      expect((inbox.receiver as unknown as { credit: number }).credit).toBe(0);
    });

    bothWays('a sender has no credit before its address has a receiver', async ({ from, to }) => {
      const address = name('later');
      const producer = await network.client(from);
      const sender = producer.connection.open_sender({ target: { address } });
      await once(sender, 'sender_open');
      await (await network.client(from)).sender();
      expect(sender.sendable()).toBe(false);
      const sendable = once(sender, 'sendable');
      await (await network.client(to)).receiver({ source: address });
      await sendable;
    });

    bothWays('a sender goes no further ahead of outcomes than 250', async (way) => {
      const { inbox, outbox } = await pair(way, name('unsettled'), { autoaccept: false, credit_window: 2000 });
      for (let body = 0; body < 600; body++) outbox.post({ body });
      await eventually('what the credit allows has come', () => inbox.messages.length >= 250, SETTLE_MS_MAX);
      await (await network.client(way.from)).sender();
      expect(inbox.messages.length).toBe(250);
      for (const { delivery } of inbox.messages) delivery.accept();
      await eventually('as many again', () => inbox.messages.length >= 500, SETTLE_MS_MAX);
    });
  });

  describe('addresses', () => {
    test('one whose distribution is unavailable takes neither senders nor receivers', async () => {
      for (const at of network.ids.keys()) {
        for (const kind of ['sender', 'receiver'] as const) {
          const { connection } = await network.client(at);
          const link = kind === 'sender' ? connection.open_sender('closed/x') : connection.open_receiver('closed/x');
          const [{ [kind]: closed }] = await once(link, `${kind}_error`);
          expect(closed.error).toMatchObject({ condition: 'amqp:not-found', description: 'Node not found' });
        }
      }
    });
  });

  describe('what is sent', () => {
    bothWays('arrives as it was: header, properties, annotations', async (way) => {
      const { inbox, outbox } = await pair(way, name('faithful'));
      const sent: rhea.Message = {
        durable: true,
        priority: 7,
        ttl: 60_000,
        delivery_count: 2,
        message_id: 'id-1',
        user_id: Buffer.from('me'),
        subject: 'a subject',
        correlation_id: 7,
        content_type: 'text/plain',
        group_id: 'g',
        group_sequence: 3,
        application_properties: { colour: 'red', count: 3 },
        message_annotations: { 'x-mine': 'kept', 'x-opt-other': 5 },
        delivery_annotations: { 'x-mine-too': 'kept' },
        footer: { 'x-sum': 42 },
        body: 'text',
      } as never;
      expect(await outbox.send(sent)).toBe('accepted');
      const { message } = await inbox.next();
      expect(JSON.parse(JSON.stringify(message))).toMatchObject(JSON.parse(JSON.stringify(sent)));
    });

    bothWays('a body of nothing, and one of many frames', async (way) => {
      const { inbox, outbox } = await pair(way, name('sizes'));
      for (const size of [0, 1, 100, 16_000, 70_000, 1_500_000]) {
        const body = Buffer.alloc(size, `${size} octets `);
        expect(await outbox.send({ body: rhea.message.data_section(body) })).toBe('accepted');
        const { message } = await inbox.next();
        const { content } = message.body as { content: Buffer };
        expect(content.equals(body)).toBe(true);
      }
    });
  });
});

interface Settled {
  error?: { condition: string };
}
