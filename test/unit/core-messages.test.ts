/** What becomes of messages between an inlet and its outlets: outcomes when a consumer is lost, sending again, order of copies. */
import { describe, expect, it } from 'vitest';
import type { DeliveryState } from '../../router/amqp/codec/performatives.ts';
import type { OutgoingDelivery } from '../../router/amqp/engine/outgoing-delivery.ts';
import { FLAG_RESEND_RELEASED, FLAG_STREAMING } from '../../router/amqp/message/router-annotations.ts';
import { countDelay, delayOf, StuckDeliveries } from '../../router/core/delivery-age.ts';
import { newDeliveryCounters } from '../../router/core/delivery-counters.ts';
import { RESEND_BYTES_MAX, STUCK_AFTER_MS, STUCK_SWEEP_MS } from '../../router/core/limits.ts';
import type { LinkEnd, LinkOutlet } from '../../router/core/link-ends.ts';
import { Peer } from '../../router/core/peer.ts';
import { type Outlet, Transit } from '../../router/core/transit.ts';
import { Pair } from '../support/amqp-pair.ts';

class Told {
  readonly states: [string | undefined, boolean][] = [];
  update(state: DeliveryState | undefined, settled: boolean): void {
    this.states.push([state?.state, settled]);
  }
  hold(): void {}
  resume(): void {}
}

class Sink implements Outlet {
  readonly pieces: string[] = [];
  readonly queuedBytes = 0;
  write(bytes: Buffer): void {
    this.pieces.push(bytes.toString());
  }
  end(): void {}
  abort(): void {}
  senderUpdate(): void {}
}

const candidate = { done: (): void => {} };

function scene(flags: number): { told: Told; first: Sink; second: Sink; transit: Transit } {
  const told = new Told();
  const [first, second] = [new Sink(), new Sink()];
  const transit: Transit = new Transit(
    told,
    {
      reroute: () => {
        if (transit.head === undefined || second.pieces.length > 0) return false;
        transit.attach(candidate, second, transit.head);
        return true;
      },
    },
    1,
    false,
  );
  transit.annotations = { flags, trace: [] };
  transit.attach(candidate, first, Buffer.from('head '));
  transit.write(Buffer.from('body'));
  transit.end(false);
  return { told, first, second, transit };
}

describe('a message whose consumer is lost', () => {
  it('is released when nothing of it was sent', () => {
    const { told, first, transit } = scene(0);
    transit.outletLost(first, false);
    expect(told.states).toEqual([['released', true]]);
  });

  it('is modified when something was, since it may have been acted upon', () => {
    const { told, first, transit } = scene(0);
    transit.outletLost(first, true);
    expect(told.states).toEqual([['modified', true]]);
  });

  it('is released when it is a stream, whose loss its ends see', () => {
    const { told, first, transit } = scene(FLAG_STREAMING);
    transit.outletLost(first, true);
    expect(told.states).toEqual([['released', true]]);
  });

  it('whose sender goes on hears of it when it has ended', () => {
    const told = new Told();
    const sink = new Sink();
    const transit = new Transit(told, { reroute: () => false }, 1, false);
    transit.attach(candidate, sink, Buffer.from('head'));
    transit.outletLost(sink, true);
    expect(told.states).toEqual([['modified', false]]);
    transit.end(false);
    expect(told.states.at(-1)).toEqual(['modified', true]);
  });
});

describe('a message that is to be sent again when it is released', () => {
  it('goes to another with all that it has', () => {
    const { told, first, second, transit } = scene(FLAG_RESEND_RELEASED);
    transit.outcome(first, { state: 'released' }, true);
    expect(second.pieces.join('')).toBe('head body');
    expect(told.states).toEqual([]);
    transit.outcome(second, { state: 'accepted' }, true);
    expect(told.states).toEqual([['accepted', true]]);
  });

  it('is released when there is no other', () => {
    const { told, first, second, transit } = scene(FLAG_RESEND_RELEASED);
    transit.outcome(first, { state: 'released' }, true);
    transit.outcome(second, { state: 'released' }, true);
    expect(told.states).toEqual([['released', true]]);
  });

  it.each(['rejected', 'modified'] as const)('is not sent again when it is %s', (state) => {
    const { told, first, second, transit } = scene(FLAG_RESEND_RELEASED);
    transit.outcome(first, { state }, true);
    expect(second.pieces).toEqual([]);
    expect(told.states).toEqual([[state, true]]);
  });

  it('is not sent again when a consumer had begun to take it', () => {
    const { told, first, second, transit } = scene(FLAG_RESEND_RELEASED);
    transit.outletLost(first, true);
    expect(second.pieces).toEqual([]);
    expect(told.states).toEqual([['modified', true]]);
  });

  it('is not sent again when it is too large to be kept', () => {
    const { told, first, second, transit } = scene(FLAG_RESEND_RELEASED);
    const large = new Transit(told, transit.rerouter, 1, false);
    large.annotations = { flags: FLAG_RESEND_RELEASED, trace: [] };
    large.attach(candidate, first, Buffer.from('head'));
    large.write(Buffer.alloc(RESEND_BYTES_MAX));
    large.outcome(first, { state: 'released' }, true);
    expect(second.pieces).toEqual([]);
    expect(told.states).toEqual([['released', true]]);
  });

  it('is not sent again without that wish', () => {
    const { told, first, second, transit } = scene(0);
    transit.outcome(first, { state: 'released' }, true);
    expect(second.pieces).toEqual([]);
    expect(told.states).toEqual([['released', true]]);
  });
});

describe('messages of one sender to one address', () => {
  const options = {
    entity: 'l',
    role: 'inter-router',
    dir: 'out',
    cost: 1,
    host: '',
    encrypted: false,
    data: false,
  } as const;

  function neighbour(): Peer {
    const pair = new Pair().opened();
    let name = 0;
    const peer = new Peer(1, pair.a.connection, options, { routerId: 'a', linkName: () => `link-${name++}` });
    peer.streaming = true;
    peer.openRouterLinks();
    return peer;
  }

  function deliveryOf(peer: Peer, over: Partial<Transit>): OutgoingDelivery {
    const transit = new Transit(new Told(), { reroute: () => false }, 1, false);
    Object.assign(transit, { to: 'a', ...over });
    return (peer.take(transit) as LinkOutlet).delivery;
  }

  const linkOf = (peer: Peer, over: Partial<Transit>): unknown => deliveryOf(peer, over).link;

  it('keep their order behind a large one', () => {
    const peer = neighbour();
    const origin = {};
    const large = linkOf(peer, { origin });
    expect(large).not.toBe(peer.data[4]);
    expect(linkOf(peer, { origin })).toBe(large);
    expect(linkOf(peer, { origin, whole: true })).toBe(large);
  });

  it('do not follow one that was broken off: its link may end before they have their outcomes', () => {
    const peer = neighbour();
    const origin = {};
    const large = deliveryOf(peer, { origin });
    large.write(Buffer.from('half'));
    large.abort();
    expect(linkOf(peer, { origin, whole: true })).toBe(peer.data[4]);
    expect(linkOf(peer, { origin })).not.toBe(large.link);
  });

  it('to another address, or of another sender, do not wait for it', () => {
    const peer = neighbour();
    const origin = {};
    const large = linkOf(peer, { origin });
    expect(linkOf(peer, { origin, to: 'b', whole: true })).toBe(peer.data[4]);
    expect(linkOf(peer, { origin: {}, whole: true })).toBe(peer.data[4]);
    expect(linkOf(peer, { origin: {} })).not.toBe(large);
  });

  it('that are streams wait for none', () => {
    const peer = neighbour();
    const stream = { origin: {}, annotations: { flags: FLAG_STREAMING, trace: [] } };
    expect(linkOf(peer, stream)).not.toBe(linkOf(peer, stream));
  });
});

describe('a delivery that takes long', () => {
  const aged = (flags: number): Transit => {
    const transit = new Transit(new Told(), { reroute: () => false }, 1, false);
    transit.annotations = { flags, trace: [] };
    return transit;
  };

  it('is counted by its age, and a stream is not', () => {
    const counters = newDeliveryCounters();
    for (const now of [1_000, 1_001, 10_000, 10_001]) countDelay(counters, delayOf(aged(0), now));
    expect(counters).toMatchObject({ delayed1Sec: 2, delayed10Sec: 1 });
    expect(delayOf(aged(FLAG_STREAMING), 60_000)).toBe(0);
  });

  it('is stuck until it is over', () => {
    const counters = newDeliveryCounters();
    const found: LinkEnd[] = [];
    const stuck = new StuckDeliveries(counters, 0, (end) => found.push(end));
    const link = { counters: { stuck: 0 } };
    const end = { delivery: { link }, transit: aged(0), isOver: false } as unknown as LinkEnd & { isOver: boolean };
    const stream = { ...end, transit: aged(FLAG_STREAMING) };
    const peers = [{ ends: new Set([end, stream]) }];
    stuck.sweep(peers, STUCK_AFTER_MS);
    expect(counters.stuck).toBe(0);
    stuck.sweep(peers, STUCK_AFTER_MS + STUCK_SWEEP_MS);
    stuck.sweep(peers, STUCK_AFTER_MS + 2 * STUCK_SWEEP_MS);
    expect([counters.stuck, link.counters.stuck, found]).toEqual([1, 1, [end]]);
    end.isOver = true;
    stuck.sweep(peers, STUCK_AFTER_MS + 3 * STUCK_SWEEP_MS);
    expect([counters.stuck, link.counters.stuck]).toEqual([0, 0]);
  });
});
