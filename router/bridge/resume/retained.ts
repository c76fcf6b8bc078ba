/**
 * Octets of one direction of a flow that were sent and that the other end has not written yet, in order.
 *
 * Not a buffer of its own: what is here is what the window counts, so it holds no more than the window and one read. Large
 * pieces are kept by reference. Small ones are copied into blocks that flows use in turn: each read has a piece of memory of its own, and
 * thousands of them kept for a moment grow old, which costs a collection of the whole heap more than all that is done for a request.
 * Invariant: the pieces are the octets from `fromOffset` to `toOffset` of the direction, none missing.
 */
import { BLOCK_BYTES, type BlockPool } from './block-pool.ts';

/** Pieces up to this are copied. */
const COPIED_BYTES_MAX = BLOCK_BYTES / 2;
/** In place of how far a block is filled: the piece is no block. */
const NO_BLOCK = -1;
/** Empty slots at the front before the array is made shorter. */
const CUT_AT = 64;
const NOTHING = Buffer.alloc(0);

export class Retained {
  /** Of the first octet that is kept, and of the one behind the last; octets since the flow began. */
  fromOffset = 0;
  toOffset = 0;
  private readonly blocks: BlockPool;
  private readonly pieces: Buffer[] = [];
  /** Beside each piece: how far it is filled, if it is a block. */
  private readonly fills: number[] = [];
  private first = 0;
  /** Octets at the start of the first piece that are not needed any more. */
  private released = 0;

  constructor(blocks: BlockPool) {
    this.blocks = blocks;
  }

  get bytes(): number {
    return this.toOffset - this.fromOffset;
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (bytes.length <= COPIED_BYTES_MAX) this.copy(bytes);
    else {
      this.pieces.push(bytes);
      this.fills.push(NO_BLOCK);
    }
    this.toOffset += bytes.length;
  }

  private copy(bytes: Buffer): void {
    const last = this.pieces.length - 1;
    const fill = last >= this.first ? this.fills[last]! : NO_BLOCK;
    if (fill !== NO_BLOCK && fill + bytes.length <= BLOCK_BYTES) {
      bytes.copy(this.pieces[last]!, fill);
      this.fills[last] = fill + bytes.length;
      return;
    }
    const block = this.blocks.take();
    bytes.copy(block);
    this.pieces.push(block);
    this.fills.push(bytes.length);
  }

  /** Octets up to `offset` are not needed any more; earlier offsets change nothing. */
  release(offset: number): void {
    while (this.first < this.pieces.length) {
      const left = offset - this.fromOffset;
      if (left <= 0) return;
      const length = this.end(this.first) - this.released;
      if (left < length) {
        this.released += left;
        this.fromOffset = offset;
        return;
      }
      this.fromOffset += length;
      this.released = 0;
      this.drop();
    }
    this.pieces.length = 0;
    this.fills.length = 0;
    this.first = 0;
  }

  private drop(): void {
    const { first } = this;
    if (this.fills[first] !== NO_BLOCK) this.blocks.give(this.pieces[first]!);
    // The slot keeps nothing alive until the array is cut.
    this.pieces[first] = NOTHING;
    this.first++;
    if (this.first < CUT_AT || this.first * 2 <= this.pieces.length) return;
    // Each slot is moved once for each that is taken away, at most.
    this.pieces.splice(0, this.first);
    this.fills.splice(0, this.first);
    this.first = 0;
  }

  private end(at: number): number {
    const fill = this.fills[at]!;
    return fill === NO_BLOCK ? this.pieces[at]!.length : fill;
  }

  /** What is kept, oldest first, for good: what is in a block, which other flows will use, is copied once more. */
  *all(): Iterable<Buffer> {
    for (let at = this.first; at < this.pieces.length; at++) {
      const piece = this.pieces[at]!.subarray(at === this.first ? this.released : 0, this.end(at));
      yield this.fills[at] === NO_BLOCK ? piece : Buffer.from(piece);
    }
  }

  /** Nothing of it will be wanted: the flow is over. */
  clear(): void {
    this.release(this.toOffset);
  }
}
