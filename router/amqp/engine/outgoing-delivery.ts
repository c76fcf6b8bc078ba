/**
 * A delivery that we send: a queue of payload pieces, cut into transfer frames as credit, window and turn allow (2.6.14).
 *
 * Pieces are kept by reference. After `end` or `abort` nothing more may be written. When the link goes, the queue is dropped and
 * every call is ignored.
 */
import type { DeliveryState } from '../codec/performatives.ts';
import type { SenderLink } from './sender-link.ts';

interface Piece {
  readonly bytes: Buffer;
  next: Piece | undefined;
}

export class OutgoingDelivery {
  readonly link: SenderLink;
  /** For the owner. */
  context: object | undefined = undefined;
  /** Absent: a counter of the connection. */
  readonly tag: Buffer | undefined;
  readonly messageFormat: number;
  /** -1 until the first frame is sent. */
  deliveryId = -1;
  settled: boolean;
  ended = false;
  aborted = false;
  /** The last frame is sent. */
  complete = false;
  /** Octets written and not yet sent. */
  queuedBytes = 0;
  remoteState: DeliveryState | undefined = undefined;
  remoteSettled = false;

  /** Engine only. 'sent' is due when the queue falls below the low-water mark. */
  aboveHigh = false;
  /** Engine only. A disposition waits for the last frame. */
  updateQueued = false;
  queuedState: DeliveryState | undefined = undefined;
  queuedSettled = false;
  /** Engine only. The next delivery of the link's queue. */
  next: OutgoingDelivery | undefined = undefined;
  /** Engine only. Unsettled deliveries of one link form a list. */
  nextUnsettled: OutgoingDelivery | undefined = undefined;
  previousUnsettled: OutgoingDelivery | undefined = undefined;

  #first: Piece | undefined = undefined;
  #last: Piece | undefined = undefined;
  /** Octets of the first piece that are already sent. */
  #offset = 0;

  constructor(link: SenderLink, settled: boolean, messageFormat: number, tag: Buffer | undefined) {
    this.link = link;
    this.settled = settled;
    this.messageFormat = messageFormat;
    this.tag = tag;
  }

  /** Appends payload, by reference: the octets must not change any more. */
  write(bytes: Buffer): void {
    if (this.ended || bytes.length === 0 || this.link.gone) return;
    const piece: Piece = { bytes, next: undefined };
    if (this.#last === undefined) this.#first = piece;
    else this.#last.next = piece;
    this.#last = piece;
    this.queuedBytes += bytes.length;
    if (this.queuedBytes > this.link.session.connection.settings.queuedBytesHigh) this.aboveHigh = true;
    this.link.makeReady();
  }

  /** Nothing follows: the last frame may be empty. `settled` settles the delivery with it. */
  end(settled = false): void {
    if (this.ended || this.link.gone) return;
    this.ended = true;
    if (settled) this.settled = true;
    this.link.makeReady();
  }

  /** Drops what is queued and tells the peer that the delivery will not be completed. */
  abort(): void {
    if (this.complete || this.link.gone) return;
    this.dropQueue();
    this.ended = true;
    this.aborted = true;
    this.settled = true;
    this.link.makeReady();
  }

  /** Sender-role disposition; goes out behind the delivery's last frame. */
  update(state: DeliveryState | undefined, settled: boolean): void {
    if (this.link.gone || this.remoteSettled || (this.settled && this.complete)) return;
    this.link.session.settlement.updateOutgoing(this, state, settled);
  }

  /** Engine only. */
  dropQueue(): void {
    this.#first = undefined;
    this.#last = undefined;
    this.#offset = 0;
    this.queuedBytes = 0;
  }

  /** Engine only. The next piece to send; there is one while `queuedBytes` is above 0. At most `sizeBytesMax` octets of it. */
  takePiece(sizeBytesMax: number): Buffer {
    const piece = this.#first as Piece;
    const left = piece.bytes.length - this.#offset;
    let taken: Buffer;
    if (left > sizeBytesMax) {
      taken = piece.bytes.subarray(this.#offset, this.#offset + sizeBytesMax);
      this.#offset += sizeBytesMax;
    } else {
      taken = this.#offset === 0 ? piece.bytes : piece.bytes.subarray(this.#offset);
      this.#offset = 0;
      this.#first = piece.next;
      if (this.#first === undefined) this.#last = undefined;
    }
    this.queuedBytes -= taken.length;
    return taken;
  }
}
