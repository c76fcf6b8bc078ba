/**
 * The performatives of AMQP 1.0 (part 2.7) and of its SASL layer (5.3.3), field by field under the specification's names.
 *
 * An absent field is `undefined`; defaults of the specification are applied by whoever reads the field.
 */
import type { Typed } from './value.ts';

export interface AmqpError {
  readonly condition: string;
  readonly description?: string;
  readonly info?: Typed;
}

/** Outcomes and the one intermediate state (3.4). 'other' keeps what we do not interpret, a transactional state say. */
export type DeliveryState =
  | { readonly state: 'accepted' }
  | { readonly state: 'released' }
  | { readonly state: 'rejected'; readonly error?: AmqpError }
  | {
      readonly state: 'modified';
      readonly deliveryFailed?: boolean;
      readonly undeliverableHere?: boolean;
      readonly messageAnnotations?: Typed;
    }
  | { readonly state: 'received'; readonly sectionNumber: number; readonly sectionOffset: number }
  | { readonly state: 'other'; readonly value: Typed };

export const accepted: DeliveryState = { state: 'accepted' };
export const released: DeliveryState = { state: 'released' };

/** Source and target (3.5.3, 3.5.4): one shape, the fields below `capabilities` are the source's alone. */
export interface Terminus {
  readonly address?: string;
  /** 0 none, 1 configuration, 2 unsettled-state. */
  readonly durable?: number;
  readonly expiryPolicy?: string;
  readonly timeout?: number;
  readonly dynamic?: boolean;
  readonly dynamicNodeProperties?: Typed;
  readonly capabilities?: readonly string[];
  readonly distributionMode?: string;
  readonly filter?: Typed;
  readonly defaultOutcome?: DeliveryState;
  readonly outcomes?: readonly string[];
}

export interface Open {
  readonly containerId: string;
  readonly hostname?: string;
  readonly maxFrameSize?: number;
  readonly channelMax?: number;
  readonly idleTimeOut?: number;
  readonly outgoingLocales?: readonly string[];
  readonly incomingLocales?: readonly string[];
  readonly offeredCapabilities?: readonly string[];
  readonly desiredCapabilities?: readonly string[];
  readonly properties?: Typed;
}

export interface Begin {
  readonly remoteChannel?: number;
  readonly nextOutgoingId: number;
  readonly incomingWindow: number;
  readonly outgoingWindow: number;
  readonly handleMax?: number;
  readonly offeredCapabilities?: readonly string[];
  readonly desiredCapabilities?: readonly string[];
  readonly properties?: Typed;
}

export type Role = 'sender' | 'receiver';

export interface Attach {
  readonly name: string;
  readonly handle: number;
  readonly role: Role;
  /** 0 unsettled, 1 settled, 2 mixed. */
  readonly sndSettleMode?: number;
  /** 0 first, 1 second. */
  readonly rcvSettleMode?: number;
  readonly source?: Terminus;
  /** A coordinator target (part 4) is kept as it came in `coordinator`. */
  readonly target?: Terminus;
  readonly coordinator?: Typed;
  readonly unsettled?: Typed;
  readonly incompleteUnsettled?: boolean;
  readonly initialDeliveryCount?: number;
  readonly maxMessageSize?: number;
  readonly offeredCapabilities?: readonly string[];
  readonly desiredCapabilities?: readonly string[];
  readonly properties?: Typed;
}

export interface Flow {
  readonly nextIncomingId?: number;
  readonly incomingWindow: number;
  readonly nextOutgoingId: number;
  readonly outgoingWindow: number;
  readonly handle?: number;
  readonly deliveryCount?: number;
  readonly linkCredit?: number;
  readonly available?: number;
  readonly drain?: boolean;
  readonly echo?: boolean;
  readonly properties?: Typed;
}

/** Mutable: a connection decodes every transfer into one object of this shape. -1 and undefined stand for absent. */
export interface Transfer {
  handle: number;
  deliveryId: number;
  /** Size of the delivery-tag, -1 when absent: its octets are of no use to a receiver that never resumes. */
  deliveryTagSizeBytes: number;
  messageFormat: number;
  settled: boolean;
  more: boolean;
  rcvSettleMode: number;
  state: DeliveryState | undefined;
  resume: boolean;
  aborted: boolean;
  batchable: boolean;
}

export interface Disposition {
  readonly role: Role;
  readonly first: number;
  readonly last?: number;
  readonly settled?: boolean;
  readonly state?: DeliveryState;
  readonly batchable?: boolean;
}

export interface Detach {
  readonly handle: number;
  readonly closed?: boolean;
  readonly error?: AmqpError;
}

export interface End {
  readonly error?: AmqpError;
}

export interface Close {
  readonly error?: AmqpError;
}

export interface SaslMechanisms {
  readonly mechanisms: readonly string[];
}

export interface SaslInit {
  readonly mechanism: string;
  readonly initialResponse?: Buffer;
  readonly hostname?: string;
}

/** 0 ok, 1 auth, 2 sys, 3 sys-perm, 4 sys-temp. */
export interface SaslOutcome {
  readonly code: number;
  readonly additionalData?: Buffer;
}

/** Numeric descriptors: all are 0x00000000:xx, so one octet names them. */
export const descriptors = {
  open: 0x10,
  begin: 0x11,
  attach: 0x12,
  flow: 0x13,
  transfer: 0x14,
  disposition: 0x15,
  detach: 0x16,
  end: 0x17,
  close: 0x18,
  error: 0x1d,
  received: 0x23,
  accepted: 0x24,
  rejected: 0x25,
  released: 0x26,
  modified: 0x27,
  source: 0x28,
  target: 0x29,
  coordinator: 0x30,
  saslMechanisms: 0x40,
  saslInit: 0x41,
  saslChallenge: 0x42,
  saslResponse: 0x43,
  saslOutcome: 0x44,
} as const;
