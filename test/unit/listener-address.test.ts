/** Which of a tcpListener's addresses a connection goes to: by priority or by weight, among those that can be reached. */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../lib/random.ts';
import { AddressTrial, type ListenerAddress, type MultiAddressStrategy } from '../../router/bridge/listener-address.ts';
import { CONNECTOR_PENALTY_MS, SECOND_ROUND_WITHIN_MS } from '../../router/core/limits.ts';

const address = (name: string, value: number, weight = 1): ListenerAddress => ({
  name,
  address: name,
  key: `M${name}`,
  value,
  weight,
  penaltyUntil: 0,
  connectionsOpened: 0,
});

/** A listener whose time and reachable addresses the test sets. */
function listener(strategy: MultiAddressStrategy, ...addresses: ListenerAddress[]) {
  const random = new SeededRandom(1);
  const state = { nowMs: 1000, gone: new Set<string>() };
  const chooser = {
    addresses,
    strategy,
    isReachable: (key: string) => !state.gone.has(key),
    random: () => random.next(),
    now: () => state.nowMs,
  };
  const open = (client?: number) => new AddressTrial(chooser, client);
  /** How many of so many connections go where first. */
  const shares = (count: number): Record<string, number> => {
    for (const each of addresses) each.connectionsOpened = 0;
    for (let i = 0; i < count; i++) open().next();
    return Object.fromEntries(addresses.map((each) => [each.name, each.connectionsOpened]));
  };
  return { state, open, shares };
}

/** All that one connection is offered to. */
function offers(trial: AddressTrial): string[] {
  const list: string[] = [];
  for (let next = trial.next(); next !== undefined; next = trial.next()) list.push(next);
  return list;
}

describe('by priority', () => {
  it('all go to the highest value that can be reached', () => {
    const { state, shares } = listener('priority', address('low', 1), address('high', 3), address('middle', 2));
    expect(shares(20)).toEqual({ low: 0, high: 20, middle: 0 });
    state.gone.add('Mhigh');
    expect(shares(20)).toEqual({ low: 0, high: 0, middle: 20 });
    state.gone.delete('Mhigh');
    expect(shares(20)).toEqual({ low: 0, high: 20, middle: 0 });
  });

  it('those of one value share by their weights', () => {
    const { shares } = listener('priority', address('a', 5, 3), address('b', 5, 1), address('c', 4, 9));
    const { a = 0, b = 0, c = 0 } = shares(1000);
    expect(c).toBe(0);
    expect(a / b).toBeGreaterThan(2.4);
    expect(a / b).toBeLessThan(3.6);
  });

  it('one that refuses hands the connection to the next, down to the last', () => {
    const { open } = listener('priority', address('c', 1), address('a', 3), address('b', 2));
    const trial = open();
    expect(trial.hasMore).toBe(true);
    expect(offers(trial)).toEqual(['a', 'b', 'c']);
    expect(trial.hasMore).toBe(false);
  });

  it('one that has refused is passed over for a while by others too', () => {
    const { state, open } = listener('priority', address('a', 2), address('b', 1));
    const first = open();
    first.next();
    first.next();
    expect(open().next()).toBe('b');
    state.nowMs += CONNECTOR_PENALTY_MS;
    expect(open().next()).toBe('a');
  });

  it('all may be tried once more, once, and not late', () => {
    const { state, open } = listener('priority', address('a', 2), address('b', 1));
    const trial = open();
    offers(trial);
    expect(trial.restart()).toBe(true);
    expect(offers(trial)).toEqual(['a', 'b']);
    expect(trial.restart()).toBe(false);
    const late = open();
    state.nowMs += SECOND_ROUND_WITHIN_MS + 1;
    expect(late.restart()).toBe(false);
  });
});

describe('by weight', () => {
  it('all that can be reached share by their values', () => {
    const { state, shares } = listener('weighted', address('a', 6), address('b', 3), address('none', 0));
    const { a = 0, b = 0, none } = shares(900);
    expect(none).toBe(0);
    expect(a / b).toBeGreaterThan(1.6);
    expect(a / b).toBeLessThan(2.4);
    state.gone.add('Ma');
    expect(shares(10)).toEqual({ a: 0, b: 10, none: 0 });
  });

  it('a client that is to stay together has the same address each time, until it is gone', () => {
    const { state, open } = listener('weighted', address('a', 1), address('b', 1), address('c', 1));
    const clients = Array.from({ length: 50 }, (_, i) => i * 7919);
    const homes = clients.map((client) => open(client).next());
    expect(new Set(homes)).toEqual(new Set(['a', 'b', 'c']));
    expect(clients.map((client) => open(client).next())).toEqual(homes);
    state.gone.add('Ma');
    const moved = clients.map((client) => open(client).next());
    for (const [index, home] of homes.entries()) if (home !== 'a') expect(moved[index]).toBe(home);
    expect(moved).not.toContain('a');
  });
});

it('without a reachable address there is none', () => {
  const { state, open } = listener('none', address('a', 0));
  expect(open().next()).toBe('a');
  state.gone.add('Ma');
  expect(open().next()).toBeUndefined();
});
