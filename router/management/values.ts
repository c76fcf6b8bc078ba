/**
 * One attribute's value: from what a file or a request holds to the checked value of its declared kind.
 *
 * As in skupper-router any scalar may be written as a string ("16384", "yes"), and a string may come as a number or boolean.
 */
import { suggestion } from '../../lib/suggest.ts';
import type { Attribute } from './attributes.ts';
import { ATTRIBUTE_DEPTH_MAX, ATTRIBUTE_LENGTH_MAX } from './limits.ts';

export type Parsed = { readonly value: unknown } | { readonly fault: string };

const INTEGER_MAX = 0x7fff_ffff;
const PORT_MAX = 65_535;
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['yes', true],
  ['true', true],
  ['on', true],
  ['1', true],
  ['no', false],
  ['false', false],
  ['off', false],
  ['0', false],
]);
/** A host name, an IPv4 or an IPv6 address (with a zone, without brackets), or nothing. */
const HOST = /^[\p{L}\p{N}._:%-]*$/u;

/** `raw` is neither undefined nor null: absence is the caller's matter. */
export function parseValue(attribute: Attribute, raw: unknown): Parsed {
  switch (attribute.kind) {
    case 'string':
      return parseString(attribute, raw);
    case 'host':
      return parseHost(attribute, raw);
    case 'port':
      return parsePort(raw);
    case 'integer':
      return parseInteger(raw, attribute.min ?? -INTEGER_MAX - 1, attribute.max ?? INTEGER_MAX);
    case 'boolean':
      return parseBoolean(raw);
    case 'choice':
      return parseChoice(attribute.choices ?? [], raw);
    case 'list':
      return Array.isArray(raw) ? nested(raw) : expected('a list', raw);
    case 'map':
      return isMap(raw) ? nested(raw) : expected('a map', raw);
    case 'properties':
      return parseProperties(raw);
  }
}

/** How a value is shown in a message: short, and never a whole document. */
export function shown(raw: unknown): string {
  if (typeof raw === 'string') return `'${raw.length > 60 ? `${raw.slice(0, 57)}...` : raw}'`;
  if (Array.isArray(raw)) return 'a list';
  if (raw instanceof Uint8Array) return 'binary';
  if (isMap(raw)) return 'a map';
  return String(raw);
}

export function isMap(raw: unknown): raw is Record<string, unknown> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}

function expected(what: string, raw: unknown): Parsed {
  return { fault: `expected ${what}, got ${shown(raw)}` };
}

function scalarText(raw: unknown): string | undefined {
  if (typeof raw === 'string') return raw;
  return typeof raw === 'number' || typeof raw === 'bigint' || typeof raw === 'boolean' ? String(raw) : undefined;
}

function parseString(attribute: Attribute, raw: unknown): Parsed {
  const value = scalarText(raw);
  const { form } = attribute;
  if (value === undefined) return expected(form?.words ?? 'a string', raw);
  if (value.length > ATTRIBUTE_LENGTH_MAX) return { fault: `longer than ${ATTRIBUTE_LENGTH_MAX} characters` };
  return form === undefined || form.pattern.test(value) ? { value } : expected(form.words, raw);
}

function parseHost(attribute: Attribute, raw: unknown): Parsed {
  const value = scalarText(raw);
  if (value === undefined || !HOST.test(value)) return expected('a host name or an address', raw);
  if (value === '' && attribute.default !== '') return { fault: 'must not be empty' };
  return { value };
}

function parsePort(raw: unknown): Parsed {
  if (raw === 'amqp' || raw === 'amqps') return { value: raw };
  const value = integerOf(raw);
  if (value === undefined || value < 0 || value > PORT_MAX) return expected('a port (0 to 65535, amqp or amqps)', raw);
  return { value };
}

function parseInteger(raw: unknown, min: number, max: number): Parsed {
  const value = integerOf(raw);
  if (value === undefined) return expected('an integer', raw);
  return value >= min && value <= max ? { value } : { fault: `${value} is not in ${min} to ${max}` };
}

function integerOf(raw: unknown): number | undefined {
  const value = typeof raw === 'string' ? (/^\s*[+-]?[0-9]{1,16}\s*$/.test(raw) ? Number(raw) : undefined) : raw;
  const safe = typeof value === 'bigint' ? Number(value) : value;
  return Number.isSafeInteger(safe) ? (safe as number) : undefined;
}

function parseBoolean(raw: unknown): Parsed {
  // A number is true unless it is zero, as in skupper-router.
  const value = typeof raw === 'number' ? raw !== 0 : BOOLEANS.get(String(scalarText(raw)).toLowerCase());
  return value === undefined ? expected('yes or no', raw) : { value };
}

function parseChoice(choices: readonly string[], raw: unknown): Parsed {
  if (typeof raw === 'string' && choices.includes(raw)) return { value: raw };
  // Also by its number, as in skupper-router.
  const byNumber = integerOf(raw);
  if (byNumber !== undefined && byNumber in choices) return { value: choices[byNumber] };
  const near = typeof raw === 'string' ? suggestion(raw, choices) : '';
  return { fault: `expected one of ${choices.join(', ')}, got ${shown(raw)}${near}` };
}

function parseProperties(raw: unknown): Parsed {
  if (!isMap(raw)) return expected('a map', raw);
  const odd = Object.keys(raw).find((key) => !/^[\x20-\x7e]+$/.test(key));
  return odd === undefined ? nested(raw) : { fault: `the key ${shown(odd)} is not plain ASCII` };
}

/** A deep, frozen copy; its depth is bounded first. */
function nested(raw: unknown): Parsed {
  if (deeperThan(raw, ATTRIBUTE_DEPTH_MAX)) return { fault: `nested more than ${ATTRIBUTE_DEPTH_MAX} deep` };
  return { value: frozenCopy(raw) };
}

function deeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((item) => deeperThan(item, depth - 1));
}

function frozenCopy(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy));
  if (!isMap(value)) return value;
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, frozenCopy(item)])));
}
