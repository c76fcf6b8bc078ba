/**
 * Octets of one direction of a flow that were sent and that the other end has not written yet, by reference and in order.
 *
 * Not a buffer of its own: what is here is what the window counts, so it holds no more than the window and one read.
 * Invariant: the pieces are the octets from `fromOffset` to `toOffset` of the direction, none missing. Nothing is copied.
 */
export class Retained {
  /** Of the first octet that is kept, and of the one behind the last; octets since the flow began. */
  fromOffset = 0;
  toOffset = 0;
  private pieces: Buffer[] = [];
  private first = 0;

  get bytes(): number {
    return this.toOffset - this.fromOffset;
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.pieces.push(bytes);
    this.toOffset += bytes.length;
  }

  /** Octets up to `offset` are not needed any more; earlier offsets change nothing. */
  release(offset: number): void {
    while (this.first < this.pieces.length) {
      const piece = this.pieces[this.first] as Buffer;
      const left = offset - this.fromOffset;
      if (left <= 0) return;
      if (left < piece.length) {
        this.pieces[this.first] = piece.subarray(left);
        this.fromOffset = offset;
        return;
      }
      this.fromOffset += piece.length;
      // The slot keeps nothing alive until the array is cut.
      this.pieces[this.first] = NOTHING;
      this.first++;
      if (this.first >= CUT_AT && this.first * 2 > this.pieces.length) this.cut();
    }
    this.pieces.length = 0;
    this.first = 0;
  }

  /** Each slot is moved once for each that is taken away, at most. */
  private cut(): void {
    this.pieces.splice(0, this.first);
    this.first = 0;
  }

  /** What is kept, oldest first. */
  *all(): Iterable<Buffer> {
    for (let at = this.first; at < this.pieces.length; at++) yield this.pieces[at] as Buffer;
  }

  /** Nothing of it will be wanted: the flow is over. */
  clear(): void {
    this.release(this.toOffset);
  }
}

/** Empty slots at the front before the array is made shorter. */
const CUT_AT = 64;
const NOTHING = Buffer.alloc(0);
