/**
 * What the bridge tells of its flows to who keeps records of them (`telemetry/vanflow`). Nothing here is called for each
 * chunk: octets are counted by the flow, and read from it when they are told.
 */
import type { ExchangeSink } from '../observer/observer.ts';
import type { SocketEnd } from './flow-owner.ts';
import type { ListenerAddress } from './listener-address.ts';

export interface FlowRecorder {
  /** A client's connection was accepted. @returns undefined when it is not to be told of */
  accepted(flow: ListenerSide): ListenerNote | undefined;
  /**
   * A stream was taken for a backend.
   * @param connector the tcpConnector
   * @param identity what the listener's end calls the flow
   * @param trace the routers that it has passed
   */
  taken(flow: CountedFlow, connector: object, identity: string, trace: readonly string[]): ConnectorNote | undefined;
}

/** What can be read of a flow at any time. */
export interface CountedFlow {
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** When the first octet was read from its socket, and the first was there for it, ms; 0 before. */
  readonly firstInAt: number;
  readonly firstOutAt: number;
}

export interface ListenerSide extends CountedFlow {
  readonly client: SocketEnd | undefined;
  /** Where it goes now: another when the first refuses. */
  readonly listenerAddress: ListenerAddress | undefined;
  /** The trace that it is kept in, if any. */
  readonly trace?: { readonly traceId: string } | undefined;
}

export interface ListenerNote {
  /** By which the other end names the flow when it tells what it knows of it. */
  readonly identity: string;
  /** Takes what an observer sees in the flow; undefined while nobody wants to hear of it. */
  readonly exchanges: ExchangeSink | undefined;
  /** @param error why it was broken off */
  ended(error?: string): void;
}

export interface ConnectorNote {
  /** @param local this router's end of the connection to the backend */
  connected(local: SocketEnd | undefined): void;
  /** The backend has sent its first octet. */
  answered(): void;
  ended(error?: string): void;
}
