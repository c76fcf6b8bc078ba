/** Messages to all consumers of an address, sent at an edge router by a client that names the address in each message. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { originalRouter } from '../support/original-router.ts';
import { type Inbox, RheaClient } from '../support/rhea-client.ts';
import { type Entity, type Kind, linkEntities, RouterProcesses, routerConfig } from '../support/router-process.ts';
import { connect, unusedPort } from '../support/tcp.ts';

const IDS = ['one', 'other', 'interior'] as const;
const KINDS: readonly { edge: Kind; interior: Kind }[] = [
  { edge: 'ours', interior: 'original' },
  { edge: 'original', interior: 'ours' },
  { edge: 'original', interior: 'original' },
];

describe.runIf(originalRouter).each(KINDS)('two edges $edge, interior $interior', ({ edge, interior }) => {
  const routers = new RouterProcesses();
  const clients: RheaClient[] = [];
  const ports = new Map<string, number>();

  beforeAll(async () => {
    const edgePort = await unusedPort();
    for (const id of IDS) {
      const port = await unusedPort();
      ports.set(id, port);
      const isEdge = id !== 'interior';
      const role = isEdge ? 'dial' : 'accept';
      const entities: Entity[] = [
        ['listener', { name: 'amqp', host: '127.0.0.1', port, saslMechanisms: 'ANONYMOUS' }],
        ['address', { name: 'mc', prefix: 'mc', distribution: 'multicast' }],
        ...linkEntities({ role, port: edgePort, more: { role: 'edge' } }),
      ];
      routers.startWith(isEdge ? edge : interior, id, routerConfig(id, entities, isEdge ? 'edge' : 'interior'));
    }
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await routers.stop();
  });

  async function clientAt(id: string): Promise<RheaClient> {
    const port = ports.get(id)!;
    await eventually(`${id} listens`, async () => (await connect(port).catch(() => undefined))?.destroy());
    const client = await RheaClient.connect(port);
    clients.push(client);
    return client;
  }

  test('are heard once by each consumer, that of the same edge too', async () => {
    const inboxes: Inbox[] = [];
    for (const id of IDS) inboxes.push(await (await clientAt(id)).receiver({ source: 'mc/all' }));
    const sender = await (await clientAt('one')).sender();
    const heard = (): unknown[][] => inboxes.map(({ messages }) => messages.map(({ message }) => message.body));
    let count = 0;
    await eventually('all hear it', async () => {
      sender.post({ to: 'mc/all', body: ++count });
      return heard().every((bodies) => bodies.length > 0);
    });
    sender.post({ to: 'mc/all', body: 'last' });
    await eventually('all hear the last', async () => heard().every((bodies) => bodies.includes('last')));
    for (const bodies of heard()) expect(bodies).toEqual([...new Set(bodies)]);
  });
});
