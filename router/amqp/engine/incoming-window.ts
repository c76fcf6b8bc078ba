/**
 * How many transfer frames a session still takes before the peer must hear from us (2.5.6).
 *
 * Octets that the owner holds shrink what is granted next. What is granted is taken back only by `narrow`; frames that the peer sent before
 * it heard of that are taken.
 */
import { add } from './serial.ts';

export class IncomingWindow {
  /** The transfer-id expected next. */
  nextIncomingId = 0;
  /** Frames that the peer was told it may send from `nextIncomingId` on. */
  frames: number;

  /** Frames that are taken: those it was told of before too. */
  #taken: number;
  #framesMax: number;
  readonly #frameSizeBytes: number;
  #heldBytes = 0;

  constructor(framesMax: number, frameSizeBytes: number) {
    this.frames = framesMax;
    this.#taken = framesMax;
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
    if (this.#taken === 0) return false;
    this.#taken -= 1;
    if (this.frames > 0) this.frames -= 1;
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
    this.#taken = Math.max(this.#taken, this.frames);
    return this.frames;
  }

  /** From here on no more than so many octets. @returns false when the window was not wider before */
  narrow(sizeBytes: number): boolean {
    const framesMax = Math.max(FRAMES_MIN, Math.ceil(sizeBytes / this.#frameSizeBytes));
    if (framesMax >= this.#framesMax) return false;
    this.#framesMax = framesMax;
    this.frames = Math.min(this.frames, Math.max(0, this.#target()));
    return true;
  }

  #target(): number {
    return this.#heldBytes === 0
      ? this.#framesMax
      : this.#framesMax - Math.ceil(this.#heldBytes / this.#frameSizeBytes);
  }
}

const FRAMES_MIN = 2;
