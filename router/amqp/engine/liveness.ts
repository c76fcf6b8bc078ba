/**
 * Who is still there: the idle time-out and the heartbeats of one connection (2.4.5), and of connections between the same
 * two ends, which speak for each other (docs/adr/0028).
 *
 * No frames and no clock. Invariants: a peer is never called silent by the first look, since what it sent may wait unread in
 * a socket of a process that stood still; octets on any connection of a group speak for all; the pace between two of ours
 * only makes it quicker than what was advertised.
 */
import { secondLookMs } from './limits.ts';

/** Times between two ends that know more than AMQP asks for, ms. */
export interface Pace {
  /** How often the peer wants to hear from us. */
  readonly heartbeatMs: number;
  /** The same while the network between loses what is sent, and for how long after it was seen to. */
  readonly troubledHeartbeatMs: number;
  readonly troubledForMs: number;
  /** Silence on all connections of a group, or on a lone one, after which the peer is given up. */
  readonly silenceMsMax: number;
  /** The same for a lone connection in a troubled network: one segment that is lost twice holds up all behind it. */
  readonly loneSilenceMsMax: number;
  /** Silence of one connection while others of its group are heard. */
  readonly memberSilenceMsMax: number;
}

/** Connections between the same two ends. */
export class LivenessGroup {
  heardAt = Number.NEGATIVE_INFINITY;
  private readonly members: object[] = [];

  get memberCount(): number {
    return this.members.length;
  }

  join(member: object): void {
    this.members.push(member);
  }

  leave(member: object): void {
    const at = this.members.indexOf(member);
    if (at >= 0) this.members.splice(at, 1);
  }

  /** Members take turns, so that what a network loses at one time is not a heartbeat of each. @returns share of the pace */
  turnOf(member: object): number {
    return Math.max(0, this.members.indexOf(member)) / Math.max(1, this.members.length);
  }
}

export class Liveness {
  private group: LivenessGroup | undefined;
  private pace: Pace | undefined;
  private heardAt: number;
  private sentAt: number;
  /** Something came later than heartbeats do: until then the network counts as troubled. */
  private troubledUntil = Number.NEGATIVE_INFINITY;
  /** When the peer was first found silent; what is heard undoes it. */
  private doubtedAt = Number.NEGATIVE_INFINITY;
  private idleMsMax: number;
  private heartbeatMs = Number.POSITIVE_INFINITY;

  /** @param idleMsMax silence that is borne, Infinity for any */
  constructor(idleMsMax: number, now: number) {
    this.idleMsMax = idleMsMax;
    this.heardAt = now;
    this.sentAt = now;
  }

  /** Something came late not long ago. */
  get isTroubled(): boolean {
    return this.heardAt < this.troubledUntil;
  }

  hurry(pace: Pace): void {
    this.pace = pace;
  }

  join(group: LivenessGroup): void {
    if (this.group !== undefined) return;
    this.group = group;
    group.join(this);
    group.heardAt = Math.max(group.heardAt, this.heardAt);
  }

  leave(): void {
    this.group?.leave(this);
    this.group = undefined;
  }

  remoteIdleTimeOut(idleTimeOutMs: number): void {
    this.heartbeatMs = idleTimeOutMs / 2;
  }

  received(now: number): void {
    const { pace, group } = this;
    if (pace !== undefined && now - this.heardAt > TROUBLE_HEARTBEATS * pace.heartbeatMs) {
      this.troubledUntil = now + pace.troubledForMs;
    }
    this.heardAt = now;
    if (group !== undefined) group.heardAt = now;
  }

  transmitted(now: number): void {
    this.sentAt = now;
  }

  deadline(): number {
    const silentAt = this.silentAt();
    const verdictAt = this.isDoubted(silentAt) ? this.doubtedAt + secondLookMs : silentAt;
    return Math.min(verdictAt, this.heartbeatAt());
  }

  /** To be asked when the deadline has come: true when the peer is given up. */
  isSilent(now: number): boolean {
    const silentAt = this.silentAt();
    if (now < silentAt) return false;
    if (this.isDoubted(silentAt)) return now >= this.doubtedAt + secondLookMs;
    this.doubtedAt = now;
    return false;
  }

  isHeartbeatDue(now: number): boolean {
    return now >= this.heartbeatAt();
  }

  /** The doubt is of the present silence. */
  private isDoubted(silentAt: number): boolean {
    return this.doubtedAt >= silentAt;
  }

  private silentAt(): number {
    const { pace, group, heardAt } = this;
    const idleAt = heardAt + this.idleMsMax;
    if (pace === undefined) return idleAt;
    if (group === undefined || group.memberCount < 2) {
      return Math.min(idleAt, heardAt + (this.isTroubled ? pace.loneSilenceMsMax : pace.silenceMsMax));
    }
    return Math.min(idleAt, heardAt + pace.memberSilenceMsMax, group.heardAt + pace.silenceMsMax);
  }

  private heartbeatAt(): number {
    const { pace, sentAt } = this;
    if (pace === undefined) return sentAt + this.heartbeatMs;
    const paceMs = Math.min(this.isTroubled ? pace.troubledHeartbeatMs : pace.heartbeatMs, this.heartbeatMs);
    // All that send at one pace do so at the same times, for one wake-up; nobody later than half a pace too late.
    const turnMs = (this.group?.turnOf(this) ?? 0) * paceMs;
    const earliest = sentAt + paceMs / 2;
    return Math.ceil((earliest - turnMs) / paceMs) * paceMs + turnMs;
  }
}

/** So many heartbeats of the peer late is more than a busy event loop. */
const TROUBLE_HEARTBEATS = 2;
