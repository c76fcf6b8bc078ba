/**
 * Reads a message from its front as far as asked: router annotations, header, annotations, properties, application properties, and
 * the first body section. What follows (the octets of a TCP stream, say) is not looked at.
 *
 * Works on the first octets of a streaming delivery: as long as the sections asked for are not whole the answer is
 * undefined. Sections must come in the order of the specification (3.2), router annotations first.
 */
import { Fields } from '../codec/decode-fields.ts';
import { AmqpDecodeError } from '../codec/errors.ts';
import { valueEnd } from '../codec/measure.ts';
import { decodeValue, Reader } from '../codec/reader.ts';
import type { Typed } from '../codec/value.ts';
import { MessageError } from './errors.ts';
import { bodySectionSizeBytesMax, headSectionSizeBytesMax } from './limits.ts';
import { annotationsDescriptor, type RouterAnnotations, readRouterAnnotations } from './router-annotations.ts';
import { type MessageHeader, type MessageProperties, sectionCodes } from './sections.ts';

export type Depth = 'annotations' | 'properties' | 'application-properties' | 'body';

export interface Head {
  annotations?: RouterAnnotations;
  /** Octets of the router annotations section: 0 when there is none. */
  annotationsEndOffset: number;
  header?: MessageHeader;
  deliveryAnnotations?: Typed;
  messageAnnotations?: Typed;
  properties?: MessageProperties;
  /** Symbol keys and string keys alike. */
  applicationProperties?: Map<string, Typed>;
  /** Of the first body section: the amqp-value, the octets of a data section as binary, or a sequence as list. */
  body?: Typed;
  /** Behind the first body section. */
  bodyEndOffset?: number;
}

/** The last section code that a depth asks for. */
const lastCode: Readonly<Record<Depth, number>> = {
  annotations: 0,
  properties: sectionCodes.properties,
  'application-properties': sectionCodes.applicationProperties,
  body: sectionCodes.value,
};

/**
 * The head of the message that starts with `bytes`; undefined when more octets are needed. `complete` says that the message
 * ends with `bytes`: then missing sections are absent and a cut one is an error. Throws `MessageError`.
 */
export function parseHead(bytes: Buffer, depth: Depth, complete = false): Head | undefined {
  try {
    return parse(bytes, depth, complete);
  } catch (thrown) {
    if (thrown instanceof AmqpDecodeError) throw new MessageError(thrown.message, { cause: thrown });
    throw thrown;
  }
}

function parse(bytes: Buffer, depth: Depth, complete: boolean): Head | undefined {
  const head: Head = { annotationsEndOffset: 0 };
  const last = lastCode[depth];
  const reader = new Reader(bytes);
  if (startsLikeAnnotations(bytes)) {
    if (!isWhole(bytes, 0, headSectionSizeBytesMax, complete)) return undefined;
    reader.pos = annotationsDescriptor.length;
    head.annotations = readRouterAnnotations(reader);
    head.annotationsEndOffset = reader.pos;
  }
  let previous = 0;
  while (previous < last) {
    if (reader.remaining === 0) return complete ? head : undefined;
    const code = sectionCode(bytes, reader.pos);
    if (code === undefined) return incomplete(complete);
    if (code <= previous) throw new MessageError('the sections of a message are out of order');
    if (code > last) break;
    const isBody = code >= sectionCodes.data;
    if (!isWhole(bytes, reader.pos, isBody ? bodySectionSizeBytesMax : headSectionSizeBytesMax, complete)) {
      return undefined;
    }
    reader.pos += sectionDescriptorSizeBytes(bytes, reader.pos);
    readSection(reader, code, head);
    if (isBody) break;
    previous = code;
  }
  return head;
}

/** True also when too few octets are there to tell. */
function startsLikeAnnotations(bytes: Buffer): boolean {
  const sizeBytes = Math.min(bytes.length, annotationsDescriptor.length);
  if (sizeBytes < 3) return false;
  return annotationsDescriptor.compare(bytes, 0, sizeBytes, 0, sizeBytes) === 0;
}

function isWhole(bytes: Buffer, pos: number, sizeBytesMax: number, complete: boolean): boolean {
  const end = valueEnd(bytes, pos);
  if (end <= bytes.length) {
    if (end - pos > sizeBytesMax) throw new MessageError('a section of a message is too large');
    return true;
  }
  if (end !== Number.POSITIVE_INFINITY && end - pos > sizeBytesMax) {
    throw new MessageError('a section of a message is too large');
  }
  incomplete(complete);
  return false;
}

function incomplete(complete: boolean): undefined {
  if (complete) throw new MessageError('a message ends within a section');
  return undefined;
}

/** The code of the section at `pos`: `00 53 xx` or `00 80 <8 octets>`. Undefined when cut. Throws `MessageError`. */
export function sectionCode(bytes: Buffer, pos: number): number | undefined {
  if (bytes[pos] !== 0x00) throw new MessageError('a section of a message is not a described value');
  const form = bytes[pos + 1];
  if (form === undefined) return undefined;
  if (form !== 0x53 && form !== 0x80) throw new MessageError('a section of a message has no numeric descriptor');
  const sizeBytes = sectionDescriptorSizeBytes(bytes, pos);
  if (pos + sizeBytes > bytes.length) return undefined;
  const code = form === 0x53 ? bytes[pos + 2] : Number(bytes.readBigUInt64BE(pos + 2));
  if (code === undefined || code < sectionCodes.header || code > sectionCodes.footer) {
    throw new MessageError('a section of a message has an unknown descriptor');
  }
  return code;
}

export function sectionDescriptorSizeBytes(bytes: Buffer, pos: number): number {
  return bytes[pos + 1] === 0x53 ? 3 : 10;
}

function readSection(reader: Reader, code: number, head: Head): void {
  switch (code) {
    case sectionCodes.header:
      head.header = readHeader(reader);
      break;
    case sectionCodes.deliveryAnnotations:
      head.deliveryAnnotations = decodeValue(reader);
      break;
    case sectionCodes.messageAnnotations:
      head.messageAnnotations = decodeValue(reader);
      break;
    case sectionCodes.properties:
      head.properties = readProperties(reader);
      break;
    case sectionCodes.applicationProperties:
      head.applicationProperties = readApplicationProperties(reader);
      break;
    default:
      head.body = decodeValue(reader);
      head.bodyEndOffset = reader.pos;
  }
}

function readHeader(reader: Reader): MessageHeader {
  const fields = new Fields(reader).enter();
  const header = {
    durable: fields.boolean(),
    priority: fields.ubyte(),
    ttl: fields.uint(),
    firstAcquirer: fields.boolean(),
    deliveryCount: fields.uint(),
  };
  fields.leave();
  return header;
}

function readProperties(reader: Reader): MessageProperties {
  const fields = new Fields(reader).enter();
  const properties = {
    messageId: fields.any(),
    userId: fields.binary(),
    to: fields.text(),
    subject: fields.text(),
    replyTo: fields.text(),
    correlationId: fields.any(),
    contentType: fields.text(),
    contentEncoding: fields.text(),
    absoluteExpiryTime: fields.any(),
    creationTime: fields.any(),
    groupId: fields.text(),
    groupSequence: fields.uint(),
    replyToGroupId: fields.text(),
  };
  fields.leave();
  return properties;
}

function readApplicationProperties(reader: Reader): Map<string, Typed> {
  const section = decodeValue(reader);
  if (section.type !== 'map') throw new MessageError('application properties are not a map');
  const properties = new Map<string, Typed>();
  for (const [key, value] of section.value) {
    if (key.type !== 'string' && key.type !== 'symbol') {
      throw new MessageError('the key of an application property is not a string');
    }
    properties.set(key.value, value);
  }
  return properties;
}
