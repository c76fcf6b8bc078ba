/**
 * What two AMQP 1.0 engines must do together, as a function over a factory of joined pairs: the same statements hold on the pure
 * pair, on sockets and through TLS. Titles carry the clause of the specification.
 */
import { describe, expect, it } from 'vitest';
import { amqp } from '../../router/amqp/codec/value.ts';
import type { ReceiverLink } from '../../router/amqp/engine/receiver-link.ts';
import type { SenderLink } from '../../router/amqp/engine/sender-link.ts';
import type { PairOptions, Side } from './amqp-pair.ts';

export interface JoinedPair {
  /** The initiator. */
  readonly a: Side;
  readonly b: Side;
  /** Until both sides are quiet. */
  run(): void | Promise<void>;
  stop(): void | Promise<void>;
}

export type PairFactory = (options?: PairOptions) => JoinedPair | Promise<JoinedPair>;

interface Linked extends JoinedPair {
  readonly sender: SenderLink;
  readonly receiver: ReceiverLink;
}

export function amqpConformance(name: string, make: PairFactory): void {
  /** A pair whose `a` sends to `b` on one link. */
  async function linked(options?: PairOptions, credit = 100): Promise<Linked> {
    const pair = await make(options);
    const sender = pair.a.connection.begin().attachSender({ name: 'l', target: { address: 'q' } });
    await pair.run();
    const receiver = pair.b.take('attach').link as ReceiverLink;
    receiver.accept({ credit });
    await pair.run();
    return { a: pair.a, b: pair.b, run: () => pair.run(), stop: () => pair.stop(), sender, receiver };
  }

  describe(`${name}: AMQP 1.0`, () => {
    it('2.4.1 open: both see the identity, limits and properties of the other', async () => {
      const pair = await make({ initiator: { hostname: 'h', properties: amqp.map([]), idleTimeOutMs: 8000 } });
      expect(pair.b.connection.remoteOpen).toMatchObject({ containerId: 'a', hostname: 'h', idleTimeOut: 8000 });
      expect(pair.a.connection.remoteOpen).toMatchObject({ containerId: 'b', maxFrameSize: 16384 });
      await pair.stop();
    });

    it('2.4.3 close: is answered, and carries its error', async () => {
      const pair = await make();
      pair.a.connection.close({ condition: 'amqp:connection:forced', description: 'bye' });
      await pair.run();
      expect(pair.b.take('closed')).toMatchObject({ by: 'remote', error: { description: 'bye' } });
      expect(pair.a.take('closed')).toMatchObject({ by: 'local' });
      await pair.stop();
    });

    it('2.5.5 end: takes the links of the session with it on both sides', async () => {
      const pair = await linked();
      pair.sender.session.end();
      await pair.run();
      expect(pair.b.take('detach').link).toBe(pair.receiver);
      expect(pair.b.take('end').session).toBe(pair.receiver.session);
      expect(pair.a.has('end')).toBe(true);
      await pair.stop();
    });

    it('2.5 sessions: channels are used again after end', async () => {
      const pair = await make();
      for (let round = 0; round < 3; round++) {
        const session = pair.a.connection.begin();
        expect(session.channel).toBe(0);
        await pair.run();
        session.end();
        await pair.run();
        pair.a.take('end');
      }
      await pair.stop();
    });

    it('2.6.3 attach: the answer brings the terminus that the peer chose', async () => {
      const pair = await make();
      const receiver = pair.a.connection.begin().attachReceiver({ name: 'r', source: { dynamic: true }, credit: 1 });
      await pair.run();
      pair.b.take('attach').link.accept({ source: { address: 'temp.1', dynamic: true } });
      await pair.run();
      pair.a.take('attached');
      expect(receiver.source?.address).toBe('temp.1');
      await pair.stop();
    });

    it('2.6.3 attach: a refusal is a detach with the reason, and no attached link', async () => {
      const pair = await make();
      pair.a.connection.begin().attachSender({ name: 'l', target: { address: 'q' } });
      await pair.run();
      pair.b.take('attach').link.refuse({ condition: 'amqp:not-found' });
      await pair.run();
      expect(pair.a.has('attached')).toBe(false);
      expect(pair.a.take('detach').error?.condition).toBe('amqp:not-found');
      await pair.stop();
    });

    it('2.6.6 detach: waits for what is queued on the link', async () => {
      const pair = await linked();
      const delivery = pair.sender.deliver({ settled: true });
      delivery.write(Buffer.alloc(300_000));
      delivery.end();
      pair.sender.detach();
      await pair.run();
      expect(received(pair.b).sizeBytes).toBe(300_000);
      expect(pair.b.has('detach')).toBe(true);
      await pair.stop();
    });

    it('2.6.6 detach: handles and names are used again', async () => {
      const pair = await linked();
      pair.sender.detach();
      await pair.run();
      const again = pair.sender.session.attachSender({ name: 'l' });
      expect(again.handle).toBe(pair.sender.handle);
      await pair.run();
      pair.b.take('attach');
      await pair.stop();
    });

    it('2.6.1 names: a second link of the same name steals the first', async () => {
      const pair = await linked();
      const thief = pair.a.connection.begin().attachSender({ name: 'l' });
      await pair.run();
      expect(pair.b.take('detach').error?.condition).toBe('amqp:link:stolen');
      pair.b.take('attach').link.accept();
      await pair.run();
      expect(thief.state).toBe('attached');
      await pair.stop();
    });

    it('2.6.7 credit: a sender begins no more deliveries than granted', async () => {
      const pair = await linked({}, 0);
      pair.receiver.autoCredit = false;
      for (let i = 0; i < 5; i++) pair.sender.deliver({ settled: true }).end();
      await pair.run();
      expect(received(pair.b).count).toBe(0);
      pair.receiver.grant(3);
      await pair.run();
      expect(received(pair.b).count).toBe(3);
      pair.receiver.grant(10);
      await pair.run();
      expect(received(pair.b).count).toBe(2);
      expect(pair.sender.credit).toBe(8);
      await pair.stop();
    });

    it('2.6.7 credit: is kept at its level as deliveries complete', async () => {
      const pair = await linked({}, 4);
      for (let i = 0; i < 50; i++) pair.sender.deliver({ settled: true }).end();
      await pair.run();
      expect(received(pair.b).count).toBe(50);
      await pair.stop();
    });

    it('2.6.7 credit: is topped up in the middle of a delivery, unless nothing is missing or it is being drained', async () => {
      const pair = await linked({}, 10);
      const flowCount = (): number => pair.a.events.splice(0).filter(({ type }) => type === 'flow').length;
      pair.sender.deliver({ settled: true }).write(Buffer.alloc(1));
      await pair.run();
      expect(pair.sender.credit).toBe(9);
      flowCount();
      pair.receiver.topUp();
      pair.receiver.topUp();
      await pair.run();
      expect(pair.sender.credit).toBe(10);
      expect(flowCount()).toBe(1);
      pair.receiver.requestDrain();
      pair.receiver.topUp();
      await pair.run();
      expect(pair.receiver.credit).toBe(0);
      await pair.stop();
    });

    it('2.6.7 drain: a sender with nothing to send gives its credit back', async () => {
      const pair = await linked({}, 10);
      pair.receiver.requestDrain();
      await pair.run();
      expect(pair.b.take('flow').link).toBe(pair.receiver);
      expect(pair.receiver.credit).toBe(0);
      expect(pair.sender.credit).toBe(0);
      expect(pair.receiver.deliveryCount).toBe(pair.sender.deliveryCount);
      pair.receiver.grant(1);
      pair.sender.deliver({ settled: true }).end();
      await pair.run();
      expect(received(pair.b).count).toBe(1);
      await pair.stop();
    });

    it('2.6.14 transfer: a message larger than a frame arrives octet for octet, piece by piece', async () => {
      const pair = await linked({ initiator: { maxFrameSizeBytes: 4096 }, acceptor: { maxFrameSizeBytes: 512 } });
      const octets = Buffer.from(Array.from({ length: 50_000 }, (_, i) => i * 7));
      const delivery = pair.sender.deliver();
      delivery.write(octets.subarray(0, 10));
      await pair.run();
      const begun = received(pair.b);
      expect([begun.count, begun.completed, begun.sizeBytes]).toEqual([1, 0, 10]);
      delivery.write(octets.subarray(10));
      delivery.end();
      await pair.run();
      const { payload, count, completed } = received(pair.b);
      expect(payload.equals(octets.subarray(10))).toBe(true);
      expect([count, completed]).toEqual([0, 1]);
      await pair.stop();
    });

    it('2.6.14 transfer: a stream ends with an empty frame', async () => {
      const pair = await linked();
      const delivery = pair.sender.deliver();
      delivery.write(Buffer.from('x'));
      await pair.run();
      delivery.end();
      await pair.run();
      const { payload, completed } = received(pair.b);
      expect([payload.toString(), completed]).toEqual(['x', 1]);
      await pair.stop();
    });

    it('2.6.14 transfer: abort ends a delivery in the middle, and the link goes on', async () => {
      const pair = await linked();
      const delivery = pair.sender.deliver();
      delivery.write(Buffer.alloc(1000));
      await pair.run();
      received(pair.b);
      delivery.write(Buffer.alloc(1000));
      delivery.abort();
      await pair.run();
      expect(pair.b.take('transfer')).toMatchObject({ aborted: true, last: true, delivery: { settled: true } });
      pair.sender.deliver({ settled: true }).end();
      await pair.run();
      expect(pair.b.take('transfer')).toMatchObject({ aborted: false, first: true });
      await pair.stop();
    });

    it('2.6.12 settlement: the receiver decides an outcome and settles', async () => {
      const pair = await linked();
      const delivery = pair.sender.deliver();
      delivery.end();
      await pair.run();
      pair.b.take('transfer').delivery.update({ state: 'rejected', error: { condition: 'x:y' } }, true);
      await pair.run();
      expect(pair.a.take('disposition')).toMatchObject({
        delivery,
        settled: true,
        state: { error: { condition: 'x:y' } },
      });
      expect(pair.sender.session.settlement.outgoing.size + pair.receiver.session.settlement.incoming.size).toBe(0);
      await pair.stop();
    });

    it('2.6.12 settlement: a receiver may report progress without settling', async () => {
      const pair = await linked();
      const delivery = pair.sender.deliver();
      delivery.write(Buffer.alloc(10));
      await pair.run();
      const progress = { state: 'received', sectionNumber: 0, sectionOffset: 5_000_000_000 } as const;
      pair.b.take('transfer').delivery.update(progress, false);
      await pair.run();
      expect(pair.a.take('disposition')).toMatchObject({ state: progress, settled: false });
      expect(delivery.remoteSettled).toBe(false);
      await pair.stop();
    });

    it('2.6.12 settlement: with the last frame no disposition is wanted', async () => {
      const pair = await linked();
      const delivery = pair.sender.deliver();
      delivery.write(Buffer.alloc(10));
      await pair.run();
      delivery.end(true);
      await pair.run();
      const settled = pair.b.events.findLast((event) => event.type === 'transfer')?.delivery;
      expect(settled?.settled).toBe(true);
      settled?.update({ state: 'accepted' }, true);
      await pair.run();
      expect(pair.a.has('disposition')).toBe(false);
      await pair.stop();
    });

    it('2.6.12 settlement: a sender settles behind its last frame, never before', async () => {
      const pair = await linked();
      const delivery = pair.sender.deliver();
      delivery.write(Buffer.alloc(100_000));
      delivery.update({ state: 'modified', deliveryFailed: true }, true);
      delivery.end();
      await pair.run();
      const types = pair.b.events.map((event) => event.type);
      expect(types.lastIndexOf('transfer')).toBeLessThan(types.indexOf('disposition'));
      expect(pair.b.take('disposition')).toMatchObject({ settled: true, state: { deliveryFailed: true } });
      await pair.stop();
    });

    it('2.6.12 settlement: a receiver that settles second has the sender settle', async () => {
      const pair = await make();
      const sender = pair.a.connection.begin().attachSender({ name: 'l', rcvSettleMode: 1 });
      await pair.run();
      (pair.b.take('attach').link as ReceiverLink).accept({ credit: 1 });
      await pair.run();
      sender.deliver().end();
      await pair.run();
      pair.b.take('transfer').delivery.update({ state: 'accepted' }, false);
      await pair.run();
      expect(pair.b.take('disposition')).toMatchObject({ settled: true });
      expect(sender.session.settlement.outgoing.size).toBe(0);
      await pair.stop();
    });

    it('2.5.6 window: a small incoming-window is obeyed, and renewed', async () => {
      const pair = await linked({ acceptor: { incomingWindowFrames: 2, maxFrameSizeBytes: 512 } });
      const delivery = pair.sender.deliver({ settled: true });
      delivery.write(Buffer.alloc(100_000));
      delivery.end();
      await pair.run();
      expect(received(pair.b).sizeBytes).toBe(100_000);
      await pair.stop();
    });

    it('2.5.6 window: held octets stop the session until they are released', async () => {
      const pair = await linked({ acceptor: { incomingWindowFrames: 8, maxFrameSizeBytes: 1024 } });
      pair.receiver.session.holdWindow(8 * 1024);
      const delivery = pair.sender.deliver({ settled: true });
      delivery.write(Buffer.alloc(100_000));
      delivery.end();
      await pair.run();
      const before = received(pair.b).sizeBytes;
      expect(before).toBeLessThanOrEqual(8 * 1024);
      pair.receiver.session.releaseWindow(8 * 1024);
      await pair.run();
      expect(before + received(pair.b).sizeBytes).toBe(100_000);
      await pair.stop();
    });

    it('2.7.5 frames: links share one connection fairly, and small messages pass bulk', async () => {
      const pair = await make({ budgetBytes: 64 * 1024 });
      const session = pair.a.connection.begin();
      const senders = ['bulk 1', 'bulk 2', 'small'].map((link) => session.attachSender({ name: link }));
      await pair.run();
      for (let i = 0; i < 3; i++) (pair.b.take('attach').link as ReceiverLink).accept({ credit: 10 });
      await pair.run();
      const deliveries = senders.map((sender) => sender.deliver({ settled: true }));
      for (const delivery of deliveries) delivery.write(Buffer.alloc(delivery.link.name === 'small' ? 100 : 1_000_000));
      for (const delivery of deliveries) delivery.end();
      await pair.run();
      const order: string[] = [];
      const sizes = new Map<string, number>();
      let aheadMax = 0;
      for (const event of pair.b.events) {
        if (event.type !== 'transfer') continue;
        const link = event.delivery.link.name;
        if (event.last) order.push(link);
        sizes.set(link, (sizes.get(link) ?? 0) + event.payload.length);
        const ahead = Math.abs((sizes.get('bulk 1') ?? 0) - (sizes.get('bulk 2') ?? 0));
        if (order.length < 2) aheadMax = Math.max(aheadMax, ahead);
      }
      expect(aheadMax).toBeLessThan(200_000);
      expect(order[0]).toBe('small');
      expect(order).toHaveLength(3);
      await pair.stop();
    });

    it('3.5.3 termini: capabilities, filters and outcomes survive', async () => {
      const pair = await make();
      const source = {
        address: 'q',
        expiryPolicy: 'link-detach',
        capabilities: ['qd.router'],
        outcomes: ['amqp:accepted:list', 'amqp:released:list'],
        filter: amqp.map([[amqp.symbol('f'), amqp.described(amqp.symbol('x'), amqp.string('y'))]]),
      };
      pair.a.connection.begin().attachReceiver({ name: 'r', source, target: { capabilities: ['a', 'b'] } });
      await pair.run();
      const { link } = pair.b.take('attach');
      expect(link.source).toMatchObject(source);
      expect(link.target?.capabilities).toEqual(['a', 'b']);
      await pair.stop();
    });
  });
}

/** Removes the transfer events and sums them up. */
function received(side: Side): { sizeBytes: number; payload: Buffer; count: number; completed: number } {
  const transfers = side.events.filter((event) => event.type === 'transfer');
  side.events.splice(0, side.events.length, ...side.events.filter((event) => event.type !== 'transfer'));
  const payload = Buffer.concat(transfers.map((event) => event.payload));
  return {
    payload,
    sizeBytes: payload.length,
    count: transfers.filter((event) => event.first).length,
    completed: transfers.filter((event) => event.last).length,
  };
}
