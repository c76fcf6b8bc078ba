/** Outgoing deliveries and the streaming links that carry them: when a link may be used again, and when it may go. */
import { describe, expect, it } from 'vitest';
import type { IncomingDelivery } from '../../router/amqp/engine/incoming-delivery.ts';
import { FLAG_STREAMING } from '../../router/amqp/message/router-annotations.ts';
import { STREAMING_LINKS_IDLE_MAX } from '../../router/core/limits.ts';
import { LinkOutlet } from '../../router/core/link-ends.ts';
import { Peer } from '../../router/core/peer.ts';
import { type Outlet, Transit } from '../../router/core/transit.ts';
import { Pair } from '../support/amqp-pair.ts';

const NOBODY = { update: () => {}, hold: () => {}, resume: () => {} };

/** A neighbour at the other end of `pair`, which takes every link and settles what it is told to. */
class Neighbour {
  readonly pair = new Pair({ acceptor: { incomingWindowFrames: 100_000 } }).opened();
  readonly peer: Peer;
  /** What came last to the far end. */
  arrived: IncomingDelivery | undefined;
  private linkCount = 0;

  constructor() {
    const options = {
      entity: 'link',
      role: 'inter-router',
      dir: 'out',
      cost: 1,
      host: '',
      encrypted: false,
      data: false,
    } as const;
    this.peer = new Peer(1, this.pair.a.connection, options, {
      routerId: 'a',
      linkName: () => `link-${this.linkCount++}`,
    });
    this.peer.streaming = true;
  }

  stream(bytes: Buffer): Outlet {
    const transit = new Transit(NOBODY, { reroute: () => false }, 0, false);
    transit.annotations = { flags: FLAG_STREAMING, trace: [] };
    const outlet = this.peer.take(transit)!;
    transit.attach(this.peer, outlet, bytes);
    return outlet;
  }

  /** Carries octets; the far end accepts links, and deliveries if `settling`. */
  run(settling: boolean): void {
    this.pair.run();
    for (const event of this.pair.b.events.splice(0)) {
      if (event.type === 'attach') event.link.accept({ credit: 100 });
      if (event.type === 'transfer') this.arrived = event.delivery;
      if (event.type === 'transfer' && event.last && settling) event.delivery.update({ state: 'accepted' }, true);
    }
    this.pair.run();
    for (const event of this.pair.a.events.splice(0)) {
      if (event.type === 'sent' && event.delivery.context instanceof LinkOutlet) event.delivery.context.sent();
      if (event.type === 'disposition' && event.delivery.context instanceof LinkOutlet) {
        event.delivery.context.disposition(event.state, event.settled);
      }
    }
  }

  get detachedCount(): number {
    return this.pair.b.events.filter(({ type }) => type === 'detach').length;
  }

  /** Streams that may be under way at once: each has a link of its own. */
  linksOf(outlets: Outlet[]): number {
    return new Set(outlets.map((outlet) => (outlet as LinkOutlet).delivery.link)).size;
  }
}

describe('a streaming link', () => {
  it('carries one stream at a time, however long the one before was', () => {
    const neighbour = new Neighbour();
    neighbour.stream(Buffer.from('first'));
    neighbour.run(false);
    const bulk = neighbour.stream(Buffer.alloc(4 * 1024 * 1024));
    bulk.end(false);
    for (let i = 0; i < 5; i++) neighbour.run(true);
    const next = [neighbour.stream(Buffer.from('a')), neighbour.stream(Buffer.from('b'))];
    expect(neighbour.linksOf(next)).toBe(2);
  });

  it('stays while the outcome of its stream is open, beyond what the pool keeps', () => {
    const neighbour = new Neighbour();
    const count = STREAMING_LINKS_IDLE_MAX + 20;
    const streams = Array.from({ length: count }, () => neighbour.stream(Buffer.from('head')));
    neighbour.run(false);
    for (const stream of streams) stream.end(false);
    neighbour.run(false);
    neighbour.pair.run();
    expect(neighbour.detachedCount).toBe(0);
    expect(neighbour.peer.ends.size).toBe(count);
  });

  it('goes when the pool is full and its streams are over', () => {
    const neighbour = new Neighbour();
    const streams = Array.from({ length: STREAMING_LINKS_IDLE_MAX + 20 }, () => neighbour.stream(Buffer.from('head')));
    neighbour.run(true);
    for (const stream of streams) stream.end(true);
    neighbour.run(true);
    neighbour.pair.run();
    expect(neighbour.detachedCount).toBe(20);
    expect(neighbour.peer.ends.size).toBe(0);
  });
});

it('a delivery whose link is lost is forgotten', () => {
  const neighbour = new Neighbour();
  const outlet = neighbour.stream(Buffer.from('head')) as LinkOutlet;
  outlet.connectionLost();
  expect(neighbour.peer.ends.size).toBe(0);
});

describe('a stream whose producer waits for no outcome', () => {
  it('keeps its link at an original until all of it is taken there', () => {
    const neighbour = new Neighbour();
    const stream = neighbour.stream(Buffer.from('head'));
    neighbour.run(false);
    stream.end(true);
    neighbour.run(false);
    expect(neighbour.linksOf([stream, neighbour.stream(Buffer.from('next'))])).toBe(2);
  });

  it.each([true, false])('gives it back and leaves nothing behind when the outcome comes, settled: %s', (settled) => {
    const neighbour = new Neighbour();
    const stream = neighbour.stream(Buffer.from('head')) as LinkOutlet;
    neighbour.run(false);
    stream.end(true);
    neighbour.run(false);
    neighbour.arrived?.update({ state: 'modified', deliveryFailed: true }, settled);
    neighbour.run(false);
    expect(stream.delivery.link.hasUnsettled).toBe(false);
    expect(neighbour.peer.ends.size).toBe(0);
    expect(neighbour.linksOf([stream, neighbour.stream(Buffer.from('next'))])).toBe(1);
  });

  it('has none at a router of ours', () => {
    const neighbour = new Neighbour();
    neighbour.peer.isOurs = true;
    const stream = neighbour.stream(Buffer.from('head'));
    neighbour.run(false);
    stream.end(true);
    neighbour.run(false);
    expect(neighbour.peer.ends.size).toBe(0);
    expect(neighbour.linksOf([stream, neighbour.stream(Buffer.from('next'))])).toBe(1);
  });
});
