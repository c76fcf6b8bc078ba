/**
 * Encoders of the performatives as whole frames (AMQP 1.0 part 2.3, 2.7, 5.3.3). Trailing absent fields are left off; lists take
 * the 8-bit form when they fit. Transfers have an encoder of their own, see engine/transfer-encoder.ts.
 */
import type {
  AmqpError,
  Attach,
  Begin,
  Close,
  DeliveryState,
  Detach,
  Disposition,
  Flow,
  Open,
  SaslInit,
  SaslMechanisms,
  SaslOutcome,
  Terminus,
} from './performatives.ts';
import { descriptors } from './performatives.ts';
import { amqp, type Typed } from './value.ts';
import {
  encodeValue,
  putUint32,
  type Writer,
  writeBinary,
  writeBoolean,
  writeString,
  writeSymbol,
  writeUint,
  writeUlong,
} from './writer.ts';

export const amqpFrame = 0;
export const saslFrame = 1;

/** Writes a described list field by field, and drops absent fields at its end. */
class ListWriter {
  readonly #writer: Writer;
  readonly #mark: number;
  #count = 0;
  /** Fields and octets up to the last one that is present. */
  #presentCount = 0;
  #presentEnd: number;

  constructor(writer: Writer, descriptor: number) {
    this.#writer = writer;
    writer.byte(0x00);
    writer.byte(0x53);
    writer.byte(descriptor);
    this.#mark = writer.beginCompound();
    this.#presentEnd = writer.pending;
  }

  /** Writes one field with `write`, or null. */
  field<T>(value: T | undefined, write: (writer: Writer, value: T) => void): this {
    this.#count += 1;
    if (value === undefined) {
      this.#writer.byte(0x40);
      return this;
    }
    write(this.#writer, value);
    this.#presentCount = this.#count;
    this.#presentEnd = this.#writer.pending;
    return this;
  }

  end(): void {
    this.#writer.pos = this.#writer.at(this.#presentEnd);
    if (this.#presentCount === 0) {
      this.#writer.pos = this.#writer.at(this.#mark);
      this.#writer.byte(0x45);
    } else this.#writer.endCompound(this.#mark, 0xd0, this.#presentCount, 'compact');
  }
}

/** Starts a frame; `endFrame` fills in its size. */
function beginFrame(writer: Writer, type: number, channel: number): number {
  const mark = writer.pending;
  writer.uint32(0);
  writer.byte(2);
  writer.byte(type);
  writer.uint16(channel);
  return mark;
}

function endFrame(writer: Writer, mark: number): void {
  putUint32(writer.buffer, writer.at(mark), writer.pending - mark);
}

/** A frame without body keeps the peer's idle time-out from expiring. */
export function encodeEmptyFrame(writer: Writer): void {
  endFrame(writer, beginFrame(writer, amqpFrame, 0));
}

export function encodeOpen(writer: Writer, open: Open): void {
  const mark = beginFrame(writer, amqpFrame, 0);
  new ListWriter(writer, descriptors.open)
    .field(open.containerId, writeString)
    .field(open.hostname, writeString)
    .field(open.maxFrameSize, writeUint)
    .field(open.channelMax, writeUshort)
    .field(open.idleTimeOut, writeUint)
    .field(open.outgoingLocales, writeSymbolArray)
    .field(open.incomingLocales, writeSymbolArray)
    .field(open.offeredCapabilities, writeSymbolArray)
    .field(open.desiredCapabilities, writeSymbolArray)
    .field(open.properties, writeCompact)
    .end();
  endFrame(writer, mark);
}

export function encodeBegin(writer: Writer, channel: number, begin: Begin): void {
  const mark = beginFrame(writer, amqpFrame, channel);
  new ListWriter(writer, descriptors.begin)
    .field(begin.remoteChannel, writeUshort)
    .field(begin.nextOutgoingId, writeUint)
    .field(begin.incomingWindow, writeUint)
    .field(begin.outgoingWindow, writeUint)
    .field(begin.handleMax, writeUint)
    .field(begin.offeredCapabilities, writeSymbolArray)
    .field(begin.desiredCapabilities, writeSymbolArray)
    .field(begin.properties, writeCompact)
    .end();
  endFrame(writer, mark);
}

export function encodeAttach(writer: Writer, channel: number, attach: Attach): void {
  const mark = beginFrame(writer, amqpFrame, channel);
  new ListWriter(writer, descriptors.attach)
    .field(attach.name, writeString)
    .field(attach.handle, writeUint)
    .field(attach.role === 'receiver', writeBoolean)
    .field(attach.sndSettleMode, writeUbyte)
    .field(attach.rcvSettleMode, writeUbyte)
    .field(attach.source, writeSource)
    .field<Terminus | Typed>(attach.target ?? attach.coordinator, writeTarget)
    .field(attach.unsettled, writeCompact)
    .field(attach.incompleteUnsettled, writeBoolean)
    .field(attach.initialDeliveryCount, writeUint)
    .field(attach.maxMessageSize, writeUlong)
    .field(attach.offeredCapabilities, writeSymbols)
    .field(attach.desiredCapabilities, writeSymbols)
    .field(attach.properties, writeCompact)
    .end();
  endFrame(writer, mark);
}

export function encodeFlow(writer: Writer, channel: number, flow: Flow): void {
  const mark = beginFrame(writer, amqpFrame, channel);
  new ListWriter(writer, descriptors.flow)
    .field(flow.nextIncomingId, writeUint)
    .field(flow.incomingWindow, writeUint)
    .field(flow.nextOutgoingId, writeUint)
    .field(flow.outgoingWindow, writeUint)
    .field(flow.handle, writeUint)
    .field(flow.deliveryCount, writeUint)
    .field(flow.linkCredit, writeUint)
    .field(flow.available, writeUint)
    .field(flow.drain, writeBoolean)
    .field(flow.echo, writeBoolean)
    .field(flow.properties, writeCompact)
    .end();
  endFrame(writer, mark);
}

export function encodeDisposition(writer: Writer, channel: number, disposition: Disposition): void {
  const mark = beginFrame(writer, amqpFrame, channel);
  new ListWriter(writer, descriptors.disposition)
    .field(disposition.role === 'receiver', writeBoolean)
    .field(disposition.first, writeUint)
    .field(disposition.last, writeUint)
    .field(disposition.settled, writeBoolean)
    .field(disposition.state, writeDeliveryState)
    .field(disposition.batchable, writeBoolean)
    .end();
  endFrame(writer, mark);
}

export function encodeDetach(writer: Writer, channel: number, detach: Detach): void {
  const mark = beginFrame(writer, amqpFrame, channel);
  new ListWriter(writer, descriptors.detach)
    .field(detach.handle, writeUint)
    .field(detach.closed, writeBoolean)
    .field(detach.error, writeError)
    .end();
  endFrame(writer, mark);
}

export function encodeEnd(writer: Writer, channel: number, error: AmqpError | undefined): void {
  const mark = beginFrame(writer, amqpFrame, channel);
  new ListWriter(writer, descriptors.end).field(error, writeError).end();
  endFrame(writer, mark);
}

export function encodeClose(writer: Writer, close: Close): void {
  const mark = beginFrame(writer, amqpFrame, 0);
  new ListWriter(writer, descriptors.close).field(close.error, writeError).end();
  endFrame(writer, mark);
}

export function encodeSaslMechanisms(writer: Writer, sasl: SaslMechanisms): void {
  const mark = beginFrame(writer, saslFrame, 0);
  new ListWriter(writer, descriptors.saslMechanisms).field(sasl.mechanisms, writeSymbolArray).end();
  endFrame(writer, mark);
}

export function encodeSaslInit(writer: Writer, init: SaslInit): void {
  const mark = beginFrame(writer, saslFrame, 0);
  new ListWriter(writer, descriptors.saslInit)
    .field(init.mechanism, writeSymbol)
    .field(init.initialResponse, writeBinary)
    .field(init.hostname, writeString)
    .end();
  endFrame(writer, mark);
}

export function encodeSaslOutcome(writer: Writer, outcome: SaslOutcome): void {
  const mark = beginFrame(writer, saslFrame, 0);
  new ListWriter(writer, descriptors.saslOutcome)
    .field(outcome.code, writeUbyte)
    .field(outcome.additionalData, writeBinary)
    .end();
  endFrame(writer, mark);
}

export function writeDeliveryState(writer: Writer, state: DeliveryState): void {
  switch (state.state) {
    case 'accepted':
    case 'released':
      new ListWriter(writer, descriptors[state.state]).end();
      break;
    case 'rejected':
      new ListWriter(writer, descriptors.rejected).field(state.error, writeError).end();
      break;
    case 'modified':
      new ListWriter(writer, descriptors.modified)
        .field(state.deliveryFailed, writeBoolean)
        .field(state.undeliverableHere, writeBoolean)
        .field(state.messageAnnotations, writeCompact)
        .end();
      break;
    case 'received':
      new ListWriter(writer, descriptors.received)
        .field(state.sectionNumber, writeUint)
        .field(state.sectionOffset, writeUlong)
        .end();
      break;
    case 'other':
      encodeValue(writer, state.value, 'compact');
  }
}

function writeError(writer: Writer, error: AmqpError): void {
  new ListWriter(writer, descriptors.error)
    .field(error.condition, writeSymbol)
    .field(error.description, writeString)
    .field(error.info, writeCompact)
    .end();
}

function writeSource(writer: Writer, source: Terminus): void {
  commonTerminusFields(writer, source, descriptors.source)
    .field(source.distributionMode, writeSymbol)
    .field(source.filter, writeCompact)
    .field(source.defaultOutcome, writeDeliveryState)
    .field(source.outcomes, writeSymbols)
    .field(source.capabilities, writeSymbols)
    .end();
}

function writeTarget(writer: Writer, target: Terminus | Typed): void {
  if ('type' in target) writeCompact(writer, target);
  else commonTerminusFields(writer, target, descriptors.target).field(target.capabilities, writeSymbols).end();
}

function commonTerminusFields(writer: Writer, terminus: Terminus, descriptor: number): ListWriter {
  return new ListWriter(writer, descriptor)
    .field(terminus.address, writeString)
    .field(terminus.durable, writeUint)
    .field(terminus.expiryPolicy, writeSymbol)
    .field(terminus.timeout, writeUint)
    .field(terminus.dynamic, writeBoolean)
    .field(terminus.dynamicNodeProperties, writeCompact);
}

function writeUbyte(writer: Writer, value: number): void {
  writer.byte(0x50);
  writer.byte(value);
}

function writeUshort(writer: Writer, value: number): void {
  writer.byte(0x60);
  writer.uint16(value);
}

function writeCompact(writer: Writer, value: Typed): void {
  encodeValue(writer, value, 'compact');
}

function writeSymbolArray(writer: Writer, symbols: readonly string[]): void {
  encodeValue(writer, amqp.symbolArray(symbols), 'compact');
}

/** One symbol goes as itself: skupper-router looks for its link capabilities in that form only. */
function writeSymbols(writer: Writer, symbols: readonly string[]): void {
  const [first] = symbols;
  if (symbols.length === 1 && first !== undefined) writeSymbol(writer, first);
  else writeSymbolArray(writer, symbols);
}
