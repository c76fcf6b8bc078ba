/**
 * Flows of every kind through a line of three routers, and links that are lost at any point of their lives: each flow ends once, both of
 * its sockets are told, and nothing of it stays, also of those whose ends would never have ended them.
 */
import { describe, expect, it } from 'vitest';
import type { ClientApp, FlowPlan } from '../support/sim/apps.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';

const NEVER = Number.POSITIVE_INFINITY;
const ENDLESS_BYTES = 1e12;

const KINDS: Record<string, Partial<FlowPlan>> = {
  'few octets both ways': { answers: 'at once', requestBytes: 10, responseBytes: 10 },
  'a request, then its answer': { requestBytes: 20_000, responseBytes: 20_000 },
  'nothing but FIN': {},
  'an answer alone': { responseBytes: 20_000 },
  'a request alone, half closed': { requestBytes: 20_000, responseBytes: ENDLESS_BYTES, clientPauseMs: NEVER },
  'an answer alone, half closed': { answers: 'at once', requestBytes: ENDLESS_BYTES, serverPauseMs: NEVER },
  'full windows both ways': {
    answers: 'at once',
    requestBytes: ENDLESS_BYTES,
    responseBytes: ENDLESS_BYTES,
    clientPauseMs: NEVER,
    serverPauseMs: NEVER,
  },
  'many octets both ways': { answers: 'at once', requestBytes: 1_500_000, responseBytes: 1_500_000 },
  'a client that resets': { answers: 'at once', requestBytes: 50_000, responseBytes: 50_000, clientResetsAt: 20_000 },
  'a server that resets': { answers: 'at once', requestBytes: 50_000, responseBytes: 50_000, serverResetsAt: 20_000 },
};

const LOSSES: Record<string, (network: RouterNetwork) => void> = {
  'the near link cut': (network) => network.cut(network.links[0]!),
  'the far link cut': (network) => network.cut(network.links[1]!),
  'both links cut': (network) => {
    for (const link of network.links) network.cut(link);
  },
  'a link cut and back at once': (network) => {
    const link = network.pick(network.links);
    network.cut(link);
    network.restore(link);
  },
  'one connection of a link broken': (network) => network.breakOne(network.pick(network.links)),
  'one connection of a link half closed': (network) => network.halfClose(network.pick(network.links)),
  'the near link silent': (network) => network.freeze(network.links[0]!),
  'the far link silent': (network) => network.freeze(network.links[1]!),
  'the middle router killed': (network) => network.restart('B', 500),
  'the middle router killed and back at once': (network) => network.restart('B', 0),
};

/** In the middle of the longest life of a flow that ends. */
const POINT_MS_MAX = 60;
const POINT_COUNT = 6;
/** Silence is noticed, and a dial that has no answer is given up. */
const PATIENCE_MS = 20_000;

function line(seed: number): RouterNetwork {
  const network = new RouterNetwork(seed, seed % 3);
  for (const id of ['A', 'B', 'C']) network.addRouter(id);
  network.connect('A', 'B');
  network.connect('C', 'B');
  network.addService('echo', ['C']);
  network.addService('void', ['C']);
  network.swallowing.add('C void');
  network.scheduler.runUntil(200);
  return network;
}

/** Some begin so much later than others that each is at another point of its life. */
function startAll(network: RouterNetwork): ClientApp[] {
  const clients: (ClientApp | undefined)[] = [];
  for (const plan of Object.values(KINDS)) {
    clients.push(network.startFlow('A', 'echo', plan), network.startFlow('A', 'void', plan));
    network.scheduler.runFor(3);
    clients.push(network.startFlow('A', 'echo', plan));
  }
  return clients.filter((client) => client !== undefined);
}

/** What has not ended, or not once. */
function unended({ routers }: RouterNetwork): string[] {
  return [...routers.values()].flatMap(({ id, router, sockets }) => {
    const wrong: string[] = [];
    const { connectionsOpened, connectionsClosed } = router.bridge.totals();
    if (connectionsOpened !== connectionsClosed) wrong.push(`${id}: ${connectionsClosed} of ${connectionsOpened} ends`);
    if (sockets.size > 0) wrong.push(`${id}: ${sockets.size} sockets`);
    for (const [fault, count] of router.faults.counts) if (count > 0) wrong.push(`${id}: ${count} faults: ${fault}`);
    return wrong;
  });
}

describe('whatever a flow does, it ends once and at both ends with', () => {
  for (const [name, lose] of Object.entries(LOSSES)) {
    it(name, () => {
      for (let point = 0; point < POINT_COUNT; point++) {
        const network = line(point);
        const clients = startAll(network);
        expect(clients).toHaveLength(3 * Object.keys(KINDS).length);
        network.scheduler.runFor((point / POINT_COUNT) ** 2 * POINT_MS_MAX);
        lose(network);
        network.scheduler.runFor(PATIENCE_MS);
        // Those that would go on for ever and have lost nothing are ended by their clients.
        const untouched = clients.filter(({ isOver }) => !isOver);
        const mayGoOn =
          name.includes('connection of a link') || name.includes('back at once') || name.includes('killed');
        const told = `at point ${point}`;
        if (!mayGoOn)
          expect(
            untouched.map(({ plan }) => plan),
            told,
          ).toEqual([]);
        for (const client of untouched) client.leave();
        network.scheduler.runFor(PATIENCE_MS);
        expect([...unended(network), ...network.leftovers(), ...network.flowFaults()], told).toEqual([]);
      }
    });
  }
});
