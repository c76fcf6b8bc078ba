/** An edge router with two interior routers: one is killed, cut off or frozen, and the other one takes its place. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { Kind } from '../support/router-process.ts';
import { BACK_MS, EdgeNetwork, runnable } from './edges.ts';

const PAIRS: readonly { edge: Kind; interiors: readonly [Kind, Kind] }[] = [
  { edge: 'ours', interiors: ['ours', 'ours'] },
  { edge: 'ours', interiors: ['original', 'original'] },
  { edge: 'ours', interiors: ['ours', 'original'] },
  { edge: 'original', interiors: ['ours', 'ours'] },
  { edge: 'original', interiors: ['original', 'ours'] },
];
const PLANS = PAIRS.map(({ edge, interiors }) => ({
  title: `edge ${edge}, interiors ${interiors.join(' and ')}`,
  interiors,
  edges: [
    { kind: edge, at: [0, 1] },
    { kind: interiors[0], at: [1] },
  ],
}));

describe.each(runnable(PLANS))(
  '$title',
  (plan) => {
    let network: EdgeNetwork;

    beforeAll(async () => {
      network = await EdgeNetwork.start(plan);
    });
    afterAll(async () => {
      await network?.stop();
    });

    const BOTH = [
      ['e0', 'e1'],
      ['e1', 'e0'],
    ] as const;
    const all = (): Promise<void> => network.allCross([...BOTH, ['i1', 'e0'], ['e0', 'i1']]);

    async function message(): Promise<void> {
      const address = `for-e0/${Math.floor(performance.now())}`;
      await (await network.client('e0')).receiver({ source: address });
      const sending = await network.client('e1');
      const outbox = await sending.sender();
      const arrives = async (): Promise<boolean> => (await outbox.send({ to: address, body: 'x' })) === 'accepted';
      await eventually(() => `a message arrives\n${network.evidence()}`, arrives, BACK_MS);
    }

    test('services cross both ways, and messages', async () => {
      await network.allCross(network.pairs());
      await message();
    });

    test('the interior router in use is killed and comes back, then the other', async () => {
      await network.kill('i0');
      await all();
      await message();
      network.run('i0');
      await network.allCross([
        ['e0', 'i0'],
        ['i0', 'e0'],
      ]);
      // Without i1 the other edge is gone, but the services of i0 are there.
      await network.kill('i1');
      await network.allCross([
        ['e0', 'i0'],
        ['i0', 'e0'],
      ]);
      network.run('i1');
      await all();
    });

    test('a link cut is left for the other, and is used again when that is cut', async () => {
      network.relay('e0', 'i0').cut();
      await all();
      network.relay('e0', 'i0').mend();
      await network.allCross(network.pairs());
      network.relay('e0', 'i1').cut();
      await all();
      network.relay('e0', 'i1').mend();
      await network.allCross(network.pairs());
    });

    test('a link that is frozen is left for the other in the end, and heals', async () => {
      network.relay('e0', 'i0').freeze();
      network.relay('e0', 'i1').freeze();
      await eventually(
        () => `the listener of the edge closes\n${network.evidence()}`,
        async () => !(await network.listens('e0', 'e1')),
        BACK_MS,
      );
      network.relay('e0', 'i1').thaw();
      await all();
      await message();
      network.relay('e0', 'i0').thaw();
      await network.allCross(network.pairs());
    });

    test('a service that goes closes its listeners, and opens them when it is back', async () => {
      await network.kill('e1');
      const closed = async (): Promise<boolean> => !(await network.listens('e0', 'e1'));
      await eventually(() => `the edge closes\n${network.evidence()}`, closed, BACK_MS);
      network.run('e1');
      await all();
      expect(await network.listens('e0', 'e1')).toBe(true);
    });
  },
  180_000,
);
