/** Routers of both kinds in rings and meshes agree on the ways between them, and each message to all comes once to each. */
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Kind, tcpConnectorEntity, tcpListenerEntity } from '../support/router-process.ts';
import { unusedPort } from '../support/tcp.ts';
import { Network, READY_MS_MAX, START_MS_MAX } from './network.ts';
import { wrongNodes } from './nodes.ts';
import { all, alternating, fullMesh, type LinkPlan, line, ring, runnable, type Topology } from './topology.ts';
import { isFullVolume } from './volume.ts';

/** A message that was too early for some is followed by another, and not so fast that routers of a busy machine have no time for them. */
const LOOKS_PER_MESSAGE = 25;
/** Two rows of three: three ways of one cost from corner to corner. */
const LADDER: readonly LinkPlan[] = [
  { dials: 0, accepts: 1 },
  { dials: 2, accepts: 1 },
  { dials: 3, accepts: 4 },
  { dials: 5, accepts: 4 },
  { dials: 0, accepts: 3 },
  { dials: 4, accepts: 1 },
  { dials: 2, accepts: 5 },
];
/** The direct link costs as much as the way around; each cost is named at one end only. */
const COSTLY: readonly LinkPlan[] = [
  { dials: 0, accepts: 3, dialCost: 6 },
  { dials: 0, accepts: 1, acceptCost: 2 },
  { dials: 2, accepts: 1, dialCost: 2 },
  { dials: 3, accepts: 2, dialCost: 1, acceptCost: 2 },
];

/**
 * Two originals side by side are not where routers are killed. When one is back so late that the other has dropped its addresses, and so
 * early that its first HELLO and its first addresses come together, the other drops the new ones as well and never asks for them: in one
 * of ten restarts where there are only these two.
 */
const RING_OF_FIVE: readonly Kind[] = ['ours', 'original', 'original', 'ours', 'original'];

const TOPOLOGIES: readonly Topology[] = [
  { title: 'a ladder of ours', kinds: all('ours', 6), links: LADDER, security: 'plain' },
  { title: 'a ring of ours with costs', kinds: all('ours', 4), links: COSTLY, security: 'plain' },
  { title: 'a mesh of eight of ours', kinds: all('ours', 8), links: fullMesh(8), security: 'ecdsa' },
  { title: 'a line of four, mixed', kinds: alternating('original', 4), links: line(4), security: 'plain' },
  { title: 'a ring of four, mixed', kinds: alternating('ours', 4), links: ring(4), security: 'plain' },
  { title: 'a ring of five, mixed', kinds: RING_OF_FIVE, links: ring(5), security: 'plain' },
  { title: 'a ladder, mixed', kinds: alternating('ours', 6), links: LADDER, security: 'plain' },
  { title: 'a ladder, mixed otherwise', kinds: alternating('original', 6), links: LADDER, security: 'plain' },
  { title: 'a ring with costs, mixed', kinds: alternating('ours', 4), links: COSTLY, security: 'plain' },
  { title: 'a ring with costs, mixed otherwise', kinds: alternating('original', 4), links: COSTLY, security: 'ecdsa' },
  { title: 'a mesh of eight, mixed', kinds: alternating('original', 8), links: fullMesh(8), security: 'plain' },
];

/** Eight routers are eight processes: what they show of ours alone, the simulation shows too. */
const shown = runnable(TOPOLOGIES).filter(({ kinds }) => isFullVolume || kinds.length < 8);

describe.each(shown)('$title', (topology) => {
  let network: Network;
  const last = topology.kinds.length - 1;
  let lateCount = 0;

  beforeAll(async () => {
    network = await Network.start(topology);
  }, START_MS_MAX);
  afterAll(async () => await network?.stop());
  beforeEach(() => {
    onTestFailed(() => {
      process.stderr.write(`${network.evidence()}\n`);
    });
  });

  async function agreed(expected: Topology = topology): Promise<void> {
    let faults: string[] = [];
    await eventually(
      () => `all agree: ${faults.join('; ')}`,
      async () => {
        faults = await wrongNodes(network, expected);
        return faults.length === 0;
      },
      READY_MS_MAX,
    );
  }

  test('all agree on the ways between them', async () => await agreed());

  test('a message to all comes once to each, wherever it enters', async () => {
    const places = [...topology.kinds.keys()];
    const clients = await Promise.all(places.map((place) => network.client(place)));
    const inboxes = await Promise.all(clients.map((client) => client.receiver({ source: 'mc/all' })));
    const senders = await Promise.all(clients.map((client) => client.sender()));
    let count = 0;
    const sendAll = (): void => {
      count++;
      senders.forEach((sender, place) => void sender.post({ to: 'mc/all', body: `${place} ${count}` }));
    };
    const heardAt = ({ messages }: (typeof inboxes)[0]): string[] => messages.map(({ message }) => message.body);
    const allHave = (number: number): boolean =>
      inboxes.every((inbox) => places.every((place) => heardAt(inbox).includes(`${place} ${number}`)));
    let lookCount = 0;
    await eventually(
      'all are heard by all',
      () => {
        if (lookCount++ % LOOKS_PER_MESSAGE === 0) sendAll();
        return allHave(count);
      },
      READY_MS_MAX,
    );
    for (let more = 0; more < 20; more++) sendAll();
    await eventually('the last are heard by all', () => allHave(count), READY_MS_MAX);
    for (const inbox of inboxes) expect(heardAt(inbox)).toEqual([...new Set(heardAt(inbox))]);
  });

  test('a link whose connector is made anew with another cost is another way', async () => {
    const [link, ...others] = topology.links;
    const dialCost = 7;
    const management = await network.management(link!.dials);
    const { name, ...attributes } = network.connectors[0]![1];
    const remade = async (cost: number): Promise<void> => {
      const deleted = await management.ask('DELETE', { type: 'connector', name: String(name) });
      expect(deleted.status).toBe(204);
      const made = { type: 'connector', name: String(name) };
      expect((await management.ask('CREATE', made, { ...attributes, cost })).status).toBe(201);
    };
    await remade(dialCost);
    await agreed({ ...topology, links: [{ ...link!, dialCost }, ...others] });
    await remade(link!.dialCost ?? 1);
    await agreed();
  });

  test('a router that restarts at once is known by what it has now', async () => {
    const [address, entry] = [`late-address-${lateCount++}`, await unusedPort()];
    const listener = tcpListenerEntity(address, entry);
    network.add(last, tcpConnectorEntity(address, network.workloads.ports.echo));
    network.add(0, listener);
    const management = await network.management(0);
    const [, { name, ...attributes }] = listener;
    expect((await management.ask('CREATE', { type: 'tcpListener', name: String(name) }, attributes)).status).toBe(201);
    await network.kill(last);
    network.startRouter(last);
    await network.accepting(entry, 'the address of its second life');
    await agreed();
    await network.kill(0);
    network.startRouter(0);
    await network.accepting(entry, 'what others have, at one that restarted');
    await agreed();
  });
});
