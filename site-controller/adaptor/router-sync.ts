/**
 * Brings the router to what is wanted over management: reads what it has, makes the operations of the plan, reads again.
 *
 * Invariant: one round at a time. A failure of one operation leaves the others to go on; the next round tries it again.
 */
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { type RouterClient, RouterRefusedError } from '../../lib/router-client/client.ts';
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
  private readonly hidden = new Map<string, string>();
  private readonly tolerated = new Set<string>();
  private refused = new Map<string, string>();

  constructor({ client, log }: { client: Management; log: Logger }) {
    this.client = client;
    this.log = log;
  }

  /** One round. `hold` is asked with what the router has. @throws RouterRequestError when the router is gone */
  async round(hold: (shown: ShownEntities) => Held): Promise<SyncResult> {
    const shown = await this.read();
    const { entities, frozen, adminStatus } = hold(shown);
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
    const answers = await Promise.all(MANAGED_TYPES.map((type) => this.client.query(RULES[type].entityType)));
    return Object.fromEntries(MANAGED_TYPES.map((type, index) => [type, answers[index]!]));
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
      await this.request(operation);
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
