/** One connection through the network, put together from what both of its ends told. */
import { withPort } from '../../lib/address.ts';
import { ATTRIBUTE, OWN_ATTRIBUTE } from '../../lib/vanflow.ts';
import { numberIn, numberOf, routerNameOf, textOf, timeOf, type Value, type Values } from './records.ts';
import type { FlowView } from './view.ts';

/** What the listener's end says when the other end has broken the flow off. */
const BROKEN_OFF = 'delivery-failed';

/** What is known of its ends from the records of these. */
export type FlowPlace = Pick<FlowView, 'address' | 'fromSite' | 'toSite' | 'listener' | 'connector' | 'server'>;

export class Flow {
  readonly id: string;
  readonly source: string;
  /** When it was last told of, on the collector's clock. */
  heardAt = 0;
  isChanged = true;
  private readonly values = new Map<number, Value>();

  constructor(id: string, source: string) {
    this.id = id;
    this.source = source;
  }

  tell(values: Values): void {
    for (const [code, value] of values) {
      if (this.values.get(code) === value) continue;
      this.values.set(code, value);
      this.isChanged = true;
    }
  }

  get listener(): string {
    return textOf(this.values, ATTRIBUTE.parent);
  }

  get connector(): string {
    return textOf(this.values, ATTRIBUTE.connector);
  }

  get clientHost(): string {
    return textOf(this.values, ATTRIBUTE.sourceHost);
  }

  get octets(): number {
    return numberOf(this.values, ATTRIBUTE.octets);
  }

  get octetsBack(): number {
    return numberOf(this.values, ATTRIBUTE.octetsReverse);
  }

  get isEnded(): boolean {
    return numberOf(this.values, ATTRIBUTE.endTime) > 0;
  }

  /** 0 while it is open. */
  get endedAt(): number {
    return timeOf(this.values, ATTRIBUTE.endTime);
  }

  get startedAt(): number {
    return timeOf(this.values, ATTRIBUTE.startTime);
  }

  /** The router at which it has arrived last, by its name; empty when that was not told. */
  get lastRouter(): string {
    return routerNameOf(textOf(this.values, ATTRIBUTE.trace).split('|').at(-1) ?? '');
  }

  /** Why it was broken off. The connector's end knows better why a backend was not reached; a flow may go well after one was not. */
  get reason(): string {
    const here = textOf(this.values, ATTRIBUTE.errorListenerSide);
    const there = textOf(this.values, ATTRIBUTE.errorConnectorSide);
    if (here === '' && this.isConnected) return '';
    if (there === '' || here === there) return here;
    return here === '' || here.startsWith(BROKEN_OFF) ? there : `${here}; at the connector: ${there}`;
  }

  get state(): FlowView['state'] {
    if (!this.isEnded) return 'open';
    if (this.reason === '') return 'closed';
    return this.isConnected ? 'reset' : 'refused';
  }

  private get isConnected(): boolean {
    return this.octets + this.octetsBack > 0 || this.values.has(ATTRIBUTE.proxyHost);
  }

  view(place: FlowPlace): FlowView {
    const { values } = this;
    const { state, reason } = this;
    const latency = numberIn(values, ATTRIBUTE.latency);
    const traceId = textOf(values, OWN_ATTRIBUTE.traceId);
    return {
      id: this.id,
      ...place,
      client: end(values, ATTRIBUTE.sourceHost, ATTRIBUTE.sourcePort),
      startedAt: this.startedAt,
      ...(this.isEnded && { endedAt: this.endedAt }),
      octets: this.octets,
      octetsBack: this.octetsBack,
      ...(latency !== undefined && { latencyMs: latency / 1000 }),
      state,
      ...(reason !== '' && { reason }),
      ...(traceId !== '' && { traceId }),
    };
  }
}

/** `host:port`, as far as it was told. */
export function end(values: Values, host: number, port: number): string {
  const [name, number] = [textOf(values, host), textOf(values, port)];
  return name === '' ? '' : number === '' ? name : withPort(name, number);
}
