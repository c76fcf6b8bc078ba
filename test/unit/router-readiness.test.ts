import { describe, expect, it } from 'vitest';
import type { DrainState } from '../../router/io/drain.ts';
import { Readiness } from '../../router/io/readiness.ts';

interface World {
  now: number;
  changedAt: number;
  isConnected: boolean;
  drain: DrainState;
}

function started(): { world: World; readiness: Readiness } {
  const world: World = { now: 0, changedAt: 0, isConnected: true, drain: 'up' };
  const readiness = new Readiness({
    startedAtMs: 0,
    now: () => world.now,
    lastTopologyChangeMs: () => world.changedAt,
    connected: () => world.isConnected,
    drainState: () => world.drain,
  });
  return { world, readiness };
}

const MEETING = 'the router is meeting the network';

describe('a router is ready', () => {
  it('when it has had time to meet others and paths have settled, and stays it whatever changes then', () => {
    const { world, readiness } = started();
    expect(readiness.problem).toBe(MEETING);
    Object.assign(world, { now: 3000, changedAt: 2900 });
    expect(readiness.problem).toBe(MEETING);
    world.now = 3400;
    expect(readiness.problem).toBe(undefined);
    Object.assign(world, { now: 3500, changedAt: 3500, isConnected: false });
    expect(readiness.problem).toBe(undefined);
  });

  it('not before its connectors have found the other end, but at last without them', () => {
    const { world, readiness } = started();
    Object.assign(world, { now: 9999, isConnected: false });
    expect(readiness.problem).toBe(MEETING);
    world.now = 10_000;
    expect(readiness.problem).toBe(undefined);
  });

  it('not while it drains', () => {
    const { world, readiness } = started();
    world.now = 20_000;
    world.drain = 'draining';
    expect(readiness.problem).toBe('the router is draining');
    world.drain = 'drained';
    expect(readiness.problem).toBe('the router has drained: nothing is open');
    world.drain = 'up';
    expect(readiness.problem).toBe(undefined);
  });
});
