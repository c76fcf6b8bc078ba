/**
 * Turns the front of a link's queue into one transfer frame (2.7.5): the hot path of sending.
 *
 * Header octets are written into the connection's block; payload pieces follow by reference, small ones by copy. A continuation frame
 * names only its handle and flags. Session and link state advance here and nowhere else.
 */
import { descriptors } from '../codec/performatives.ts';
import { putUint32, type Writer } from '../codec/writer.ts';
import { copiedBytesMax, deliveryTagSizeBytesMax } from './limits.ts';
import type { OutgoingDelivery } from './outgoing-delivery.ts';
import type { SenderLink } from './sender-link.ts';

/** Frame header, descriptor, list8 header and every field at its widest. */
const headerSizeBytesMax = 8 + 3 + 3 + 5 + 5 + 2 + deliveryTagSizeBytesMax + 5 + 7;

/** From a frame's start: its header, the descriptor and the constructor of the list; then come the list's size and count. */
const LIST_SIZE_AT = 12;

export class TransferEncoder {
  readonly #writer: Writer;
  #into: Buffer[] = [];
  #frameSizeBytesMax = 0;
  /** Octets handed to `#into`, the writer's pending ones excluded. */
  #pushedBytes = 0;
  #tagCounter = 0;

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  /** Prepares for a run of frames into `into`. */
  begin(into: Buffer[], frameSizeBytesMax: number): void {
    this.#into = into;
    this.#frameSizeBytesMax = frameSizeBytesMax;
    this.#pushedBytes = 0;
  }

  /** Ends the run: pushes what is pending and returns all octets pushed since `begin`. */
  end(): number {
    this.#flush();
    this.#into = [];
    return this.#pushedBytes;
  }

  /** Encodes one frame of a link that can send in a session that can; returns its octets. */
  encode(link: SenderLink): number {
    const writer = this.#writer;
    const session = link.session;
    const delivery = link.head as OutgoingDelivery;
    const begins = delivery.deliveryId < 0;
    if (begins) session.beginDelivery(delivery);
    writer.reserve(headerSizeBytesMax + copiedBytesMax);
    const start = writer.pos;
    const morePos = this.#encodeHeader(link, delivery, begins);
    let headerSizeBytes = writer.pos - start;
    const payloadSizeBytes = Math.min(delivery.queuedBytes, this.#frameSizeBytesMax - headerSizeBytes);
    const last = delivery.ended && payloadSizeBytes === delivery.queuedBytes;
    if (!last) writer.buffer[morePos] = 0x41;
    else if (!delivery.aborted) headerSizeBytes -= this.#leaveOut(start, begins && !delivery.settled ? 2 : 1);
    putUint32(writer.buffer, start, headerSizeBytes + payloadSizeBytes);
    this.#pushPayload(delivery, payloadSizeBytes);
    session.transferSent();
    if (last) session.deliverySent(delivery);
    else if (delivery.aboveHigh) session.checkLowWater(delivery);
    return headerSizeBytes + payloadSizeBytes;
  }

  /** Takes back the last fields of the header, which say nothing, as Proton does. @returns their octets */
  #leaveOut(start: number, fieldCount: number): number {
    const { buffer } = this.#writer;
    this.#writer.pos -= fieldCount;
    buffer[start + LIST_SIZE_AT] = (buffer[start + LIST_SIZE_AT] as number) - fieldCount;
    buffer[start + LIST_SIZE_AT + 1] = (buffer[start + LIST_SIZE_AT + 1] as number) - fieldCount;
    return fieldCount;
  }

  /** Returns where the octet of `more` is. The caller has reserved room. */
  #encodeHeader(link: SenderLink, delivery: OutgoingDelivery, begins: boolean): number {
    const writer = this.#writer;
    const buffer = writer.buffer;
    const channel = link.session.channel;
    let pos = writer.pos + 4;
    buffer[pos++] = 2;
    buffer[pos++] = 0;
    buffer[pos++] = channel >>> 8;
    buffer[pos++] = channel;
    buffer[pos++] = 0x00;
    buffer[pos++] = 0x53;
    buffer[pos++] = descriptors.transfer;
    buffer[pos++] = 0xc0;
    const sizePos = pos;
    pos += 2;
    pos = putUint(buffer, pos, link.handle);
    if (begins) {
      pos = putUint(buffer, pos, delivery.deliveryId);
      pos = this.#putTag(buffer, pos, delivery.tag);
      pos = putUint(buffer, pos, delivery.messageFormat);
    } else {
      buffer[pos++] = 0x40;
      buffer[pos++] = 0x40;
      buffer[pos++] = 0x40;
    }
    buffer[pos++] = delivery.settled ? 0x41 : 0x40;
    const morePos = pos++;
    buffer[morePos] = 0x40;
    let count = 6;
    if (delivery.aborted) {
      buffer[pos++] = 0x40;
      buffer[pos++] = 0x40;
      buffer[pos++] = 0x40;
      buffer[pos++] = 0x41;
      count = 10;
    }
    buffer[sizePos] = pos - sizePos - 1;
    buffer[sizePos + 1] = count;
    writer.pos = pos;
    return morePos;
  }

  #putTag(buffer: Buffer, pos: number, tag: Buffer | undefined): number {
    buffer[pos] = 0xa0;
    if (tag !== undefined) {
      buffer[pos + 1] = tag.length;
      return pos + 2 + tag.copy(buffer, pos + 2);
    }
    buffer[pos + 1] = 8;
    buffer.writeUInt32LE(this.#tagCounter >>> 0, pos + 2);
    buffer.writeUInt32LE(Math.floor(this.#tagCounter / 4294967296), pos + 6);
    this.#tagCounter += 1;
    return pos + 10;
  }

  #pushPayload(delivery: OutgoingDelivery, sizeBytes: number): void {
    const writer = this.#writer;
    let left = sizeBytes;
    while (left > 0) {
      const piece = delivery.takePiece(left);
      left -= piece.length;
      if (piece.length < copiedBytesMax) {
        writer.bytes(piece);
      } else {
        this.#flush();
        this.#into.push(piece);
        this.#pushedBytes += piece.length;
      }
    }
  }

  #flush(): void {
    if (this.#writer.pending === 0) return;
    const bytes = this.#writer.take();
    this.#into.push(bytes);
    this.#pushedBytes += bytes.length;
  }
}

function putUint(buffer: Buffer, pos: number, value: number): number {
  if (value === 0) {
    buffer[pos] = 0x43;
    return pos + 1;
  }
  if (value < 256) {
    buffer[pos] = 0x52;
    buffer[pos + 1] = value;
    return pos + 2;
  }
  buffer[pos] = 0x70;
  return putUint32(buffer, pos + 1, value);
}
