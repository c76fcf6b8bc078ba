/**
 * The beginning of something whose rest has not come yet: a line, a frame's header, a header block. Takes memory only when a thing
 * is split between two reads, and gives it back when the thing is whole.
 */
export class HeldBytes {
  length = 0;
  private buffer: Buffer = EMPTY;
  private readonly bytesMax: number;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** What is held, until the next call. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  /** @returns false when that would be more than the limit; nothing is added then */
  add(bytes: Buffer, start: number, end: number): boolean {
    const length = this.length + end - start;
    if (length > this.bytesMax) return false;
    if (length > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.bytesMax, Math.max(64, this.buffer.length * 2, length)));
      this.buffer.copy(larger, 0, 0, this.length);
      this.buffer = larger;
    }
    bytes.copy(this.buffer, this.length, start, end);
    this.length = length;
    return true;
  }

  /** What was held, which is held no more. */
  take(): Buffer {
    const taken = this.buffer.subarray(0, this.length);
    this.buffer = EMPTY;
    this.length = 0;
    return taken;
  }
}

const EMPTY = Buffer.alloc(0);
