/**
 * Finds where a value ends without decoding it, so that one can wait for the rest of a value that arrives in pieces.
 */
import { AmqpDecodeError } from './errors.ts';
import { valueDepthMax } from './limits.ts';
import { uint32At } from './reader.ts';

/** Octets after the constructor, by its high four bits; -1 and -4: a size of that many octets comes first. */
const widths = [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, -1, -4, -1, -4, -1, -4];

/** The offset behind the value at `pos`; Infinity when its size is not among `bytes`. May be beyond `bytes.length`. */
export function valueEnd(bytes: Buffer, pos: number, depth = 0): number {
  if (pos >= bytes.length) return Number.POSITIVE_INFINITY;
  const code = bytes[pos] as number;
  if (code === 0x00) {
    if (depth >= valueDepthMax) throw new AmqpDecodeError('values are nested too deeply');
    return valueEnd(bytes, valueEnd(bytes, pos + 1, depth + 1), depth + 1);
  }
  if (code < 0x40) throw new AmqpDecodeError(`0x${code.toString(16)} is not a constructor of AMQP`);
  const width = widths[code >>> 4] as number;
  if (width >= 0) return pos + 1 + width;
  if (pos + 1 - width > bytes.length) return Number.POSITIVE_INFINITY;
  return width === -1 ? pos + 2 + (bytes[pos + 1] as number) : pos + 5 + uint32At(bytes, pos + 1);
}
