/** What the owner of a connection, session or link may choose. */
import type { Terminus } from '../codec/performatives.ts';
import type { Typed } from '../codec/value.ts';
import {
  channelMaxDefault,
  frameSizeBytesDefault,
  handleMaxDefault,
  incomingWindowFramesDefault,
  queuedBytesHighDefault,
  queuedBytesLowDefault,
} from './limits.ts';

export type SaslMechanism = 'ANONYMOUS' | 'EXTERNAL' | 'PLAIN';

export interface SaslOptions {
  /** In order of preference. An acceptor must offer EXTERNAL only when TLS has verified the peer's certificate. */
  readonly mechanisms: readonly SaslMechanism[];
  /** Acceptor only: false lets a peer begin with the AMQP header. */
  readonly required: boolean;
  /** Initiator only: what PLAIN says; without a name it is not chosen. */
  readonly username?: string;
  readonly password?: string;
  /** Acceptor only: whether PLAIN's name and password belong together; without it none do. */
  readonly verify?: (username: string, password: string) => boolean;
}

export interface ConnectionOptions {
  readonly role: 'initiator' | 'acceptor';
  readonly containerId: string;
  readonly hostname?: string;
  /** The largest frame we accept. */
  readonly maxFrameSizeBytes?: number;
  readonly channelMax?: number;
  /** The highest link handle per session, advertised in each begin. */
  readonly handleMax?: number;
  /** What we advertise; a peer silent for twice as long is dropped. Absent: for ever patient. */
  readonly idleTimeOutMs?: number;
  readonly offeredCapabilities?: readonly string[];
  readonly desiredCapabilities?: readonly string[];
  readonly properties?: Typed;
  /** Absent: an initiator sends no SASL layer, an acceptor refuses one. */
  readonly sasl?: SaslOptions;
  readonly incomingWindowFrames?: number;
  readonly queuedBytesHigh?: number;
  readonly queuedBytesLow?: number;
}

export type Settings = ConnectionOptions &
  Required<
    Pick<
      ConnectionOptions,
      'maxFrameSizeBytes' | 'channelMax' | 'handleMax' | 'incomingWindowFrames' | 'queuedBytesHigh' | 'queuedBytesLow'
    >
  >;

export function settingsOf(options: ConnectionOptions): Settings {
  return {
    ...options,
    maxFrameSizeBytes: options.maxFrameSizeBytes ?? frameSizeBytesDefault,
    channelMax: options.channelMax ?? channelMaxDefault,
    handleMax: options.handleMax ?? handleMaxDefault,
    incomingWindowFrames: options.incomingWindowFrames ?? incomingWindowFramesDefault,
    queuedBytesHigh: options.queuedBytesHigh ?? queuedBytesHighDefault,
    queuedBytesLow: options.queuedBytesLow ?? queuedBytesLowDefault,
  };
}

export interface SessionOptions {
  readonly incomingWindowFrames?: number;
}

export interface LinkOptions {
  /** Unique among this connection's links of one direction. */
  readonly name: string;
  readonly source?: Terminus;
  readonly target?: Terminus;
  /** 0 unsettled, 1 settled, 2 mixed (default). */
  readonly sndSettleMode?: number;
  /** 0 first (default), 1 second. */
  readonly rcvSettleMode?: number;
  readonly maxMessageSize?: number;
  readonly properties?: Typed;
  readonly context?: object;
}

export interface ReceiverOptions extends LinkOptions {
  /** Granted as soon as the peer has answered. */
  readonly credit?: number;
  /** Keep the credit at the granted level as deliveries complete (default true). */
  readonly autoCredit?: boolean;
}

/** How we answer a peer's attach; what is left out mirrors the peer. */
export interface AcceptOptions {
  readonly source?: Terminus;
  readonly target?: Terminus;
  readonly maxMessageSize?: number;
  readonly offeredCapabilities?: readonly string[];
  readonly properties?: Typed;
  readonly context?: object;
  /** A receiver link's first grant. */
  readonly credit?: number;
  readonly autoCredit?: boolean;
}
