/**
 * Links that fall silent, and links that only seem to: routers that freeze or stand still for a while, networks that are far away
 * and lose packets (docs/adr/0028). Nobody is given up who is there, and whoever is gone is missed within two seconds.
 */
import { describe, expect, it } from 'vitest';
import { type NetworkLink, RouterNetwork } from '../support/sim/router-network.ts';
import type { WireOptions } from '../support/sim/sockets.ts';

const FAR_AND_LOSSY: WireOptions = {
  delayMs: [240, 260],
  windowBytes: 256 * 1024,
  pieceBytesMax: 64 * 1024,
  lossy: { delayMs: [240, 260], lossShare: 0.07 },
};
const MINUTE_MS = 60_000;
/** What a connector makes of its link there, `io/amqp-connector.ts`. */
const TROUBLED_DATA_CONNECTIONS = 4;

/** A, and B which has a service. */
function pair(seed: number, wire?: WireOptions, dataConnectionCount = 1): RouterNetwork {
  const network = new RouterNetwork(seed, dataConnectionCount);
  if (wire !== undefined) network.linkWire = wire;
  network.addRouter('A');
  network.addRouter('B');
  network.connect('A', 'B');
  network.addService('echo', ['B']);
  network.scheduler.runUntil(wire === undefined ? 500 : 20_000);
  return network;
}

function stallNowAndThen(network: RouterNetwork, id: string, eachMs: number): void {
  network.scheduler.after(eachMs * (0.5 + network.random.next()), () => {
    network.router(id).stall(300);
    stallNowAndThen(network, id, eachMs);
  });
}

function downs(network: RouterNetwork): number {
  return [...network.routers.values()].flatMap(({ notes, logs }) => [...notes, ...logs]).filter(isOfLoss).length;
}

function isOfLoss(note: string): boolean {
  return note === 'link down' || note.startsWith('connection closed');
}

/** How long until no router counts the link as one of its ways. */
function missedAfterMs(network: RouterNetwork, link: NetworkLink, limitMs: number): number {
  const [a, b] = link.ends;
  const since = network.now;
  const knows = (one: string, other: string): boolean => {
    const { router, stopped } = network.router(one);
    return !stopped && router.mesh.path(other)?.cost === link.cost;
  };
  while (network.now - since < limitMs && (knows(a, b) || knows(b, a))) network.scheduler.runFor(10);
  return network.now - since;
}

describe('a link', () => {
  it('holds at half a second of round trip, with 7 % of packets lost and routers that stand still for 300 ms', () => {
    for (const seed of [1, 2]) {
      const network = pair(seed, FAR_AND_LOSSY, TROUBLED_DATA_CONNECTIONS);
      for (const id of ['A', 'B']) stallNowAndThen(network, id, 5000);
      network.scheduler.runFor(5 * MINUTE_MS);
      expect(downs(network), `seed ${seed}`).toBe(0);
    }
  });

  it('that falls silent there is missed within two seconds of its last word', () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const network = pair(seed, FAR_AND_LOSSY);
      const link = network.links[0]!;
      network.freeze(link);
      expect(missedAfterMs(network, link, 5000), `seed ${seed}`).toBeLessThan(2000);
    }
  });

  it('to a router that is frozen is missed within two seconds, and there again when the router goes on', () => {
    for (const seed of [1, 2, 3]) {
      const network = pair(seed);
      network.router('B').stall(5000);
      network.scheduler.runFor(900);
      expect(network.router('A').router.mesh.path('B')?.cost).toBe(1);
      network.scheduler.runFor(800);
      expect(network.router('A').router.mesh.path('B')).toBeUndefined();
      network.scheduler.runFor(4300);
      expect(network.router('A').router.mesh.path('B')?.cost).toBe(1);
      expect(network.startFlow('A', 'echo')).toBeDefined();
    }
  });

  it('holds when a router stands still and the other one has spoken meanwhile', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const network = pair(seed);
      network.scheduler.runFor(seed * 37);
      network.router('A').stall(1150);
      network.scheduler.runFor(5000);
      expect(downs(network), `seed ${seed}`).toBe(0);
    }
  });

  it('with one connection that is silent is kept while the others are heard; that one is made anew', () => {
    for (const line of [0, 1]) {
      const network = pair(line + 1, undefined, 2);
      const link = network.links[0]!;
      const before = [...link.connections];
      before[line]?.freeze();
      network.scheduler.runFor(7500);
      expect(link.connections).toEqual(before);
      network.scheduler.runFor(2500);
      expect(link.connections.map((each, at) => each === before[at])).toEqual([0, 1, 2].map((at) => at !== line));
      expect(link.connections.every((each) => each !== undefined)).toBe(true);
    }
  });

  it('under load is heard in both directions', () => {
    const network = pair(3);
    const plan = { answers: 'at once', requestBytes: 20e6, responseBytes: 10, serverPauseMs: 10 } as const;
    const flow = network.startFlow('A', 'echo', plan);
    network.scheduler.runFor(2500);
    expect(downs(network)).toBe(0);
    expect(flow?.isOver).toBe(false);
  });
});
