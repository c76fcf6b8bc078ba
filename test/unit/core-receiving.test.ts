/** What comes by links to be passed on, when the way of a message is lost while it is coming. */
import { describe, expect, it } from 'vitest';
import type { TransferEvent } from '../../router/amqp/engine/events.ts';
import type { ReceiverLink } from '../../router/amqp/engine/receiver-link.ts';
import type { SenderLink } from '../../router/amqp/engine/sender-link.ts';
import { encodeRouterAnnotations, FLAG_STREAMING } from '../../router/amqp/message/router-annotations.ts';
import type { DeliveryCounters } from '../../router/core/delivery-counters.ts';
import type { EdgeNames } from '../../router/core/edge-names.ts';
import type { Forwarder } from '../../router/core/forwarder.ts';
import type { Peer } from '../../router/core/peer.ts';
import { Receiving } from '../../router/core/receiving.ts';
import type { Outlet, Transit } from '../../router/core/transit.ts';
import { TreatmentTable } from '../../router/core/treatment.ts';
import { encodeControl } from '../../router/mesh/messages.ts';
import { Pair } from '../support/amqp-pair.ts';

/** A whole message for an address, as another router sends it. */
function message(address: string): Buffer {
  const section = encodeRouterAnnotations({ flags: FLAG_STREAMING, ingress: '0/far', trace: ['0/far'] });
  return Buffer.concat([section, encodeControl({ opcode: 'LSR', id: 'far', version: 1 }, address)]);
}

/** What comes from a peer is received and routed to an outlet that takes all. */
class Scene {
  readonly routed: Transit[] = [];
  readonly faults: string[] = [];
  readonly taken: Buffer[] = [];
  readonly outlet: Outlet = {
    queuedBytes: 0,
    write: (bytes) => this.taken.push(bytes),
    end: () => {},
    abort: () => {},
    senderUpdate: () => {},
  };
  readonly pair = new Pair().opened();
  private readonly peer: Peer;
  private readonly receiving: Receiving;

  constructor(about: object = {}) {
    const forwarder = {
      forward: (transit: Transit, head: Buffer) => {
        this.routed.push(transit);
        transit.attach(undefined, this.outlet, head);
        return true;
      },
      reroute: () => false,
      isUnavailable: () => false,
    } as unknown as Forwarder;
    const parts = { routerId: 'here', forwarder, treatments: new TreatmentTable('balanced'), now: () => 1 };
    this.receiving = new Receiving(
      { ...parts, edgeNames: {} as EdgeNames, faulty: (_, detail) => this.faults.push(detail) },
      { presettled: 0, droppedPresettled: 0 } as DeliveryCounters,
    );
    this.peer = { id: 1, role: 'inter-router', ends: new Set(), inletSettled: () => {}, ...about } as unknown as Peer;
  }

  arrive(): void {
    const { pair } = this;
    pair.run();
    for (const event of pair.b.events.splice(0)) {
      if (event.type === 'attach') (event.link as ReceiverLink).accept({ credit: 10 });
      if (event.type === 'transfer') this.receiving.transfer(this.peer, event as TransferEvent);
    }
    pair.run();
  }

  /** A link of the peer's. */
  sender(): SenderLink {
    const sender = this.pair.a.connection.begin().attachSender({ name: 'stream' });
    this.arrive();
    return sender;
  }
}

describe('an original that has begun a stream is given credit again, which makes it look for octets that it has missed', () => {
  it.each([
    { title: 'a neighbour', about: {}, whole: false, credit: 10 },
    {
      title: 'the interior router of an edge',
      about: { role: 'edge', options: { dir: 'out' } },
      whole: false,
      credit: 10,
    },
    { title: 'not one of ours', about: { isOurs: true }, whole: false, credit: 9 },
    { title: 'not a client', about: { role: 'normal' }, whole: false, credit: 9 },
    { title: 'not for what has come whole', about: {}, whole: true, credit: 9 },
  ] as const)('$title', ({ about, whole, credit }) => {
    const scene = new Scene(about);
    const sender = scene.sender();
    const delivery = sender.deliver();
    delivery.write(message('service'));
    if (whole) delivery.end(false);
    scene.arrive();
    expect(scene.routed.length).toBe(1);
    expect(sender.credit).toBe(credit);
  });
});

it('octets of a stream whose way was lost are no message, whatever they say', () => {
  const scene = new Scene();
  const { routed, taken, faults, outlet } = scene;
  const arrive = (): void => scene.arrive();
  const sender = scene.sender();
  const delivery = sender.deliver();
  delivery.write(message('service'));
  arrive();
  expect(routed.map(({ to }) => to)).toEqual(['service']);

  routed[0]!.outletLost(outlet, true);
  const before = taken.length;
  for (const octets of [Buffer.from('plain text'), message('elsewhere'), Buffer.alloc(100_000)]) {
    delivery.write(octets);
    arrive();
  }
  delivery.end(false);
  arrive();
  expect(routed.length).toBe(1);
  expect(faults).toEqual([]);
  expect(taken.length).toBe(before);
  expect(delivery.remoteState?.state).toBe('released');
  expect(delivery.remoteSettled).toBe(true);
});
