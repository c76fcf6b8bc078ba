/**
 * The sections of a message as plain objects (AMQP 1.0 part 3.2), and their codes.
 */
import type { Typed } from '../codec/value.ts';

export interface MessageHeader {
  readonly durable?: boolean;
  readonly priority?: number;
  readonly ttl?: number;
  readonly firstAcquirer?: boolean;
  readonly deliveryCount?: number;
}

/** Ids keep their type because a reply must echo it. */
export interface MessageProperties {
  readonly messageId?: Typed;
  readonly userId?: Buffer;
  readonly to?: string;
  readonly subject?: string;
  readonly replyTo?: string;
  readonly correlationId?: Typed;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  /** Milliseconds since 1970. */
  readonly absoluteExpiryTime?: Typed;
  readonly creationTime?: Typed;
  readonly groupId?: string;
  readonly groupSequence?: number;
  readonly replyToGroupId?: string;
}

export const sectionCodes = {
  header: 0x70,
  deliveryAnnotations: 0x71,
  messageAnnotations: 0x72,
  properties: 0x73,
  applicationProperties: 0x74,
  data: 0x75,
  sequence: 0x76,
  value: 0x77,
  footer: 0x78,
} as const;
