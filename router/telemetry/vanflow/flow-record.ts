/**
 * The record of one TCP connection that a listener of this router accepted (BIFLOW_TPORT). Octets and times of first
 * octets are read from the flow when the record is told, so a flow pays nothing for being told of while it carries
 * traffic.
 *
 * The connector's end knows the rest: it sends what it knows (`co-records.ts`), and the record of a flow that is over waits for that.
 */
import { ATTRIBUTE, OWN_ATTRIBUTE, RECORD_TYPE } from '../../../lib/vanflow.ts';
import type { ListenerNote, ListenerSide } from '../../bridge/recorder.ts';
import type { ExchangeSink } from '../../observer/observer.ts';
import { FLOW_END_WAIT_MS } from './limits.ts';
import type { RecordMessage } from './messages.ts';
import type { Told, Value } from './told.ts';

/** What records of flows need of who keeps them. */
export interface FlowKeeper {
  readonly now: number;
  /** Microseconds since 1970 of a time on the router's clock. */
  micros(ms: number): number;
  /** The id of a tcpListener's address, or of a tcpConnector. */
  idOf(entity: object): string;
  /** The flow is over. */
  flowEnded(flow: FlowRecord): void;
  /** Whoever takes what an observer sees in the flow of that id; undefined while nobody wants to hear of it. */
  exchangesOf(id: string): ExchangeSink | undefined;
}

/** What the connector's end may tell, and nothing else: the rest is known better here. */
export const CO_ATTRIBUTES: ReadonlySet<number> = new Set([
  ATTRIBUTE.trace,
  ATTRIBUTE.connector,
  ATTRIBUTE.processLatency,
  ATTRIBUTE.proxyHost,
  ATTRIBUTE.proxyPort,
  ATTRIBUTE.errorConnectorSide,
]);

const CO_ENDS = [ATTRIBUTE.connector, ATTRIBUTE.processLatency, ATTRIBUTE.proxyHost, ATTRIBUTE.proxyPort];

export class FlowRecord implements Told, ListenerNote {
  readonly number: number;
  readonly identity: string;
  queued = false;
  private flow: ListenerSide;
  private readonly keeper: FlowKeeper;
  private readonly startedAt: number;
  /** Where it went last: one that has been refused everywhere goes nowhere. */
  private address: ListenerSide['listenerAddress'];
  private endedAt: number | undefined;
  private error: string | undefined;
  /** From the connector's end. */
  private readonly others = new Map<number, Value>();
  private isNew = true;
  private hasNews = true;
  private octetsTold = 0;
  private reverseTold = 0;
  private isDone = false;

  constructor(number: number, identity: string, flow: ListenerSide, keeper: FlowKeeper) {
    this.number = number;
    this.identity = identity;
    this.flow = flow;
    this.keeper = keeper;
    this.startedAt = keeper.now;
    this.address = flow.listenerAddress;
  }

  // ---- the flow's side

  get exchanges(): ExchangeSink | undefined {
    return this.keeper.exchangesOf(this.identity);
  }

  ended(error?: string): void {
    if (this.endedAt !== undefined) return;
    this.endedAt = this.keeper.now;
    this.error = error;
    this.hasNews = true;
    this.keeper.flowEnded(this);
  }

  // ---- the connector's end

  told(code: number, value: Value): void {
    if (!CO_ATTRIBUTES.has(code) || this.others.get(code) === value) return;
    this.others.set(code, value);
    this.hasNews = true;
  }

  // ---- Told

  /** What is written from now on is the last of it. */
  finish(): void {
    this.isDone = true;
    this.hasNews = true;
  }

  /** Nothing has gone through it. */
  get isRefused(): boolean {
    const { bytesIn, bytesOut } = this.flow;
    return this.error !== undefined && bytesIn === 0 && bytesOut === 0;
  }

  /** It is over, and lets go of the flow itself. */
  release(): void {
    const { bytesIn, bytesOut, firstInAt, firstOutAt, client, listenerAddress, trace } = this.flow;
    const traceId = trace && { traceId: trace.traceId };
    this.flow = { bytesIn, bytesOut, firstInAt, firstOutAt, client, listenerAddress, trace: traceId };
    this.finish();
  }

  get isEnded(): boolean {
    return this.endedAt !== undefined;
  }

  /** It is over, and nothing more is to be expected of its other end. */
  isComplete(now: number): boolean {
    if (this.endedAt === undefined) return false;
    if (now - this.endedAt >= FLOW_END_WAIT_MS) return true;
    if (this.error !== undefined) return this.others.has(ATTRIBUTE.errorConnectorSide);
    if (!this.others.has(ATTRIBUTE.connector)) return false;
    return this.flow.bytesOut === 0 || this.others.has(ATTRIBUTE.processLatency);
  }

  get isNews(): boolean {
    const { bytesIn, bytesOut } = this.flow;
    return this.isNew || this.hasNews || bytesIn !== this.octetsTold || bytesOut !== this.reverseTold;
  }

  /** What is told a few times in a flow's life is told whole each time; all in the order of codes. */
  write(message: RecordMessage): void {
    const { flow, keeper, endedAt, error } = this;
    const { bytesIn, bytesOut, client } = flow;
    this.address = flow.listenerAddress ?? this.address;
    const isWhole = this.isNew || this.hasNews;
    message.begin(RECORD_TYPE.transportFlow, this.identity);
    if (isWhole) {
      if (this.address) message.text(ATTRIBUTE.parent, keeper.idOf(this.address));
      message.number(ATTRIBUTE.startTime, keeper.micros(this.startedAt));
      // Until all is known it is told as open.
      if (this.isDone && endedAt !== undefined) message.number(ATTRIBUTE.endTime, keeper.micros(endedAt));
      if (client) {
        message.text(ATTRIBUTE.sourceHost, client.host);
        message.text(ATTRIBUTE.sourcePort, String(client.port));
      }
    }
    if (this.isNew || bytesIn !== this.octetsTold) message.number(ATTRIBUTE.octets, bytesIn);
    const isAnswered = this.isNew || bytesOut !== this.reverseTold;
    if (isAnswered) this.writeLatency(message);
    if (isWhole) this.writeOther(message, ATTRIBUTE.trace);
    if (isAnswered) message.number(ATTRIBUTE.octetsReverse, bytesOut);
    if (isWhole) {
      for (const code of CO_ENDS) this.writeOther(message, code);
      if (error !== undefined) message.text(ATTRIBUTE.errorListenerSide, error);
      this.writeOther(message, ATTRIBUTE.errorConnectorSide);
      if (flow.trace !== undefined) message.text(OWN_ATTRIBUTE.traceId, flow.trace.traceId);
    }
    message.end();
    this.octetsTold = bytesIn;
    this.reverseTold = bytesOut;
    this.isNew = false;
    this.hasNews = false;
  }

  forget(): void {
    this.isNew = true;
  }

  private writeOther(message: RecordMessage, code: number): void {
    const value = this.others.get(code);
    if (value !== undefined) message.value(code, value);
  }

  private writeLatency(message: RecordMessage): void {
    const { firstInAt, firstOutAt } = this.flow;
    if (firstInAt === 0 || firstOutAt < firstInAt) return;
    message.number(ATTRIBUTE.latency, Math.round((firstOutAt - firstInAt) * 1000));
  }
}
