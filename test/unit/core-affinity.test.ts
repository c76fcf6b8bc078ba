/** The same choice for the same client: stable, shared by weight, and moved only where it must. */
import { describe, expect, it } from 'vitest';
import { parseHead } from '../../router/amqp/message/head.ts';
import { composeStreamHead } from '../../router/bridge/stream-head.ts';
import { affinityOf, choose, clientHash } from '../../router/core/affinity.ts';

const CLIENTS = Array.from({ length: 4000 }, (_, i) => clientHash(`10.1.${i >> 8}.${i & 255}`));
const NAMES = ['west', 'east', 'north', 'south'];

function chosen(client: number, names: readonly string[], weights: Readonly<Record<string, number>> = {}): string {
  return choose(client, names, (name) => ({ name, weight: weights[name] ?? 1 }))!;
}

function shares(names: readonly string[], weights: Readonly<Record<string, number>> = {}): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const client of CLIENTS) {
    const name = chosen(client, names, weights);
    counts[name] = (counts[name] ?? 0) + 1 / CLIENTS.length;
  }
  return counts;
}

describe('the choice', () => {
  it('does not depend on the order of what there is', () => {
    const reversed = NAMES.toReversed();
    for (const client of CLIENTS) expect(chosen(client, NAMES)).toBe(chosen(client, reversed));
  });

  it('spreads neighbouring clients evenly', () => {
    for (const name of NAMES) expect(shares(NAMES)[name]).toBeCloseTo(0.25, 1);
  });

  it('spreads by weight', () => {
    const weights = { west: 1, east: 2, north: 5 };
    const names = Object.keys(weights);
    for (const [name, weight] of Object.entries(weights))
      expect(shares(names, weights)[name]).toBeCloseTo(weight / 8, 1);
  });

  it('moves the clients of what has gone, and nobody else', () => {
    const left = NAMES.filter((name) => name !== 'north');
    for (const client of CLIENTS) {
      const before = chosen(client, NAMES);
      if (before !== 'north') expect(chosen(client, left)).toBe(before);
    }
    const moved = CLIENTS.filter((client) => chosen(client, NAMES) === 'north').map((client) => chosen(client, left));
    expect(new Set(moved)).toEqual(new Set(left));
  });

  it('of weights moves clients only to what has got more', () => {
    for (const client of CLIENTS) {
      const [before, after] = [chosen(client, NAMES), chosen(client, NAMES, { east: 3 })];
      if (before !== after) expect(after).toBe('east');
    }
  });

  it('among nothing is none', () => {
    expect(choose(1, [], () => ({ name: '' }))).toBeUndefined();
  });
});

describe('a client', () => {
  it('is the same by its IPv4 address and by the IPv6 address that this is mapped to', () => {
    expect(clientHash('::ffff:10.0.0.1')).toBe(clientHash('10.0.0.1'));
    expect(clientHash('::ffff:a00:1')).not.toBe(clientHash('10.0.0.1'));
    expect(clientHash('10.0.0.1')).not.toBe(clientHash('10.0.0.2'));
  });

  it('travels in the head of its stream', () => {
    const client = clientHash('10.0.0.1');
    const head = parseHead(composeStreamHead('to', 'reply', client), 'properties');
    expect(affinityOf(head?.deliveryAnnotations)).toBe(client);
    expect(parseHead(composeStreamHead('to', 'reply'), 'properties')?.deliveryAnnotations).toBeUndefined();
  });
});
