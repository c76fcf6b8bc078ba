/** What a link counts of its deliveries, at both ends. */
import { describe, expect, it } from 'vitest';
import type { DeliveryState } from '../../router/amqp/codec/performatives.ts';
import type { ReceiverLink } from '../../router/amqp/engine/receiver-link.ts';
import type { SenderLink } from '../../router/amqp/engine/sender-link.ts';
import { Pair } from '../support/amqp-pair.ts';

function linked(credit = 10): { pair: Pair; sender: SenderLink; receiver: ReceiverLink } {
  const pair = new Pair().opened();
  const sender = pair.a.connection.begin().attachSender({ name: 'l', source: {}, target: { address: 'x' } });
  pair.run();
  const offer = pair.b.events.find(({ type }) => type === 'attach') as unknown as { link: ReceiverLink };
  offer.link.accept({ credit, autoCredit: false });
  pair.run();
  return { pair, sender, receiver: offer.link };
}

function deliver(sender: SenderLink, settled = false): void {
  const delivery = sender.deliver({ settled });
  delivery.write(Buffer.from('hello'));
  delivery.end(settled);
}

describe('the counters of a link', () => {
  it('have each delivery once, and its outcome once', () => {
    const { pair, sender, receiver } = linked();
    const states: DeliveryState['state'][] = ['accepted', 'accepted', 'rejected', 'released', 'modified'];
    for (const _ of states) deliver(sender);
    deliver(sender, true);
    pair.run();
    const arrived = pair.b.events.filter((event) => event.type === 'transfer').map(({ delivery }) => delivery);
    for (const [at, state] of states.entries()) arrived[at]!.update({ state } as DeliveryState, true);
    pair.run();
    const expected = { deliveries: 6, presettled: 1, accepted: 2, rejected: 1, released: 1, modified: 1 };
    expect(receiver.counters).toMatchObject(expected);
    expect(sender.counters).toMatchObject(expected);
  });

  it('have an outcome that is told before it is settled once', () => {
    const { pair, sender, receiver } = linked();
    deliver(sender);
    pair.run();
    const arrived = pair.b.events.find((event) => event.type === 'transfer')!.delivery;
    arrived.update({ state: 'accepted' }, false);
    pair.run();
    expect(receiver.counters.accepted + sender.counters.accepted).toBe(0);
    arrived.update(undefined, true);
    pair.run();
    expect([receiver.counters.accepted, sender.counters.accepted]).toEqual([1, 1]);
  });

  it('tell what waits for credit from what waits for its outcome', () => {
    const { pair, sender, receiver } = linked(2);
    for (let i = 0; i < 5; i++) deliver(sender);
    expect([sender.undeliveredCount, sender.unsettledCount]).toEqual([5, 0]);
    pair.run();
    expect([sender.undeliveredCount, sender.unsettledCount]).toEqual([3, 2]);
    expect([receiver.undeliveredCount, receiver.unsettledCount]).toEqual([0, 2]);
    const begun = sender.deliver();
    receiver.grant(4);
    begun.write(Buffer.from('part'));
    pair.run();
    // The one that is under way is not delivered yet.
    expect([sender.undeliveredCount, sender.unsettledCount]).toEqual([1, 5]);
    sender.detach({ condition: 'test:over' });
    expect([sender.undeliveredCount, sender.unsettledCount]).toEqual([0, 0]);
  });
});
