/**
 * Messages of DNS as octets: queries are read strictly, answers are written by `dns-packet`. Pure. RFC 1035, 6891.
 *
 * What is not `dns-packet`'s: the walk over the octets of a question, because its names as text do not tell a dot within a label
 * from one between labels, and because the octets are the key of the cache; and the names of records, which here point into the
 * question (half the size, and the case of the query is kept).
 */
import dnsPacket from 'dns-packet';
import { LIMITS } from './limits.ts';
import { type DnsRecord, RCODE, TYPE } from './records.ts';

export const HEADER_BYTES = 12;
/** An OPT record without options. */
export const OPT_BYTES = 11;

const FLAG_QR = 0x8000;
const FLAG_AA = 0x0400;
export const FLAG_TC = 0x0200;
/** RD and CD are given back as they came. */
const FLAGS_KEPT = 0x0110;

export interface Query {
  id: number;
  /** Of the answer, without rcode and TC. */
  flags: number;
  opcode: number;
  /** Where the question ends. */
  questionEnd: number;
  type: number;
  class: number;
  /** Of EDNS, when the query has it. */
  edns: { version: number; udpSize: number; isDnssecOk: boolean } | undefined;
}

/** `undefined`: no answer is due; a number is the rcode of the answer to what cannot be read. */
export type ReadResult = Query | { rcode: number; id: number; flags: number } | undefined;

interface Codec {
  encode: { (data: unknown, buffer: Buffer, offset: number): Buffer; bytes: number };
}
interface AnswerCodec {
  encode: { (record: object, buffer: Buffer, offset: number): Buffer; bytes: number };
  decode: {
    (
      buffer: Buffer,
      offset: number,
    ): {
      type: string;
      name: string;
      udpPayloadSize?: number;
      ednsVersion?: number;
      flag_do?: boolean;
    };
    bytes: number;
  };
}
/** Of its exports, the parts that its types leave out. */
const packet = dnsPacket as unknown as { name: Codec; answer: AnswerCodec; record: (type: string) => Codec };

/** Never throws. */
export function readQuery(bytes: Buffer): ReadResult {
  if (bytes.length < HEADER_BYTES) return undefined;
  const received = (bytes[2]! << 8) | bytes[3]!;
  // An answer to an answer would never end.
  if ((received & FLAG_QR) !== 0) return undefined;
  const id = (bytes[0]! << 8) | bytes[1]!;
  const opcode = (received >> 11) & 0xf;
  const flags = FLAG_QR | (opcode << 11) | (received & FLAGS_KEPT);
  const faulty = { rcode: RCODE.FORMERR, id, flags };
  if (opcode !== 0) return { ...faulty, rcode: RCODE.NOTIMP };
  if (bytes.length > LIMITS.querySizeBytesMax || bytes[4] !== 0 || bytes[5] !== 1) return faulty;
  const nameEnd = endOfName(bytes, HEADER_BYTES);
  if (nameEnd < 0 || nameEnd + 4 > bytes.length) return faulty;
  const type = (bytes[nameEnd]! << 8) | bytes[nameEnd + 1]!;
  const klass = (bytes[nameEnd + 2]! << 8) | bytes[nameEnd + 3]!;
  const query: Query = { id, flags, opcode, questionEnd: nameEnd + 4, type, class: klass, edns: undefined };
  return readRest(bytes, query) ? query : faulty;
}

/** Behind the last octet of an uncompressed name, or -1. */
function endOfName(bytes: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > 63) return -1;
    at += 1 + length;
    // 255 octets with the root.
    if (at - start > 255 || at > bytes.length) return -1;
    if (length === 0) return at;
  }
}

/** What follows the question: nothing, or OPT, mostly. */
function readRest(bytes: Buffer, query: Query): boolean {
  const others = (bytes[6]! << 24) | (bytes[7]! << 16) | (bytes[8]! << 8) | bytes[9]!;
  const additionalCount = (bytes[10]! << 8) | bytes[11]!;
  const at = query.questionEnd;
  if (others === 0 && additionalCount === 0) return true;
  const isBareOpt =
    others === 0 &&
    additionalCount === 1 &&
    bytes.length === at + OPT_BYTES &&
    bytes[at] === 0 &&
    bytes[at + 1] === 0 &&
    bytes[at + 2] === TYPE.OPT &&
    bytes[at + 9] === 0 &&
    bytes[at + 10] === 0;
  if (!isBareOpt) return readRecords(bytes, query);
  const udpSize = (bytes[at + 3]! << 8) | bytes[at + 4]!;
  query.edns = { udpSize, version: bytes[at + 6]!, isDnssecOk: (bytes[at + 7]! & 0x80) !== 0 };
  return true;
}

function readRecords(bytes: Buffer, query: Query): boolean {
  let at = query.questionEnd;
  try {
    for (const section of [6, 8, 10]) {
      for (let left = bytes.readUInt16BE(section); left > 0; left -= 1) {
        const record = packet.answer.decode(bytes, at);
        at += packet.answer.decode.bytes;
        if (at > bytes.length) return false;
        if (record.type !== 'OPT') continue;
        // One at most, of the root, among the additional ones. RFC 6891, 6.1.1.
        if (section !== 10 || query.edns !== undefined || record.name !== '.') return false;
        const { udpPayloadSize: udpSize = 0, ednsVersion: version = 0, flag_do: isDnssecOk = false } = record;
        query.edns = { udpSize, version, isDnssecOk };
      }
    }
    return true;
  } catch {
    // It throws whatever a broken record makes it trip over.
    return false;
  }
}

/** The labels of the question's name, in lower case and as they came. Octets beyond ASCII stand for themselves. */
export function labelsOf(bytes: Buffer): string[] {
  const labels: string[] = [];
  for (let at = HEADER_BYTES; bytes[at]! > 0; at += 1 + bytes[at]!) {
    labels.push(bytes.toString('latin1', at + 1, at + 1 + bytes[at]!).toLowerCase());
  }
  return labels;
}

/** Whole answers from the question on, without OPT: cut at the end of a record where they do not fit. */
export interface Body {
  /** Header and question first; id, flags and counts are patched in. */
  bytes: Buffer;
  rcode: number;
  questionEnd: number;
  /** Where each record ends. */
  ends: readonly number[];
  answerCount: number;
  authorityCount: number;
  additionalCount: number;
}

export interface Sections {
  rcode: number;
  answers: readonly DnsRecord[];
  authorities: readonly DnsRecord[];
  additionals: readonly DnsRecord[];
}

const scratch = Buffer.alloc(LIMITS.tcpSizeBytesMax + 1024);

/** `question`: header and question of the query. Records beyond 64 KiB are left out. */
export function encodeBody(question: Buffer, labels: readonly string[], sections: Sections): Body {
  question.copy(scratch, 0, 0, question.length);
  const pointers = pointersOf(labels);
  const ends: number[] = [];
  let at = question.length;
  const put = (records: readonly DnsRecord[]): number => {
    for (const [index, record] of records.entries()) {
      const end = encodeRecord(record, at, pointers);
      if (end + OPT_BYTES > LIMITS.tcpSizeBytesMax) return index;
      ends.push(end);
      at = end;
    }
    return records.length;
  };
  const answerCount = put(sections.answers);
  const authorityCount = put(sections.authorities);
  const additionalCount = put(sections.additionals);
  const bytes = Buffer.from(scratch.subarray(0, at));
  return {
    bytes,
    rcode: sections.rcode,
    questionEnd: question.length,
    ends,
    answerCount,
    authorityCount,
    additionalCount,
  };
}

/** Where each ending of the question's name stands in a message. */
function pointersOf(labels: readonly string[]): Map<string, number> {
  const pointers = new Map<string, number>();
  let at = HEADER_BYTES;
  for (const [index, label] of labels.entries()) {
    pointers.set(labels.slice(index).join('.'), at);
    at += 1 + label.length;
  }
  return pointers;
}

function encodeRecord(record: DnsRecord, start: number, pointers: ReadonlyMap<string, number>): number {
  let at = start;
  const pointer = pointers.get(record.name);
  if (pointer === undefined) {
    packet.name.encode(record.name, scratch, at);
    at += packet.name.encode.bytes;
  } else {
    at = scratch.writeUInt16BE(0xc000 | pointer, at);
  }
  at = scratch.writeUInt16BE(TYPE[record.type], at);
  at = scratch.writeUInt16BE(1, at);
  at = scratch.writeUInt32BE(record.ttl, at);
  const codec = packet.record(record.type);
  codec.encode(record.type === 'TXT' ? [record.data] : record.data, scratch, at);
  return at + codec.encode.bytes;
}

/** The answer to `query` within `sizeMax` octets; `rotation` shifts answers of one size, such as addresses. */
export function finish(body: Body, query: Query, sizeMax: number, rotation: number): Buffer {
  const optBytes = query.edns === undefined ? 0 : OPT_BYTES;
  let { answerCount, authorityCount, additionalCount } = body;
  let end = body.bytes.length;
  let flags = query.flags | FLAG_AA | body.rcode;
  if (end + optBytes > sizeMax) {
    let kept = body.ends.length;
    while (kept > 0 && body.ends[kept - 1]! + optBytes > sizeMax) kept -= 1;
    end = kept === 0 ? body.questionEnd : body.ends[kept - 1]!;
    // Only what may be missing is missing: no need to ask again.
    if (kept < answerCount + authorityCount) flags |= FLAG_TC;
    additionalCount = Math.max(0, kept - answerCount - authorityCount);
    authorityCount = Math.min(authorityCount, Math.max(0, kept - answerCount));
    answerCount = Math.min(answerCount, kept);
  }
  const out = Buffer.allocUnsafe(end + optBytes);
  body.bytes.copy(out, 0, 0, end);
  if (rotation > 0 && answerCount > 1) rotate(body, out, answerCount, rotation % body.answerCount);
  writeHeader(out, query.id, flags, 1);
  out[6] = answerCount >> 8;
  out[7] = answerCount;
  out[8] = 0;
  out[9] = authorityCount;
  out[10] = additionalCount >> 8;
  out[11] = additionalCount + (optBytes > 0 ? 1 : 0);
  if (query.edns !== undefined) writeOpt(out, end, 0, query.edns.isDnssecOk);
  return out;
}

/** All answers have one size, so that they are a ring: what fits is taken from any point of it. */
function rotate({ bytes, questionEnd, ends, answerCount: all }: Body, out: Buffer, count: number, by: number): void {
  const size = ends[0]! - questionEnd;
  const untilEnd = Math.min(count, all - by);
  bytes.copy(out, questionEnd, questionEnd + by * size, questionEnd + (by + untilEnd) * size);
  bytes.copy(out, questionEnd + untilEnd * size, questionEnd, questionEnd + (count - untilEnd) * size);
}

/** An answer without records: with the question and OPT, as far as these were read. `rcode` may have 12 bits. */
export function bareAnswer(bytes: Buffer, query: Exclude<ReadResult, undefined>, rcode: number): Buffer {
  const isRead = 'questionEnd' in query;
  const questionEnd = isRead ? query.questionEnd : HEADER_BYTES;
  const edns = isRead ? query.edns : undefined;
  const out = Buffer.alloc(questionEnd + (edns === undefined ? 0 : OPT_BYTES));
  bytes.copy(out, 0, 0, questionEnd);
  writeHeader(out, query.id, query.flags | (rcode & 0xf), isRead ? 1 : 0);
  out.fill(0, 6, HEADER_BYTES);
  if (edns === undefined) return out;
  out[11] = 1;
  writeOpt(out, questionEnd, rcode >> 4, edns.isDnssecOk);
  return out;
}

function writeHeader(out: Buffer, id: number, flags: number, questionCount: number): void {
  out[0] = id >> 8;
  out[1] = id;
  out[2] = flags >> 8;
  out[3] = flags;
  out[4] = 0;
  out[5] = questionCount;
}

const OPTS = [false, true].map((isDnssecOk) => {
  const bytes = Buffer.alloc(OPT_BYTES);
  const flags = isDnssecOk ? 0x8000 : 0;
  packet.answer.encode(
    { type: 'OPT', name: '.', udpPayloadSize: LIMITS.udpSizeBytesMax, flags, options: [] },
    bytes,
    0,
  );
  return bytes;
});

/** Ours says what we take; options are never given back. */
function writeOpt(out: Buffer, at: number, extendedRcode: number, isDnssecOk: boolean): void {
  OPTS[isDnssecOk ? 1 : 0]!.copy(out, at);
  out[at + 5] = extendedRcode;
}
