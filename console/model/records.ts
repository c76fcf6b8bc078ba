/**
 * Records of Skupper's event protocol as they come from the wire: the check of what others sent, and how values are read.
 * Wire reference 10.2, 10.4, 10.5.
 */
import { cleanText } from '../../lib/text.ts';
import { ATTRIBUTE, OWN_ATTRIBUTE } from '../../lib/vanflow.ts';
import { RECORD_TEXT_LENGTH_MAX, RECORDS_IN_MESSAGE_MAX, TEXT_LENGTH_MAX } from './limits.ts';

export type Value = string | number;
export type Values = ReadonlyMap<number, Value>;

/** What was told of something this time. */
export interface ToldRecord {
  readonly type: number;
  readonly id: string;
  /** By code of the attribute. */
  readonly values: Values;
}

/** The records in the body of a message; what is malformed is left out. */
export function readRecords(body: unknown): ToldRecord[] {
  if (!Array.isArray(body)) return [];
  return body.slice(0, RECORDS_IN_MESSAGE_MAX).flatMap((entry) => readRecord(entry) ?? []);
}

/** Codes that mean nothing here are not kept. */
const CODES: readonly number[] = [...Object.values(ATTRIBUTE), ...Object.values(OWN_ATTRIBUTE)];

function readRecord(entry: unknown): ToldRecord | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const told = entry as Readonly<Record<number, unknown>>;
  const values = new Map<number, Value>();
  let textLength = 0;
  for (const code of CODES) {
    const value = told[code];
    if (!isValue(value)) continue;
    if (typeof value === 'string') textLength += value.length;
    if (textLength > RECORD_TEXT_LENGTH_MAX) break;
    values.set(code, typeof value === 'string' ? cleanText(value) : value);
  }
  const type = values.get(ATTRIBUTE.type);
  const id = told[ATTRIBUTE.identity];
  return typeof type === 'number' && isId(id) ? { type, id, values } : undefined;
}

export function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= TEXT_LENGTH_MAX && value === cleanText(value);
}

function isValue(value: unknown): value is Value {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0;
  return typeof value === 'string' && value.length <= TEXT_LENGTH_MAX;
}

export function textOf(values: Values, code: number): string {
  const value = values.get(code);
  return typeof value === 'string' ? value : '';
}

export function numberOf(values: Values, code: number): number {
  const value = values.get(code);
  return typeof value === 'number' ? value : 0;
}

export function numberIn(values: Values, code: number): number | undefined {
  const value = values.get(code);
  return typeof value === 'number' ? value : undefined;
}

/** Times travel as microseconds; 0 when it was not told. */
export function timeOf(values: Values, code: number): number {
  return Math.floor(numberOf(values, code) / 1000);
}

/** `0/x` is router x: routers of another area would have another number. */
export function routerNameOf(text: string): string {
  return text.startsWith('0/') ? text.slice(2) : text;
}
