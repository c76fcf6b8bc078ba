/**
 * The schema as GET-SCHEMA answers it: a map of plain values that can be sent as AMQP or as JSON, in skupper-router's form
 * (prefix, then entity types by short name, each with its attributes, operations and full name).
 */
import type { Attribute, AttributeKind } from './attributes.ts';
import { AGENT_TYPE, listedAttributes, listedOperations, SCHEMA_TYPES } from './base-types.ts';
import { ALL_TYPES, attributeOf, longName, schemaOf, TYPE_PREFIX } from './schema.ts';

const KNOWN_TYPES: Readonly<Record<Exclude<AttributeKind, 'choice'>, string>> = {
  string: 'string',
  host: 'string',
  port: 'string',
  integer: 'integer',
  boolean: 'boolean',
  list: 'list',
  map: 'map',
  properties: 'properties',
};
const UNIQUE: ReadonlySet<string> = new Set(['name', 'identity']);

export type SchemaDump = { readonly prefix: string; readonly entityTypes: Readonly<Record<string, object>> };

export function dumpSchema(): SchemaDump {
  const entityTypes = Object.fromEntries(SCHEMA_TYPES.map((type) => [type, dumpType(type)]));
  return { prefix: TYPE_PREFIX.slice(0, -1), entityTypes };
}

function dumpType(type: string): object {
  const names = listedAttributes(type).filter((name) => name !== 'type');
  const isSingleton = type === AGENT_TYPE || (ALL_TYPES.includes(type) && schemaOf(type).singleton === true);
  const operations = listedOperations(type);
  return {
    attributes: Object.fromEntries(names.map((name) => [name, dumpAttribute(name, attributeIn(type, name))])),
    ...(operations.length > 0 && { operations }),
    fullyQualifiedType: longName(type),
    ...(isSingleton && { singleton: true }),
  };
}

function attributeIn(type: string, name: string): Attribute | undefined {
  return ALL_TYPES.includes(type) ? attributeOf(type, name) : undefined;
}

/** What is false, empty or not there is left out. */
function dumpAttribute(name: string, attribute: Attribute | undefined): object {
  if (attribute === undefined) return { type: 'string', unique: true };
  const { kind, choices, known, default: fallback, required, access } = attribute;
  return {
    type: kind === 'choice' ? choices : (known ?? KNOWN_TYPES[kind]),
    ...(fallback ? { default: fallback } : {}),
    ...(required && { required: true }),
    ...(UNIQUE.has(name) && { unique: true }),
    ...(access === 'read' && kind === 'integer' && known === undefined && { graph: true }),
  };
}
