/**
 * Decoders of the performatives, one function each, called with the reader behind the descriptor (AMQP 1.0 part 2.7, 5.3.3).
 */
import { Fields, readDescriptor, required } from './decode-fields.ts';
import { AmqpDecodeError } from './errors.ts';
import {
  type AmqpError,
  type Attach,
  accepted,
  type Begin,
  type Close,
  type DeliveryState,
  type Detach,
  type Disposition,
  descriptors,
  type Flow,
  type Open,
  type Role,
  released,
  type SaslInit,
  type SaslMechanisms,
  type SaslOutcome,
  type Terminus,
  type Transfer,
} from './performatives.ts';
import { decodeValue, type Reader } from './reader.ts';
import type { Typed } from './value.ts';

export function decodeOpen(reader: Reader): Open {
  const fields = new Fields(reader).enter();
  const open = {
    containerId: required(fields.string(), 'container-id'),
    hostname: fields.string(),
    maxFrameSize: fields.uint(),
    channelMax: fields.ushort(),
    idleTimeOut: fields.uint(),
    outgoingLocales: fields.symbols(),
    incomingLocales: fields.symbols(),
    offeredCapabilities: fields.symbols(),
    desiredCapabilities: fields.symbols(),
    properties: fields.map(),
  };
  fields.leave();
  return open;
}

export function decodeBegin(reader: Reader): Begin {
  const fields = new Fields(reader).enter();
  const begin = {
    remoteChannel: fields.ushort(),
    nextOutgoingId: required(fields.uint(), 'next-outgoing-id'),
    incomingWindow: required(fields.uint(), 'incoming-window'),
    outgoingWindow: required(fields.uint(), 'outgoing-window'),
    handleMax: fields.uint(),
    offeredCapabilities: fields.symbols(),
    desiredCapabilities: fields.symbols(),
    properties: fields.map(),
  };
  fields.leave();
  return begin;
}

export function decodeAttach(reader: Reader): Attach {
  const fields = new Fields(reader).enter();
  const name = required(fields.string(), 'name');
  const handle = required(fields.uint(), 'handle');
  const role = roleOf(required(fields.boolean(), 'role'));
  const sndSettleMode = fields.ubyte();
  const rcvSettleMode = fields.ubyte();
  const source = fields.present() ? decodeTerminus(reader, descriptors.source) : undefined;
  const target = fields.present() ? decodeTarget(reader) : undefined;
  const attach = {
    name,
    handle,
    role,
    sndSettleMode,
    rcvSettleMode,
    source,
    target: target === undefined || 'type' in target ? undefined : target,
    coordinator: target !== undefined && 'type' in target ? target : undefined,
    unsettled: fields.map(),
    incompleteUnsettled: fields.boolean(),
    initialDeliveryCount: fields.uint(),
    maxMessageSize: fields.ulong(),
    offeredCapabilities: fields.symbols(),
    desiredCapabilities: fields.symbols(),
    properties: fields.map(),
  };
  fields.leave();
  return attach;
}

export function decodeFlow(reader: Reader): Flow {
  const fields = new Fields(reader).enter();
  const flow = {
    nextIncomingId: fields.uint(),
    incomingWindow: required(fields.uint(), 'incoming-window'),
    nextOutgoingId: required(fields.uint(), 'next-outgoing-id'),
    outgoingWindow: required(fields.uint(), 'outgoing-window'),
    handle: fields.uint(),
    deliveryCount: fields.uint(),
    linkCredit: fields.uint(),
    available: fields.uint(),
    drain: fields.boolean(),
    echo: fields.boolean(),
    properties: fields.map(),
  };
  fields.leave();
  return flow;
}

/** What a transfer without any field says, to be filled by `decodeTransfer`. */
export function emptyTransfer(): Transfer {
  return {
    handle: 0,
    deliveryId: -1,
    deliveryTagSizeBytes: -1,
    messageFormat: -1,
    settled: false,
    more: false,
    rcvSettleMode: -1,
    state: undefined,
    resume: false,
    aborted: false,
    batchable: false,
  };
}

/** The fast path: fills `into`, allocates nothing unless the transfer carries a state. `fields` is over `reader`. */
export function decodeTransfer(reader: Reader, fields: Fields, into: Transfer): void {
  fields.enter();
  into.handle = required(fields.uint(), 'handle');
  into.deliveryId = fields.uint() ?? -1;
  into.deliveryTagSizeBytes = fields.binarySizeBytes();
  into.messageFormat = fields.uint() ?? -1;
  into.settled = fields.boolean() ?? false;
  into.more = fields.boolean() ?? false;
  into.rcvSettleMode = fields.ubyte() ?? -1;
  into.state = fields.present() ? decodeDeliveryState(reader) : undefined;
  into.resume = fields.boolean() ?? false;
  into.aborted = fields.boolean() ?? false;
  into.batchable = fields.boolean() ?? false;
  fields.leave();
}

export function decodeDisposition(reader: Reader): Disposition {
  const fields = new Fields(reader).enter();
  const disposition = {
    role: roleOf(required(fields.boolean(), 'role')),
    first: required(fields.uint(), 'first'),
    last: fields.uint(),
    settled: fields.boolean(),
    state: fields.present() ? decodeDeliveryState(reader) : undefined,
    batchable: fields.boolean(),
  };
  fields.leave();
  return disposition;
}

export function decodeDetach(reader: Reader): Detach {
  const fields = new Fields(reader).enter();
  const detach = {
    handle: required(fields.uint(), 'handle'),
    closed: fields.boolean(),
    error: fields.present() ? decodeError(reader) : undefined,
  };
  fields.leave();
  return detach;
}

/** End and close have the same single field. */
export function decodeEndOrClose(reader: Reader): Close {
  const fields = new Fields(reader).enter();
  const error = fields.present() ? decodeError(reader) : undefined;
  fields.leave();
  return { error };
}

export function decodeSaslMechanisms(reader: Reader): SaslMechanisms {
  const fields = new Fields(reader).enter();
  const mechanisms = required(fields.symbols(), 'sasl-server-mechanisms');
  fields.leave();
  return { mechanisms };
}

export function decodeSaslInit(reader: Reader): SaslInit {
  const fields = new Fields(reader).enter();
  const init = {
    mechanism: required(fields.symbol(), 'mechanism'),
    initialResponse: fields.binary(),
    hostname: fields.string(),
  };
  fields.leave();
  return init;
}

export function decodeSaslOutcome(reader: Reader): SaslOutcome {
  const fields = new Fields(reader).enter();
  const outcome = { code: required(fields.ubyte(), 'code'), additionalData: fields.binary() };
  fields.leave();
  return outcome;
}

function roleOf(receiver: boolean): Role {
  return receiver ? 'receiver' : 'sender';
}

function decodeError(reader: Reader): AmqpError {
  expectDescriptor(reader, descriptors.error);
  const fields = new Fields(reader).enter();
  const error = {
    condition: required(fields.symbol(), 'condition'),
    description: fields.string(),
    info: fields.map(),
  };
  fields.leave();
  return error;
}

export function decodeDeliveryState(reader: Reader): DeliveryState {
  const start = reader.pos;
  const descriptor = readDescriptor(reader);
  const fields = new Fields(reader);
  let state: DeliveryState;
  switch (descriptor) {
    case descriptors.accepted:
      fields.enter();
      state = accepted;
      break;
    case descriptors.released:
      fields.enter();
      state = released;
      break;
    case descriptors.rejected:
      fields.enter();
      state = { state: 'rejected', error: fields.present() ? decodeError(reader) : undefined };
      break;
    case descriptors.modified:
      fields.enter();
      state = {
        state: 'modified',
        deliveryFailed: fields.boolean(),
        undeliverableHere: fields.boolean(),
        messageAnnotations: fields.map(),
      };
      break;
    case descriptors.received:
      fields.enter();
      state = {
        state: 'received',
        sectionNumber: required(fields.uint(), 'section-number'),
        sectionOffset: required(fields.ulong(), 'section-offset'),
      };
      break;
    default:
      reader.pos = start;
      return { state: 'other', value: decodeValue(reader) };
  }
  fields.leave();
  return state;
}

/** A coordinator stays a value. */
function decodeTarget(reader: Reader): Terminus | Typed {
  const start = reader.pos;
  const descriptor = readDescriptor(reader);
  reader.pos = start;
  return descriptor === descriptors.coordinator ? decodeValue(reader) : decodeTerminus(reader, descriptors.target);
}

function decodeTerminus(reader: Reader, descriptor: number): Terminus {
  expectDescriptor(reader, descriptor);
  const isSource = descriptor === descriptors.source;
  const fields = new Fields(reader).enter();
  const address = fields.text();
  const durable = fields.uint();
  const expiryPolicy = fields.symbol();
  const timeout = fields.uint();
  const dynamic = fields.boolean();
  const dynamicNodeProperties = fields.map();
  const targetCapabilities = isSource ? undefined : fields.symbols();
  const distributionMode = isSource ? fields.symbol() : undefined;
  const filter = isSource ? fields.map() : undefined;
  const defaultOutcome = isSource && fields.present() ? decodeDeliveryState(reader) : undefined;
  const outcomes = isSource ? fields.symbols() : undefined;
  const capabilities = isSource ? fields.symbols() : targetCapabilities;
  fields.leave();
  return {
    address,
    durable,
    expiryPolicy,
    timeout,
    dynamic,
    dynamicNodeProperties,
    capabilities,
    distributionMode,
    filter,
    defaultOutcome,
    outcomes,
  };
}

function expectDescriptor(reader: Reader, descriptor: number): void {
  if (readDescriptor(reader) !== descriptor) throw new AmqpDecodeError('a field holds another type than its own');
}
