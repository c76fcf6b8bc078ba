/**
 * One direction of a TCP connection through a network that loses packets, as Linux mends it: what was sent later and has arrived tells
 * what is lost (SACK and RACK, RFC 8985), and when nothing tells, a time-out that doubles (RFC 6298). Octets arrive in order, so that one
 * lost segment holds up all behind it. Acknowledgements get lost too. No window but the one after a time-out, and no delayed
 * acknowledgements: segments here are few.
 */
import type { Random } from '../../../lib/random.ts';
import type { Scheduler } from './scheduler.ts';

export interface LossyPath {
  /** One way, least and most. */
  readonly delayMs: readonly [number, number];
  /** Of a packet to be lost. */
  readonly lossShare: number;
}

interface Segment {
  readonly arrive: () => void;
  sentAt: number;
  isRepeated: boolean;
  isLost: boolean;
  hasArrived: boolean;
  isAcknowledged: boolean;
}

const RTO_MIN_MS = 200;
const WINDOW_SEGMENTS = 10;

export class LossyStream {
  private readonly scheduler: Scheduler;
  private readonly random: Random;
  private readonly path: LossyPath;
  /** Not all acknowledged yet, oldest first. */
  private segments: Segment[] = [];
  /** When the last segment left that is known to have arrived. */
  private newestArrivedSentAt = -1;
  private windowSegments = WINDOW_SEGMENTS;
  private timeoutCount = 0;
  /** Of the time-out that counts, 0 for none. */
  private timer = 0;
  private timerCount = 0;
  private reorderTimer = 0;
  private readonly delivered = new WeakSet<Segment>();

  constructor(scheduler: Scheduler, random: Random, path: LossyPath) {
    this.scheduler = scheduler;
    this.random = random;
    this.path = path;
  }

  send(arrive: () => void): void {
    const state = { isRepeated: false, isLost: false, hasArrived: false, isAcknowledged: false };
    this.segments.push({ arrive, sentAt: -1, ...state });
    this.pump();
  }

  private get roundTripMs(): number {
    return this.path.delayMs[0] + this.path.delayMs[1];
  }

  private pump(): void {
    let underWayCount = 0;
    for (const { sentAt, isLost, isAcknowledged } of this.segments) {
      if (sentAt >= 0 && !isLost && !isAcknowledged) underWayCount++;
    }
    for (const segment of this.segments) {
      if (underWayCount >= this.windowSegments) return;
      if (segment.isAcknowledged || (segment.sentAt >= 0 && !segment.isLost)) continue;
      underWayCount++;
      this.transmit(segment);
    }
  }

  private transmit(segment: Segment): void {
    segment.isRepeated = segment.sentAt >= 0;
    segment.isLost = false;
    segment.sentAt = this.scheduler.now;
    if (this.timer === 0 || segment === this.segments[0]) this.armTimeout();
    if (this.isLucky) this.scheduler.after(this.delay(), () => this.arrived(segment));
  }

  private arrived(segment: Segment): void {
    segment.hasArrived = true;
    if (this.isLucky) {
      const known = this.segments.filter(({ hasArrived }) => hasArrived);
      this.scheduler.after(this.delay(), () => this.acknowledged(known));
    }
    for (const each of this.segments) {
      if (!each.hasArrived) return;
      this.deliver(each);
    }
  }

  private deliver(segment: Segment): void {
    if (this.delivered.has(segment)) return;
    this.delivered.add(segment);
    segment.arrive();
  }

  private acknowledged(known: readonly Segment[]): void {
    for (const segment of known) {
      if (segment.isAcknowledged) continue;
      segment.isAcknowledged = true;
      // Which of two copies it was is not known before a second one can have come.
      const isOfFirst = segment.isRepeated && this.scheduler.now - segment.sentAt < this.roundTripMs * 0.9;
      if (!isOfFirst) this.newestArrivedSentAt = Math.max(this.newestArrivedSentAt, segment.sentAt);
    }
    const firstOpen = this.segments.findIndex(({ isAcknowledged }) => !isAcknowledged);
    if (firstOpen !== 0) {
      this.segments = firstOpen < 0 ? [] : this.segments.slice(firstOpen);
      this.timeoutCount = 0;
      this.windowSegments = Math.min(WINDOW_SEGMENTS, this.windowSegments + 1);
      this.armTimeout();
    }
    this.findLost();
    this.pump();
  }

  /** What left a quarter of a round trip before something that has arrived is lost. */
  private findLost(): void {
    const slackMs = this.roundTripMs / 4;
    let lookAgainAt = Number.POSITIVE_INFINITY;
    for (const segment of this.segments) {
      const { sentAt, isAcknowledged, isLost } = segment;
      if (isAcknowledged || isLost || sentAt < 0 || sentAt >= this.newestArrivedSentAt) continue;
      const dueAt = sentAt + this.roundTripMs + slackMs;
      if (this.newestArrivedSentAt - sentAt >= slackMs || this.scheduler.now >= dueAt) segment.isLost = true;
      else lookAgainAt = Math.min(lookAgainAt, dueAt);
    }
    const timer = ++this.reorderTimer;
    if (lookAgainAt === Number.POSITIVE_INFINITY) return;
    this.scheduler.at(lookAgainAt, () => {
      if (timer !== this.reorderTimer) return;
      this.findLost();
      this.pump();
    });
  }

  private armTimeout(): void {
    const timer = this.segments.length === 0 ? 0 : ++this.timerCount;
    this.timer = timer;
    if (timer === 0) return;
    const timeoutMs = (this.roundTripMs + RTO_MIN_MS) * 2 ** this.timeoutCount;
    this.scheduler.after(timeoutMs, () => {
      if (timer === this.timer) this.timedOut();
    });
  }

  private timedOut(): void {
    this.timeoutCount++;
    for (const segment of this.segments) if (!segment.isAcknowledged && segment.sentAt >= 0) segment.isLost = true;
    this.windowSegments = 1;
    this.armTimeout();
    this.pump();
  }

  private get isLucky(): boolean {
    return this.random.next() >= this.path.lossShare;
  }

  private delay(): number {
    const [least, most] = this.path.delayMs;
    return least + this.random.next() * (most - least);
  }
}
