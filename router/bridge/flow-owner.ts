/** What a flow is part of: the tcpListener or tcpConnector with its counts, the bridge, and who keeps a record of it. */
import type { DurationHistogram } from '../../lib/histogram.ts';
import type { DeliveryCounters } from '../core/delivery-counters.ts';
import type { Effects } from '../core/effects.ts';
import type { Flow } from './flow.ts';
import type { FlowBudget } from './flow-budget.ts';
import type { FlowTracer } from './flow-tracer.ts';
import type { BridgePolicies } from './policies.ts';
import type { ReportQueue } from './report-queue.ts';
import type { SurvivalShared } from './resume/survival.ts';

export interface FlowCounters {
  bytesIn: number;
  bytesOut: number;
  connectionsOpened: number;
  connectionsClosed: number;
  /** Flows that could not be connected through the network, or whose backend refused. */
  connectionsRefused: number;
  /** Flows that were broken off. */
  connectionsReset: number;
}

/** One end of a TCP connection. */
export interface SocketEnd {
  host: string;
  port: number;
  /** Of a client over TLS: the application protocol that its handshake has agreed on. */
  alpn?: string;
  /** Of a client: both ends of its connection, for its backend (`core/client-ends.ts`). */
  ends?: string;
}

/** The tcpListener or tcpConnector a flow belongs to. */
export interface FlowEntity {
  readonly counters: FlowCounters;
  readonly flows: Set<Flow>;
  /** A flow of it is over. */
  left?(flow: Flow): void;
}

export interface FlowOwner {
  /** Time of the turn, ms. */
  readonly now: number;
  readonly effects: Effects;
  readonly deliveries: DeliveryCounters;
  readonly budget: FlowBudget;
  readonly reports: ReportQueue;
  readonly survivals: SurvivalShared;
  readonly policies: BridgePolicies;
  readonly connectTimes: DurationHistogram;
  readonly tracer: FlowTracer | undefined;
  /** Its present name is nobody's any more. @returns another by which an answering stream finds it */
  renameReply(flow: Flow & { replyName: string }): string;
  /** Makes a name under which the flow's later streams find it, as long as it lives. */
  nameFlow(flow: Flow & { flowName: string | undefined }): string;
  flowOver(flow: Flow): void;
  /** An observer could not follow a connection to its end that was HTTP in the beginning. */
  observerGaveUp(): void;
}

/** Who is told that a flow is over. */
export interface FlowNote {
  /** @param error why it was broken off */
  ended(error?: string): void;
}
