/**
 * Which of several processes speaks for the own cluster: an old and a new one, or two of a pair. No clock. Pure.
 *
 * The highest is heard. Who has just begun and hears a higher one goes above it once, whatever the clocks say; else it is silent
 * from then on. The silent one speaks again when the other leaves or falls silent; its own good-bye would be that of the cluster,
 * so it says none. Who only listens keeps count, so that it begins above all it heard.
 */
import type { Head } from './messages.ts';
import { compareSpeakers, type Speaker } from './peer.ts';

/** `show`: tell the other that this one is here. `begin`: tell everyone that this one speaks now. */
export type TurnChange = 'show' | 'begin' | undefined;

export class Turn {
  instance: number;
  /** Another process speaks. */
  isSilent = false;
  /** The hash that the last other speaker told of its set; '' when there was none. */
  hashHeard = '';
  readonly box: number;
  private readonly leaseMs: number;
  private rival: Speaker = { instance: -1, box: -1 };
  private rivalHeardAt = -Infinity;
  private mayGoAboveUntil = -Infinity;
  private wantsTurn = false;

  constructor(instance: number, leaseMs: number) {
    this.instance = instance;
    this.box = instance;
    this.leaseMs = leaseMs;
  }

  /** This process has something to say from now on. */
  want(now: number): void {
    this.wantsTurn = true;
    this.isSilent = false;
    this.goAbove();
    this.mayGoAboveUntil = now + this.leaseMs;
  }

  /** It has not, from now on. */
  resign(): void {
    this.wantsTurn = false;
    this.isSilent = false;
  }

  connected(now: number): void {
    this.rivalHeardAt = now;
  }

  /** A message of another process of the own cluster. */
  heard(message: Head & { type: string; hash?: string }, now: number): TurnChange {
    if (message.hash !== undefined) this.hashHeard = message.hash;
    const isHigher = compareSpeakers(message, this) > 0;
    if (!isHigher && !this.isSilent) return this.wantsTurn && message.type !== 'leave' ? 'show' : undefined;
    if (compareSpeakers(message, this.rival) >= 0) this.rival = { instance: message.instance, box: message.box };
    else if (message.type === 'leave') return undefined;
    if (message.type === 'leave') return this.wantsTurn ? this.speakAgain() : undefined;
    this.rivalHeardAt = now;
    if (!this.wantsTurn || this.isSilent) return undefined;
    if (now < this.mayGoAboveUntil) {
      this.mayGoAboveUntil = -Infinity;
      return this.speakAgain();
    }
    this.isSilent = true;
    return undefined;
  }

  /** When the other's lease ends while this one waits. */
  deadline(): number {
    return this.isSilent ? this.rivalHeardAt + this.leaseMs : Infinity;
  }

  tick(now: number): TurnChange {
    return now >= this.deadline() ? this.speakAgain() : undefined;
  }

  private speakAgain(): TurnChange {
    this.isSilent = false;
    this.goAbove();
    return 'begin';
  }

  private goAbove(): void {
    if (compareSpeakers(this.rival, this) >= 0) this.instance = this.rival.instance + 1;
  }
}
