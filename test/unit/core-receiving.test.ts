/** What comes by links to be passed on, when the way of a message is lost while it is coming. */
import { expect, it } from 'vitest';
import type { TransferEvent } from '../../router/amqp/engine/events.ts';
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

it('octets of a stream whose way was lost are no message, whatever they say', () => {
  const routed: Transit[] = [];
  const faults: string[] = [];
  const taken: Buffer[] = [];
  const outlet: Outlet = {
    queuedBytes: 0,
    write: (bytes) => taken.push(bytes),
    end: () => {},
    abort: () => {},
    senderUpdate: () => {},
  };
  const forwarder = {
    forward: (transit: Transit, head: Buffer) => {
      routed.push(transit);
      transit.attach(undefined, outlet, head);
      return true;
    },
    reroute: () => false,
    isUnavailable: () => false,
  } as unknown as Forwarder;
  const parts = { routerId: 'here', forwarder, treatments: new TreatmentTable('balanced'), now: () => 1 };
  const receiving = new Receiving(
    { ...parts, edgeNames: {} as EdgeNames, faulty: (_, detail) => faults.push(detail) },
    { presettled: 0, droppedPresettled: 0 } as DeliveryCounters,
  );
  const pair = new Pair().opened();
  const peer = { id: 1, role: 'inter-router', ends: new Set(), inletSettled: () => {} } as unknown as Peer;
  const arrive = (): void => {
    pair.run();
    for (const event of pair.b.events.splice(0)) {
      if (event.type === 'attach') event.link.accept({ credit: 10 });
      if (event.type === 'transfer') receiving.transfer(peer, event as TransferEvent);
    }
    pair.run();
  };

  const sender = pair.a.connection.begin().attachSender({ name: 'stream' });
  arrive();
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
