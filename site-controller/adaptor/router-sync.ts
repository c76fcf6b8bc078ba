/**
 * Brings the router to what is wanted over management: reads what it has, makes the operations of the plan, reads again.
 *
 * Invariant: one round at a time. A failure of one operation leaves the others to go on; the next round tries it again.
 */
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { POLICY_ATTRIBUTES } from '../../lib/own-attributes.ts';
import { type RouterClient, RouterRefusedError, RouterRequestError } from '../../lib/router-client/client.ts';
import { NO_TRACER, type Tracer } from '../../lib/trace/tracer.ts';
import { type Attributes, MANAGED_TYPES, type ManagedType, RULES } from './entity-types.ts';
import {
  differences,
  hiddenOf,
  keyOf,
  planOperations,
  type RouterOperation,
  type ShownEntities,
  toleranceOf,
  type WantedEntity,
} from './router-diff.ts';

export interface Held {
  entities: readonly WantedEntity[];
  /** Keys of entities that must stay as they are. */
  frozen: ReadonlySet<string>;
  /** Of the router itself: whether it is to leave the network. Absent: as it is. */
  adminStatus?: string;
}

export interface SyncResult {
  operationCount: number;
  /** What the router refused, by entity. */
  refused: ReadonlyMap<string, string>;
}

type Management = Pick<RouterClient, 'query' | 'create' | 'update' | 'delete'>;

/** Within the router's credit; it works through them in order. */
const BATCH_COUNT_MAX = 50;
const ROUTER_TYPE = 'router';
const CANNOT_UPDATE = new Set([400, 403, 501]);

export class RouterSync {
  private readonly client: Management;
  private readonly log: Logger;
  private readonly tracer: Tracer;
  private readonly hidden = new Map<string, string>();
  private readonly tolerated = new Set<string>();
  private refused = new Map<string, string>();
  private knowsPolicies = true;

  /** @param tracer each operation is a span of it */
  constructor({ client, log, tracer = NO_TRACER }: { client: Management; log: Logger; tracer?: Tracer }) {
    this.client = client;
    this.log = log;
    this.tracer = tracer;
  }

  /** One round. `hold` is asked with what the router has. @throws RouterRequestError when the router is gone */
  async round(hold: (shown: ShownEntities) => Held): Promise<SyncResult> {
    const shown = await this.read();
    const held = hold(shown);
    const { frozen, adminStatus } = held;
    const entities = this.knowsPolicies ? held.entities : withoutPolicies(held.entities);
    if (adminStatus !== undefined) await this.administer(adminStatus);
    const operations = planOperations(entities, shown, { hidden: this.hidden, tolerated: this.tolerated }, frozen);
    this.refused = new Map();
    for (const phase of ['delete', 'update', 'create']) {
      await this.perform(operations.filter(({ op }) => op === phase));
    }
    if (operations.length > 0) await this.remember(entities, frozen);
    return { operationCount: operations.length, refused: this.refused };
  }

  /** The one attribute of the router that is not of its start; one that does not know it cannot drain. */
  private async administer(adminStatus: string): Promise<void> {
    const [router] = await this.client.query(ROUTER_TYPE);
    if (router?.adminStatus === undefined || router.adminStatus === adminStatus) return;
    await this.client.update(ROUTER_TYPE, String(router.identity), { adminStatus });
    this.log.info({ adminStatus }, 'router told to drain, or to serve again');
  }

  private async read(): Promise<ShownEntities> {
    const answers = await Promise.all(
      MANAGED_TYPES.map((type) => (type === 'accessPolicy' ? this.readPolicies() : this.query(type))),
    );
    return Object.fromEntries(MANAGED_TYPES.map((type, index) => [type, answers[index]!]));
  }

  private query(type: ManagedType): Promise<Record<string, unknown>[]> {
    return this.client.query(RULES[type].entityType);
  }

  /** The original has none, and is told of none. */
  private async readPolicies(): Promise<Record<string, unknown>[]> {
    try {
      const policies = await this.query('accessPolicy');
      this.knowsPolicies = true;
      return policies;
    } catch (err) {
      if (!(err instanceof RouterRequestError) || err.status === undefined) throw err;
      this.knowsPolicies = false;
      return [];
    }
  }

  private async perform(operations: readonly RouterOperation[]): Promise<void> {
    for (let start = 0; start < operations.length; start += BATCH_COUNT_MAX) {
      const batch = operations.slice(start, start + BATCH_COUNT_MAX);
      await Promise.all(batch.map((operation) => this.performOne(operation)));
    }
  }

  private async performOne(operation: RouterOperation): Promise<void> {
    const { type, name } = operation.op === 'delete' ? operation : operation.entity;
    try {
      const span = { kind: 'client', attributes: { 'skuprt.entity': type, 'skuprt.name': name } } as const;
      await this.tracer.span(`${operation.op} ${type}`, span, () => this.request(operation));
      this.log.info({ op: operation.op, type, name }, 'router entity brought about');
    } catch (err) {
      if (!(err instanceof RouterRefusedError)) throw err;
      this.refused.set(keyOf({ type, name }), messageOf(err));
      this.log.warn({ err, op: operation.op, type, name }, 'router refused a change');
    }
  }

  private async request(operation: RouterOperation): Promise<void> {
    if (operation.op === 'delete') {
      this.hidden.delete(keyOf(operation));
      await this.remove(operation.type, operation.identity);
      return;
    }
    const { entity } = operation;
    if (operation.op === 'create') await this.create(entity);
    else await this.update(entity, operation.identity, operation.attributes);
    this.hidden.set(keyOf(entity), hiddenOf(entity));
  }

  private create({ type, name, attributes }: WantedEntity): Promise<void> {
    return this.client.create(RULES[type].entityType, String(attributes.name ?? `${type}/${name}`), attributes);
  }

  private async update(entity: WantedEntity, identity: string, attributes: Attributes): Promise<void> {
    const { entityType } = RULES[entity.type];
    try {
      await this.client.update(entityType, identity, attributes);
    } catch (err) {
      const isUnable = err instanceof RouterRefusedError && CANNOT_UPDATE.has(err.status);
      // Connections hang on profiles: they are never made anew.
      if (!isUnable || RULES[entity.type].inPlace === 'all') throw err;
      await this.remove(entity.type, identity);
      await this.create(entity);
    }
  }

  /** Gone already is as good. */
  private async remove(type: ManagedType, identity: string): Promise<void> {
    try {
      await this.client.delete(RULES[type].entityType, identity);
    } catch (err) {
      if (!(err instanceof RouterRefusedError) || err.status !== 404) throw err;
    }
  }

  /** What still differs though the router took it is its own way to show it; it is not made anew again and again. */
  private async remember(entities: readonly WantedEntity[], frozen: ReadonlySet<string>): Promise<void> {
    const shown = await this.read();
    for (const difference of differences(entities, shown)) {
      const { key, attribute, wanted } = difference;
      if (frozen.has(key) || this.refused.has(key)) continue;
      this.tolerated.add(toleranceOf(difference));
      this.log.warn({ key, attribute, wanted, shown: difference.shown }, 'router shows an attribute in its own way');
    }
  }
}

/** For a router that does not know them: an attribute that is not known would be refused with its entity. */
function withoutPolicies(entities: readonly WantedEntity[]): WantedEntity[] {
  return entities
    .filter(({ type }) => type !== 'accessPolicy')
    .map((entity) => {
      const kept = Object.entries(entity.attributes).filter(([name]) => !(name in POLICY_ATTRIBUTES));
      return { ...entity, attributes: Object.fromEntries(kept) };
    });
}
