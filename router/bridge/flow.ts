/**
 * A flow: one TCP connection and the two streams that carry it (wire reference 6), seen from one of its two ends.
 *
 * As inlet it produces the stream of what its socket reads, within the end-to-end window; as outlet it consumes the
 * stream of what its socket is to write, and reports what was written. It is pure: the socket is reached by effects.
 *
 * Endings are faithful. FIN crosses as the end of a stream and half-closes only that direction; everything else that
 * ends a direction early (reset, a refused backend) resets the socket and breaks both streams off. A lost way does so too, unless the
 * other end is one of ours: then the flow goes on over another (`resume/survival.ts`), by new streams that begin where the old ones were lost.
 * Invariants: nothing is read before the other end has answered, so a refused flow can be sent elsewhere whole;
 * `over` is reached exactly once.
 */

import type { DeliveryState } from '../amqp/codec/performatives.ts';
import { countOutcome } from '../amqp/engine/link-counters.ts';
import { FLOW_QUEUE_BYTES_HIGH, OUTLET_BYTES_LOW, WINDOWED_OUTLET_BYTES_HIGH } from '../core/limits.ts';
import { type Inlet, isFailure, type Outlet, type Transit } from '../core/transit.ts';
import { refusedText } from '../policy/refusal.ts';
import type { Door, Refusal, Ticket } from '../policy/ticket.ts';
import type { FlowMeter } from './flow-meter.ts';
import type { FlowEntity, FlowNote, FlowOwner } from './flow-owner.ts';
import type { FlowTerms } from './flow-terms.ts';
import type { FlowTrace } from './flow-tracer.ts';
import { ACCEPTED, BROKEN_OFF, FAILED, RESET } from './outcomes.ts';
import type { BridgePolicies } from './policies.ts';
import { type Reporting, reportBytes } from './report-queue.ts';
import { type Addressee, GIVEN_UP, type LaterSink, NO_END } from './resume/streams.ts';
import { Survival, type SurvivalTerms, type SurvivingFlow } from './resume/survival.ts';
import { SendWindow } from './send-window.ts';

export abstract class Flow implements Inlet, Outlet, Reporting, SurvivingFlow {
  readonly id: number;
  protected readonly owner: FlowOwner;
  readonly entity: FlowEntity;

  /** The stream this end produces. */
  protected source: Transit | undefined;
  /** This end of that stream: the flow itself is the one of its first streams. */
  sourceEnd: Inlet = this;
  protected readonly window = new SendWindow();
  private answered = false;
  private windowOpen = false;
  private paused = true;
  private sourceHeld = false;
  private sourceEnded = false;
  private sourceSettled = false;

  /** The stream this end consumes. */
  protected sink: Transit | undefined;
  sinkEnd: Outlet = this;
  readonly isEnd = true;
  private firstSink: Transit | undefined;
  private toWrite = 0;
  private written = 0;
  private reported = 0;
  private reportQueued = false;
  private sinkEnded = false;
  private sinkSettled = false;

  /** Where policies select the service; and where they limit its octets. */
  ticket: Ticket | undefined;
  meter: FlowMeter | undefined;

  protected over = false;
  /** The other end is a router of ours too, and has said so. */
  protected ours = false;
  /** Of a flow that may go on over another way. */
  protected survival: Survival | undefined;
  /** When the first octet was read from the socket, and the first was there for it, ms; 0 before. */
  firstInAt = 0;
  firstOutAt = 0;

  constructor(id: number, owner: FlowOwner, entity: FlowEntity) {
    this.id = id;
    this.owner = owner;
    this.entity = entity;
  }

  /** Octets read from the socket. */
  get bytesIn(): number {
    return this.window.sentBytes;
  }

  /** Octets for the socket. */
  get bytesOut(): number {
    return this.toWrite;
  }

  /** Octets that the socket has taken. */
  get bytesWritten(): number {
    return this.written;
  }

  // ---- the socket's side

  /** Octets read from the socket. @returns false when the socket is to stop reading at once */
  received(bytes: Buffer): boolean {
    const { survival } = this;
    if (this.over || this.sourceEnded || !(this.source || survival)) return false;
    const { window } = this;
    if (window.sentBytes === 0) this.firstReceived();
    window.sent(window.sentBytes + bytes.length, this.owner.now);
    this.entity.counters.bytesIn += bytes.length;
    this.meter?.read(bytes.length);
    survival?.retained.push(bytes);
    // What the socket had at hand when the way was lost goes over the next.
    if (this.source && survival?.isUp !== false) {
      this.source.write(bytes);
      this.source.overfull(FLOW_QUEUE_BYTES_HIGH);
    }
    this.adjustReading();
    return !this.paused;
  }

  /** The socket's peer has ended its direction. */
  receivedEnd(): void {
    if (this.over || this.sourceEnded) return;
    this.sourceEnded = true;
    if (this.survival !== undefined) {
      // What is under way is this end's until the other has taken it.
      if (this.survival.isUp) this.source?.end(false);
      return;
    }
    // Nobody waits for an outcome when our own writing is over too: the connection is complete.
    this.source?.end(this.sinkSettled);
    if (this.sinkSettled) this.sourceSettled = true;
    this.checkOver();
  }

  /** The socket broke. @param reason for people, if it is known */
  socketLost(reason?: string): void {
    if (this.survival === undefined || !this.socketDone) this.breakOff(false, reason);
  }

  /** The socket has taken so many octets in all. */
  socketWritten(total: number): void {
    if (this.over) return;
    this.owner.budget.give(total - this.written);
    this.written = total;
    if (this.queuedBytes < OUTLET_BYTES_LOW) this.sink?.drained(this.sinkEnd);
    if (!this.sinkSettled) this.considerReport();
    if (this.sinkEnded && total === this.toWrite && this.sink?.complete) this.settleSink();
  }

  // ---- Inlet: what the network says of the stream this end produces

  update(state: DeliveryState | undefined, settled: boolean): void {
    if (this.sourceEnd === this) this.sourceUpdate(state, settled);
  }

  sourceUpdate(state: DeliveryState | undefined, settled: boolean): void {
    if (this.over) return;
    if (state?.state === 'received') {
      const { sectionOffset, sectionNumber } = state;
      const isNews = this.windowOpen && this.window.acknowledged(Number(sectionOffset), sectionNumber, this.owner.now);
      if (!isNews) return;
      this.survival?.retained.release(this.window.acknowledgedBytes);
      this.adjustReading();
      return;
    }
    if (!this.sourceSettled) countOutcome(this.owner.deliveries, state);
    if (this.survival !== undefined) {
      this.survivorUpdate(this.survival, state, settled);
      return;
    }
    if (isFailure(state)) {
      this.sourceRefused(state);
      return;
    }
    if (settled || state) {
      // Accepted, or settled without a state: the window is off from here on (wire reference 6.6).
      this.acceptSource();
    }
  }

  private acceptSource(): void {
    this.windowOpen = false;
    this.window.close();
    this.sourceSettled = true;
    this.adjustReading();
    this.checkOver();
  }

  /** Only the other end rejects: its socket was reset. Whatever else is no acceptance of the whole is the loss of the way. */
  private survivorUpdate(survival: Survival, state: DeliveryState | undefined, settled: boolean): void {
    if (state?.state === 'rejected') this.forgotten(BROKEN_OFF);
    else if (state?.state === 'accepted' && this.sourceEnded && !survival.isAsking) {
      survival.retained.clear();
      this.acceptSource();
    } else if (state !== undefined || settled) survival.lost();
  }

  hold(): void {
    if (this.sourceEnd === this) this.holdSource(true);
  }

  resume(): void {
    if (this.sourceEnd === this) this.holdSource(false);
  }

  holdSource(held: boolean): void {
    this.sourceHeld = held;
    if (held) this.window.held();
    this.adjustReading();
  }

  // ---- Outlet: the stream this end consumes

  abstract write(bytes: Buffer): void;

  /** Octets of the stream's body go to the socket. */
  protected writeBody(bytes: Buffer): void {
    if (this.over || this.sinkEnded || bytes.length === 0) return;
    if (this.toWrite === 0) this.firstOutAt = this.owner.now;
    this.toWrite += bytes.length;
    this.owner.budget.take(bytes.length);
    this.entity.counters.bytesOut += bytes.length;
    if (this.meter === undefined) this.owner.effects.push({ type: 'flow-write', flow: this.id, bytes });
    else this.meter.write(bytes);
  }

  end(settled: boolean): void {
    if (this.sinkEnd === this) this.sinkStreamEnded(settled);
    else if (!settled) this.firstSink?.outcome(this, FAILED, true);
  }

  /** By a stream that the flow goes on by, its end may come once more. */
  sinkStreamEnded(settled: boolean): void {
    if (this.over) {
      // The end of a stream that was broken off: its producer waits for the last word.
      if (!settled) this.sink?.outcome(this.sinkEnd, FAILED, true);
      return;
    }
    if (!this.sinkEnded) this.endSocket();
    this.sinkEnded = true;
    if (settled) this.sinkSettled = true;
    if (this.written === this.toWrite) this.settleSink();
    else this.checkOver();
  }

  private endSocket(): void {
    if (this.meter === undefined) this.owner.effects.push({ type: 'flow-end', flow: this.id });
    else this.meter.end();
  }

  abort(): void {
    if (this.sinkEnd === this) this.sinkAborted();
  }

  sinkAborted(): void {
    if (this.survival !== undefined && !this.over) {
      this.survival.lost();
      return;
    }
    this.sinkSettled = true;
    this.breakOff(true);
  }

  senderUpdate(_state: DeliveryState | undefined, settled: boolean): void {
    if (settled && this.sinkEnd === this && this.survival === undefined) {
      this.sinkSettled = true;
      this.checkOver();
    }
  }

  get queuedBytes(): number {
    return this.toWrite - this.written;
  }

  /** One of ours sends no more than it was offered. */
  get queuedBytesMax(): number {
    return this.ours && !this.owner.budget.exhausted ? Number.POSITIVE_INFINITY : WINDOWED_OUTLET_BYTES_HIGH;
  }

  /** Who sends keeps what it has not been told of. */
  reportDue(): void {
    this.reportQueued = false;
    if (!this.over && !this.sinkSettled && this.written > this.reported) this.report();
  }

  /** What this flow holds is nobody's any more: it is over. */
  release(): void {
    this.window.close();
    this.owner.budget.give(this.queuedBytes);
    this.written = this.toWrite;
  }

  // ---- for the two kinds of flow

  /** Where it has come in, for policies that have changed; undefined while that is not known. */
  abstract doorBy(policies: BridgePolicies): Door | undefined;
  protected abstract readonly note: FlowNote | undefined;
  /** Of a flow that is traced. */
  abstract readonly trace: FlowTrace | undefined;

  protected firstReceived(): void {
    this.firstInAt = this.owner.now;
  }

  /** The stream this end produces was refused or broke down there. */
  protected sourceRefused(_state: DeliveryState | undefined, reason?: string): void {
    this.sourceSettled = true;
    this.breakOff(true, reason);
  }

  /** Both ends are there: it is open. */
  get isAnswered(): boolean {
    return this.answered;
  }

  /** The other end has answered: octets may flow from the socket. */
  protected openSource(): void {
    this.answered = true;
    this.windowOpen = true;
    this.adjustReading();
  }

  /** What the other end has said in the head of its stream. */
  protected agree(terms: FlowTerms | undefined): void {
    if (terms === undefined) return;
    this.ours = true;
    this.window.tune(this.owner.budget, terms.offerKib * 1024);
  }

  /** Who takes what comes for the address of this flow; undefined of one that has none. */
  get addressee(): Addressee | undefined {
    return this.survival;
  }

  get streamCounter(): { openCount: number } | undefined {
    return undefined;
  }

  /** What this end can take, KiB. */
  get offerKib(): number {
    return this.owner.budget.shareBytes >> 10;
  }

  // ---- of a flow that goes on over another way

  protected survive(terms: SurvivalTerms): void {
    this.survival = new Survival(this, terms, this.owner.survivals);
  }

  bodyArrived(bytes: Buffer): void {
    this.writeBody(bytes);
  }

  /** What they still say is not heard; what they still have to be told is told to them. */
  dropStreams(): void {
    const { source, sink, sinkEnd } = this;
    if (sinkEnd === this) this.firstSink = sink;
    this.source = undefined;
    this.sink = undefined;
    this.sourceEnd = NO_END;
    this.sinkEnd = NO_END;
    this.sourceHeld = false;
    if (this.sourceSettled) source?.end(true);
    else source?.abort();
    if (!this.sinkSettled) sink?.outcome(sinkEnd, this.isKnownThere ? GIVEN_UP : FAILED, sink.complete);
    this.sinkSettled = false;
  }

  adoptSource(source: Transit, inlet: Inlet): void {
    this.source = source;
    this.sourceEnd = inlet;
    // Its head says so.
    this.reported = this.written;
  }

  adoptSink(sink: Transit, outlet: LaterSink): void {
    this.sink = sink;
    this.sinkEnd = outlet;
  }

  caughtUp(received: number, written: number): void {
    if (this.sourceSettled) return;
    this.window.restart();
    this.window.acknowledged(written, 0, this.owner.now);
    this.survival?.retained.release(received);
  }

  goOn(): void {
    const { source, survival } = this;
    if (!source || !survival) return;
    source.commit();
    for (const bytes of survival.retained.all()) source.write(bytes);
    source.overfull(FLOW_QUEUE_BYTES_HIGH);
    if (this.sourceEnded) source.end(this.sourceSettled);
    // Written since the other end was told, when there was nothing to tell it by.
    this.considerReport();
    this.adjustReading();
  }

  forgotten(reason: string): void {
    if (this.over) return;
    // Nothing is left to do for the socket: what is missing is the last word alone.
    if (this.socketDone) {
      this.dropStreams();
      this.finish();
    } else this.breakOff(true, reason);
  }

  /**
   * Both streams are broken off; the socket is reset unless it broke by itself.
   * @param reason for people, where the fault is at this end
   */
  breakOff(resetSocket: boolean, reason?: string): void {
    if (this.over) return;
    this.over = true;
    this.note?.ended(reason ?? BROKEN_OFF);
    this.trace?.ended(reason ?? BROKEN_OFF);
    this.countBroken(resetSocket);
    if (resetSocket) this.owner.effects.push({ type: 'flow-reset', flow: this.id });
    if (this.sourceSettled) this.source?.end(true);
    else this.source?.abort();
    if (!this.sinkSettled) this.sink?.outcome(this.sinkEnd, this.isKnownThere ? RESET : FAILED, this.sink.complete);
    this.survival?.end();
    this.owner.flowOver(this);
  }

  /** @param resetSocket it did not break by itself */
  protected countBroken(_resetSocket: boolean): void {
    this.entity.counters.connectionsReset++;
  }

  /** The other end has shown that the flow stands: nobody may take it for one that is still to be sent elsewhere. */
  private get isKnownThere(): boolean {
    const { survival } = this;
    if (survival === undefined) return false;
    return this.toWrite > 0 || this.sinkEnded || this.window.acknowledgedBytes > 0 || survival.hasMoved;
  }

  /** Ended from here, whatever is under way: the other end is told, at once or as soon as it asks. @param reason for people */
  reset(reason?: string): void {
    this.breakOff(true, reason);
  }

  /** A policy that has changed does not allow it. */
  forbidden({ reason }: Refusal): void {
    this.reset(refusedText(reason));
  }

  private considerReport(): void {
    const unreported = this.written - this.reported;
    const { ours, owner } = this;
    if (unreported >= reportBytes(ours, this.written === this.toWrite, owner.budget.tight)) this.report();
    else if (ours && !this.reportQueued && unreported > 0) {
      this.reportQueued = true;
      owner.reports.push(this, owner.now);
    }
  }

  private report(): void {
    const { sink } = this;
    if (sink === undefined) return;
    this.reported = this.written;
    const sectionNumber = this.ours ? this.offerKib : 0;
    sink.outcome(this.sinkEnd, { state: 'received', sectionNumber, sectionOffset: this.written }, false);
  }

  private settleSink(): void {
    if (!this.sinkSettled) {
      this.sinkSettled = true;
      this.sink?.outcome(this.sinkEnd, ACCEPTED, true);
    }
    this.checkOver();
  }

  /** Both its directions have ended, and it has taken all. */
  private get socketDone(): boolean {
    return this.sourceEnded && this.sinkEnded && this.written === this.toWrite;
  }

  private checkOver(): void {
    if (this.over || !this.socketDone) return;
    // A flow that may lose its way is kept until the other end has taken all.
    if (this.survival === undefined || (this.sourceSettled && this.sinkSettled)) this.finish();
  }

  private finish(): void {
    this.over = true;
    this.note?.ended();
    this.trace?.ended();
    this.survival?.end();
    this.owner.flowOver(this);
  }

  adjustReading(): void {
    if (this.over) return;
    const full = this.windowOpen && this.window.full;
    const isHeld = this.sourceHeld || this.meter?.isHeld === true;
    const pause = isHeld || full || !this.answered || this.survival?.isUp === false;
    if (pause === this.paused) return;
    this.paused = pause;
    this.owner.effects.push({ type: pause ? 'flow-pause' : 'flow-resume', flow: this.id });
  }
}
