/**
 * What to do, in which order, to get from one configuration to another; nothing that stays the same is touched.
 *
 * Users of a profile go before it and come after it. An attribute that cannot change in place makes its entity anew; a
 * profile and the router itself are never made anew, since connections hang on them.
 */
import type { RouterConfig } from './config.ts';
import { changedAttributes, changesInPlace } from './live.ts';
import { CONFIG_TYPES, type Entity, type EntityType, schemaOf } from './schema.ts';

export interface ConfigChange {
  readonly op: 'create' | 'update' | 'delete';
  readonly type: EntityType;
  /** As it is known so far; only a singleton's can differ from the entity's. */
  readonly name: string;
  /** The entity as it shall be; absent on delete. */
  readonly entity?: Entity;
  /** Attributes whose new value takes effect only when the router is started again. */
  readonly restart?: readonly string[];
}

/** Read at start only. */
const AT_START: ReadonlySet<EntityType> = new Set(['router']);

/**
 * Changes in the order in which to apply them: deletions, updates, creations. Empty when nothing differs; everything is created
 * when there is nothing before.
 */
export function diffConfig(before: RouterConfig | undefined, after: RouterConfig): ConfigChange[] {
  const deleted: ConfigChange[] = [];
  const updated: ConfigChange[] = [];
  const created: ConfigChange[] = [];
  const remade = new Set<string>();
  for (const type of CONFIG_TYPES) {
    const old = keyed(before, type);
    const wanted = keyed(after, type);
    for (const [name] of old) if (!wanted.has(name)) deleted.push({ op: 'delete', type, name });
    for (const [name, entity] of wanted) {
      const previous = old.get(name);
      const changed = previous === undefined ? [] : changedAttributes(previous, entity);
      if (previous === undefined) {
        created.push({ op: 'create', type, name, entity });
      } else if (mustBeMadeAnew(entity, changed, remade)) {
        remade.add(`${type}/${name}`);
        deleted.push({ op: 'delete', type, name });
        created.push({ op: 'create', type, name, entity });
      } else if (changed.length > 0) {
        updated.push(update(previous.name, entity, changed));
      }
    }
  }
  return [...deleted.reverse(), ...updated, ...created];
}

/** By name; the only one of a kind by its type, since its name may hold what changed. */
function keyed(config: RouterConfig | undefined, type: EntityType): ReadonlyMap<string, Entity> {
  const named = config?.entities.get(type) ?? new Map<string, Entity>();
  return schemaOf(type).singleton ? new Map([...named.values()].map((entity) => [type, entity])) : named;
}

function update(name: string, entity: Entity, changed: readonly string[]): ConfigChange {
  const { type } = entity;
  if (!AT_START.has(type)) return { op: 'update', type, name, entity };
  const { attributes } = schemaOf(type);
  const restart = changed.filter((attribute) => attributes[attribute]?.access === 'create');
  return { op: 'update', type, name, entity, restart };
}

function mustBeMadeAnew(entity: Entity, changed: readonly string[], remade: ReadonlySet<string>): boolean {
  // The addresses of a tcpListener go with it.
  if (entity.type === 'listenerAddress' && remade.has(`tcpListener/${entity.listener}`)) {
    return true;
  }
  return changed.length > 0 && !changesInPlace(entity.type, changed);
}
