/**
 * Two engines under random lawful use, and one under unlawful octets: nothing is lost, doubled, or sent beyond what was allowed.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomInt, SeededRandom } from '../../lib/random.ts';
import { encodeBegin, encodeOpen } from '../../router/amqp/codec/encode-performative.ts';
import type { OutgoingDelivery } from '../../router/amqp/engine/outgoing-delivery.ts';
import type { ReceiverLink } from '../../router/amqp/engine/receiver-link.ts';
import type { SenderLink } from '../../router/amqp/engine/sender-link.ts';
import { Pair, type Side } from '../support/amqp-pair.ts';
import { amqpHeader, anyFrame, frame, RawPeer, transferFrame } from '../support/amqp-raw.ts';
import { captures } from '../support/amqp-vectors.ts';

/** What one delivery should bring, and has brought. */
interface Model {
  written: number;
  readonly seen: number[];
  state: 'open' | 'ended' | 'aborted';
  arrived: 'open' | 'ended' | 'aborted';
  delivery: OutgoingDelivery;
}

/** Each octet of a delivery is its offset, so loss, doubling and reordering all show. */
function octetsFrom(offset: number, sizeBytes: number): Buffer {
  return Buffer.from(Array.from({ length: sizeBytes }, (_, i) => (offset + i) & 0xff));
}

class Run {
  readonly pair: Pair;
  readonly senders: SenderLink[] = [];
  readonly models = new Map<OutgoingDelivery, Model>();
  /** Models by link name, in the order of delivery. */
  readonly expected = new Map<string, Model[]>();
  readonly begun = new Map<string, number>();
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.pair = new Pair({
      initiator: { maxFrameSizeBytes: 512 },
      acceptor: { maxFrameSizeBytes: 512 + this.int(2000), incomingWindowFrames: 2 + this.int(20) },
      chunkSizeBytes: 1 + this.int(3000),
      budgetBytes: 600 + this.int(5000),
    }).opened();
    for (let s = 0; s < 2; s++) {
      const session = this.pair.a.connection.begin();
      for (let l = 0; l < 3; l++) this.senders.push(session.attachSender({ name: `${s}.${l}` }));
    }
    this.pair.run();
    for (const event of this.pair.b.events.splice(0)) {
      if (event.type === 'attach') (event.link as ReceiverLink).accept({ credit: 1 + this.int(3) });
    }
    this.pair.run();
  }

  int(bound: number): number {
    return randomInt(this.#random, bound);
  }

  step(): void {
    const sender = this.senders[this.int(this.senders.length)] as SenderLink;
    const open = [...this.models.values()].filter((model) => model.state === 'open');
    const model = open[this.int(open.length)];
    switch (this.int(8)) {
      case 0:
        if ((this.expected.get(sender.name)?.length ?? 0) < 30) this.deliver(sender);
        break;
      case 1:
      case 2:
      case 3:
        if (model !== undefined) this.write(model, this.int(4000));
        break;
      case 4:
        if (model !== undefined) {
          model.delivery.end(this.int(2) === 0);
          model.state = 'ended';
        }
        break;
      case 5:
        if (model !== undefined && this.int(3) === 0) {
          model.delivery.abort();
          model.state = 'aborted';
        }
        break;
      default:
        this.carry();
    }
  }

  deliver(sender: SenderLink): void {
    const delivery = sender.deliver({ settled: this.int(2) === 0 });
    const model: Model = { written: 0, seen: [], state: 'open', arrived: 'open', delivery };
    this.models.set(delivery, model);
    const list = this.expected.get(sender.name) ?? [];
    list.push(model);
    this.expected.set(sender.name, list);
  }

  write(model: Model, sizeBytes: number): void {
    model.delivery.write(octetsFrom(model.written, sizeBytes));
    model.written += sizeBytes;
  }

  carry(): void {
    const { a, b } = this.pair;
    this.pair.carry(a, b);
    this.look(b);
    this.pair.carry(b, a);
    a.events.length = 0;
  }

  look(b: Side): void {
    for (const event of b.events.splice(0)) {
      if (event.type !== 'transfer') {
        expect(['flow', 'disposition']).toContain(event.type);
        continue;
      }
      const { name } = event.delivery.link;
      const number = (this.begun.get(name) ?? 0) + (event.first ? 1 : 0);
      this.begun.set(name, number);
      const model = this.expected.get(name)?.[number - 1] as Model;
      expect(model.arrived).toBe('open');
      for (const octet of event.payload) {
        if (octet !== (model.seen.length & 0xff))
          throw new Error(`octet ${model.seen.length} of a delivery on ${name}`);
        model.seen.push(octet);
      }
      if (event.last) model.arrived = event.aborted ? 'aborted' : 'ended';
      if (event.last && !event.delivery.settled) event.delivery.update({ state: 'accepted' }, true);
    }
  }

  /** Everything open is ended and carried over: the model must hold exactly. */
  finish(): void {
    for (const model of this.models.values()) {
      if (model.state !== 'open') continue;
      model.delivery.end();
      model.state = 'ended';
    }
    for (let idle = 0; idle < 3; idle++) {
      while (this.pair.a.connection.wantsTransmit || this.pair.b.connection.wantsTransmit) this.carry();
      this.carry();
    }
    for (const [name, models] of this.expected) {
      for (const model of models) {
        expect([name, model.arrived]).toEqual([name, model.state]);
        if (model.state === 'ended') expect(model.seen.length).toBe(model.written);
        else expect(model.seen.length).toBeLessThanOrEqual(model.written);
      }
    }
    for (const sender of this.senders) expect(sender.session.settlement.outgoing.size).toBe(0);
    expect(this.pair.a.connection.stats.faultsIn + this.pair.b.connection.stats.faultsIn).toBe(0);
    expect(this.pair.b.connection.stats.octetsIn).toBe(this.pair.a.connection.stats.octetsOut);
  }
}

describe('a pair', () => {
  it('carries each octet of each delivery once and in order, within credit and windows', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const run = new Run(seed);
      for (let i = 0; i < 300; i++) run.step();
      run.finish();
    }
  });
});

describe('an engine', () => {
  const seed = 20261121;

  it('survives garbage after the header: it closes, and says no more', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 10 }), (pieces) => {
        const peer = new RawPeer().opened();
        for (const piece of pieces) peer.send(Buffer.from(piece));
        if (peer.connection.state === 'closed') expect(peer.send(Buffer.alloc(100))).toEqual([]);
      }),
      { seed, numRuns: 500 },
    );
  });

  it('survives lawful frames with octets changed', () => {
    const streams = captures().map((capture) =>
      Buffer.concat(capture.lines.filter((line) => line.from === 'connector').map((line) => line.octets)),
    );
    const sasl = { mechanisms: ['ANONYMOUS'], required: true } as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...streams),
        fc.array(fc.tuple(fc.nat(20_000), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 5000 }),
        (stream, changes, pieceSizeBytes) => {
          const octets = Buffer.from(stream.subarray(0, 20_000));
          for (const [at, octet] of changes) octets[at % octets.length] = octet;
          const peer = new RawPeer({ sasl });
          peer.connection.open();
          for (let pos = 0; pos < octets.length; pos += pieceSizeBytes) {
            peer.connection.receive(octets.subarray(pos, pos + pieceSizeBytes), 0);
            peer.drain((event) => {
              if (event.type === 'attach') event.link.accept({ credit: 250 });
            });
            peer.connection.transmit(100_000, [], 0);
          }
        },
      ),
      { seed, numRuns: 200 },
    );
  });

  it('survives random performatives of the right shape', () => {
    const begin = { nextOutgoingId: 0, incomingWindow: 100, outgoingWindow: 100 };
    const start = Buffer.concat([
      amqpHeader,
      frame((writer) => encodeOpen(writer, { containerId: 'x' })),
      frame((writer) => encodeBegin(writer, 0, begin)),
    ]);
    const random = new SeededRandom(7);
    for (let round = 0; round < 300; round++) {
      const peer = new RawPeer();
      peer.connection.open();
      peer.send(start);
      for (let i = 0; i < 20 && peer.connection.state !== 'closed'; i++) {
        peer.drain((event) => {
          if (event.type === 'attach') event.link.accept({ credit: 2 });
        });
        const small = randomInt(random, 3);
        if (randomInt(random, 3) === 0)
          peer.attach({ name: `l${small}`, handle: small, role: small === 2 ? 'receiver' : 'sender' });
        else if (randomInt(random, 2) === 0) {
          peer.send(
            transferFrame({
              handle: small,
              deliveryId: randomInt(random, 4),
              more: small === 1,
              payload: Buffer.alloc(small),
            }),
          );
        } else peer.send(anyFrame(0x11 + randomInt(random, 8), []));
      }
    }
  });
});
