/**
 * How many transfer frames a session still takes before the peer must hear from us (2.5.6).
 *
 * Octets that the owner holds shrink what is granted next; what is granted already is never taken back.
 */
import { add } from './serial.ts';

export class IncomingWindow {
  /** The transfer-id expected next. */
  nextIncomingId = 0;
  /** Frames that the peer may send from `nextIncomingId` on. */
  frames: number;

  readonly #framesMax: number;
  readonly #frameSizeBytes: number;
  #heldBytes = 0;

  constructor(framesMax: number, frameSizeBytes: number) {
    this.frames = framesMax;
    this.#framesMax = framesMax;
    this.#frameSizeBytes = frameSizeBytes;
  }

  hold(sizeBytes: number): void {
    this.#heldBytes += sizeBytes;
  }

  release(sizeBytes: number): void {
    this.#heldBytes -= sizeBytes;
  }

  /** Counts one frame; false when it is beyond the window. */
  use(): boolean {
    if (this.frames === 0) return false;
    this.frames -= 1;
    this.nextIncomingId = add(this.nextIncomingId, 1);
    return true;
  }

  /** True when half of what the held octets leave of the window is used. */
  get due(): boolean {
    const target = this.#target();
    return this.frames < target && this.frames <= target >> 1;
  }

  /** Widens the window as far as the held octets allow; returns it. */
  renew(): number {
    this.frames = Math.max(this.frames, this.#target());
    return this.frames;
  }

  #target(): number {
    return this.#heldBytes === 0
      ? this.#framesMax
      : this.#framesMax - Math.ceil(this.#heldBytes / this.#frameSizeBytes);
  }
}
