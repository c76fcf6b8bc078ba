/**
 * What flows tell to who makes spans of them (`telemetry/trace`). Of most flows nobody wants to know: then there is nothing to call,
 * and it costs a look at a field. Nothing here is called for each chunk: octets and times of first octets are read from the flow.
 */
import type { SocketEnd } from './flow-owner.ts';
import type { CountedFlow } from './recorder.ts';

export interface FlowTracer {
  /** A client's connection was accepted. @returns undefined when it is not to be traced */
  accepted(flow: TracedListenerFlow, listener: string): ListenerTrace | undefined;
  /**
   * A stream was taken for a backend.
   * @param traceparent what its head says of the trace that it belongs to
   * @param path ids of the routers that it has passed
   */
  taken(
    flow: CountedFlow,
    connector: ConnectorNames,
    traceparent: string,
    path: readonly string[],
  ): ConnectorTrace | undefined;
}

export interface TracedListenerFlow extends CountedFlow {
  readonly client: SocketEnd | undefined;
}

export interface ConnectorNames {
  readonly name: string;
  readonly address: string;
}

export interface FlowTrace {
  readonly traceId: string;
  /** @param error why it was broken off, or refused */
  ended(error?: string): void;
}

export interface ListenerTrace extends FlowTrace {
  /** It is sent on its way to an address. @returns what the head says: by it the other end's spans belong to this trace */
  routed(address: string): string;
  /** The other end has its backend. */
  answered(): void;
}

export interface ConnectorTrace extends FlowTrace {
  /** It has waited for a place, if it had to. */
  dialling(): void;
  connected(): void;
}
