/**
 * How fast one connection's control messages are taken. Each costs the same work whoever sent it, so a peer that floods gets no
 * more credit until its share has grown again, and its messages wait at its own end. A big one counts as several.
 */
import type { ReceiverLink } from '../amqp/engine/receiver-link.ts';
import { CONTROL_BURST, CONTROL_MESSAGE_SHARE_BYTES, CONTROL_PER_SECOND, LINK_CAPACITY } from './limits.ts';

export class ControlPace {
  /** When credit is to be given again; Infinity while it need not. */
  dueAt = Number.POSITIVE_INFINITY;
  private readonly link: ReceiverLink;
  private share = CONTROL_BURST;
  private at: number | undefined;

  constructor(link: ReceiverLink) {
    this.link = link;
    link.autoCredit = false;
    link.grant(LINK_CAPACITY);
  }

  /** @returns false when the peer has to wait from now on */
  took(sizeBytes: number, now: number): boolean {
    this.grow(now);
    this.share -= 1 + sizeBytes / CONTROL_MESSAGE_SHARE_BYTES;
    if (this.link.credit > LINK_CAPACITY / 2 || this.dueAt !== Number.POSITIVE_INFINITY) return true;
    if (this.give()) return true;
    this.dueAt = now + ((LINK_CAPACITY - this.share) / CONTROL_PER_SECOND) * 1000;
    return false;
  }

  tick(now: number): void {
    if (now < this.dueAt) return;
    this.dueAt = Number.POSITIVE_INFINITY;
    this.grow(now);
    this.link.grant(LINK_CAPACITY);
  }

  private give(): boolean {
    if (this.share < LINK_CAPACITY) return false;
    this.link.grant(LINK_CAPACITY);
    return true;
  }

  private grow(now: number): void {
    const elapsedMs = Math.max(0, now - (this.at ?? now));
    this.at = now;
    this.share = Math.min(CONTROL_BURST, this.share + (elapsedMs / 1000) * CONTROL_PER_SECOND);
  }
}
