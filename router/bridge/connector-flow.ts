/**
 * The connector's end of a flow: a stream that has arrived for a service. The backend is dialled when the stream's
 * head is whole, and the answering stream is sent when the backend has accepted; a backend that refuses is told to
 * the stream's way as `modified`, so that another connector can be tried while nothing has been sent.
 */
import type { DeliveryState } from '../amqp/codec/performatives.ts';
import { Transit } from '../core/transit.ts';
import { Flow, type FlowEntity, type FlowOwner } from './flow.ts';
import type { Dispatcher } from './listener-flow.ts';
import { composeStreamHead, STREAM_CONTENT_TYPE, StreamHeadReader, streamAnnotations } from './stream-head.ts';

export class ConnectorFlow extends Flow {
  readonly connector: string;
  /** When the connector took the stream, ms. */
  readonly takenAt: number;
  /** The backend has no longer than that: the flow has another way. */
  readonly withinMs: number | undefined;
  private readonly routerId: string;
  private readonly dispatcher: Dispatcher;
  private reader: StreamHeadReader | undefined = new StreamHeadReader();
  private replyTo = '';

  constructor(
    id: number,
    owner: FlowOwner,
    entity: FlowEntity,
    parts: { connector: string; routerId: string; dispatcher: Dispatcher; stream: Transit; now: number },
  ) {
    super(id, owner, entity);
    this.connector = parts.connector;
    this.routerId = parts.routerId;
    this.dispatcher = parts.dispatcher;
    this.sink = parts.stream;
    this.takenAt = parts.now;
    this.withinMs = parts.stream.tryMs;
  }

  override write(bytes: Buffer): void {
    if (this.reader === undefined) {
      this.writeBody(bytes);
      return;
    }
    const parsed = this.reader.read(bytes);
    if (!parsed) return;
    this.reader = undefined;
    const properties = parsed.head?.properties;
    if (properties?.contentType !== STREAM_CONTENT_TYPE || !properties.replyTo) {
      this.refuse(properties?.replyTo ? RELEASED : REJECTED);
      return;
    }
    this.replyTo = properties.replyTo;
    const { connector, withinMs } = this;
    this.owner.effects.push({ type: 'flow-connect', flow: this.id, connector, withinMs });
    this.writeBody(parsed.rest);
  }

  /** The backend has accepted: answer, and read from it. */
  connected(): void {
    if (this.over) return;
    const source = new Transit(this, this.dispatcher, 0, false);
    source.annotations = streamAnnotations(this.routerId);
    source.to = this.replyTo;
    this.source = source;
    if (this.dispatcher.forward(source, composeStreamHead(this.replyTo))) this.openSource();
    else this.breakOff(true);
  }

  /** The backend cannot be reached. */
  connectFailed(): void {
    this.refuse(FAILED);
  }

  private refuse(state: DeliveryState): void {
    if (this.over) return;
    this.over = true;
    this.owner.flowOver(this);
    this.sink?.outcome(this, state, this.sink.complete);
  }
}

const RELEASED: DeliveryState = { state: 'released' };
const REJECTED: DeliveryState = { state: 'rejected' };
const FAILED: DeliveryState = { state: 'modified', deliveryFailed: true, undeliverableHere: false };
