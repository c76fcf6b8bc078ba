/** The reading side of the agent: QUERY and the GET- operations over whatever entities the router shows. */
import { suggestion } from '../../lib/suggest.ts';
import { amqp, type Typed } from '../amqp/codec/value.ts';
import type { ManagedRouter, ShownEntity } from './managed-router.ts';
import { knownType, type ManagementRequest, RefusedError } from './request.ts';
import {
  ALL_TYPES,
  attributeNames,
  attributeOf,
  CONFIG_TYPES,
  isConfigType,
  longName,
  operationsOf,
  TYPE_PREFIX,
} from './schema.ts';
import { plain, toTyped, typed } from './wire-values.ts';

export const DIRECTORY_OPERATIONS: readonly string[] = [
  'QUERY',
  'GET-TYPES',
  'GET-ATTRIBUTES',
  'GET-OPERATIONS',
  'GET-ANNOTATIONS',
  'GET-MGMT-NODES',
];

const AGENT_TYPE = 'management';
/** Types that others extend: a QUERY for one covers them all. */
const BASE_TYPES: Readonly<Record<string, readonly string[]>> = {
  entity: ALL_TYPES,
  configurationEntity: CONFIG_TYPES,
  operationalEntity: ALL_TYPES.filter((type) => !isConfigType(type)),
  'org.amqp.management': [AGENT_TYPE],
};

/** What the addresses of one router alone begin with, unless it is an edge router. */
export function homeOf(routerId: string): string {
  return `amqp:/_topo/0/${routerId}/`;
}

export class Directory {
  private readonly self: { readonly routerId: string; readonly home: string };
  private readonly router: ManagedRouter;

  constructor(self: { readonly routerId: string; readonly home: string }, router: ManagedRouter) {
    this.self = self;
    this.router = router;
  }

  answer(request: ManagementRequest): Typed {
    switch (request.operation) {
      case 'QUERY':
        return this.query(request);
      case 'GET-TYPES':
        return byType(request, basesOf);
      case 'GET-ATTRIBUTES':
        return byType(request, attributeNames);
      case 'GET-OPERATIONS':
        return byType(request, allOperations);
      case 'GET-MGMT-NODES':
        return typed(this.managementNodes());
      default:
        return amqp.map([]);
    }
  }

  /** All entities of a type; each has a name, an identity and its full type. */
  entities(type: string): ShownEntity[] {
    const shown = type === AGENT_TYPE ? [{ name: 'self', identity: 'self' }] : this.router.read(type);
    return shown.map((entity: ShownEntity, index) => {
      const identity = entity.identity ?? `${type}/${plain(entity.id ?? entity.key ?? entity.typeName ?? index)}`;
      return { ...entity, identity, name: entity.name ?? identity, type: longName(type) };
    });
  }

  entityMap(type: string, shown: ShownEntity): Typed {
    const entity: ShownEntity = { ...shown, type: longName(type) };
    const isPresent = (name: string) => entity[name] !== undefined && entity[name] !== null;
    const present = attributeNames(type).filter((name) => isPresent(name) && !attributeOf(type, name)?.hidden);
    return amqp.map(
      present.map((name) => [amqp.string(name), toTyped(attributeOf(type, name)!, entity[name])] as const),
    );
  }

  /** Addresses of the agents of all routers known, this one first. */
  private managementNodes(): string[] {
    const others = new Set(this.router.routerIds());
    others.delete(this.self.routerId);
    return [this.self.home, ...[...others].map(homeOf)].map((home) => `${home}$management`);
  }

  private query(request: ManagementRequest): Typed {
    const types = typesOf(request.entityType);
    const known = new Set(types.flatMap(attributeNames));
    const asked = wantedAttributes(request);
    const unknown = asked.filter((name) => !known.has(name));
    if (unknown.length > 0) {
      throw new RefusedError(404, `no attribute '${unknown.join("', '")}'${suggestion(unknown[0]!, known)}`);
    }
    const names = asked.length > 0 ? asked : [...known];
    const rows = types.flatMap((type) => this.rows(type, names));
    const offset = request.count('offset') ?? 0;
    const page = rows.slice(offset, offset + (request.count('count') ?? rows.length));
    return amqp.map([
      [amqp.string('attributeNames'), typed(names)],
      [amqp.string('results'), amqp.list(page)],
    ]);
  }

  /** An entity that has none of the attributes asked for is left out. */
  private rows(type: string, names: readonly string[]): Typed[] {
    const attributes = names.map((name) => [name, attributeOf(type, name)] as const);
    return this.entities(type)
      .map((entity) =>
        attributes.map(([name, attribute]) => (attribute ? toTyped(attribute, entity[name]) : amqp.null())),
      )
      .filter((row) => row.some((value) => value.type !== 'null'))
      .map((row) => amqp.list(row));
  }
}

function typesOf(entityType: string | undefined): readonly string[] {
  if (entityType === undefined) return ALL_TYPES;
  const base = entityType.startsWith(TYPE_PREFIX) ? entityType.slice(TYPE_PREFIX.length) : entityType;
  return Object.hasOwn(BASE_TYPES, base) ? BASE_TYPES[base]! : [knownType(entityType)];
}

function wantedAttributes(request: ManagementRequest): string[] {
  const names = request.attributes().find(({ name }) => name === 'attributeNames')?.value ?? [];
  if (!Array.isArray(names) || names.some((name) => typeof name !== 'string')) {
    throw new RefusedError(400, "'attributeNames' is not a list of names");
  }
  return names;
}

function byType({ entityType }: ManagementRequest, about: (type: string) => readonly string[]): Typed {
  return amqp.map(typesOf(entityType).map((type) => [amqp.string(longName(type)), typed(about(type))] as const));
}

function basesOf(type: string): string[] {
  const kind = isConfigType(type) ? 'configurationEntity' : 'operationalEntity';
  const agent = type === AGENT_TYPE ? ['org.amqp.management'] : [];
  return [...agent, `${TYPE_PREFIX}${kind}`, `${TYPE_PREFIX}entity`];
}

function allOperations(type: string): readonly string[] {
  return type === AGENT_TYPE ? [...DIRECTORY_OPERATIONS, 'READ'] : operationsOf(type);
}
