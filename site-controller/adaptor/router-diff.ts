/**
 * From what a router has to what it shall have: operations of management in the order in which to make them. Pure.
 *
 * Deletions come first, users before what they use, since a port or a name may be wanted by another entity; then updates; then
 * creations in reverse. What stays the same is not touched. An attribute that cannot change in place makes its entity anew.
 */
import {
  type Attributes,
  type AttributeValue,
  isLeftAlone,
  MANAGED_TYPES,
  type ManagedType,
  nameOf,
  normalized,
  RULES,
} from './entity-types.ts';

export interface WantedEntity {
  type: ManagedType;
  name: string;
  attributes: Attributes;
}

export type RouterOperation =
  | { op: 'create'; entity: WantedEntity }
  /** `entity` is whole, for a router that cannot change `attributes` in place. */
  | { op: 'update'; entity: WantedEntity; attributes: Attributes; identity: string }
  | { op: 'delete'; type: ManagedType; name: string; identity: string };

/** What a router shows of its entities, by type. */
export type ShownEntities = Readonly<Partial<Record<ManagedType, readonly Readonly<Record<string, unknown>>[]>>>;

export interface Difference {
  key: string;
  attribute: string;
  /** Normalized. */
  wanted: string;
  shown: string;
}

export interface Memory {
  /** Hidden values last given to the router, by entity; a router does not show them. */
  hidden: ReadonlyMap<string, string>;
  /** Differences that remained after they were applied: the router shows that attribute in its own way. */
  tolerated: ReadonlySet<string>;
}

export const NO_MEMORY: Memory = { hidden: new Map(), tolerated: new Set() };

/** Operations that bring a router from `shown` to `wanted`, what is `frozen` left as it is; none when there is nothing to do. */
export function planOperations(
  wanted: readonly WantedEntity[],
  shown: ShownEntities,
  memory: Memory = NO_MEMORY,
  frozen: ReadonlySet<string> = new Set(),
): RouterOperation[] {
  const deleted: RouterOperation[] = [];
  const updated: RouterOperation[] = [];
  const created: RouterOperation[] = [];
  const remade = new Set<string>();
  const kept = profilesOfStaying(shown, frozen);
  for (const type of MANAGED_TYPES) {
    const present = shownOf(type, shown);
    const entities = wanted.filter((entity) => entity.type === type && !isLeftAlone(type, entity.name));
    const names = new Set(entities.map(({ name }) => name));
    for (const [name, { identity }] of present) {
      if (type === 'log' || names.has(name) || kept.has(keyOf({ type, name }))) continue;
      deleted.push({ op: 'delete', type, name, identity: String(identity) });
    }
    for (const entity of entities) {
      const before = present.get(entity.name);
      if (frozen.has(keyOf(entity))) continue;
      if (before === undefined) {
        // A router has the logs it has.
        if (type !== 'log') created.push({ op: 'create', entity });
        continue;
      }
      const identity = String(before.identity);
      const changed = changedAttributes(entity, before, memory);
      if (mustBeMadeAnew(entity, changed, remade)) {
        remade.add(keyOf(entity));
        deleted.push({ op: 'delete', type, name: entity.name, identity });
        created.push({ op: 'create', entity });
      } else if (changed.length > 0) {
        updated.push({ op: 'update', entity, attributes: pick(entity, changed), identity });
      }
    }
  }
  return [...deleted.reverse(), ...updated, ...created];
}

/** Where entities that are there differ; hidden attributes left out. */
export function differences(wanted: readonly WantedEntity[], shown: ShownEntities): Difference[] {
  return MANAGED_TYPES.flatMap((type) => {
    const present = shownOf(type, shown);
    return wanted.flatMap((entity) => {
      const before = entity.type === type ? present.get(entity.name) : undefined;
      return before === undefined ? [] : attributeDifferences(entity, before);
    });
  });
}

export function keyOf({ type, name }: { type: ManagedType; name: string }): string {
  return `${type}/${name}`;
}

/** Key of a difference in `Memory.tolerated`. */
export function toleranceOf({ key, attribute, wanted, shown }: Difference): string {
  return JSON.stringify([key, attribute, wanted, shown]);
}

/** Text of the hidden attributes of an entity, for `Memory.hidden`; empty when it has none. */
export function hiddenOf({ type, attributes }: WantedEntity): string {
  const values = RULES[type].hidden.map((name) => attributes[name]).filter((value) => value !== undefined);
  return values.length === 0 ? '' : JSON.stringify(values);
}

/** Keys of the profiles of entities that stay whatever is wanted. */
function profilesOfStaying(shown: ShownEntities, frozen: ReadonlySet<string>): Set<string> {
  const staying = MANAGED_TYPES.flatMap((type) =>
    (shown[type] ?? []).filter((entity) => {
      const name = nameOf(type, entity);
      return isLeftAlone(type, name) || frozen.has(keyOf({ type, name }));
    }),
  );
  return new Set(
    staying.flatMap(({ sslProfile, proxyProfile }) => [`sslProfile/${sslProfile}`, `proxyProfile/${proxyProfile}`]),
  );
}

function shownOf(type: ManagedType, shown: ShownEntities): Map<string, Readonly<Record<string, unknown>>> {
  const named = (shown[type] ?? []).map((entity) => [nameOf(type, entity), entity] as const);
  return new Map(named.filter(([name]) => !isLeftAlone(type, name)));
}

function changedAttributes(entity: WantedEntity, before: Readonly<Record<string, unknown>>, memory: Memory): string[] {
  const visible = attributeDifferences(entity, before)
    .filter((difference) => !memory.tolerated.has(toleranceOf(difference)))
    .map(({ attribute }) => attribute);
  const secret = hiddenOf(entity);
  const isSecretNew = secret !== '' && secret !== memory.hidden.get(keyOf(entity));
  return isSecretNew ? [...visible, ...RULES[entity.type].hidden] : visible;
}

function attributeDifferences(entity: WantedEntity, before: Readonly<Record<string, unknown>>): Difference[] {
  const { defaults, hidden } = RULES[entity.type];
  const names = new Set([...Object.keys(entity.attributes), ...Object.keys(defaults)]);
  for (const name of ['name', 'type', 'identity', ...hidden]) names.delete(name);
  return [...names].flatMap((attribute) => {
    const fallback = normalized(attribute, defaults[attribute]);
    const wanted = normalized(attribute, entity.attributes[attribute]) || fallback;
    const shown = normalized(attribute, before[attribute]) || fallback;
    return wanted === shown ? [] : [{ key: keyOf(entity), attribute, wanted, shown }];
  });
}

function mustBeMadeAnew(entity: WantedEntity, changed: readonly string[], remade: ReadonlySet<string>): boolean {
  // The addresses of a tcpListener go with it.
  if (entity.type === 'listenerAddress' && remade.has(`tcpListener/${entity.attributes.listener}`)) return true;
  const { inPlace } = RULES[entity.type];
  return inPlace !== 'all' && changed.some((attribute) => !inPlace.includes(attribute));
}

/** An attribute that is no longer wanted gets its default. */
function pick({ type, attributes }: WantedEntity, names: readonly string[]): Attributes {
  const target = (name: string): AttributeValue => attributes[name] ?? RULES[type].defaults[name] ?? '';
  return Object.fromEntries(names.map((name) => [name, target(name)]));
}
