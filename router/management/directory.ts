/** The reading side of the agent: QUERY and the GET- operations over whatever entities the router shows. */
import { suggestion } from '../../lib/suggest.ts';
import { amqp, type Typed } from '../amqp/codec/value.ts';
import {
  AGENT_OPERATIONS,
  AGENT_TYPE,
  basesOf,
  byLongName,
  extending,
  listedAttributes,
  listedOperations,
  SCHEMA_TYPES,
  shortTypeName,
} from './base-types.ts';
import type { ManagedRouter, ShownEntity } from './managed-router.ts';
import { type ManagementRequest, RefusedError } from './request.ts';
import { ALL_TYPES, attributeNames, attributeOf, columnsOf, longName, schemaOf } from './schema.ts';
import { dumpSchema } from './schema-dump.ts';
import { plain, toTyped, typed } from './wire-values.ts';

export const DIRECTORY_OPERATIONS = AGENT_OPERATIONS;

/** JSON.stringify takes no more. */
const INDENT_MAX = 10;

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
        return typed(
          Object.fromEntries(byLongName(asked(request, 'extending'), (type) => basesOf(type).map(longName))),
        );
      case 'GET-ATTRIBUTES':
        return typed(Object.fromEntries(byLongName(asked(request), listedAttributes)));
      case 'GET-OPERATIONS':
        return typed(Object.fromEntries(byLongName(asked(request), listedOperations)));
      case 'GET-MGMT-NODES':
        return typed(this.managementNodes());
      case 'GET-SCHEMA':
        return typed(dumpSchema());
      case 'GET-JSON-SCHEMA':
        return amqp.string(JSON.stringify(dumpSchema(), undefined, Math.min(request.count('indent') ?? 0, INDENT_MAX)));
      case 'GET-LOG':
        return this.log(request);
      default:
        return amqp.map([]);
    }
  }

  /** All entities of a type; each has a name, an identity and its full type. */
  entities(type: string): ShownEntity[] {
    return this.shown(type).map((entity, index) => named(type, entity, index));
  }

  private shown(type: string, protocol?: string): readonly ShownEntity[] {
    return type === AGENT_TYPE ? [SELF] : this.router.read(type, protocol);
  }

  /** All that an entity has; of types with columns, those without a value too. */
  entityMap(type: string, shown: ShownEntity): Typed {
    const entity: ShownEntity = { ...shown, type: longName(type) };
    const isWanted = (name: string) => !isAbsent(entity[name]) && !attributeOf(type, name)?.hidden;
    const names = schemaOf(type).columns ?? attributeNames(type).filter(isWanted);
    return amqp.map(names.map((name) => [amqp.string(name), toTyped(attributeOf(type, name)!, entity[name])] as const));
  }

  /** Addresses of the agents of all routers known, this one first. */
  private managementNodes(): string[] {
    const others = new Set(this.router.routerIds());
    others.delete(this.self.routerId);
    return [this.self.home, ...[...others].map(homeOf)].map((home) => `${home}$management`);
  }

  /** Entries as skupper-router shows them: module, level, text, source file, line, seconds since 1970. */
  private log(request: ManagementRequest): Typed {
    const limit = request.count('limit') || -1;
    const entries = this.router.recentLog(limit);
    return typed(
      entries.map(({ module, level, text, at }) => [module, level, text, null, null, Math.floor(at / 1000)]),
    );
  }

  private query(request: ManagementRequest): Typed {
    const { entityType } = request;
    const base = entityType === undefined ? undefined : knownAnyType(entityType);
    const types = base === undefined ? ALL_TYPES : extending(base);
    const names = wantedAttributes(request);
    const columns = names.length > 0 ? names : defaultColumns(base);
    if (base === undefined || types.some((type) => schemaOf(type).columns === undefined)) refuseUnknown(names, base);
    const rows = types.flatMap((type) => this.rows(type, columns, request.protocol));
    const offset = request.count('offset') ?? 0;
    // As in skupper-router no entities are not what a count of 0 asks for.
    const count = request.count('count') || rows.length;
    return amqp.map([
      [amqp.string('attributeNames'), typed(columns)],
      [amqp.string('results'), amqp.list(rows.slice(offset, offset + count).map((row) => row()))],
    ]);
  }

  /**
   * Rows of one type, each made when it is called: of thousands a page shows few. An entity that has none of the attributes
   * asked for is left out; what all have, each has.
   */
  private rows(type: string, names: readonly string[], protocol: string | undefined): (() => Typed)[] {
    const attributes = names.map((name) => [name, attributeOf(type, name)] as const);
    const everyHas = attributes.some(([name]) => OF_ALL.has(name));
    const hasAny = (entity: ShownEntity) =>
      attributes.some(([name, attribute]) => attribute !== undefined && !attribute.hidden && !isAbsent(entity[name]));
    const rows: (() => Typed)[] = [];
    this.shown(type, protocol).forEach((entity, index) => {
      if (!everyHas && !hasAny(entity)) return;
      rows.push(() => {
        const whole = named(type, entity, index);
        const values = attributes.map(([name, attribute]) =>
          attribute ? toTyped(attribute, whole[name]) : amqp.null(),
        );
        return amqp.list(values);
      });
    });
    return rows;
  }
}

const OF_ALL: ReadonlySet<string> = new Set(['name', 'identity', 'type']);

/** @param index makes the identity of an entity that has none */
function named(type: string, entity: ShownEntity, index: number): ShownEntity {
  const identity = entity.identity ?? `${type}/${plain(entity.id ?? entity.key ?? entity.typeName ?? index)}`;
  return { ...entity, identity, name: entity.name ?? identity, type: longName(type) };
}

const SELF: ShownEntity = { name: 'self', identity: 'self' };

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** The types that a GET- operation is about: all of them when it names none. */
function asked({ entityType }: ManagementRequest, how?: 'extending'): readonly string[] {
  if (entityType === undefined) return SCHEMA_TYPES;
  const type = knownAnyType(entityType);
  if (how === undefined) return [type];
  return SCHEMA_TYPES.filter((other) => other === type || basesOf(other).includes(type));
}

function knownAnyType(name: string): string {
  const type = shortTypeName(name);
  if (type === undefined) throw new RefusedError(400, `no such entity type '${name}'${suggestion(name, SCHEMA_TYPES)}`);
  return type;
}

/** @param base the type asked for; without one all attributes there are */
function defaultColumns(base: string | undefined): readonly string[] {
  if (base === undefined) return [...new Set(ALL_TYPES.flatMap(attributeNames))];
  return ALL_TYPES.includes(base) ? columnsOf(base) : listedAttributes(base);
}

function refuseUnknown(names: readonly string[], base: string | undefined): void {
  const known = new Set(base === undefined ? ALL_TYPES.flatMap(attributeNames) : listedAttributes(base));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new RefusedError(404, `no attribute '${unknown.join("', '")}'${suggestion(unknown[0]!, known)}`);
}

function wantedAttributes(request: ManagementRequest): string[] {
  const names = request.attributes().find(({ name }) => name === 'attributeNames')?.value ?? [];
  if (!Array.isArray(names) || names.some((name) => typeof name !== 'string')) {
    throw new RefusedError(400, "'attributeNames' is not a list of names");
  }
  return names;
}
