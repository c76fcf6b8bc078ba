/**
 * AMQP values with their types kept: what a section or a performative field holds when its type matters to the peer
 * (an `int` is not a `long`, a `symbol` is not a `string`). AMQP 1.0 part 1.6.
 *
 * 64-bit integers are a `number` when safe and a `bigint` beyond, never both for one quantity, so `===` on `value` works.
 */
export type NumericType = 'ubyte' | 'ushort' | 'uint' | 'byte' | 'short' | 'int' | 'float' | 'double';
export type WideType = 'ulong' | 'long' | 'timestamp';
export type TextType = 'string' | 'symbol' | 'uuid' | 'char';
export type OctetsType = 'binary' | 'decimal32' | 'decimal64' | 'decimal128';

export interface TypedNull {
  readonly type: 'null';
  readonly value: null;
}
export interface TypedBoolean {
  readonly type: 'boolean';
  readonly value: boolean;
}
export interface TypedNumber {
  readonly type: NumericType;
  readonly value: number;
}
/** timestamp: milliseconds since 1970. */
export interface TypedWide {
  readonly type: WideType;
  readonly value: number | bigint;
}
/** uuid: the 8-4-4-4-12 form in lower case; char: one code point. */
export interface TypedText {
  readonly type: TextType;
  readonly value: string;
}
export interface TypedOctets {
  readonly type: OctetsType;
  readonly value: Buffer;
}
export interface TypedList {
  readonly type: 'list';
  readonly value: readonly Typed[];
}
/** Pairs in wire order; keys may repeat only if the peer sent them so. */
export interface TypedMap {
  readonly type: 'map';
  readonly value: readonly (readonly [Typed, Typed])[];
}
/** Elements share one type, and one descriptor when that type is 'described'. */
export interface TypedArray {
  readonly type: 'array';
  readonly elementType: AmqpType;
  readonly value: readonly Typed[];
}
export interface TypedDescribed {
  readonly type: 'described';
  readonly descriptor: Typed;
  readonly value: Typed;
}

export type Typed =
  | TypedNull
  | TypedBoolean
  | TypedNumber
  | TypedWide
  | TypedText
  | TypedOctets
  | TypedList
  | TypedMap
  | TypedArray
  | TypedDescribed;

export type AmqpType = Typed['type'];

const nullValue: TypedNull = { type: 'null', value: null };
const trueValue: TypedBoolean = { type: 'boolean', value: true };
const falseValue: TypedBoolean = { type: 'boolean', value: false };

/** The one form of a 64-bit quantity: a number when it is exact, else a bigint. */
export function normalInteger(value: number | bigint): number | bigint {
  if (typeof value === 'number') return value;
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** Constructors, one a type. Ranges are the caller's business; the writer keeps the low bits. */
export const amqp = {
  null: (): TypedNull => nullValue,
  boolean: (value: boolean): TypedBoolean => (value ? trueValue : falseValue),
  ubyte: (value: number): TypedNumber => ({ type: 'ubyte', value }),
  ushort: (value: number): TypedNumber => ({ type: 'ushort', value }),
  uint: (value: number): TypedNumber => ({ type: 'uint', value }),
  ulong: (value: number | bigint): TypedWide => ({ type: 'ulong', value: normalInteger(value) }),
  byte: (value: number): TypedNumber => ({ type: 'byte', value }),
  short: (value: number): TypedNumber => ({ type: 'short', value }),
  int: (value: number): TypedNumber => ({ type: 'int', value }),
  long: (value: number | bigint): TypedWide => ({ type: 'long', value: normalInteger(value) }),
  float: (value: number): TypedNumber => ({ type: 'float', value }),
  double: (value: number): TypedNumber => ({ type: 'double', value }),
  char: (value: string): TypedText => ({ type: 'char', value }),
  timestamp: (value: number | bigint): TypedWide => ({ type: 'timestamp', value: normalInteger(value) }),
  uuid: (value: string): TypedText => ({ type: 'uuid', value }),
  binary: (value: Buffer): TypedOctets => ({ type: 'binary', value }),
  string: (value: string): TypedText => ({ type: 'string', value }),
  symbol: (value: string): TypedText => ({ type: 'symbol', value }),
  list: (value: readonly Typed[]): TypedList => ({ type: 'list', value }),
  map: (value: readonly (readonly [Typed, Typed])[]): TypedMap => ({ type: 'map', value }),
  array: (elementType: AmqpType, value: readonly Typed[]): TypedArray => ({ type: 'array', elementType, value }),
  symbolArray: (values: readonly string[]): TypedArray => ({
    type: 'array',
    elementType: 'symbol',
    value: values.map(amqp.symbol),
  }),
  described: (descriptor: Typed, value: Typed): TypedDescribed => ({ type: 'described', descriptor, value }),
} as const;

/** A map with symbol keys: the form of open properties and of most annotations. */
export function symbolMap(entries: Readonly<Record<string, Typed>>): TypedMap {
  return amqp.map(Object.entries(entries).map(([key, value]) => [amqp.symbol(key), value] as const));
}

/** The value of the first string or symbol key `key`. Small maps only: the search is linear. */
export function mapGet(map: Typed | undefined, key: string): Typed | undefined {
  if (map?.type !== 'map') return undefined;
  for (const [name, value] of map.value) {
    if ((name.type === 'symbol' || name.type === 'string') && name.value === key) return value;
  }
  return undefined;
}

/**
 * Drops the types: list and array -> array, map -> Map, described -> its value, uuid, char and symbol -> string, decimals and
 * binary -> Buffer, 64-bit integers -> number when safe, else bigint.
 */
export function toPlain(typed: Typed): unknown {
  switch (typed.type) {
    case 'list':
    case 'array':
      return typed.value.map(toPlain);
    case 'map':
      return new Map(typed.value.map(([key, value]) => [toPlain(key), toPlain(value)]));
    case 'described':
      return toPlain(typed.value);
    default:
      return typed.value;
  }
}
