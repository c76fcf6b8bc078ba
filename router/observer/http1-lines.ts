/** What lines of HTTP/1 say: start lines, and the few headers that decide where a message ends (RFC 9112). Pure functions on octets. */
import { WORD_LENGTH_MAX } from './limits.ts';

/** Of a line without its end, in `bytes` from `start` to `end`. */
export interface RequestLine {
  method: string;
  /** `HTTP/1.1` or `HTTP/1.0`. */
  protocol: string;
}

export interface StatusLine {
  status: number;
  reason: string;
}

const SPACE = 0x20;
const COLON = 0x3a;
const METHOD_LENGTH_MAX = 32;
const VERSION_LENGTH = 8;

/** `GET /path HTTP/1.1`; undefined when it is none. */
export function parseRequestLine(bytes: Buffer, start: number, end: number): RequestLine | undefined {
  const version = end - VERSION_LENGTH;
  const minor = minorVersion(bytes, version, end);
  const methodEnd = methodLength(bytes, start, end);
  if (minor < 0 || methodEnd < 0 || methodEnd + 2 >= version || bytes[version - 1] !== SPACE) return undefined;
  return { method: bytes.toString('latin1', start, methodEnd), protocol: PROTOCOLS[minor] as string };
}

/** `HTTP/1.1 200 OK`, the reason may be missing; undefined when it is none. */
export function parseStatusLine(bytes: Buffer, start: number, end: number): StatusLine | undefined {
  const status = start + VERSION_LENGTH + 1;
  if (minorVersion(bytes, start, end) < 0 || bytes[status - 1] !== SPACE || end < status + 3) return undefined;
  const code = parseDigits(bytes, status, status + 3);
  if (code === undefined || code < 100 || (end > status + 3 && bytes[status + 3] !== SPACE)) return undefined;
  return { status: code, reason: bytes.toString('latin1', status + 4, Math.min(end, status + 4 + WORD_LENGTH_MAX)) };
}

/** Whether these may be the first octets of a request line, so that nobody waits for the end of a line that never comes. */
export function mayBeRequestLine(bytes: Buffer, start: number, end: number): boolean {
  const last = Math.min(end, start + METHOD_LENGTH_MAX + 1);
  for (let at = start; at < last; at++) {
    const octet = bytes[at] as number;
    if (octet === SPACE) return at > start;
    if (!isTokenOctet(octet)) return false;
  }
  return end - start <= METHOD_LENGTH_MAX;
}

/** The same of a status line. */
export function mayBeStatusLine(bytes: Buffer, start: number, end: number): boolean {
  const length = Math.min(end - start, VERSION_PREFIX.length);
  return bytes.compare(VERSION_PREFIX, 0, length, start, start + length) === 0;
}

/** The end of the method, -1 when what is there is none, or not whole yet. */
function methodLength(bytes: Buffer, start: number, end: number): number {
  const last = Math.min(end, start + METHOD_LENGTH_MAX + 1);
  for (let at = start; at < last; at++) {
    const octet = bytes[at] as number;
    if (octet === SPACE) return at > start ? at : -1;
    if (!isTokenOctet(octet)) return -1;
  }
  return -1;
}

function isTokenOctet(octet: number): boolean {
  const letter = octet | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) ||
    (octet >= 0x30 && octet <= 0x39) ||
    octet === 0x2d ||
    octet === 0x5f ||
    octet === 0x21 ||
    (octet >= 0x23 && octet <= 0x27) ||
    octet === 0x2a ||
    octet === 0x2b ||
    octet === 0x2e ||
    octet === 0x5e ||
    octet === 0x60 ||
    octet === 0x7c ||
    octet === 0x7e
  );
}

const PROTOCOLS = ['HTTP/1.0', 'HTTP/1.1'];
const VERSION_PREFIX = Buffer.from('HTTP/1.');

function minorVersion(bytes: Buffer, start: number, end: number): number {
  if (start < 0 || end - start < VERSION_LENGTH) return -1;
  for (let i = 0; i < VERSION_PREFIX.length; i++) if (bytes[start + i] !== VERSION_PREFIX[i]) return -1;
  const minor = (bytes[start + VERSION_PREFIX.length] as number) - 0x30;
  return minor === 0 || minor === 1 ? minor : -1;
}

/** Undefined when there is anything but digits, or too many. */
export function parseDigits(bytes: Buffer, start: number, end: number): number | undefined {
  if (end <= start || end - start > 15) return undefined;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

/** The size at the beginning of a chunk's first line, extensions left out; undefined when there is none. */
export function parseChunkSize(bytes: Buffer, start: number, end: number): number | undefined {
  let value = 0;
  let at = start;
  for (; at < end && at - start < 13; at++) {
    const octet = bytes[at] as number;
    const letter = octet | 0x20;
    if (octet >= 0x30 && octet <= 0x39) value = value * 16 + octet - 0x30;
    else if (letter >= 0x61 && letter <= 0x66) value = value * 16 + letter - 0x57;
    else break;
  }
  const next = at < end ? bytes[at] : undefined;
  const ended = next === undefined || next === 0x3b || next === SPACE || next === 0x09;
  return at > start && ended && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/** The value of a header of this name, without the blanks around it; -1 when the line is of another name. */
export function headerValueStart(bytes: Buffer, start: number, end: number, lowerName: string): number {
  const colon = start + lowerName.length;
  if (colon >= end || bytes[colon] !== COLON) return -1;
  for (let i = 0; i < lowerName.length; i++) {
    if (((bytes[start + i] as number) | 0x20) !== (lowerName.charCodeAt(i) | 0x20)) return -1;
  }
  let at = colon + 1;
  while (at < end && isBlank(bytes[at])) at++;
  return at;
}

/** The end of a value that begins at `start`, without the blanks after it. */
export function trimmedEnd(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && isBlank(bytes[at - 1])) at--;
  return at;
}

/** The first address of an X-Forwarded-For. */
export function firstForwarded(value: string): string {
  const comma = value.indexOf(',');
  return (comma < 0 ? value : value.slice(0, comma)).trim().slice(0, WORD_LENGTH_MAX);
}

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === 0x09;
}
