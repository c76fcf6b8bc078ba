/** Shares of a routing key's connections among the connectors of one router, in whole networks. */
import { describe, expect, it } from 'vitest';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { addConnector, servedBy } from '../support/sim/services.ts';

const SEEDS = [1, 2, 3];

/** A, and C with the connectors of one service. */
function network(seed: number, weights: Readonly<Record<string, number>>): RouterNetwork {
  const made = new RouterNetwork(seed);
  for (const id of ['A', 'C']) made.addRouter(id);
  made.connect('A', 'C');
  made.addService('one', []);
  for (const [name, weight] of Object.entries(weights)) addConnector(made, 'C', name, 'one', { weight });
  made.scheduler.runFor(500);
  return made;
}

/** How many of so many connections each has got. */
function counted(made: RouterNetwork, count: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    for (const server of servedBy(made, 'A', 'one')) counts[server] = (counts[server] ?? 0) + 1;
  }
  return counts;
}

describe('connectors of one routing key at one router', () => {
  it.each(SEEDS)('get connections by their weights, seed %d', (seed) => {
    const made = network(seed, { 'C v1': 90, 'C v2': 10 });
    expect(counted(made, 100)).toEqual({ 'C v1': 90, 'C v2': 10 });
  });

  it('take turns as ever while they weigh the same', () => {
    expect(counted(network(1, { 'C v1': 50, 'C v2': 50 }), 20)).toEqual({ 'C v1': 10, 'C v2': 10 });
  });

  it('follow another weight with the next connection', () => {
    const made = network(1, { 'C v1': 90, 'C v2': 10 });
    const { bridge } = made.router('C').router;
    const v2 = bridge.connectors.get('C v2')!;
    bridge.adjustConnector('C v1', { ...v2.settings, weight: 0 });
    expect(counted(made, 10)).toEqual({ 'C v2': 10 });
  });

  it('of weight 0 are for when the others fail', () => {
    const made = network(1, { 'C v1': 100, 'C v2': 0 });
    expect(counted(made, 10)).toEqual({ 'C v1': 10 });
    made.refusing.add('C v1');
    expect(servedBy(made, 'A', 'one')).toEqual(['C v1', 'C v2']);
    expect(counted(made, 10)).toEqual({ 'C v2': 10 });
  });

  it('that fail leave their share to the others', () => {
    const made = network(1, { 'C v1': 50, 'C v2': 40, 'C v3': 10 });
    made.refusing.add('C v1');
    servedBy(made, 'A', 'one');
    expect(counted(made, 50)).toEqual({ 'C v2': 40, 'C v3': 10 });
  });
});
