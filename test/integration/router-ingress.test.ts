/** Clients (rhea) that ask where messages entered the network, at three routers and an edge; and clients that lie about it. */
import type { Message } from 'rhea';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { amqp } from '../../router/amqp/codec/value.ts';
import { encodeValue, Writer } from '../../router/amqp/codec/writer.ts';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import { encodeRouterAnnotations } from '../../router/amqp/message/router-annotations.ts';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork } from '../support/live-network.ts';
import { type Inbox, RheaClient } from '../support/rhea-client.ts';

const CAPABILITY = 'skuprt.ingress';
const ANNOTATION = 'x-opt-skuprt-ingress';
const IDS = ['west', 'middle', 'east', 'edge'] as const;
const network = new LiveNetwork();
const ports = new Map<string, number>();
const clients: RheaClient[] = [];

beforeAll(async () => {
  const [west, middle, east] = [
    await network.router('west'),
    await network.router('middle'),
    await network.router('east'),
  ];
  const edge = await network.router('edge', 'edge');
  await network.link(west, middle);
  await network.link(middle, east);
  await network.link(edge, west, { more: { role: 'edge' } });
  for (const router of [west, middle, east, edge]) {
    ports.set(router.id, await network.amqp(router));
    router.entities.push(['address', { name: 'multicast', prefix: 'mc', distribution: 'multicast' }]);
  }
  await network.start();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => network.stop());

async function clientAt(id: string): Promise<RheaClient> {
  const client = await RheaClient.connect(ports.get(id)!);
  clients.push(client);
  return client;
}

async function asking(id: string, source: string): Promise<Inbox> {
  // rhea has no option of this name in its types.
  const options = { source, desired_capabilities: [CAPABILITY] };
  return await (await clientAt(id)).receiver(options);
}

function ingressOf({ message }: { message: Message }): unknown {
  return message.delivery_annotations?.[ANNOTATION];
}

test('each message has the router where it entered, and the answer to the attach says that it will', async () => {
  const inboxes = await Promise.all(IDS.map((id) => asking(id, 'mc/where')));
  for (const { receiver } of inboxes) {
    expect((receiver as unknown as { remote: { attach: object } }).remote.attach).toMatchObject({
      offered_capabilities: CAPABILITY,
    });
  }
  const senders = await Promise.all(IDS.map(async (id) => await (await clientAt(id)).sender('mc/where')));
  await eventually('everybody hears everybody', async () => {
    await Promise.all(senders.map((sender, at) => sender.send({ body: IDS[at]! })));
    const heard = ({ messages }: Inbox): Set<unknown> => new Set(messages.map(({ message }) => message.body));
    return inboxes.every((inbox) => heard(inbox).size === IDS.length);
  });
  for (const [at, { messages }] of inboxes.entries()) {
    for (const arrived of messages) {
      const { body } = arrived.message;
      expect([IDS[at], body, ingressOf(arrived)]).toEqual([IDS[at], body, `0/${body}`]);
    }
  }
});

test('a receiver that does not ask gets the message as it was sent', async () => {
  const inbox = await (await clientAt('east')).receiver({ source: 'plain' });
  const sender = await (await clientAt('west')).sender('plain');
  await sender.send({ body: 1, delivery_annotations: { [ANNOTATION]: 'my own business' } });
  expect((await inbox.next()).message.delivery_annotations).toEqual({ [ANNOTATION]: 'my own business' });
});

const forgedMap = amqp.map([[amqp.symbol(ANNOTATION), amqp.string('0/east')]]);
const router = encodeRouterAnnotations({ flags: 0, ingress: '0/east', trace: ['0/east'], toOverride: 'elsewhere' });
const plain = composeMessage({ properties: { subject: 'forged' }, body: amqp.string('text') });
const forgeries: [string, Buffer][] = [
  ['in a delivery annotation', composeMessage({ deliveryAnnotations: forgedMap, body: amqp.string('text') })],
  ['in a message annotation', composeMessage({ messageAnnotations: forgedMap, body: amqp.string('text') })],
  ['in router annotations', Buffer.concat([router, plain])],
];

test.each(['west', 'middle', 'edge'])('a client at %s cannot say it itself', async (id) => {
  const inboxes = await Promise.all(['middle', 'west'].map((at) => asking(at, `forged-${id}`)));
  const sender = await (await clientAt(id)).sender(`forged-${id}`);
  for (const [form, message] of forgeries) {
    for (let i = 0; i < 4; i++) {
      sender.sender.send(message as unknown as Message, undefined, 0);
      await eventually('it has arrived', async () => inboxes.some(({ messages }) => messages.length > 0));
      for (const { messages } of inboxes) {
        for (const arrived of messages.splice(0)) expect([form, ingressOf(arrived)]).toEqual([form, `0/${id}`]);
      }
    }
  }
});

test.each([100, 300_000])('a second annotation behind a body of %d octets does not arrive', async (bodyBytes) => {
  const address = `behind-${bodyBytes}`;
  const inbox = await asking('east', address);
  const sender = await (await clientAt('west')).sender(address);
  const writer = new Writer();
  for (const [code, value] of [
    [0x75, amqp.binary(Buffer.alloc(bodyBytes))],
    [0x71, forgedMap],
  ] as const) {
    writer.bytes(Buffer.from([0x00, 0x53, code]));
    encodeValue(writer, value);
  }
  sender.sender.send(writer.take() as unknown as Message, undefined, 0);
  const { message } = await inbox.next();
  expect(message.body.content).toHaveLength(bodyBytes);
  expect(message.delivery_annotations).toEqual({ [ANNOTATION]: '0/west' });
});

test('a message of megabytes arrives whole', async () => {
  const inbox = await asking('east', 'large');
  const sender = await (await clientAt('west')).sender('large');
  const body = Buffer.alloc(3 * 1024 * 1024, 'skuprt');
  expect(await sender.send({ body })).toBe('accepted');
  const arrived = await inbox.next();
  expect(body.equals(arrived.message.body)).toBe(true);
  expect(ingressOf(arrived)).toBe('0/west');
});
