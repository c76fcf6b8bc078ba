/**
 * Strings in HPACK's Huffman code (RFC 7541 section 5.2 and appendix B). The code is canonical: the lengths of its codes say all.
 * Codes of up to 8 bits are looked up, longer ones, which are rare in headers, are read bit by bit.
 */

/** Length of the code of each octet, then that of the end of a string, as `length x count`. */
const RUNS =
  '13x1 23x1 28x7 24x1 30x1 28x2 30x1 28x8 30x1 28x9 ' +
  '6x1 10x2 12x1 13x1 6x1 8x1 11x1 10x2 8x1 11x1 8x1 6x3 5x3 6x7 7x1 8x1 15x1 6x1 12x1 10x1 ' +
  '13x1 6x1 7x22 8x1 7x1 8x1 13x1 19x1 13x1 14x1 6x1 ' +
  '15x1 5x1 6x1 5x1 6x1 5x1 6x3 5x1 7x2 6x3 5x1 6x1 7x1 6x1 5x2 6x1 7x5 15x1 11x1 14x1 13x1 28x1 ' +
  '20x1 22x1 20x2 22x3 23x1 22x1 23x5 24x1 23x1 24x2 22x1 23x1 24x1 23x4 21x1 22x1 23x1 22x1 23x2 24x1 ' +
  '22x1 21x1 20x1 22x2 23x2 21x1 23x1 22x2 24x1 21x1 22x1 23x2 21x2 22x1 21x1 23x1 22x1 23x2 20x1 22x3 23x1 22x2 23x1 ' +
  '26x2 20x1 19x1 22x1 23x1 22x1 25x1 26x3 27x2 26x1 24x1 25x1 19x1 21x1 26x1 27x2 26x1 27x1 24x1 21x2 26x2 28x1 27x3 ' +
  '20x1 24x1 20x1 21x1 22x1 21x2 23x1 22x2 25x2 24x2 26x1 23x1 26x1 27x1 26x2 27x5 28x1 27x5 26x1 30x1';

const END_OF_STRING = 256;
const LENGTH_MAX = 30;

/** Symbols in the order of their codes. */
const SYMBOLS: number[] = [];
/** For each length: its first code, how many it has, and where their symbols begin. */
const FIRST_CODE = new Int32Array(LENGTH_MAX + 1);
const CODE_COUNT = new Int32Array(LENGTH_MAX + 1);
const SYMBOLS_AT = new Int32Array(LENGTH_MAX + 1);
/** For each next 8 bits: `length << 8 | symbol`, 0 when the code is longer. */
const SHORT = new Uint16Array(256);

function build(): void {
  const lengths = RUNS.split(' ').flatMap((run) => {
    const [length, count] = run.split('x').map(Number) as [number, number];
    return new Array<number>(count).fill(length);
  });
  let code = 0;
  for (let length = 1; length <= LENGTH_MAX; length++) {
    code *= 2;
    FIRST_CODE[length] = code;
    SYMBOLS_AT[length] = SYMBOLS.length;
    for (const [symbol, its] of lengths.entries()) if (its === length) SYMBOLS.push(symbol);
    CODE_COUNT[length] = SYMBOLS.length - (SYMBOLS_AT[length] as number);
    code += CODE_COUNT[length] as number;
    for (let i = SYMBOLS_AT[length] as number; length <= 8 && i < SYMBOLS.length; i++) {
      const first = ((FIRST_CODE[length] as number) + i - (SYMBOLS_AT[length] as number)) << (8 - length);
      SHORT.fill((length << 8) | (SYMBOLS[i] as number), first, first + (1 << (8 - length)));
    }
  }
}
build();

/** Octets of the string, -1 when it is malformed. */
export function huffmanLength(bytes: Buffer, start: number, end: number): number {
  return decode(bytes, start, end, undefined);
}

/** The string, an octet a character; undefined when it is malformed. */
export function huffmanText(bytes: Buffer, start: number, end: number): string | undefined {
  const octets: number[] = [];
  return decode(bytes, start, end, octets) < 0 ? undefined : String.fromCharCode(...octets);
}

function decode(bytes: Buffer, start: number, end: number, into: number[] | undefined): number {
  const stop = end * 8;
  let length = 0;
  for (let at = start * 8; at < stop; length++) {
    const octet = at >> 3;
    const after = octet + 1 < end ? (bytes[octet + 1] as number) : 0xff;
    const next = ((((bytes[octet] as number) << 8) | after) >> (8 - (at & 7))) & 0xff;
    // Less than 8 bits, all ones, fill up the last octet.
    if (next === 0xff && stop - at < 8) return length;
    const short = SHORT[next] as number;
    if (short !== 0) {
      at += short >> 8;
      if (at > stop) return -1;
      into?.push(short & 0xff);
      continue;
    }
    const long = decodeLong(bytes, at, stop);
    if (long < 0) return -1;
    at += long >> 8;
    into?.push(long & 0xff);
  }
  return length;
}

/** `length << 8 | symbol` of the code at a bit, -1 when there is none. */
function decodeLong(bytes: Buffer, at: number, stop: number): number {
  let code = 0;
  for (let length = 1; length <= LENGTH_MAX && at + length <= stop; length++) {
    const bit = at + length - 1;
    code = code * 2 + (((bytes[bit >> 3] as number) >> (7 - (bit & 7))) & 1);
    const index = code - (FIRST_CODE[length] as number);
    if (index < 0 || index >= (CODE_COUNT[length] as number)) continue;
    const symbol = SYMBOLS[(SYMBOLS_AT[length] as number) + index] as number;
    return symbol === END_OF_STRING ? -1 : (length << 8) | symbol;
  }
  return -1;
}
