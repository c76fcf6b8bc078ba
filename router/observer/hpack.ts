/**
 * Reads the header blocks of one direction of an HTTP/2 connection (HPACK, RFC 7541) for the three fields that matter here. Of all
 * other fields only the lengths are known: they must be, since they decide what leaves the dynamic table.
 *
 * Invariants: the table's size, as HPACK counts it, is at most what the sender set, and that at most HEADER_TABLE_BYTES_MAX; an entry
 * is a few numbers, whatever its field. After a block that could not be read the table is worth nothing: read no more.
 */
import { huffmanLength, huffmanText } from './huffman.ts';
import { HEADER_TABLE_BYTES_MAX, WORD_LENGTH_MAX } from './limits.ts';

/** Of one header block. */
export interface HeaderFields {
  method?: string;
  status?: string;
  forwardedFor?: string;
}

type FieldName = keyof HeaderFields | undefined;

interface Entry {
  readonly name: FieldName;
  readonly nameLength: number;
  readonly valueLength: number;
  /** Only of a field that matters. */
  readonly value: string | undefined;
}

const ENTRY_OVERHEAD = 32;
const TABLE_BYTES_DEFAULT = 4096;
const NAMES: ReadonlyMap<string, FieldName> = new Map<string, FieldName>([
  [':method', 'method'],
  [':status', 'status'],
  ['x-forwarded-for', 'forwardedFor'],
]);

/** Appendix A, from index 1. */
const STATIC_TABLE: readonly Entry[] = (
  ':authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204|:status 206|' +
  ':status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate|accept-language|accept-ranges|' +
  'accept|access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|content-encoding|' +
  'content-language|content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|' +
  'if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|' +
  'proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|strict-transport-security|' +
  'transfer-encoding|user-agent|vary|via|www-authenticate'
)
  .split('|')
  .map((field) => {
    const [name, value] = field.split(/ (.*)/, 2) as [string, string | undefined];
    return { name: NAMES.get(name), nameLength: name.length, valueLength: value?.length ?? 0, value };
  });

export class HeaderDecoder {
  /** The newest last; those before `oldest` are gone. */
  private entries: (Entry | undefined)[] = [];
  private oldest = 0;
  private tableBytes = 0;
  private tableBytesMax = TABLE_BYTES_DEFAULT;
  private at = 0;
  private failed = false;

  /** @returns undefined when the block cannot be read */
  decode(block: Buffer, start: number, end: number): HeaderFields | undefined {
    const fields: HeaderFields = {};
    this.at = start;
    while (this.at < end && !this.failed) this.readField(block, end, fields);
    return this.failed ? undefined : fields;
  }

  private readField(block: Buffer, end: number, fields: HeaderFields): void {
    const first = block[this.at] as number;
    if (first >= 0x80) {
      const entry = this.entryAt(this.readInteger(block, end, 7));
      if (entry) note(fields, entry.name, entry.value);
      return;
    }
    if (first >= 0x40) {
      const entry = this.readLiteral(block, end, 6);
      if (entry === undefined) return;
      this.insert(entry);
      note(fields, entry.name, entry.value);
      return;
    }
    if (first >= 0x20) {
      this.resize(this.readInteger(block, end, 5));
      return;
    }
    const entry = this.readLiteral(block, end, 4);
    if (entry) note(fields, entry.name, entry.value);
  }

  private readLiteral(block: Buffer, end: number, prefixBits: number): Entry | undefined {
    const index = this.readInteger(block, end, prefixBits);
    let name: FieldName;
    let nameLength: number;
    if (index > 0) {
      const named = this.entryAt(index);
      if (named === undefined) return undefined;
      ({ name, nameLength } = named);
    } else {
      nameLength = this.readString(block, end);
      name = NAME_LENGTHS.has(nameLength) ? NAMES.get(this.text(block) ?? '') : undefined;
    }
    const valueLength = this.readString(block, end);
    if (this.failed) return undefined;
    return {
      name,
      nameLength,
      valueLength,
      value: name === undefined ? undefined : this.text(block)?.slice(0, WORD_LENGTH_MAX),
    };
  }

  private entryAt(index: number): Entry | undefined {
    const entry =
      index <= STATIC_TABLE.length
        ? STATIC_TABLE[index - 1]
        : this.entries[this.entries.length - (index - STATIC_TABLE.length)];
    if (entry === undefined) this.failed = true;
    return entry;
  }

  private insert(entry: Entry): void {
    const bytes = bytesOf(entry);
    this.evictTo(this.tableBytesMax - bytes);
    if (bytes > this.tableBytesMax) return;
    this.entries.push(entry);
    this.tableBytes += bytes;
  }

  private resize(bytesMax: number): void {
    if (bytesMax > HEADER_TABLE_BYTES_MAX) this.failed = true;
    if (this.failed) return;
    this.tableBytesMax = bytesMax;
    this.evictTo(bytesMax);
  }

  private evictTo(bytes: number): void {
    while (this.tableBytes > Math.max(0, bytes)) {
      const gone = this.entries[this.oldest] as Entry;
      this.entries[this.oldest] = undefined;
      this.oldest += 1;
      this.tableBytes -= bytesOf(gone);
    }
    if (this.oldest > 64 && this.oldest * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.oldest);
      this.oldest = 0;
    }
  }

  private stringStart = 0;
  private stringEnd = 0;
  private stringCoded = false;

  /** @returns octets of the string, decoded */
  private readString(block: Buffer, end: number): number {
    this.stringCoded = this.at < end && (block[this.at] as number) >= 0x80;
    const length = this.readInteger(block, end, 7);
    this.stringStart = this.at;
    this.stringEnd = this.at + length;
    if (this.stringEnd > end) this.failed = true;
    if (this.failed) return 0;
    this.at = this.stringEnd;
    if (!this.stringCoded) return length;
    const decoded = huffmanLength(block, this.stringStart, this.stringEnd);
    if (decoded < 0) this.failed = true;
    return decoded;
  }

  /** The string that was read last, its beginning if it is long: nothing here looks further. */
  private text(block: Buffer): string | undefined {
    const { stringStart: start, stringEnd: end } = this;
    if (!this.stringCoded) return block.toString('latin1', start, Math.min(end, start + TEXT_LENGTH_MAX));
    return end - start > TEXT_LENGTH_MAX ? undefined : huffmanText(block, start, end);
  }

  /** Section 5.1. */
  private readInteger(block: Buffer, end: number, prefixBits: number): number {
    if (this.at >= end) {
      this.failed = true;
      return 0;
    }
    const mask = (1 << prefixBits) - 1;
    let value = (block[this.at++] as number) & mask;
    if (value < mask) return value;
    for (let scale = 1; scale <= INTEGER_SCALE_MAX; scale *= 128) {
      if (this.at >= end) break;
      const octet = block[this.at++] as number;
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) return value;
    }
    this.failed = true;
    return 0;
  }
}

/** Octets of a string of which anything is kept. */
const TEXT_LENGTH_MAX = 1024;
/** Four octets after the prefix: no length or index that is in order is larger. */
const INTEGER_SCALE_MAX = 128 ** 3;
const NAME_LENGTHS = new Set([...NAMES.keys()].map((name) => name.length));

function bytesOf({ nameLength, valueLength }: Entry): number {
  return nameLength + valueLength + ENTRY_OVERHEAD;
}

/** The first of several counts. */
function note(fields: HeaderFields, name: FieldName, value: string | undefined): void {
  if (name !== undefined && value !== undefined) fields[name] ??= value;
}
