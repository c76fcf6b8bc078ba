/**
 * The management agent at `$management`: a request message in, an answer message out (wire reference 9.1). Pure: what it reads
 * and changes is behind ManagedRouter. Not here: who may reach the address.
 *
 * Invariants: each request with a reply-to gets exactly one answer, and a refused one changed nothing.
 */
import { isDeepStrictEqual } from 'node:util';
import { SkuprtError } from '../../lib/errors.ts';
import { amqp, type Typed } from '../amqp/codec/value.ts';
import { composeMessage } from '../amqp/message/compose.ts';
import type { Head } from '../amqp/message/head.ts';
import type { Operation } from './attributes.ts';
import { AGENT_TYPE, extending, shortTypeName } from './base-types.ts';
import { DIRECTORY_OPERATIONS, Directory, homeOf } from './directory.ts';
import { type ConfigWarning, parseEntity } from './entity.ts';
import { questionOf } from './explain.ts';
import type { ManagedRouter, ShownEntity } from './managed-router.ts';
import { knownType, ManagementRequest, RefusedError, STATUS, type Status } from './request.ts';
import { checkEntity, type Surroundings } from './rules.ts';
import {
  ALL_TYPES,
  attributeOf,
  type Entity,
  type EntityType,
  isConfigType,
  operationsOf,
  schemaOf,
  shortName,
} from './schema.ts';
import type { ConfigFault, RawAttribute } from './sections.ts';
import { parseValue } from './values.ts';
import { type AttributeValue, plain, typed } from './wire-values.ts';
import { workloadChange } from './workloads.ts';

export interface ManagementAgentParts {
  readonly routerId: string;
  /** What addresses of this router alone begin with; `amqp:/_topo/0/<id>/` when absent. */
  readonly home?: string;
  readonly router: ManagedRouter;
}

export interface Answer {
  readonly to: string;
  readonly message: Buffer;
}

interface Result {
  readonly status: Status;
  readonly description?: string;
  readonly body?: Typed;
}

interface Found {
  readonly type: string;
  /** What the router knows it by. */
  readonly name: string;
  readonly shown: ShownEntity;
}

export class ManagementAgent {
  private readonly router: ManagedRouter;
  private readonly directory: Directory;

  constructor({ routerId, router, home = homeOf(routerId) }: ManagementAgentParts) {
    this.router = router;
    this.directory = new Directory({ routerId, home }, router);
  }

  /**
   * Answers a request parsed down to its body; undefined when it names no reply-to.
   * @param mayChange whether whoever asks may do more than look
   */
  handle(head: Head, mayChange = true): Answer | undefined {
    const { replyTo: to, correlationId, messageId } = head.properties ?? {};
    if (to === undefined) return undefined;
    const { status, description, body } = this.perform(head, mayChange);
    const message = composeMessage({
      properties: { to, correlationId: correlationId ?? messageId },
      applicationProperties: new Map<string, Typed>([
        ['statusCode', amqp.int(status)],
        ['statusDescription', amqp.string(description ?? STATUS[status])],
      ]),
      body: body ?? amqp.map([]),
    });
    return { to, message };
  }

  private perform(head: Head, mayChange: boolean): Result {
    try {
      const request = new ManagementRequest(head);
      if (!mayChange && CHANGES.includes(request.operation))
        throw new RefusedError(403, `operation '${request.operation}' is for clients of the router's own site`);
      return this.dispatch(request);
    } catch (error) {
      if (error instanceof RefusedError) return { status: error.status, description: error.message };
      if (!(error instanceof SkuprtError) || error.fault === 'ours') throw error;
      return { status: error.fault === 'caller' ? 400 : 500, description: error.message };
    }
  }

  private dispatch(request: ManagementRequest): Result {
    if (DIRECTORY_OPERATIONS.includes(request.operation)) {
      return { status: 200, body: this.directory.answer(request) };
    }
    switch (request.operation) {
      case 'CREATE':
        return this.create(request);
      case 'READ':
        return this.read(request);
      case 'UPDATE':
        return this.update(request);
      case 'DELETE':
        return this.delete(request);
      case 'SET-WORKLOADS':
        return this.setWorkloads(request);
      case 'EXPLAIN':
        return this.explain(request);
      default:
        throw new RefusedError(501, `operation '${request.operation}' is not implemented`);
    }
  }

  private setWorkloads(request: ManagementRequest): Result {
    requireOperation(knownType(request.type ?? 'workloads'), 'SET-WORKLOADS');
    const known = this.router.setWorkloads?.(workloadChange(request.attributes()));
    if (known === undefined) throw new RefusedError(501, 'this router does not learn of workloads');
    return { status: 200, body: typed({ revision: amqp.ulong(known.revision), count: amqp.ulong(known.count) }) };
  }

  private read(request: ManagementRequest): Result {
    const { type, shown } = this.find(request);
    return { status: 200, body: this.directory.entityMap(type, shown) };
  }

  private create(request: ManagementRequest): Result {
    const body = request.attributes().filter(({ value }) => value !== null);
    const given = (name: string) => body.find((attribute) => attribute.name === name)?.value;
    const typeName = request.type ?? given('type');
    if (typeof typeName !== 'string') throw new RefusedError(400, "no 'type'");
    const type = knownType(typeName);
    requireOperation(type, 'CREATE');
    const givenType = given('type');
    if (typeof givenType === 'string' && shortName(givenType) !== type) {
      throw new RefusedError(400, "conflicting values for 'type'");
    }
    if (request.name !== undefined && (given('name') ?? request.name) !== request.name) {
      throw new RefusedError(400, "conflicting values for 'name'");
    }
    const attributes = body.filter(({ name }) => name !== 'name' && name !== 'type');
    const name = request.name ?? given('name');
    for (const attribute of attributes) {
      if (attributeOf(type, attribute.name)?.access === 'read') {
        throw new RefusedError(400, `${type}.${attribute.name}: cannot be set by CREATE`);
      }
    }
    const existing = this.directory.entities(type);
    const { entity, warnings } = this.parse(
      type as EntityType,
      [...attributes, { name: 'name', value: name }],
      existing.length,
    );
    const same = existing.find((shown) => shown.name === entity.name || shown.identity === entity.identity);
    if (same) throw new RefusedError(400, `there is another ${type} named '${plain(same.name)}'`);
    this.router.create(entity.type, entity);
    return this.changed(201, entity, warnings);
  }

  private update(request: ManagementRequest): Result {
    forbid(request, 'UPDATE');
    const { type, name, shown } = this.find(request);
    requireOperation(type, 'UPDATE');
    const changes = request.attributes().filter((change) => isChange(type, shown, change));
    for (const change of changes) {
      const access = attributeOf(type, change.name)?.access;
      if (access === 'create' || access === 'read') {
        throw new RefusedError(400, `${type}.${change.name}: cannot be changed by UPDATE`);
      }
    }
    if (!isConfigType(type)) return this.updateRunning(type, name, shown, changes);
    const kept = Object.entries(shown)
      .filter(([key]) => attributeOf(type, key) && attributeOf(type, key)?.access !== 'read')
      .filter(([key]) => changes.every((change) => change.name !== key))
      .map(([key, value]) => ({ name: key, value: plain(value) }));
    const { entity, warnings } = this.parse(type, [...kept, ...changes], 0);
    this.router.update(type, name, entity);
    return this.changed(200, { ...shown, ...entity }, warnings);
  }

  private updateRunning(type: string, name: string, shown: ShownEntity, changes: readonly RawAttribute[]): Result {
    if (changes.some((change) => isEndOfRouterLink(type, shown, change))) {
      throw new RefusedError(403, 'connections between routers cannot be deleted: delete their connector or listener');
    }
    const entity: Record<string, AttributeValue> = {};
    for (const change of changes) {
      const attribute = attributeOf(type, change.name);
      const parsed = attribute ? parseValue(attribute, change.value) : { fault: 'unknown attribute' };
      if ('fault' in parsed) throw new RefusedError(400, `${type}.${change.name}: ${parsed.fault}`);
      entity[change.name] = parsed.value as AttributeValue;
    }
    this.router.update(type, name, entity);
    return { status: 200, body: this.directory.entityMap(type, { ...shown, ...entity }) };
  }

  private explain(request: ManagementRequest): Result {
    if (request.type === undefined) throw new RefusedError(400, "no 'type'");
    requireOperation(knownType(request.type), 'EXPLAIN');
    const decision = this.router.explain?.(questionOf(request.attributes()));
    if (decision === undefined) throw new RefusedError(501, 'this router has no access policies');
    return { status: 200, body: typed(JSON.parse(JSON.stringify(decision))) };
  }

  private delete(request: ManagementRequest): Result {
    forbid(request, 'DELETE');
    const { type, name } = this.find(request);
    requireOperation(type, 'DELETE');
    this.requireNoAddresses(type, name);
    this.router.delete(type, name);
    return { status: 204 };
  }

  /** As skupper-router: they would be shown on and serve nobody. */
  private requireNoAddresses(type: string, name: string): void {
    if (type !== 'tcpListener') return;
    const address = this.router.read('listenerAddress').find(({ listener }) => plain(listener) === name);
    if (!address) return;
    const [first, listener] = [plain(address.name), name];
    throw new RefusedError(400, `listenerAddress '${first}' belongs to tcpListener '${listener}': delete it first`);
  }

  private parse(type: EntityType, attributes: readonly RawAttribute[], index: number) {
    const { entity, faults, warnings } = parseEntity({ type, path: type, attributes, index });
    if (entity === undefined) throw new RefusedError(400, listed(faults));
    const found = checkEntity(entity, this.surroundings());
    const located = ({ attribute, message }: { attribute: string; message: string }) => ({
      path: `${type}.${attribute}`,
      message,
    });
    if (found.faults.length > 0) throw new RefusedError(400, listed(found.faults.map(located)));
    return { entity, warnings: [...warnings, ...found.warnings.map(located)] };
  }

  private surroundings(): Surroundings {
    const [router] = this.router.read('router');
    return {
      mode: plain(router?.mode) as string | undefined,
      find: (type, name) => this.router.read(type).find((shown) => plain(shown.name) === name) as Entity | undefined,
      unsound: () => false,
    };
  }

  private changed(status: Status, entity: ShownEntity | Entity, warnings: readonly ConfigWarning[]): Result {
    const type = entity.type as EntityType;
    const running = this.directory.entities(type).find(({ name }) => name === entity.name);
    const body = this.directory.entityMap(type, running ?? (entity as ShownEntity));
    return warnings.length === 0
      ? { status, body }
      : { status, description: `${STATUS[status]}; ${listed(warnings)}`, body };
  }

  /** The one entity that a request names by name, identity or both. */
  private find({ type: typeName, name, identity }: ManagementRequest): Found {
    const types = typesNamed(typeName);
    if (name === undefined && identity === undefined) {
      if (typeName !== undefined && !types.includes(AGENT_TYPE))
        throw new RefusedError(400, 'no name or identity given');
      return { type: AGENT_TYPE, name: 'self', shown: this.directory.entities(AGENT_TYPE)[0]! };
    }
    const found = types.flatMap((type) =>
      this.directory
        .entities(type)
        .filter((shown) => name === undefined || plain(shown.name) === name)
        .filter((shown) => identity === undefined || plain(shown.identity) === identity)
        .map((shown) => ({ type, name: String(plain(isConfigType(type) ? shown.name : shown.identity)), shown })),
    );
    const wanted = [name !== undefined && `name '${name}'`, identity !== undefined && `identity '${identity}'`];
    const what = `${typeName ?? 'entity'} with ${wanted.filter(Boolean).join(' and ')}`;
    if (found.length > 1) throw new RefusedError(400, `more than one ${what}: give its type or identity`);
    if (found[0] === undefined) throw new RefusedError(404, `no ${what}`);
    return found[0];
  }
}

type Change = Exclude<Operation, 'READ'>;

const CHANGES: readonly string[] = ['CREATE', 'UPDATE', 'DELETE', 'SET-WORKLOADS'] satisfies Change[];

function requireOperation(type: string, operation: Change): void {
  if (operationsOf(type).includes(operation)) return;
  const status = isForbidding(type) ? 403 : 501;
  throw new RefusedError(status, `operation '${operation}' is not implemented for ${type}`);
}

/** What is never allowed is forbidden whether or not there is such an entity. */
function forbid({ type: name }: ManagementRequest, operation: Change): void {
  const type = name === undefined ? undefined : shortName(name);
  if (type !== undefined && isForbidding(type)) requireOperation(type, operation);
}

/** Of what runs and skupper-router's core answers for, it forbids what it does not do. */
function isForbidding(type: string): boolean {
  return schemaOf(type).columns !== undefined && !isConfigType(type);
}

/** Links between routers come back as soon as they are closed: they are ended by their connectors and listeners. */
function isEndOfRouterLink(type: string, shown: ShownEntity, { name, value }: RawAttribute): boolean {
  const role = plain(shown.role);
  return type === 'connection' && name === 'adminStatus' && value === 'deleted' && ROUTER_LINK_ROLES.includes(role);
}

const ROUTER_LINK_ROLES: readonly unknown[] = ['inter-router', 'edge'];

/** The types whose entities a request may mean. */
function typesNamed(name: string | undefined): readonly string[] {
  if (name === undefined) return ALL_TYPES;
  const base = shortTypeName(name);
  return base === undefined ? [knownType(name)] : extending(base);
}

/** Sending an attribute as it is changes nothing, whatever it is. */
function isChange(type: string, shown: ShownEntity, { name, value }: RawAttribute): boolean {
  const attribute = attributeOf(type, name);
  if (value === null || name === 'type') return false;
  if (attribute === undefined) return true;
  const parsed = parseValue(attribute, value);
  return 'fault' in parsed || !isDeepStrictEqual(parsed.value, plain(shown[name]));
}

function listed(faults: readonly ConfigFault[]): string {
  return faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
}
