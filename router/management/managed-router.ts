/** What the management agent needs from the router that it manages. */
import type { ExplainedEnds } from '../../lib/policy/explained.ts';
import type { Decision } from '../../lib/policy/types.ts';
import type { WorkloadChange } from '../identity/workloads.ts';
import type { PolicyQuestion } from './explain.ts';
import type { Entity, EntityType } from './schema.ts';
import type { AttributeValue } from './wire-values.ts';

/** An entity as the running router shows it: attributes of the schema, absent ones left off. */
export type ShownEntity = Readonly<Record<string, AttributeValue>>;

/** An entry of the router's log. */
export interface LoggedEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly module: string;
  readonly level: string;
  readonly text: string;
}

export interface ManagedRouter {
  /**
   * All entities of a type (short name), configured or running.
   * @param protocol `amqp` leaves out the connections and links that stand for TCP flows
   */
  read(type: string, protocol?: string): readonly ShownEntity[];
  /** The last `limit` entries of the log, the oldest first; all that are remembered when it is negative. */
  recentLog(limit: number): readonly LoggedEntry[];
  /**
   * These three throw a SkuprtError when the change cannot be made; nothing has changed then. A configured entity goes by its
   * name, a running one (connection, tcpConnection) by its identity.
   */
  create(type: EntityType, entity: Entity): void;
  /** `entity` holds all attributes of a configured entity, and only the changed ones of a running one. */
  update(type: string, name: string, entity: Entity | ShownEntity): void;
  delete(type: string, name: string): void;
  /** What its access policies say. @throws SkuprtError when it is not there, or too much is asked */
  explain?(question: PolicyQuestion): Decision | ExplainedEnds;
  /** @throws SkuprtError when the change cannot be made; nothing has changed then */
  setWorkloads?(change: WorkloadChange): { readonly revision: number; readonly count: number };
  /** Of all routers known, this one included. */
  routerIds(): readonly string[];
}
