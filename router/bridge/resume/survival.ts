/**
 * How a flow between two of our routers outlives the loss of its way: the state machine of one end (docs/adr/0027).
 *
 * `up`: both streams stand. `paused`: at least one was broken off and not by the other end's socket; nothing is read or sent,
 * both streams are given up at the next act, and the end tries to be heard. `asking`: the listener's end has sent a stream that
 * resumes the flow and waits for the answering one. Only the listener's end asks; the connector's end, paused, sends
 * messages that make it ask, or show that it has forgotten the flow.
 *
 * Invariants: offsets count octets of the flow's whole life; a stream of epoch n is listened to by an end exactly until it
 * gives it up, which it does before it says what it has received, so no octet is lost or taken twice; epochs only grow; an end
 * forgets the flow when the other has taken all of its direction, or by a reset.
 */
import type { DeliveryState } from '../../amqp/codec/performatives.ts';
import { type Inlet, type Rerouter, Transit } from '../../core/transit.ts';
import type { FlowTerms } from '../flow-terms.ts';
import { composeAnswerHead, streamAnnotations } from '../stream-head.ts';
import type { Agenda, Pausing } from './agenda.ts';
import type { BlockPool } from './block-pool.ts';
import {
  RESUME_ANSWER_MAX_MS,
  RESUME_ANSWER_MS,
  RESUME_FIRST_MS,
  RESUME_RETRY_MAX_MS,
  RESUME_RETRY_MS,
} from './limits.ts';
import { Retained } from './retained.ts';
import { type Addressee, GIVEN_UP, type LaterSink, LaterSource, type StreamsOwner } from './streams.ts';

/** What all flows of a router share. */
export interface SurvivalShared {
  readonly agenda: Agenda;
  readonly blocks: BlockPool;
  readonly dispatcher: Rerouter & { forward(transit: Transit, head: Buffer): boolean };
  readonly routerId: string;
  /** What addresses of this router alone begin with. */
  readonly home: string;
  readonly counters: SurvivalCounters;
  /** For how long a flow may be without a way, ms; 0: flows end with their way. */
  readonly limitMs: number;
  /** Uniform in [0, 1). */
  random(): number;
  readonly now: number;
}

export interface SurvivalCounters {
  /** Flows that lost their way, times they found another, and those that found none in time. */
  paused: number;
  resumed: number;
  givenUp: number;
}

/** What a survival does with its flow. */
export interface SurvivingFlow extends StreamsOwner {
  /** Octets for the socket so far, and those of them that it has taken. */
  readonly bytesOut: number;
  readonly bytesWritten: number;
  readonly bytesIn: number;
  /** Where its streams are counted. */
  readonly streamCounter: { openCount: number } | undefined;
  /** What this end can take, KiB. */
  readonly offerKib: number;
  dropStreams(): void;
  adoptSource(source: Transit, inlet: Inlet): void;
  adoptSink(sink: Transit, outlet: LaterSink): void;
  /** The other end has received and written so much. */
  caughtUp(received: number, written: number): void;
  /** Both streams stand: what the other end has not received is sent. */
  goOn(): void;
  /** Whether the socket is read follows. */
  adjustReading(): void;
  /** The other end does not know the flow, or is not found. @param reason for people */
  forgotten(reason: string): void;
  breakOff(resetSocket: boolean, reason?: string): void;
}

export interface SurvivalTerms {
  readonly token: number;
  /** The name of this end in its address. */
  readonly name: string;
  /** Of the other end. */
  readonly address: string;
  readonly limitMs: number;
  /** This is the listener's end. */
  readonly asks: boolean;
}

export class Survival implements Addressee, Pausing {
  readonly flow: SurvivingFlow;
  readonly retained: Retained;
  dueAt = Number.POSITIVE_INFINITY;
  private phase: 'up' | 'paused' | 'asking' = 'up';
  private epoch = 0;
  private pausedAt = 0;
  private tryCount = 0;
  private readonly terms: SurvivalTerms;
  private readonly shared: SurvivalShared;

  constructor(flow: SurvivingFlow, terms: SurvivalTerms, shared: SurvivalShared) {
    this.flow = flow;
    this.terms = terms;
    this.shared = shared;
    this.retained = new Retained(shared.blocks);
  }

  get counter(): { openCount: number } | undefined {
    return this.flow.streamCounter;
  }

  get isUp(): boolean {
    return this.phase === 'up';
  }

  /** The flow has had more than one way. */
  get hasMoved(): boolean {
    return this.epoch > 0;
  }

  /** A stream is lost, and nothing says that the other end's socket was reset. */
  lost(): void {
    if (this.phase === 'paused') return;
    const { now, agenda, counters } = this.shared;
    if (this.phase === 'asking') {
      this.retry();
      return;
    }
    this.phase = 'paused';
    this.pausedAt = now;
    this.tryCount = 0;
    counters.paused++;
    agenda.set(this, now + RESUME_FIRST_MS);
    this.flow.adjustReading();
  }

  /** The flow is over. */
  end(): void {
    this.retained.clear();
    if (!this.isUp) this.shared.agenda.delete(this);
  }

  act(now: number): void {
    if (now >= this.pausedAt + this.terms.limitMs) {
      this.shared.counters.givenUp++;
      this.flow.dropStreams();
      this.flow.forgotten(`its way was lost, and none was found within ${this.terms.limitMs / 1000} s`);
      return;
    }
    this.flow.dropStreams();
    this.tryCount++;
    if (this.terms.asks) this.ask(now);
    else this.nudge(now);
  }

  // ---- the listener's end

  private ask(now: number): void {
    this.epoch++;
    this.phase = 'asking';
    const waitMs = Math.min(RESUME_ANSWER_MS * 2 ** (this.tryCount - 1), RESUME_ANSWER_MAX_MS);
    this.actAt(now + waitMs);
    if (!this.openStream() && this.isAsking) this.retry();
  }

  /** A stream that resumes the flow is under way, and the other end has not answered. */
  get isAsking(): boolean {
    return this.phase === 'asking';
  }

  /** The try has come to nothing. */
  private retry(): void {
    this.phase = 'paused';
    this.actAt(this.shared.now + this.pauseMs());
  }

  private pauseMs(): number {
    const pauseMs = Math.min(RESUME_RETRY_MS * 2 ** Math.max(0, this.tryCount - 1), RESUME_RETRY_MAX_MS);
    return pauseMs * (0.75 + this.shared.random() / 2);
  }

  private actAt(at: number): void {
    this.shared.agenda.set(this, Math.min(at, this.pausedAt + this.terms.limitMs));
  }

  // ---- the connector's end

  /** Asks the listener's end to resume the flow. */
  private nudge(now: number): void {
    const { dispatcher } = this.shared;
    const { token, address } = this.terms;
    this.actAt(now + this.pauseMs());
    const message = new Transit(new NudgeInlet(this), dispatcher, 0, false);
    message.annotations = { flags: 0, ingress: `0/${this.shared.routerId}`, trace: [] };
    message.to = address;
    message.whole = true;
    const terms = { offerKib: 0, token, epoch: this.epoch, address: flowAddress(this.shared.home, this.terms.name) };
    if (dispatcher.forward(message, composeAnswerHead(address, terms))) message.end(false);
  }

  /** What the listener's end says to that. */
  nudged(state: DeliveryState | undefined): void {
    if (state?.state === 'rejected' && this.phase === 'paused') this.flow.forgotten(FORGOTTEN);
  }

  // ---- both

  arrived(stream: LaterSink, terms: FlowTerms): DeliveryState | undefined {
    const { epoch, received, written } = terms;
    if (terms.token !== this.terms.token || epoch === undefined) return STRANGE;
    if (received === undefined) return this.beNudged(epoch, terms.address);
    if (this.terms.asks ? this.phase !== 'asking' || epoch !== this.epoch : epoch <= this.epoch) return GIVEN_UP;
    const { flow } = this;
    if (written === undefined || received > flow.bytesIn || written > received || received < this.retained.fromOffset) {
      flow.breakOff(true, 'the other end has not received what it says');
      return STRANGE;
    }
    if (this.terms.asks) this.answered(stream, received, written);
    else this.resumed(stream, epoch, received, written);
    return undefined;
  }

  private beNudged(epoch: number, address: string | undefined): DeliveryState {
    const { asks, address: other } = this.terms;
    if (!asks || address !== other) return STRANGE;
    // One of an earlier way says nothing of this one.
    if (epoch < this.epoch) return TAKEN;
    this.lost();
    if (this.phase === 'paused') this.shared.agenda.set(this, this.shared.now);
    return TAKEN;
  }

  private answered(stream: LaterSink, received: number, written: number): void {
    this.flow.adoptSink(stream.transit, stream);
    this.goOn(received, written);
  }

  private resumed(stream: LaterSink, epoch: number, received: number, written: number): void {
    if (this.isUp) this.lost();
    this.flow.dropStreams();
    this.epoch = epoch;
    this.flow.adoptSink(stream.transit, stream);
    this.phase = 'asking';
    if (this.openStream()) {
      if (this.isAsking) this.goOn(received, written);
      return;
    }
    this.flow.dropStreams();
    this.retry();
  }

  private goOn(received: number, written: number): void {
    this.phase = 'up';
    this.shared.agenda.delete(this);
    this.dueAt = Number.POSITIVE_INFINITY;
    this.shared.counters.resumed++;
    this.flow.caughtUp(received, written);
    this.flow.goOn();
  }

  /** Sends the head of a stream to the other end. @returns false when there is no way */
  private openStream(): boolean {
    const { dispatcher, routerId } = this.shared;
    const { address, token } = this.terms;
    const { flow, epoch } = this;
    const inlet = new LaterSource(flow);
    const source = new Transit(inlet, dispatcher, 0, false);
    source.annotations = streamAnnotations(routerId);
    source.to = address;
    flow.adoptSource(source, inlet);
    const terms = { offerKib: flow.offerKib, token, epoch, received: flow.bytesOut, written: flow.bytesWritten };
    return dispatcher.forward(source, composeAnswerHead(address, terms));
  }
}

/** Where an end of a flow is reached as long as it lives. */
export function flowAddress(home: string, name: string): string {
  return `${home}${FLOW_PREFIX}${name}`;
}

export const FLOW_PREFIX = 'flow.';

/** Hears what becomes of a message that asks the other end to resume. */
class NudgeInlet implements Inlet {
  private readonly survival: Survival;

  constructor(survival: Survival) {
    this.survival = survival;
  }

  update(state: DeliveryState | undefined): void {
    this.survival.nudged(state);
  }

  hold(): void {}

  resume(): void {}
}

const FORGOTTEN = 'the other end has forgotten the flow';
const TAKEN: DeliveryState = { state: 'accepted' };
const STRANGE: DeliveryState = {
  state: 'rejected',
  error: { condition: 'amqp:not-found', description: 'the flow is not one of this end' },
};
