/**
 * Texts that are compressed where room is short: a ConfigMap holds 1 MiB. Pure.
 *
 * A packed text is text too (base64 behind a mark), and the same for the same text, so that nothing is written when nothing changed.
 */
import { gunzipSync, gzipSync } from 'node:zlib';

const MARK = 'gzip:';
/** A third of the time for a tenth more of the size. */
const PACKING_LEVEL = 3;
/** Of what is unpacked: far above what anyone packs, far below what harms the reader. */
const LENGTH_MAX = 64 * 1024 * 1024;

/** As it is up to `plainLengthMax` characters, packed above. Not for texts that may begin with the mark. */
export function packedText(text: string, plainLengthMax: number): string {
  if (text.length <= plainLengthMax) return text;
  return MARK + gzipSync(text, { level: PACKING_LEVEL }).toString('base64');
}

/** Undefined when it was packed and is damaged, or would be larger than anyone packs. */
export function unpackedText(text: string): string | undefined {
  if (!text.startsWith(MARK)) return text;
  try {
    return gunzipSync(Buffer.from(text.slice(MARK.length), 'base64'), { maxOutputLength: LENGTH_MAX }).toString();
  } catch {
    return undefined;
  }
}
