/**
 * How entity types extend each other (wire reference 9.1): every type is an `entity`, configured or operational, and the
 * agent itself is an `org.amqp.management`. Not here: the attributes that a type has beside those of its bases (schema.ts).
 */
import { ALL_TYPES, attributeNames, isConfigType, longName, operationsOf, shortName, TYPE_PREFIX } from './schema.ts';

/** The type of the agent's own entity. */
export const AGENT_TYPE = 'management';
const AGENT_BASE = 'org.amqp.management';

/** Only others extend them: there is no entity of just this type. Nearest base first. */
const BASES: Readonly<Record<string, readonly string[]>> = {
  entity: [],
  [AGENT_BASE]: ['operationalEntity', 'entity'],
  configurationEntity: ['entity'],
  operationalEntity: ['entity'],
};
const BASE_ATTRIBUTES: readonly string[] = ['name', 'identity', 'type'];

const ASKED_OF_ANY_AGENT: readonly string[] = [
  'QUERY',
  'GET-TYPES',
  'GET-ANNOTATIONS',
  'GET-OPERATIONS',
  'GET-ATTRIBUTES',
  'GET-MGMT-NODES',
];
/** What the agent is asked that is no entity's matter. */
export const AGENT_OPERATIONS: readonly string[] = ['GET-SCHEMA', 'GET-JSON-SCHEMA', 'GET-LOG', ...ASKED_OF_ANY_AGENT];

/** Short names of all types, those that others extend among them. */
export const SCHEMA_TYPES: readonly string[] = [...Object.keys(BASES), ...ALL_TYPES];

/** The short name of any type, in any of its forms; undefined for an unknown one. */
export function shortTypeName(name: string): string | undefined {
  const bare = name.startsWith(TYPE_PREFIX) ? name.slice(TYPE_PREFIX.length) : name;
  return Object.hasOwn(BASES, bare) ? bare : shortName(name);
}

/** Short names of what a type extends, the nearest first. */
export function basesOf(type: string): readonly string[] {
  if (Object.hasOwn(BASES, type)) return BASES[type]!;
  if (type === AGENT_TYPE) return [AGENT_BASE, ...BASES[AGENT_BASE]!];
  const isConfigured = isConfigType(type) || type === 'vhostUserGroupSettings';
  return [isConfigured ? 'configurationEntity' : 'operationalEntity', 'entity'];
}

/** The types, with entities of their own, that are this one or extend it. */
export function extending(type: string): readonly string[] {
  if (!Object.hasOwn(BASES, type)) return [type];
  return ALL_TYPES.filter((other) => basesOf(other).includes(type));
}

/** Attributes in the schema of a type, which may be a base. */
export function listedAttributes(type: string): readonly string[] {
  return Object.hasOwn(BASES, type) ? BASE_ATTRIBUTES : attributeNames(type);
}

/** Operations in the schema of a type, which may be a base. */
export function listedOperations(type: string): readonly string[] {
  if (type === AGENT_TYPE) return [...AGENT_OPERATIONS, 'READ'];
  if (type === AGENT_BASE) return [...ASKED_OF_ANY_AGENT, 'READ'];
  if (type === 'entity') return [];
  return Object.hasOwn(BASES, type) ? ['READ'] : operationsOf(type);
}

/** Of each type that `about` is asked of, by its full name. */
export function byLongName<T>(types: readonly string[], about: (type: string) => T): [string, T][] {
  return types.map((type) => [longName(type), about(type)]);
}
