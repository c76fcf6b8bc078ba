/**
 * Builds messages octet by octet as skupper-router does: sections with 32-bit lists and maps, trailing absent fields left off.
 */
import { amqp, type Typed, type TypedMap } from '../codec/value.ts';
import { encodeValue, Writer, writeList } from '../codec/writer.ts';
import { type RouterAnnotations, writeRouterAnnotations } from './router-annotations.ts';
import { type MessageHeader, type MessageProperties, sectionCodes } from './sections.ts';

export interface MessageParts {
  readonly annotations?: RouterAnnotations;
  readonly header?: MessageHeader;
  readonly deliveryAnnotations?: Typed;
  readonly messageAnnotations?: Typed;
  readonly properties?: MessageProperties;
  /** Properties are padded with nulls to this many fields: routers pad those of their link-state messages to 6. */
  readonly propertyCountMin?: number;
  /** A Map gets string keys; a typed map is written as it is. */
  readonly applicationProperties?: ReadonlyMap<string, Typed> | TypedMap;
  /** Goes into an amqp-value section. */
  readonly body?: Typed;
}

export function composeMessage(parts: MessageParts): Buffer {
  const writer = new Writer();
  if (parts.annotations !== undefined) writeRouterAnnotations(writer, parts.annotations);
  if (parts.header !== undefined) writeFields(writer, sectionCodes.header, headerFields(parts.header), 0);
  writeValue(writer, sectionCodes.deliveryAnnotations, parts.deliveryAnnotations);
  writeValue(writer, sectionCodes.messageAnnotations, parts.messageAnnotations);
  if (parts.properties !== undefined) {
    writeFields(writer, sectionCodes.properties, propertyFields(parts.properties), parts.propertyCountMin ?? 0);
  }
  writeValue(writer, sectionCodes.applicationProperties, typedMap(parts.applicationProperties));
  writeValue(writer, sectionCodes.value, parts.body);
  return writer.take();
}

function headerFields(header: MessageHeader): (Typed | undefined)[] {
  return [
    header.durable === undefined ? undefined : amqp.boolean(header.durable),
    header.priority === undefined ? undefined : amqp.ubyte(header.priority),
    header.ttl === undefined ? undefined : amqp.uint(header.ttl),
    header.firstAcquirer === undefined ? undefined : amqp.boolean(header.firstAcquirer),
    header.deliveryCount === undefined ? undefined : amqp.uint(header.deliveryCount),
  ];
}

/** content-type goes as a string, not as the symbol of the specification: skupper-router compares it in that form. */
function propertyFields(properties: MessageProperties): (Typed | undefined)[] {
  return [
    properties.messageId,
    properties.userId === undefined ? undefined : amqp.binary(properties.userId),
    text(properties.to),
    text(properties.subject),
    text(properties.replyTo),
    properties.correlationId,
    text(properties.contentType),
    text(properties.contentEncoding),
    properties.absoluteExpiryTime,
    properties.creationTime,
    text(properties.groupId),
    properties.groupSequence === undefined ? undefined : amqp.uint(properties.groupSequence),
    text(properties.replyToGroupId),
  ];
}

function text(value: string | undefined): Typed | undefined {
  return value === undefined ? undefined : amqp.string(value);
}

function typedMap(properties: MessageParts['applicationProperties']): TypedMap | undefined {
  if (properties === undefined || 'type' in properties) return properties;
  return amqp.map([...properties].map(([key, value]) => [amqp.string(key), value] as const));
}

function writeFields(writer: Writer, code: number, fields: (Typed | undefined)[], countMin: number): void {
  const count = Math.max(countMin, fields.findLastIndex((field) => field !== undefined) + 1);
  writeDescriptor(writer, code);
  writeList(
    writer,
    fields.slice(0, count).map((field) => field ?? amqp.null()),
    'wide',
  );
}

function writeValue(writer: Writer, code: number, value: Typed | undefined): void {
  if (value === undefined) return;
  writeDescriptor(writer, code);
  encodeValue(writer, value);
}

function writeDescriptor(writer: Writer, code: number): void {
  writer.byte(0x00);
  writer.byte(0x53);
  writer.byte(code);
}
