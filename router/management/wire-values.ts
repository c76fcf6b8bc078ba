/** Attribute values on the wire: to AMQP types as the schema says, and from request bodies to plain values. */
import { amqp, type Typed, toPlain } from '../amqp/codec/value.ts';
import type { Attribute } from './attributes.ts';

/** What a running router gives for an attribute: plain, or with its AMQP type where that must be exact. */
export type AttributeValue = Typed | string | number | bigint | boolean | null | undefined | object;

const INT_MAX = 0x7fff_ffff;

export function toTyped(attribute: Attribute, value: AttributeValue): Typed {
  if (value === null || value === undefined || attribute.hidden) return amqp.null();
  if (isTyped(value)) return value;
  switch (attribute.kind) {
    case 'string':
    case 'host':
    case 'port':
    case 'choice':
      return amqp.string(String(value));
    case 'boolean':
      return amqp.boolean(Boolean(value));
    case 'integer':
      return integer(value as number | bigint, attribute.wire);
    default:
      return typed(value);
  }
}

/** Lists, maps and scalars of any shape. Integers are int, or long when they do not fit, as skupper-router sends them. */
export function typed(value: unknown): Typed {
  if (typeof value === 'string') return amqp.string(value);
  if (typeof value === 'boolean') return amqp.boolean(value);
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return integer(value as number | bigint, 'int');
  if (typeof value === 'number') return amqp.double(value);
  if (Array.isArray(value)) return amqp.list(value.map(typed));
  if (typeof value !== 'object' || value === null) return amqp.null();
  if (isTyped(value)) return value;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return amqp.map(entries.map(([key, item]) => [amqp.string(String(key)), typed(item)] as const));
}

/** A request's or a running router's value without AMQP types; maps become plain objects. */
export function plain(value: unknown): unknown {
  return untyped(isTyped(value) ? toPlain(value) : value);
}

function untyped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untyped);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([key, item]) => [String(key), untyped(item)]));
}

function integer(value: number | bigint, wire: Attribute['wire']): Typed {
  if (wire === 'uint') return amqp.uint(Number(value));
  if (wire === 'ulong') return amqp.ulong(value);
  if (wire === 'long') return amqp.long(value);
  return value >= -INT_MAX - 1 && value <= INT_MAX ? amqp.int(Number(value)) : amqp.long(value);
}

function isTyped(value: unknown): value is Typed {
  return typeof value === 'object' && value !== null && 'type' in value && 'value' in value;
}
