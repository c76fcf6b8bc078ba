/** Session window that is kept back for an outlet that is full: it is given back when the outlet is lost, whatever was said before. */
import { expect, it } from 'vitest';
import type { DeliveryState } from '../../router/amqp/codec/performatives.ts';
import { newDeliveryCounters } from '../../router/core/delivery-counters.ts';
import { OUTLET_BYTES_HIGH } from '../../router/core/limits.ts';
import { LinkInlet } from '../../router/core/link-ends.ts';
import { type Outlet, Transit } from '../../router/core/transit.ts';
import { Pair } from '../support/amqp-pair.ts';

const ACCEPTOR = { incomingWindowFrames: 256, maxFrameSizeBytes: 16 * 1024 };
/** Three windows. */
const MESSAGE_BYTES = 3 * ACCEPTOR.incomingWindowFrames * ACCEPTOR.maxFrameSizeBytes;
const PIECE_BYTES = 256 * 1024;

/** Takes nothing. */
class Stopped implements Outlet {
  queuedBytes = 0;
  write(bytes: Buffer): void {
    this.queuedBytes += bytes.length;
  }
  end(): void {}
  abort(): void {}
  senderUpdate(): void {}
}

/** A producer at one end, and at the other an inlet whose outlet is stopped; what arrives after the first octets goes to the inlet. */
class Scene {
  readonly outlet = new Stopped();
  inlet: LinkInlet | undefined;
  private readonly pair = new Pair({ acceptor: ACCEPTOR }).opened();
  private readonly link = this.pair.a.connection.begin().attachSender({ name: 'producer' });
  private readonly settledLinks: unknown[] = [];

  message() {
    const delivery = this.link.deliver();
    for (let at = 0; at < MESSAGE_BYTES; at += PIECE_BYTES) delivery.write(Buffer.alloc(PIECE_BYTES));
    delivery.end();
    this.run();
    return delivery;
  }

  run(): void {
    const { a, b } = this.pair;
    // What has arrived is handed on before the producer is answered, as a router does.
    for (let moved = 1; moved > 0; moved = this.pair.carry(b, a) + this.pair.carry(a, b)) {
      for (const event of b.events.splice(0)) {
        if (event.type === 'attach') event.link.accept({ credit: 10 });
        if (event.type !== 'transfer') continue;
        this.inlet ??= this.begin(event.delivery);
        const inlet = (event.delivery.context as LinkInlet | undefined) ?? this.inlet;
        inlet.write(event.payload);
        if (event.last) inlet.end(event.delivery.settled);
      }
    }
  }

  private begin(delivery: ConstructorParameters<typeof LinkInlet>[0]): LinkInlet {
    const owner = { outletSent: () => {}, inletSettled: (each: unknown) => this.settledLinks.push(each) };
    const parts = { rerouter: { reroute: () => false }, counters: newDeliveryCounters(), now: () => 1 };
    const inlet = new LinkInlet(delivery, { id: 1, ends: new Set() }, owner, parts);
    inlet.transit.attach(undefined, this.outlet, Buffer.alloc(0));
    return inlet;
  }
}

const accepted: DeliveryState = { state: 'accepted' };

it.each([
  ['that has said nothing', undefined],
  ['that has accepted the message before it was whole', false],
  ['that has settled the message before it was whole', true],
])('a producer can send its message to the end when its consumer is lost %s', (_, settled) => {
  const scene = new Scene();
  const delivery = scene.message();
  expect(scene.outlet.queuedBytes).toBeGreaterThan(OUTLET_BYTES_HIGH);
  expect(delivery.complete).toBe(false);
  const { transit } = scene.inlet!;
  if (settled !== undefined) transit.outcome(scene.outlet, accepted, settled);
  transit.outletLost(scene.outlet, true);
  scene.run();
  expect(delivery.complete).toBe(true);
});

it('a producer that is still sending hears that its consumer is lost when that had accepted before, if it has not settled', () => {
  const told: [string | undefined, boolean][] = [];
  const inlet = {
    update: (state: DeliveryState | undefined, settled: boolean) => told.push([state?.state, settled]),
    hold: () => {},
    resume: () => {},
  };
  const outlet = new Stopped();
  const transit = new Transit(inlet, { reroute: () => false }, 0, false);
  transit.attach(undefined, outlet, Buffer.alloc(0));
  transit.outcome(outlet, accepted, false);
  transit.outletLost(outlet, true);
  expect(told).toEqual([
    ['accepted', false],
    ['modified', false],
  ]);
});
