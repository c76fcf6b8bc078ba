/** What the engine says to a peer that breaks AMQP 1.0, and what it puts up with. The peer is octets. */
import { describe, expect, it } from 'vitest';
import {
  encodeBegin,
  encodeDetach,
  encodeDisposition,
  encodeEnd,
  encodeFlow,
  encodeOpen,
  encodeSaslInit,
} from '../../router/amqp/codec/encode-performative.ts';
import { descriptors } from '../../router/amqp/codec/performatives.ts';
import { amqp } from '../../router/amqp/codec/value.ts';
import type { ReceiverLink } from '../../router/amqp/engine/receiver-link.ts';
import type { SenderLink } from '../../router/amqp/engine/sender-link.ts';
import {
  amqpHeader,
  anyFrame,
  frame,
  RawPeer,
  type SeenFrame,
  saslHeader,
  transferFrame,
} from '../support/amqp-raw.ts';

const begin = { nextOutgoingId: 0, incomingWindow: 100, outgoingWindow: 100 };

function conditionOf(frames: SeenFrame[], name: string): string | undefined {
  const found = frames.find((seen) => seen.name === name)?.body as { error?: { condition: string } } | undefined;
  return found?.error?.condition;
}

/** The engine receives on one link of one session. */
function receiving(credit = 10, options = {}): { peer: RawPeer; link: ReceiverLink } {
  const peer = new RawPeer(options).begun();
  peer.attach();
  const link = peer.take('attach').link as ReceiverLink;
  link.accept({ credit });
  peer.answers();
  return { peer, link };
}

describe('the connection is closed', () => {
  const framing: [string, Buffer][] = [
    ['2.3.1 doff: below 2', Buffer.from('0000000801000000', 'hex')],
    ['2.3.1 size: below its header', Buffer.from('0000000402000000', 'hex')],
    ['2.3.1 size: above max-frame-size, before its octets arrive', Buffer.from('7fffffff02000000', 'hex')],
    ['2.3.1 type: neither AMQP nor expected', Buffer.from('0000000802010000', 'hex')],
    ['2.7.1 channel-max: exceeded', frame((writer) => encodeBegin(writer, 4000, begin))],
    ['2.7 performative: unknown', anyFrame(0x19, [])],
  ];
  for (const [title, octets] of framing) {
    it(`${title}: framing-error`, () => {
      const peer = new RawPeer().opened();
      expect(conditionOf(peer.send(octets), 'close')).toBe('amqp:connection:framing-error');
      expect(peer.take('closed')).toMatchObject({ by: 'protocol' });
      expect(peer.connection.stats.faultsIn).toBe(1);
      expect(peer.send(octets)).toEqual([]);
    });
  }

  const decoding: [string, Buffer][] = [
    ['a mandatory field is missing', anyFrame(descriptors.begin, [amqp.null()])],
    ['a field has another type', anyFrame(descriptors.begin, [amqp.string('x')])],
    ['a list is longer than its frame', Buffer.from('0000000e02000000005311d0ffffffff', 'hex').subarray(0, 14)],
  ];
  for (const [title, octets] of decoding) {
    it(`1.4 ${title}: decode-error`, () => {
      expect(conditionOf(new RawPeer().opened().send(octets), 'close')).toBe('amqp:decode-error');
    });
  }

  it('2.4.1 open: must come first', () => {
    const peer = new RawPeer();
    peer.connection.open();
    const answer = peer.send(
      amqpHeader,
      frame((writer) => encodeBegin(writer, 0, begin)),
    );
    expect(answer.map((seen) => seen.name)).toEqual(['amqp', 'open', 'close']);
    expect(conditionOf(answer, 'close')).toBe('amqp:illegal-state');
  });

  it('2.4.1 open: an engine whose owner has not opened says open before close', () => {
    const peer = new RawPeer();
    const answer = peer.send(
      amqpHeader,
      frame((writer) => encodeOpen(writer, { containerId: 'x' })),
      transferFrame(),
    );
    expect(answer.map((seen) => seen.name)).toEqual(['amqp', 'open', 'close']);
  });

  it('2.5.1 begin: a channel has one session', () => {
    const peer = new RawPeer().begun();
    expect(conditionOf(peer.send(frame((writer) => encodeBegin(writer, 0, begin))), 'close')).toBe('amqp:not-allowed');
  });

  it('2.5 sessions: a channel without a session takes no frames', () => {
    expect(conditionOf(new RawPeer().opened().send(transferFrame()), 'close')).toBe('amqp:not-allowed');
  });

  it('2.7.2 handle-max: exceeded is a framing-error', () => {
    const peer = new RawPeer({ handleMax: 7 }).begun();
    expect(conditionOf(peer.attach({ handle: 8 }), 'close')).toBe('amqp:connection:framing-error');
  });
});

describe('2.2 version negotiation', () => {
  it('answers an unknown version with its own and ends', () => {
    const peer = new RawPeer();
    expect(peer.send(Buffer.from('AMQP\0\0\x09\x01')).map((seen) => seen.name)).toEqual(['amqp']);
    expect(peer.take('closed').by).toBe('protocol');
  });

  it('answers something else than AMQP with nothing but the end', () => {
    const peer = new RawPeer();
    expect(peer.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toEqual([]);
    expect(peer.take('closed').by).toBe('protocol');
  });

  it('5.3.1 a peer that skips a required SASL layer is shown it', () => {
    const peer = new RawPeer({ sasl: { mechanisms: ['EXTERNAL'], required: true } });
    expect(peer.send(amqpHeader).map((seen) => seen.name)).toEqual(['sasl']);
    expect(peer.take('closed').by).toBe('protocol');
  });

  it('5.3.1 a peer may skip a SASL layer that is not required', () => {
    const peer = new RawPeer({ sasl: { mechanisms: ['ANONYMOUS'], required: false } });
    peer.opened();
    expect(peer.connection.saslMechanism).toBeUndefined();
  });

  it('5.3.3 a mechanism that is not offered fails with outcome auth', () => {
    const peer = new RawPeer({ sasl: { mechanisms: ['EXTERNAL'], required: true } });
    const init = frame((writer) => encodeSaslInit(writer, { mechanism: 'ANONYMOUS' }));
    const answer = peer.send(saslHeader, init);
    expect(answer).toMatchObject([{ name: 'sasl' }, { body: { mechanisms: ['EXTERNAL'] } }, { body: { code: 1 } }]);
    expect(peer.take('closed').error?.condition).toBe('amqp:unauthorized-access');
  });
});

describe('the session is ended, the connection goes on', () => {
  it('2.5.6 window-violation: a transfer beyond the incoming-window', () => {
    const { peer, link } = receiving(10, { incomingWindowFrames: 2 });
    link.session.holdWindow(2 * 16384);
    const more = transferFrame({ more: true });
    const answer = peer.send(transferFrame({ deliveryId: 0, more: true }), more, more);
    expect(conditionOf(answer, 'end')).toBe('amqp:session:window-violation');
    expect(peer.take('end').error?.condition).toBe('amqp:session:window-violation');
    peer.send(
      more,
      frame((writer) => encodeEnd(writer, 0, undefined)),
    );
    expect(peer.connection.state).toBe('open');
    expect(peer.has('end')).toBe(false);
  });

  it('2.7.4 unattached-handle: a flow for a handle without link', () => {
    const peer = new RawPeer().begun();
    const flow = { incomingWindow: 1, nextOutgoingId: 0, outgoingWindow: 1, handle: 3 };
    expect(conditionOf(peer.send(frame((writer) => encodeFlow(writer, 0, flow))), 'end')).toBe(
      'amqp:session:unattached-handle',
    );
  });

  it('2.7.3 handle-in-use: an attach on a handle that is attached', () => {
    const { peer } = receiving();
    expect(conditionOf(peer.attach({ name: 'other' }), 'end')).toBe('amqp:session:handle-in-use');
  });

  it('2.7.5 a first transfer without delivery-id is invalid', () => {
    const { peer } = receiving();
    expect(conditionOf(peer.send(transferFrame({ more: true })), 'end')).toBe('amqp:invalid-field');
  });

  it('2.6.14 a delivery within a delivery is invalid', () => {
    const { peer } = receiving();
    const answer = peer.send(transferFrame({ deliveryId: 0, more: true }), transferFrame({ deliveryId: 1 }));
    expect(conditionOf(answer, 'end')).toBe('amqp:invalid-field');
  });

  it('2.7.5 a transfer on a link on which we send is not allowed', () => {
    const peer = new RawPeer().begun();
    peer.attach({ role: 'receiver' });
    peer.take('attach').link.accept();
    expect(conditionOf(peer.send(transferFrame({ deliveryId: 0 })), 'end')).toBe('amqp:not-allowed');
  });

  it('2.7.6 the range of a disposition must not run backwards', () => {
    const { peer } = receiving();
    const backwards = frame((writer) => encodeDisposition(writer, 0, { role: 'receiver', first: 5, last: 4 }));
    expect(conditionOf(peer.send(backwards), 'end')).toBe('amqp:invalid-field');
  });
});

describe('the link is detached, the session goes on', () => {
  it('2.6.7 transfer-limit-exceeded: a delivery without credit', () => {
    const { peer, link } = receiving(1);
    link.autoCredit = false;
    const answer = peer.send(
      transferFrame({ deliveryId: 0 }),
      transferFrame({ deliveryId: 1, more: true }),
      transferFrame(),
    );
    expect(conditionOf(answer, 'detach')).toBe('amqp:link:transfer-limit-exceeded');
    expect(peer.take('detach').link).toBe(link);
    expect(link.session.state).toBe('mapped');
  });

  it('2.6.1 errant-link: deliveries that go on beyond the credit end the session', () => {
    const { peer, link } = receiving(1);
    link.autoCredit = false;
    peer.send(transferFrame({ deliveryId: 0 }), transferFrame({ deliveryId: 1 }));
    expect(conditionOf(peer.send(transferFrame({ deliveryId: 2 })), 'end')).toBe('amqp:session:errant-link');
  });

  it('2.7.3 message-size-exceeded: a message above max-message-size', () => {
    const peer = new RawPeer().begun();
    peer.attach();
    (peer.take('attach').link as ReceiverLink).accept({ credit: 1, maxMessageSize: 10 });
    const answer = peer.send(transferFrame({ deliveryId: 0, payload: Buffer.alloc(11) }));
    expect(conditionOf(answer, 'detach')).toBe('amqp:link:message-size-exceeded');
    expect(peer.has('transfer')).toBe(false);
  });
});

describe('tolerates', () => {
  it('2.7.5 continuation frames with and without delivery-id', () => {
    const { peer } = receiving();
    const x = Buffer.from('x');
    peer.send(
      transferFrame({ deliveryId: 0, more: true, payload: x }),
      transferFrame({ more: true, payload: x }),
      transferFrame({ deliveryId: 0, payload: x }),
    );
    expect(peer.events.map((event) => event.type === 'transfer' && event.last)).toEqual([false, false, true]);
  });

  it('skupper-router: an end that is settled, then a sender-role disposition for the same delivery', () => {
    const { peer } = receiving();
    const modified = {
      role: 'sender',
      first: 0,
      settled: true,
      state: { state: 'modified', deliveryFailed: true },
    } as const;
    peer.send(
      transferFrame({ deliveryId: 0, more: true, payload: Buffer.from('x') }),
      transferFrame({ settled: true }),
      frame((writer) => encodeDisposition(writer, 0, modified)),
    );
    expect(peer.take('transfer').delivery.settled).toBe(true);
    expect(peer.has('disposition')).toBe(false);
    expect(peer.connection.stats.faultsIn).toBe(0);
  });

  it('skupper-router: a sender-role disposition after an unsettled end settles, and wants no answer', () => {
    const { peer, link } = receiving();
    const settle = {
      role: 'sender',
      first: 0,
      settled: true,
      state: { state: 'modified', deliveryFailed: true },
    } as const;
    peer.send(transferFrame({ deliveryId: 0 }));
    const { delivery } = peer.take('transfer');
    const answer = peer.send(frame((writer) => encodeDisposition(writer, 0, settle)));
    expect(peer.take('disposition')).toMatchObject({ delivery, settled: true });
    delivery.update({ state: 'accepted' }, true);
    expect([...answer, ...peer.answers()]).toEqual([]);
    expect(link.session.settlement.incoming.size).toBe(0);
  });

  it('skupper-router: modified without settling, and then our own settled end', () => {
    const peer = new RawPeer().begun();
    peer.attach({ role: 'receiver' });
    const link = peer.take('attach').link as SenderLink;
    link.accept();
    const flow = {
      nextIncomingId: 0,
      incomingWindow: 100,
      nextOutgoingId: 0,
      outgoingWindow: 1,
      handle: 0,
      linkCredit: 5,
    };
    peer.send(frame((writer) => encodeFlow(writer, 0, flow)));
    const delivery = link.deliver();
    delivery.write(Buffer.from('x'));
    peer.answers();
    const modified = { role: 'receiver', first: 0, state: { state: 'modified', deliveryFailed: true } } as const;
    peer.send(frame((writer) => encodeDisposition(writer, 0, modified)));
    expect(peer.take('disposition')).toMatchObject({ delivery, settled: false, state: { state: 'modified' } });
    delivery.end(true);
    expect(peer.answers().map((seen) => seen.name)).toEqual(['transfer']);
    expect(link.session.settlement.outgoing.size).toBe(0);
  });

  it('2.7.6 dispositions for deliveries that are settled already, in ranges of any width', () => {
    const { peer } = receiving();
    const all = { role: 'receiver', first: 0, last: 0x7fffffff, settled: true } as const;
    expect(peer.send(frame((writer) => encodeDisposition(writer, 0, all)))).toEqual([]);
  });

  it('2.6.4 a detach that is not closed, and one that comes before our answer', () => {
    const { peer, link } = receiving();
    const answer = peer.send(frame((writer) => encodeDetach(writer, 0, { handle: 0, closed: false })));
    expect(answer).toMatchObject([{ name: 'detach', body: { closed: true } }]);
    expect(peer.take('detach').link).toBe(link);
    peer.attach({ name: 'hasty' });
    const late = peer.send(frame((writer) => encodeDetach(writer, 0, { handle: 0, closed: true })));
    expect(late.map((seen) => seen.name)).toEqual(['attach', 'detach']);
    expect(peer.take('attach').link.state).toBe('detached');
  });

  it('2.4.5 heartbeats: empty frames on any channel', () => {
    const peer = new RawPeer().opened();
    expect(peer.send(Buffer.from('0000000802000005', 'hex'))).toEqual([]);
  });

  it('1.4 fields beyond those it knows', () => {
    const peer = new RawPeer().opened();
    const fields = [0, 0, 1, 1, 1, 1, 1, 1, 1].map((n, i) =>
      n === 0 ? amqp.null() : i > 4 ? amqp.null() : amqp.uint(n),
    );
    fields[1] = amqp.uint(0);
    peer.send(anyFrame(descriptors.begin, fields));
    expect(peer.connection.stats.faultsIn).toBe(0);
  });
});

describe('2.4.5 idle time-out', () => {
  it('drops a peer that is silent for twice what was advertised, and says why', () => {
    const peer = new RawPeer({ idleTimeOutMs: 1000 }).opened();
    expect(peer.connection.deadline()).toBe(2000);
    peer.connection.tick(1999);
    expect(peer.answers()).toEqual([]);
    peer.connection.tick(2000);
    expect(peer.answers(), 'what it sent may wait to be read').toEqual([]);
    expect(peer.connection.deadline()).toBe(2020);
    peer.connection.tick(2020);
    expect(conditionOf(peer.answers(), 'close')).toBe('amqp:resource-limit-exceeded');
    expect(peer.take('closed').by).toBe('protocol');
    expect(peer.connection.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('sends a heartbeat at half of what the peer advertised, when nothing else was sent', () => {
    const peer = new RawPeer().opened({ idleTimeOut: 1000 });
    expect(peer.connection.deadline()).toBe(500);
    peer.now = 500;
    peer.connection.tick(500);
    expect(peer.answers()).toMatchObject([{ name: 'empty' }]);
    expect(peer.connection.deadline()).toBe(1000);
  });

  it('a transport that is lost ends everything at once', () => {
    const { peer, link } = receiving();
    peer.connection.peerGone();
    peer.drain();
    expect(peer.take('closed').by).toBe('remote');
    expect(link.state).toBe('detached');
    expect(peer.connection.wantsTransmit).toBe(false);
  });
});
