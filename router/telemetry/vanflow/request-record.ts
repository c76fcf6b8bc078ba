/** The record of a request that an observer has seen in a TCP connection, and of its response (BIFLOW_APP). */
import { ATTRIBUTE, RECORD_TYPE } from '../../../lib/vanflow.ts';
import type { HttpExchange } from '../../observer/observer.ts';
import type { FlowKeeper } from './flow-record.ts';
import type { RecordMessage } from './messages.ts';
import type { Told } from './told.ts';

export class RequestRecord implements Told {
  readonly number: number;
  queued = false;
  private readonly identity: string;
  private readonly parent: string;
  private readonly exchange: HttpExchange;
  private readonly keeper: Pick<FlowKeeper, 'now' | 'micros'>;
  private endedAt: number | undefined;
  private isNew = true;
  private toldOctets = -1;
  private toldMethod: string | undefined;

  constructor(
    number: number,
    identity: string,
    parent: string,
    exchange: HttpExchange,
    keeper: Pick<FlowKeeper, 'now' | 'micros'>,
  ) {
    this.number = number;
    this.identity = identity;
    this.parent = parent;
    this.exchange = exchange;
    this.keeper = keeper;
  }

  get isEnded(): boolean {
    return this.endedAt !== undefined;
  }

  isComplete(): boolean {
    return this.isEnded;
  }

  ended(): void {
    this.endedAt = this.exchange.endedAt ?? this.keeper.now;
  }

  get isNews(): boolean {
    const { octets, octetsReverse, method } = this.exchange;
    return this.isNew || this.isEnded || octets + octetsReverse !== this.toldOctets || method !== this.toldMethod;
  }

  write(message: RecordMessage): void {
    const { parent, exchange, keeper, endedAt } = this;
    const { protocol, method, result, reason, streamId, sourceHost, startedAt, latencyMs } = exchange;
    message.begin(RECORD_TYPE.applicationFlow, this.identity);
    message.text(ATTRIBUTE.parent, parent);
    message.number(ATTRIBUTE.startTime, keeper.micros(startedAt));
    if (endedAt !== undefined) message.number(ATTRIBUTE.endTime, keeper.micros(endedAt));
    if (sourceHost !== undefined) message.text(ATTRIBUTE.sourceHost, sourceHost);
    message.text(ATTRIBUTE.protocol, protocol);
    message.number(ATTRIBUTE.octets, exchange.octets);
    if (latencyMs !== undefined) message.number(ATTRIBUTE.latency, Math.round(latencyMs * 1000));
    if (method !== undefined) message.text(ATTRIBUTE.method, method);
    if (result !== undefined) message.text(ATTRIBUTE.result, result);
    if (reason !== undefined) message.text(ATTRIBUTE.reason, reason);
    if (streamId !== undefined) message.number(ATTRIBUTE.streamId, streamId);
    message.number(ATTRIBUTE.octetsReverse, exchange.octetsReverse);
    message.end();
    this.isNew = false;
    this.toldOctets = exchange.octets + exchange.octetsReverse;
    this.toldMethod = method;
  }

  forget(): void {
    this.isNew = true;
  }
}
