/**
 * A flow: one TCP connection and the two streams that carry it (wire reference 6), seen from one of its two ends.
 *
 * As inlet it produces the stream of what its socket reads, within the end-to-end window; as outlet it consumes the
 * stream of what its socket is to write, and reports what was written. It is pure: the socket is reached by effects.
 *
 * Endings are faithful. FIN crosses as the end of a stream and half-closes only that direction; everything else that
 * ends a direction early (reset, a lost link, a refused backend) resets the socket and breaks both streams off.
 * Invariants: nothing is read before the other end has answered, so a refused flow can be sent elsewhere whole;
 * `over` is reached exactly once.
 */

import type { DeliveryState } from '../amqp/codec/performatives.ts';
import { countOutcome } from '../amqp/engine/link-counters.ts';
import type { DeliveryCounters } from '../core/delivery-counters.ts';
import type { Effects } from '../core/effects.ts';
import {
  FLOW_QUEUE_BYTES_HIGH,
  FLOW_REPORT_BYTES,
  FLOW_REPORT_BYTES_OURS,
  FLOW_REPORT_BYTES_QUIET,
  FLOW_REPORT_BYTES_SHORT,
  OUTLET_BYTES_LOW,
  WINDOWED_OUTLET_BYTES_HIGH,
} from '../core/limits.ts';
import { type Inlet, isFailure, type Outlet, type Transit } from '../core/transit.ts';
import type { FlowBudget } from './flow-budget.ts';
import type { FlowTerms } from './flow-terms.ts';
import type { Reporting, ReportQueue } from './report-queue.ts';
import { SendWindow } from './send-window.ts';

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
  flowOver(flow: Flow): void;
  /** An observer could not follow a connection to its end that was HTTP in the beginning. */
  observerGaveUp(): void;
}

/** Who is told that a flow is over. */
export interface FlowNote {
  /** @param error why it was broken off */
  ended(error?: string): void;
}

export abstract class Flow implements Inlet, Outlet, Reporting {
  readonly id: number;
  protected readonly owner: FlowOwner;
  readonly entity: FlowEntity;

  /** The stream this end produces. */
  protected source: Transit | undefined;
  protected readonly window = new SendWindow();
  private answered = false;
  private windowOpen = false;
  private paused = true;
  private sourceHeld = false;
  private sourceEnded = false;
  private sourceSettled = false;

  /** The stream this end consumes. */
  protected sink: Transit | undefined;
  private toWrite = 0;
  private written = 0;
  private reported = 0;
  private reportQueued = false;
  private sinkEnded = false;
  private sinkSettled = false;

  protected over = false;
  /** The other end is a router of ours too, and has said so. */
  protected ours = false;
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

  // ---- the socket's side

  /** Octets read from the socket. @returns false when the socket is to stop reading at once */
  received(bytes: Buffer): boolean {
    if (this.over || this.sourceEnded || !this.source) return false;
    const { window } = this;
    if (window.sentBytes === 0) this.firstReceived();
    window.sent(window.sentBytes + bytes.length, this.owner.now);
    this.entity.counters.bytesIn += bytes.length;
    this.source.write(bytes);
    this.source.overfull(FLOW_QUEUE_BYTES_HIGH);
    this.adjustReading();
    return !this.paused;
  }

  /** The socket's peer has ended its direction. */
  receivedEnd(): void {
    if (this.over || this.sourceEnded) return;
    this.sourceEnded = true;
    // Nobody waits for an outcome when our own writing is over too: the connection is complete.
    this.source?.end(this.sinkSettled);
    if (this.sinkSettled) this.sourceSettled = true;
    this.checkOver();
  }

  /** The socket broke. @param reason for people, if it is known */
  socketLost(reason?: string): void {
    this.breakOff(false, reason);
  }

  /** The socket has taken so many octets in all. */
  socketWritten(total: number): void {
    if (this.over) return;
    this.owner.budget.give(total - this.written);
    this.written = total;
    if (this.queuedBytes < OUTLET_BYTES_LOW) this.sink?.drained(this);
    if (!this.sinkSettled) this.considerReport();
    if (this.sinkEnded && total === this.toWrite) this.settleSink();
  }

  // ---- Inlet: what the network says of the stream this end produces

  update(state: DeliveryState | undefined, settled: boolean): void {
    if (this.over) return;
    if (state?.state === 'received') {
      const { sectionOffset, sectionNumber } = state;
      const isNews = this.windowOpen && this.window.acknowledged(Number(sectionOffset), sectionNumber, this.owner.now);
      if (isNews) this.adjustReading();
      return;
    }
    if (!this.sourceSettled) countOutcome(this.owner.deliveries, state);
    if (isFailure(state)) {
      this.sourceRefused(state);
      return;
    }
    if (settled || state) {
      // Accepted, or settled without a state: the window is off from here on (wire reference 6.6).
      this.windowOpen = false;
      this.window.close();
      this.sourceSettled = true;
      this.adjustReading();
      this.checkOver();
    }
  }

  hold(): void {
    this.sourceHeld = true;
    this.window.held();
    this.adjustReading();
  }

  resume(): void {
    this.sourceHeld = false;
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
    this.owner.effects.push({ type: 'flow-write', flow: this.id, bytes });
  }

  end(settled: boolean): void {
    if (this.over) {
      // The end of a stream that was broken off: its producer waits for the last word.
      if (!settled) this.sink?.outcome(this, FAILED, true);
      return;
    }
    if (this.sinkEnded) return;
    this.sinkEnded = true;
    if (settled) this.sinkSettled = true;
    this.owner.effects.push({ type: 'flow-end', flow: this.id });
    if (this.written === this.toWrite) this.settleSink();
    else this.checkOver();
  }

  abort(): void {
    this.sinkSettled = true;
    this.breakOff(true);
  }

  senderUpdate(_state: DeliveryState | undefined, settled: boolean): void {
    if (settled) {
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

  protected abstract readonly note: FlowNote | undefined;

  protected firstReceived(): void {
    this.firstInAt = this.owner.now;
  }

  /** The stream this end produces was refused or broke down there. */
  protected sourceRefused(_state: DeliveryState | undefined): void {
    this.sourceSettled = true;
    this.breakOff(true);
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

  /** What this end says. */
  protected get terms(): FlowTerms {
    return { offerKib: this.owner.budget.shareBytes >> 10 };
  }

  /**
   * Both streams are broken off; the socket is reset unless it broke by itself.
   * @param reason for people, where the fault is at this end
   */
  protected breakOff(resetSocket: boolean, reason?: string): void {
    if (this.over) return;
    this.over = true;
    this.note?.ended(reason ?? BROKEN_OFF);
    this.entity.counters.connectionsReset++;
    if (resetSocket) this.owner.effects.push({ type: 'flow-reset', flow: this.id });
    if (this.sourceSettled) this.source?.end(true);
    else this.source?.abort();
    if (!this.sinkSettled) this.sink?.outcome(this, FAILED, this.sink.complete);
    this.owner.flowOver(this);
  }

  private considerReport(): void {
    const unreported = this.written - this.reported;
    if (!this.ours) {
      if (unreported >= FLOW_REPORT_BYTES) this.report();
      return;
    }
    const isQuiet = this.written === this.toWrite;
    const quietBytes = this.owner.budget.tight ? FLOW_REPORT_BYTES_SHORT : FLOW_REPORT_BYTES_QUIET;
    const due = isQuiet ? quietBytes : FLOW_REPORT_BYTES_OURS;
    if (unreported >= due) this.report();
    else if (!this.reportQueued && unreported > 0) {
      this.reportQueued = true;
      this.owner.reports.push(this, this.owner.now);
    }
  }

  private report(): void {
    this.reported = this.written;
    const sectionNumber = this.ours ? this.terms.offerKib : 0;
    this.sink?.outcome(this, { state: 'received', sectionNumber, sectionOffset: this.written }, false);
  }

  private settleSink(): void {
    if (!this.sinkSettled) {
      this.sinkSettled = true;
      this.sink?.outcome(this, ACCEPTED, true);
    }
    this.checkOver();
  }

  private checkOver(): void {
    if (this.over || !this.sourceEnded || !this.sinkEnded || this.written !== this.toWrite) return;
    this.over = true;
    this.note?.ended();
    this.owner.flowOver(this);
  }

  private adjustReading(): void {
    if (this.over) return;
    const full = this.windowOpen && this.window.full;
    const pause = this.sourceHeld || full || !this.answered;
    if (pause === this.paused) return;
    this.paused = pause;
    this.owner.effects.push({ type: pause ? 'flow-pause' : 'flow-resume', flow: this.id });
  }
}

const BROKEN_OFF = 'delivery-failed (broken off at the other end, or on the way)';
const ACCEPTED: DeliveryState = { state: 'accepted' };
const FAILED: DeliveryState = { state: 'modified', deliveryFailed: true, undeliverableHere: false };
