/** Edge routers in every place, ours and the original's: services and messages between all of them, and their management. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { ManagementClient } from '../support/management-client.ts';
import type { Inbox } from '../support/rhea-client.ts';
import { BACK_MS, EdgeNetwork, type EdgePlan, runnable } from './edges.ts';

const PLANS: readonly EdgePlan[] = [
  {
    title: 'two edges of ours at one of ours',
    interiors: ['ours'],
    edges: [
      { kind: 'ours', at: [0] },
      { kind: 'ours', at: [0] },
    ],
  },
  {
    title: 'edges of both kinds at one original',
    interiors: ['original'],
    edges: [
      { kind: 'ours', at: [0] },
      { kind: 'original', at: [0] },
    ],
  },
  {
    title: 'edges of both kinds at one of ours',
    interiors: ['ours'],
    edges: [
      { kind: 'ours', at: [0] },
      { kind: 'original', at: [0] },
    ],
  },
  {
    title: 'edges of both kinds at ours and the original',
    interiors: ['ours', 'original'],
    edges: [
      { kind: 'original', at: [0] },
      { kind: 'ours', at: [1] },
    ],
  },
  {
    title: 'originals as edges at two of ours',
    interiors: ['ours', 'ours'],
    edges: [
      { kind: 'original', at: [0] },
      { kind: 'original', at: [1] },
    ],
  },
  {
    title: 'a mesh of three of ours',
    interiors: [],
    joined: 'once',
    edges: [
      { kind: 'ours', at: [] },
      { kind: 'ours', at: [] },
      { kind: 'ours', at: [] },
    ],
  },
  {
    title: 'a mesh of both kinds',
    interiors: [],
    joined: 'once',
    edges: [
      { kind: 'ours', at: [] },
      { kind: 'original', at: [] },
      { kind: 'ours', at: [] },
    ],
  },
  {
    title: 'a mesh of both kinds, joined twice, at ours and the original',
    interiors: ['ours', 'original'],
    joined: 'twice',
    edges: [
      { kind: 'original', at: [0] },
      { kind: 'ours', at: [1] },
      { kind: 'ours', at: [0] },
    ],
  },
];

/** The original makes no streaming links between edge routers: it carries messages there and no TCP, with its own kind neither. */
function isCarried({ joined, edges }: EdgePlan, from: string, to: string): boolean {
  const isOriginal = (id: string): boolean => id.startsWith('e') && edges[Number(id.slice(1))]?.kind === 'original';
  const isInMesh = joined !== undefined && from.startsWith('e') && to.startsWith('e');
  return !(isInMesh && (isOriginal(from) || isOriginal(to)));
}

describe.each(runnable(PLANS))('$title', (plan) => {
  let network: EdgeNetwork;

  beforeAll(async () => {
    network = await EdgeNetwork.start(plan);
  });
  afterAll(async () => {
    await network?.stop();
  });

  test('each reaches the service of each by TCP', async () => {
    await network.allCross(network.pairs().filter(([from, to]) => isCarried(plan, from, to)));
  });

  test('a message to an address is taken where its consumer is', async () => {
    for (const [from, to] of network.pairs()) {
      const address = `for-${to}/${from}`;
      const inbox = await (await network.client(to)).receiver({ source: address });
      const outbox = await (await network.client(from)).sender(address);
      expect(await outbox.send({ body: address }), `${from} to ${to}`).toBe('accepted');
      expect((await inbox.next()).message.body).toBe(address);
    }
  });

  test('an answer finds its way to a dynamic address, asked for by a sender without one', async () => {
    for (const [from, to] of network.pairs()) {
      const [asking, serving] = [await network.client(from), await network.client(to)];
      const requests = await serving.receiver({ source: `ask-${to}/${from}` });
      const answers = await asking.receiver({ source: { address: '', dynamic: true } });
      const [request, answer] = [await asking.sender(), await serving.sender()];
      await eventually(
        () => `${to} hears the request of ${from}`,
        async () =>
          (await request.send({ to: `ask-${to}/${from}`, reply_to: answers.address, body: '' })) === 'accepted',
        BACK_MS,
      );
      const { message } = await requests.next();
      expect(await answer.send({ to: message.reply_to, body: `${to} to ${from}` })).toBe('accepted');
      expect((await answers.next()).message.body).toBe(`${to} to ${from}`);
    }
  });

  test('a message for all is heard once by each consumer, wherever it is sent', async () => {
    const inboxes = new Map<string, Inbox>();
    for (const id of network.ids) inboxes.set(id, await (await network.client(id)).receiver({ source: 'mc/news' }));
    const heard = (id: string): unknown[] => inboxes.get(id)!.messages.map(({ message }) => message.body);
    for (const from of network.ids) {
      const sender = await (await network.client(from)).sender('mc/news');
      let count = 0;
      await eventually('all hear it', () => {
        sender.post({ body: `${from} ${++count}` });
        return network.ids.every((id) => heard(id).some((body) => String(body).startsWith(`${from} `)));
      });
      sender.post({ body: `${from} last` });
      await eventually('all hear the last', () => network.ids.every((id) => heard(id).includes(`${from} last`)));
    }
    for (const id of network.ids) expect(heard(id), id).toEqual([...new Set(heard(id))]);
  });

  test('the interior routers see the edge routers that are joined in one mesh, and others each in its own', async () => {
    const { interiors, joined, edges } = plan;
    if (interiors.length === 0) return;
    await eventually(
      () => `the mesh ids are told\n${network.evidence()}`,
      async () => {
        const meshes = new Map<unknown, unknown>();
        for (const at of interiors.keys()) {
          const management = await ManagementClient.connect(network.port(`i${at}`));
          for (const { role, container, meshId } of await management.query('io.skupper.router.connection')) {
            if (role === 'edge' && meshId) meshes.set(container, meshId);
          }
          management.close();
        }
        return meshes.size === edges.length && new Set(meshes.values()).size === (joined ? 1 : edges.length);
      },
      BACK_MS,
    );
  });

  test('each edge router is managed from everywhere', async () => {
    for (const from of network.ids) {
      const management = await ManagementClient.connect(network.port(from));
      for (const edge of network.edges) {
        const address = `amqp:/_edge/${edge}/$management`;
        const [router] = await management.query('router', from === edge ? undefined : address);
        expect(router, `${edge} asked from ${from}`).toMatchObject({ id: edge, mode: 'edge' });
      }
      management.close();
    }
  });
});
