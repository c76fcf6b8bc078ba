/** Ordinary AMQP clients (rhea) on two routers: addresses, outcomes, credit, request and reply. */
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { RheaClient } from '../support/rhea-client.ts';

const network = new LiveNetwork();
let east: LiveRouter;
let west: LiveRouter;
let eastPort = 0;
let westPort = 0;
const clients: RheaClient[] = [];

beforeAll(async () => {
  east = await network.router('east');
  west = await network.router('west');
  await network.link(west, east);
  eastPort = await network.amqp(east);
  westPort = await network.amqp(west);
  for (const { entities } of [east, west]) {
    entities.push(['address', { name: 'multicast', prefix: 'mc', distribution: 'multicast' }]);
    entities.push(['address', { name: 'nobody', prefix: 'closed', distribution: 'unavailable' }]);
  }
  await network.start();
  await eventually('the link is up', async () => (await network.metrics(west))('skuprt_router_link_up') === 1);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => network.stop());

async function clientOf(port: number): Promise<RheaClient> {
  const client = await RheaClient.connect(port);
  clients.push(client);
  return client;
}

describe('one address, two routers', () => {
  test.each(['accepted', 'rejected', 'released', 'modified'] as const)(
    'a message is %s from end to end',
    async (outcome) => {
      const [producer, consumer] = [await clientOf(westPort), await clientOf(eastPort)];
      const inbox = await consumer.receiver({ source: `outcome-${outcome}`, autoaccept: false });
      const sender = await producer.sender(`outcome-${outcome}`);
      const settled = sender.send({ body: 'hello' });
      const { message, delivery } = await inbox.next();
      expect(message.body).toBe('hello');
      if (outcome === 'accepted') delivery.accept();
      if (outcome === 'rejected') delivery.reject({ condition: 'test:no', description: 'no' });
      if (outcome === 'released') delivery.release();
      if (outcome === 'modified') delivery.modified({ delivery_failed: true, undeliverable_here: true });
      expect(await settled).toBe(outcome);
    },
  );

  test("a rejection's error reaches the sender", async () => {
    const [producer, consumer] = [await clientOf(westPort), await clientOf(eastPort)];
    const inbox = await consumer.receiver({ source: 'picky', autoaccept: false });
    const sender = await producer.sender('picky');
    const rejected = once(sender.sender, 'rejected');
    sender.post({ body: 1 });
    (await inbox.next()).delivery.reject({ condition: 'test:no', description: 'not today' });
    const [{ delivery }] = await rejected;
    expect(delivery.remote_state.error).toMatchObject({ condition: 'test:no', description: 'not today' });
  });

  test('consumers at both routers share balanced messages', async () => {
    const [producer, here, there] = await Promise.all([westPort, westPort, eastPort].map(clientOf));
    const inboxes = [await here!.receiver({ source: 'shared' }), await there!.receiver({ source: 'shared' })];
    const sender = await producer!.sender('shared');
    await eventually('the consumer at the other router is known', async () => {
      await Promise.all(Array.from({ length: 10 }, () => sender.send({ body: 'probe' })));
      return inboxes[1]!.messages.length > 0;
    });
    const before = inboxes.map((inbox) => inbox.messages.length);
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, body) => sender.send({ body })));
    expect(new Set(outcomes)).toEqual(new Set(['accepted']));
    const got = inboxes.map((inbox, at) => inbox.messages.length - before[at]!);
    expect(got[0]! + got[1]!).toBe(100);
    expect(Math.min(...got)).toBeGreaterThan(20);
  });

  test('every consumer of a multicast address gets a copy', async () => {
    const [producer, ...others] = await Promise.all([westPort, westPort, eastPort, eastPort].map(clientOf));
    const inboxes = await Promise.all(others.map((client) => client.receiver({ source: 'mc/news' })));
    const sender = await producer!.sender('mc/news');
    await eventually('all consumers are known', async () => {
      await sender.send({ body: 'probe' });
      return inboxes.every((inbox) => inbox.messages.length > 0);
    });
    for (const inbox of inboxes) inbox.messages.length = 0;
    for (let body = 0; body < 10; body++) expect(await sender.send({ body })).toBe('accepted');
    for (const inbox of inboxes) {
      expect(inbox.messages.map(({ message }) => message.body)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });

  test('5 MiB in one message arrive as they were sent, settled and pre-settled', async () => {
    const [producer, consumer] = [await clientOf(westPort), await clientOf(eastPort)];
    const inbox = await consumer.receiver({ source: 'large' });
    const sender = await producer.sender('large');
    const body = Buffer.alloc(5 * 1024 * 1024, 'skuprt');
    expect(await sender.send({ body })).toBe('accepted');
    expect(body.equals((await inbox.next()).message.body)).toBe(true);
    const fast = await producer.sender('large', { snd_settle_mode: 1 });
    fast.post({ body });
    expect(body.equals((await inbox.next()).message.body)).toBe(true);
  });

  test("properties and annotations arrive, the routers' own do not", async () => {
    const [producer, consumer] = [await clientOf(westPort), await clientOf(eastPort)];
    const inbox = await consumer.receiver({ source: 'faithful' });
    const sender = await producer.sender('faithful');
    const sent = {
      message_id: 'id-1',
      subject: 'a subject',
      correlation_id: 7,
      application_properties: { colour: 'red', count: 3 },
      message_annotations: { 'x-mine': 'kept' },
      durable: true,
      priority: 7,
      body: { nested: ['list', 1] },
    };
    expect(await sender.send(sent)).toBe('accepted');
    const { message } = await inbox.next();
    expect(message).toMatchObject(sent);
    expect(message.message_annotations).toEqual({ 'x-mine': 'kept' });
    expect(message.delivery_annotations).toBeUndefined();
  });
});

describe('senders without an address, receivers with a dynamic one', () => {
  test('a request finds the service and the answer finds the way back', async () => {
    const [asker, service] = [await clientOf(westPort), await clientOf(eastPort)];
    const requests = await service.receiver({ source: 'adder' });
    const answers = await service.sender();
    requests.receiver.on('message', ({ message }) => {
      const { reply_to: to, correlation_id, body } = message!;
      answers.post({ to: to!, correlation_id: correlation_id!, body: body + 1 });
    });
    const inbox = await asker.receiver({ source: { dynamic: true, address: '' } });
    const sender = await asker.sender();
    for (let body = 0; body < 5; body++) {
      await eventually('the request is accepted', async () => {
        const request = { to: 'adder', reply_to: inbox.address, correlation_id: body, body };
        return (await sender.send(request)) === 'accepted';
      });
      expect((await inbox.next()).message).toMatchObject({ correlation_id: body, body: body + 1 });
    }
  });

  test('a message for an address without a receiver is released, one without an address rejected', async () => {
    const client = await clientOf(westPort);
    const sender = await client.sender();
    expect(await sender.send({ to: 'nobody-here', body: 1 })).toBe('released');
    expect(await sender.send({ body: 1 })).toBe('rejected');
  });
});

describe('credit', () => {
  test('a sender gets none before its address has a receiver', async () => {
    const [producer, consumer] = [await clientOf(westPort), await clientOf(eastPort)];
    const sender = producer.connection.open_sender('later');
    await once(sender, 'sender_open');
    expect(sender.sendable()).toBe(false);
    const sendable = once(sender, 'sendable');
    await consumer.receiver({ source: 'later' });
    await sendable;
  });

  test('a receiver gets no more than its credit, and drain gives back what is left', async () => {
    const [producer, consumer] = [await clientOf(westPort), await clientOf(eastPort)];
    const inbox = await consumer.receiver({ source: 'metered', credit_window: 0 });
    const sender = await producer.sender('metered');
    inbox.receiver.add_credit(3);
    const outcomes = Array.from({ length: 5 }, (_, body) => sender.send({ body }));
    await Promise.all(outcomes.slice(0, 3));
    expect(inbox.messages).toHaveLength(3);
    inbox.receiver.add_credit(5);
    await Promise.all(outcomes);
    const drained = once(inbox.receiver, 'receiver_drained');
    inbox.receiver.drain_credit();
    await drained;
    expect(inbox.messages).toHaveLength(5);
  });

  /** Sends as credit comes; nothing is said of what becomes of them. */
  async function sendSettled(producer: RheaClient, address: string, count: number): Promise<void> {
    const { sender } = await producer.sender(address, { snd_settle_mode: 1 });
    let posted = 0;
    const fill = (): void => {
      while (posted < count && sender.sendable()) sender.send({ body: posted++ });
    };
    sender.on('sendable', fill);
    fill();
  }

  test('20,000 messages that are settled from the start come in order, no faster than a slow consumer of the same router takes them', async () => {
    const count = 20_000;
    const [producer, consumer] = [await clientOf(westPort), await clientOf(westPort)];
    const inbox = await consumer.receiver({ source: 'told', credit_window: 100 });
    await sendSettled(producer, 'told', count);
    await eventually(
      () => `all have come: ${inbox.messages.length}`,
      () => inbox.messages.length === count,
    );
    expect(inbox.messages.findIndex(({ message }, at) => message.body !== at)).toBe(-1);
  });

  // Over a link that all addresses share nobody is paced by one slow consumer: what it cannot take is dropped, as the sender allows.
  test('of 20,000 messages that are settled from the start each comes over a link in order, or is counted as dropped', async () => {
    const count = 20_000;
    const droppedBy = async (router: LiveRouter) =>
      (await network.metrics(router))('qdr_dropped_presettled_deliveries_total');
    const dropped = async () => (await droppedBy(west)) + (await droppedBy(east));
    const before = await dropped();
    const [producer, consumer] = [await clientOf(westPort), await clientOf(eastPort)];
    const inbox = await consumer.receiver({ source: 'told-afar', credit_window: 100 });
    await sendSettled(producer, 'told-afar', count);
    let lost = 0;
    await eventually(
      () => `all are accounted for: ${inbox.messages.length} have come, ${lost} are dropped`,
      async () => {
        lost = (await dropped()) - before;
        return inbox.messages.length + lost === count;
      },
    );
    const bodies = inbox.messages.map(({ message }) => message.body as number);
    expect(bodies).toEqual(bodies.toSorted((one, other) => one - other));
  });

  test('a sender goes no further ahead of outcomes than its credit', async () => {
    const [producer, consumer] = [await clientOf(westPort), await clientOf(eastPort)];
    const inbox = await consumer.receiver({ source: 'unsettled', credit_window: 2000, autoaccept: false });
    const sender = await producer.sender('unsettled');
    const outcomes = Array.from({ length: 1000 }, (_, body) => sender.send({ body }));
    await eventually('as many as there is credit', () => inbox.messages.length >= 250);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(inbox.messages).toHaveLength(250);
    inbox.receiver.on('message', ({ delivery }) => delivery!.accept());
    for (const { delivery } of inbox.messages) delivery.accept();
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['accepted']));
    expect(inbox.messages.map(({ message }) => message.body)).toEqual(Array.from({ length: 1000 }, (_, body) => body));
  });

  test('a receiver that leaves gives its unsettled messages to another', async () => {
    const [producer, first, second] = await Promise.all([westPort, eastPort, westPort].map(clientOf));
    const held = await first!.receiver({ source: 'handed-on', autoaccept: false });
    const sender = await producer!.sender('handed-on');
    const settled = sender.send({ body: 'mine' });
    await held.next();
    const other = await second!.receiver({ source: 'handed-on' });
    first!.close();
    const outcome = await settled;
    if (outcome === 'accepted') expect((await other.next()).message.body).toBe('mine');
    else expect(['released', 'modified']).toContain(outcome);
  });
});

test('outcomes are counted once, where they pass', async () => {
  const [producer, consumer] = [await clientOf(westPort), await clientOf(eastPort)];
  const inbox = await consumer.receiver({ source: 'counted', autoaccept: false });
  const sender = await producer.sender('counted');
  const outcomes = ['accept', 'reject', 'release', 'modified'] as const;
  const look = async (router: LiveRouter) => {
    const metric = await network.metrics(router);
    const names = ['accepted_deliveries', 'rejected_deliveries', 'released_deliveries', 'modified_deliveries'];
    names.push('presettled_deliveries', 'deliveries_ingress', 'deliveries_egress', 'deliveries_transit');
    return names.map((name) => metric(`qdr_${name}_total`));
  };
  const before = { west: await look(west), east: await look(east) };
  for (const outcome of outcomes) {
    const settled = sender.send({ body: outcome });
    const { delivery } = await inbox.next();
    if (outcome === 'modified') delivery.modified({ delivery_failed: true, undeliverable_here: true });
    else delivery[outcome]();
    await settled;
  }
  const fast = await producer.sender('counted', { snd_settle_mode: 1 });
  fast.post({ body: 'pre-settled' });
  await inbox.next();
  const grown = (after: number[], from: number[]) => after.map((value, at) => value - from[at]!);
  expect(grown(await look(west), before.west)).toEqual([1, 1, 1, 1, 1, 5, 0, 0]);
  expect(grown(await look(east), before.east)).toEqual([1, 1, 1, 1, 1, 0, 5, 0]);
});
