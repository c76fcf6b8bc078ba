/**
 * The ends of a flow's later streams, those that resume it. Of its first streams the flow itself is the end; here each end knows
 * whether it is still the present one, since what was given up goes on speaking until it has heard that it was.
 */
import type { DeliveryState } from '../../amqp/codec/performatives.ts';
import type { Candidate, Inlet, Outlet, Transit } from '../../core/transit.ts';
import { type FlowTerms, flowTermsOf } from '../flow-terms.ts';
import { StreamHeadReader } from '../stream-head.ts';

/** The flow as its streams see it. */
export interface StreamsOwner {
  /** The ends of the present streams. */
  readonly sourceEnd: Inlet;
  readonly sinkEnd: Outlet;
  readonly queuedBytes: number;
  sourceUpdate(state: DeliveryState | undefined, settled: boolean): void;
  holdSource(held: boolean): void;
  bodyArrived(bytes: Buffer): void;
  sinkStreamEnded(settled: boolean): void;
  sinkAborted(): void;
}

/** What the network says of a stream by which the flow goes on. */
export class LaterSource implements Inlet {
  private readonly flow: StreamsOwner;

  constructor(flow: StreamsOwner) {
    this.flow = flow;
  }

  update(state: DeliveryState | undefined, settled: boolean): void {
    if (this.flow.sourceEnd === this) this.flow.sourceUpdate(state, settled);
  }

  hold(): void {
    if (this.flow.sourceEnd === this) this.flow.holdSource(true);
  }

  resume(): void {
    if (this.flow.sourceEnd === this) this.flow.holdSource(false);
  }
}

/** Nobody: between the streams that were given up and the next. */
export const NO_END: Inlet & Outlet = {
  update: () => {},
  hold: () => {},
  resume: () => {},
  write: () => {},
  end: () => {},
  abort: () => {},
  senderUpdate: () => {},
  queuedBytes: 0,
};

/** A flow that streams and messages at its address are for. */
export interface Addressee {
  readonly flow: StreamsOwner;
  /** Where streams under way are counted, by which balancing chooses. */
  readonly counter: { openCount: number } | undefined;
  /**
   * Something has come for it whose head is whole.
   * @returns what it is answered, or undefined: it is a stream of the flow from now on
   */
  arrived(stream: LaterSink, terms: FlowTerms): DeliveryState | undefined;
}

/** Whatever comes for a flow's address: a stream that resumes the flow, or a message that asks for it. */
export class LaterSink implements Outlet {
  readonly transit: Transit;
  private readonly find: () => Addressee | undefined;
  private reader: StreamHeadReader | undefined = new StreamHeadReader();
  private flow: StreamsOwner | undefined;
  private counter: { openCount: number } | undefined;
  private verdict: DeliveryState = UNKNOWN;

  constructor(transit: Transit, find: () => Addressee | undefined) {
    this.transit = transit;
    this.find = find;
  }

  private get present(): StreamsOwner | undefined {
    return this.flow?.sinkEnd === this ? this.flow : undefined;
  }

  write(bytes: Buffer): void {
    if (this.reader === undefined) {
      this.present?.bodyArrived(bytes);
      return;
    }
    const parsed = this.reader.read(bytes);
    if (!parsed) return;
    this.reader = undefined;
    const terms = flowTermsOf(parsed.head?.deliveryAnnotations);
    const addressee = terms && this.find();
    this.flow = addressee?.flow;
    this.count(addressee?.counter);
    const verdict = addressee === undefined ? UNKNOWN : addressee.arrived(this, terms as FlowTerms);
    if (verdict === undefined) {
      this.verdict = GIVEN_UP;
      this.present?.bodyArrived(parsed.rest);
      return;
    }
    this.count(undefined);
    this.verdict = verdict;
    if (this.transit.windowed) this.transit.outcome(this, verdict, false);
  }

  /** Of a stream that was given up, its producer waits for the last word. */
  end(settled: boolean): void {
    if (this.present !== undefined) this.present.sinkStreamEnded(settled);
    else if (!settled) this.transit.outcome(this, this.verdict, true);
  }

  /** It is under way at that one from now on, and not where it was before. */
  count(counter: { openCount: number } | undefined): void {
    if (this.counter !== undefined) this.counter.openCount--;
    if (counter !== undefined) counter.openCount++;
    this.counter = counter;
  }

  abort(): void {
    this.present?.sinkAborted();
  }

  senderUpdate(): void {}

  get queuedBytes(): number {
    return this.present?.queuedBytes ?? 0;
  }
}

/** Takes what comes for the address of a flow, also of one that is over, which is answered so. */
export class FlowDoor implements Candidate {
  readonly cost = 0;
  readonly openCount = 0;
  private stream: LaterSink | undefined;
  private readonly find: () => Addressee | undefined;

  constructor(find: () => Addressee | undefined) {
    this.find = find;
  }

  take(transit: Transit): Outlet {
    this.stream = new LaterSink(transit, this.find);
    return this.stream;
  }

  done(): void {
    this.stream?.count(undefined);
  }
}

/** The flow is over here: unlike a way that is lost, nothing will bring it back. */
const UNKNOWN: DeliveryState = {
  state: 'rejected',
  error: { condition: 'amqp:not-found', description: 'the flow is over at this end' },
};
/** The stream is given up, and nobody else is to have it. */
export const GIVEN_UP: DeliveryState = { state: 'modified', deliveryFailed: true, undeliverableHere: true };
