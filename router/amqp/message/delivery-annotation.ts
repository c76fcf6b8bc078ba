/**
 * Puts one delivery annotation of the router's own into a message on its way, instead of whatever the message says under
 * that name (AMQP 1.0 3.2.2). The other sections stay octet for octet.
 *
 * A client believes what stands there, so nothing else in the message may be taken for it: `InOrder` cuts a message off
 * before a second section of annotations, which a client's library would let win.
 */
import { AmqpDecodeError } from '../codec/errors.ts';
import { valueEnd } from '../codec/measure.ts';
import { decodeValue, Reader } from '../codec/reader.ts';
import { amqp, type Typed } from '../codec/value.ts';
import { encodeValue, Writer } from '../codec/writer.ts';
import { MessageError } from './errors.ts';
import { sectionCode, sectionDescriptorSizeBytes } from './head.ts';
import { SECTION_START_BYTES_MAX } from './limits.ts';
import { sectionCodes } from './sections.ts';

/**
 * @param head begins with a message without router annotations, and holds it up to its properties
 * @param value a number below 2^32; undefined: the annotation is only taken out
 */
export function withDeliveryAnnotation(head: Buffer, name: string, value: string | number | undefined): Buffer {
  const start = codeAt(head, 0) === sectionCodes.header ? valueEnd(head, 0) : 0;
  let end = start;
  let kept: (readonly [Typed, Typed])[] = [];
  if (codeAt(head, start) === sectionCodes.deliveryAnnotations) {
    const reader = new Reader(head);
    reader.pos = start + sectionDescriptorSizeBytes(head, start);
    const annotations = decodeValue(reader);
    end = reader.pos;
    // Keys of other types have no business there, and some libraries would make the same text of them.
    if (annotations.type === 'map') kept = annotations.value.filter(([key]) => isKey(key) && key.value !== name);
  }
  const typed = typeof value === 'number' ? amqp.uint(value) : value === undefined ? undefined : amqp.string(value);
  const own = typed === undefined ? [] : [[amqp.symbol(name), typed] as const];
  const writer = new Writer();
  writer.bytes(head.subarray(0, start));
  if (kept.length + own.length > 0) {
    writer.bytes(DESCRIPTOR);
    encodeValue(writer, amqp.map([...kept, ...own]));
  }
  writer.bytes(head.subarray(end));
  return writer.take();
}

const DESCRIPTOR = Buffer.from([0x00, 0x53, sectionCodes.deliveryAnnotations]);

function isKey({ type }: Typed): boolean {
  return type === 'symbol' || type === 'string' || type === 'ulong';
}

function codeAt(bytes: Buffer, pos: number): number | undefined {
  return pos < bytes.length ? sectionCode(bytes, pos) : undefined;
}

/**
 * Lets the octets of a message pass as long as its sections come in the order of the specification, each once but those of a
 * body; from the first that does not, nothing. What passes is well-formed where the message was: a delivery that is
 * aborted instead would be an error to libraries that do not know of that.
 */
export class InOrder {
  private previous = 0;
  /** Octets of the present section that are still to come. */
  private restBytes = 0;
  /** Of a section whose size is not known yet: held back. */
  private start: Buffer = NOTHING;
  private broken = false;

  pass(bytes: Buffer): Buffer {
    if (this.broken) return NOTHING;
    const all = this.start.length > 0 ? Buffer.concat([this.start, bytes]) : bytes;
    this.start = NOTHING;
    let pos = Math.min(this.restBytes, all.length);
    this.restBytes -= pos;
    while (pos < all.length) {
      const next = all.subarray(pos);
      const sizeBytes = this.measure(next);
      if (sizeBytes === Number.POSITIVE_INFINITY && next.length <= SECTION_START_BYTES_MAX) {
        this.start = next;
        break;
      }
      if (sizeBytes === undefined || sizeBytes === Number.POSITIVE_INFINITY) {
        this.broken = true;
        break;
      }
      this.restBytes = Math.max(0, sizeBytes - next.length);
      pos += Math.min(sizeBytes, next.length);
    }
    return pos === all.length ? all : all.subarray(0, pos);
  }

  /** Size of the section that `bytes` begins with; infinite while it is not known, undefined when it may not stand here. */
  private measure(bytes: Buffer): number | undefined {
    try {
      const code = sectionCode(bytes, 0);
      const sizeBytes = valueEnd(bytes, 0);
      if (code === undefined || sizeBytes === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
      const again = code === this.previous && (code === sectionCodes.data || code === sectionCodes.sequence);
      if (code <= this.previous && !again) return undefined;
      this.previous = code;
      return sizeBytes;
    } catch (error) {
      if (error instanceof MessageError || error instanceof AmqpDecodeError) return undefined;
      throw error;
    }
  }
}

const NOTHING = Buffer.alloc(0);
