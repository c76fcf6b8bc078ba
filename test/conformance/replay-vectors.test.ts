/**
 * Our engine in the place of one captured router: it hears what the other said, is told to do what the captured one did, and must put
 * the same frames on the wire: OPEN, BEGIN, ATTACH and TRANSFER octet for octet. (How often a FLOW comes is each engine's own matter;
 * that flows and dispositions are written alike is held in amqp-vectors.)
 */
import { describe, expect, it } from 'vitest';
import { readDescriptor } from '../../router/amqp/codec/decode-fields.ts';
import * as decode from '../../router/amqp/codec/decode-performative.ts';
import { type Attach, descriptors } from '../../router/amqp/codec/performatives.ts';
import { decodeValue, Reader } from '../../router/amqp/codec/reader.ts';
import { Connection } from '../../router/amqp/engine/connection.ts';
import type { AnyLink } from '../../router/amqp/engine/events.ts';
import type { OutgoingDelivery } from '../../router/amqp/engine/outgoing-delivery.ts';
import { ReceiverLink } from '../../router/amqp/engine/receiver-link.ts';
import type { SenderLink } from '../../router/amqp/engine/sender-link.ts';
import type { Session } from '../../router/amqp/engine/session.ts';
import { parseHead } from '../../router/amqp/message/head.ts';
import { encodeRouterAnnotations } from '../../router/amqp/message/router-annotations.ts';
import { composeStreamHead, STREAM_CONTENT_TYPE, streamAnnotations } from '../../router/bridge/stream-head.ts';
import { type Capture, captures } from '../support/amqp-vectors.ts';

const COMPARED: ReadonlyMap<number, string> = new Map([
  [descriptors.open, 'OPEN'],
  [descriptors.begin, 'BEGIN'],
  [descriptors.attach, 'ATTACH'],
  [descriptors.transfer, 'TRANSFER'],
]);

interface Frame {
  readonly descriptor: number;
  readonly channel: number;
  readonly octets: Buffer;
  readonly reader: Reader;
}

/** Undefined for protocol headers, SASL and empty frames. */
function frameOf(octets: Buffer): Frame | undefined {
  if (octets.length <= 8 || octets[5] !== 0 || octets.readUInt32BE(0) === 0x414d5150) return undefined;
  const reader = new Reader(octets, 8);
  return { descriptor: readDescriptor(reader), channel: octets.readUInt16BE(6), octets, reader };
}

interface CapturedTransfer {
  readonly handle: number;
  /** Absent in frames that go on with a delivery. */
  readonly tag: Buffer | undefined;
  readonly messageFormat: number;
  readonly settled: boolean;
  readonly more: boolean;
  readonly aborted: boolean;
  readonly payload: Buffer;
}

function transferOf({ octets }: Frame): CapturedTransfer {
  const reader = new Reader(octets, 8);
  const performative = decodeValue(reader);
  const fields =
    performative.type === 'described' && performative.value.type === 'list' ? performative.value.value : [];
  const at = (index: number) => fields[index]?.value;
  return {
    handle: Number(at(0)),
    tag: at(2) instanceof Buffer ? (at(2) as Buffer) : undefined,
    messageFormat: Number(at(3) ?? 0),
    settled: at(4) === true,
    more: at(5) === true,
    aborted: at(9) === true,
    payload: octets.subarray(reader.pos),
  };
}

/** In their order: each frame that begins something octet for octet, each that goes on with it by what it says. */
function compared(frames: readonly Buffer[], kind: number): string[] {
  const lines: string[] = [];
  const begun = new Set<string>();
  for (const octets of frames) {
    const frame = frameOf(octets);
    if (frame === undefined || frame.descriptor !== kind) continue;
    if (kind !== descriptors.transfer) {
      lines.push(octets.toString('hex'));
      continue;
    }
    const { handle, tag, settled, more, aborted, payload } = transferOf(frame);
    const key = `${frame.channel}/${handle}`;
    // Proton repeats id and tag in frames that go on with a delivery; ours leaves them out (2.7.5 allows both).
    const begins = tag !== undefined && !begun.has(`${key}/${tag.toString('hex')}`);
    if (begins) begun.add(`${key}/${tag.toString('hex')}`);
    if (begins) lines.push(octets.toString('hex'));
    else lines.push(`${key} goes on: ${more ? 'more' : 'last'} ${settled} ${aborted} ${payload.toString('hex')}`);
  }
  return lines;
}

class Player {
  readonly written: Buffer[] = [];
  private readonly connection: Connection;
  private readonly sessions = new Map<number, Session>();
  private readonly offered = new Map<string, AnyLink>();
  private readonly links = new Map<string, AnyLink>();
  private readonly deliveries = new Map<string, OutgoingDelivery>();

  constructor(capture: Capture, side: 'connector' | 'listener') {
    const own = capture.lines.filter(({ from }) => from === side);
    const openFrame = own.map(({ octets }) => frameOf(octets)).find((frame) => frame?.descriptor === descriptors.open);
    const open = decode.decodeOpen(openFrame!.reader);
    this.connection = new Connection(
      {
        ...open,
        role: side === 'connector' ? 'initiator' : 'acceptor',
        maxFrameSizeBytes: open.maxFrameSize,
        idleTimeOutMs: open.idleTimeOut,
        handleMax: 0x7fffffff,
        incomingWindowFrames: beginsOf(own.map(({ octets }) => octets))[0],
        sasl: { mechanisms: ['ANONYMOUS'], required: true },
      },
      0,
    );
    this.drain();
  }

  hear(octets: Buffer): void {
    this.connection.receive(octets, 0);
    this.drain();
  }

  private drain(): void {
    for (let event = this.connection.nextEvent(); event !== undefined; event = this.connection.nextEvent()) {
      if (event.type === 'attach') this.offered.set(`${event.link.role} ${event.link.name}`, event.link);
    }
    const into: Buffer[] = [];
    this.connection.transmit(10_000_000, into, 0);
    const octets = Buffer.concat(into);
    for (let at = 0; at < octets.length; ) {
      const isHeader = octets.readUInt32BE(at) === 0x414d5150;
      const end = at + (isHeader ? 8 : octets.readUInt32BE(at));
      this.written.push(octets.subarray(at, end));
      at = end;
    }
  }

  /** Does what the captured router did when it wrote this frame. */
  act(octets: Buffer): void {
    const frame = frameOf(octets);
    if (frame?.descriptor === descriptors.open) this.connection.open();
    else if (frame?.descriptor === descriptors.begin) this.begin(frame);
    else if (frame?.descriptor === descriptors.attach) this.attach(frame.channel, decode.decodeAttach(frame.reader));
    else if (frame?.descriptor === descriptors.flow) this.flow(frame);
    else if (frame?.descriptor === descriptors.transfer) this.transfer(frame);
    this.drain();
  }

  private begin({ channel, reader }: Frame): void {
    // An answer is written as soon as the other's is heard.
    if (decode.decodeBegin(reader).remoteChannel === undefined) this.sessions.set(channel, this.connection.begin());
  }

  private attach(channel: number, attach: Attach): void {
    const offered = this.offered.get(`${attach.role} ${attach.name}`);
    const { source, target, maxMessageSize } = attach;
    if (offered) offered.accept({ source, target, maxMessageSize });
    const session = this.sessions.get(channel);
    const link =
      offered ?? (attach.role === 'sender' ? session!.attachSender(attach) : session!.attachReceiver(attach));
    this.links.set(`${channel}/${attach.handle}`, link);
  }

  private flow({ channel, reader }: Frame): void {
    const { handle, linkCredit } = decode.decodeFlow(reader);
    const link = handle === undefined ? undefined : this.links.get(`${channel}/${handle}`);
    if (link instanceof ReceiverLink && linkCredit !== undefined) link.grant(linkCredit);
  }

  private transfer(frame: Frame): void {
    const { handle, tag, messageFormat, settled, more, aborted, payload } = transferOf(frame);
    const key = `${frame.channel}/${handle}`;
    let delivery = this.deliveries.get(key);
    if (delivery === undefined) {
      delivery = (this.links.get(key) as SenderLink).deliver({ tag, messageFormat, settled });
      this.deliveries.set(key, delivery);
    }
    delivery.write(payload);
    if (aborted) delivery.abort();
    else if (!more) delivery.end(settled);
    if (!more) this.deliveries.delete(key);
  }
}

function beginsOf(frames: readonly Buffer[]): number[] {
  return frames.flatMap((octets) => {
    const frame = frameOf(octets);
    return frame?.descriptor === descriptors.begin ? [decode.decodeBegin(frame.reader).incomingWindow] : [];
  });
}

describe.each(captures().map((capture) => [`${capture.file} ${capture.connection}`, capture] as const))(
  '%s',
  (_, capture) => {
    it.each(['connector', 'listener'] as const)('as the %s', (side) => {
      const player = new Player(capture, side);
      const captured: Buffer[] = [];
      for (const { from, octets } of capture.lines) {
        if (from !== side) player.hear(octets);
        else {
          captured.push(octets);
          player.act(octets);
        }
      }
      for (const [kind, name] of COMPARED) {
        expect(compared(player.written, kind), name).toEqual(compared(captured, kind));
      }
    });
  },
);

describe('heads of streams', () => {
  const heads = captures().flatMap(({ lines }) =>
    lines.flatMap(({ octets }) => {
      const frame = frameOf(octets);
      if (frame?.descriptor !== descriptors.transfer) return [];
      const { payload } = transferOf(frame);
      const head = payload.includes(STREAM_CONTENT_TYPE) ? parseHead(payload, 'body', true) : undefined;
      return head ? [{ head, octets: payload.subarray(0, head.bodyEndOffset) }] : [];
    }),
  );

  it('are composed octet for octet as the captured ones', () => {
    expect(heads.length).toBeGreaterThan(6);
    for (const { head, octets } of heads) {
      const { to = '', replyTo, correlationId } = head.properties ?? {};
      const identity = correlationId?.type === 'string' ? correlationId.value : undefined;
      const { trace = [], ingress = '' } = head.annotations ?? {};
      // What the first router writes has itself as the way so far; the next ones add theirs.
      const annotations = { ...streamAnnotations(ingress.replace('0/', '')), ...head.annotations, trace };
      const composed = [encodeRouterAnnotations(annotations), composeStreamHead(to, replyTo, undefined, identity)];
      expect(Buffer.concat(composed).toString('hex')).toBe(octets.toString('hex'));
    }
  });
});
