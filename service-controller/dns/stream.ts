/** Messages in a stream of TCP: each after its length in two octets. Pure. RFC 1035 4.2.2, RFC 7766. */
import { LIMITS } from './limits.ts';

export class MessageReader {
  private waiting: Buffer = Buffer.alloc(0);

  /** Whole messages of `chunk` and what came before it; undefined when the next one is longer than any query. */
  push(chunk: Buffer): Buffer[] | undefined {
    let rest = this.waiting.length === 0 ? chunk : Buffer.concat([this.waiting, chunk]);
    const messages: Buffer[] = [];
    while (rest.length >= 2) {
      const size = rest.readUInt16BE(0);
      if (size > LIMITS.querySizeBytesMax) return undefined;
      if (rest.length < 2 + size) break;
      messages.push(rest.subarray(2, 2 + size));
      rest = rest.subarray(2 + size);
    }
    this.waiting = Buffer.from(rest);
    return messages;
  }

  /** Part of a message was read. */
  get isWithin(): boolean {
    return this.waiting.length > 0;
  }
}

/** The length for a message, to be sent before it. */
export function lengthOf(message: Buffer): Buffer {
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16BE(message.length);
  return length;
}
