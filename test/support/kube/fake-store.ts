/**
 * What an API server keeps, in memory: objects with versions, the history that watches read, fields by manager, owners.
 *
 * Simpler than the real one: lists are one value to server-side apply, nothing is validated or defaulted.
 */
import type { ResourceType } from '../../../lib/kube/client.ts';
import type { KubeObject, ObjectMeta } from '../../../lib/kube/object.ts';
import { isDeepEqual } from '../../../lib/kube/subset.ts';

export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message = reason) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

export interface Change {
  version: number;
  typeName: string;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: KubeObject;
  /** As it was, so that watches with selectors know what leaves their sight. */
  before: KubeObject | undefined;
}

export interface Place {
  namespace: string | undefined;
  name: string;
  subresource: string | undefined;
}

type Json = Record<string, unknown>;

export class FakeStore {
  version = 1;
  /** Changes before this one are forgotten. */
  compactedAt = 0;
  /** Of writes that changed something, as `MODIFIED ConfigMap`. */
  readonly changeCounts = new Map<string, number>();
  private readonly objects = new Map<string, KubeObject>();
  /** Leaf paths by manager, by key of the object. */
  private readonly managers = new Map<string, Map<string, Set<string>>>();
  private history: Change[] = [];
  private readonly listeners = new Set<(change: Change) => void>();
  private uidCount = 0;

  get(type: ResourceType, { namespace, name }: Pick<Place, 'namespace' | 'name'>): KubeObject | undefined {
    return this.objects.get(keyOf(type, namespace, name));
  }

  list(type: ResourceType, namespace?: string): KubeObject[] {
    const prefix = `${typeNameOf(type)}|`;
    return [...this.objects]
      .filter(([key, object]) => key.startsWith(prefix) && (!namespace || object.metadata.namespace === namespace))
      .map(([, object]) => object)
      .sort((a, b) =>
        keyOf(type, a.metadata.namespace, a.metadata.name) < keyOf(type, b.metadata.namespace, b.metadata.name)
          ? -1
          : 1,
      );
  }

  /** As they were just after `version`; what lists of a replica that lags show. */
  listAt(type: ResourceType, version: number): KubeObject[] {
    const objects = new Map(this.list(type).map((object) => [object.metadata.uid!, object]));
    for (const change of [...this.history].reverse()) {
      if (change.version <= version) break;
      if (change.typeName !== typeNameOf(type)) continue;
      if (change.before === undefined) objects.delete(change.object.metadata.uid!);
      else objects.set(change.before.metadata.uid!, change.before);
    }
    return [...objects.values()];
  }

  /** Changes of a kind after `version`. @throws Refusal when some of them are forgotten */
  since(type: ResourceType, version: number): Change[] {
    if (version < this.compactedAt)
      throw new Refusal(410, 'Expired', `too old resource version: ${version} (${this.compactedAt})`);
    return this.history.filter((change) => change.version > version && change.typeName === typeNameOf(type));
  }

  listen(onChange: (change: Change) => void): () => void {
    this.listeners.add(onChange);
    return () => this.listeners.delete(onChange);
  }

  /** Forgets the past: watches that begin there are refused with 410. */
  compact(): void {
    this.compactedAt = this.version;
    this.history = [];
  }

  create(type: ResourceType, body: KubeObject, namespace: string | undefined): KubeObject {
    const metadata = { ...body.metadata, namespace };
    if (namespace === undefined) delete metadata.namespace;
    const key = keyOf(type, namespace, metadata.name);
    if (this.objects.has(key))
      throw new Refusal(409, 'AlreadyExists', `${type.plural} "${metadata.name}" already exists`);
    this.uidCount += 1;
    const uid = `00000000-0000-4000-8000-${String(this.uidCount).padStart(12, '0')}`;
    const { status: _status, ...rest } = body;
    const made = {
      ...structuredClone(rest),
      apiVersion: type.apiVersion,
      kind: type.kind,
      metadata: { ...metadata, uid, generation: 1, creationTimestamp: timestamp() },
    };
    return this.commit(type, key, undefined, made);
  }

  replace(type: ResourceType, place: Place, body: KubeObject): KubeObject {
    const before = this.existing(type, place);
    const { resourceVersion, uid } = body.metadata;
    if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion)
      throw conflict(type, place);
    if (uid !== undefined && uid !== before.metadata.uid) throw conflict(type, place);
    return this.change(type, place, before, body);
  }

  merge(type: ResourceType, place: Place, patch: Json): KubeObject {
    const before = this.existing(type, place);
    return this.change(type, place, before, mergeInto(before, patch) as KubeObject);
  }

  apply(
    type: ResourceType,
    place: Place,
    wanted: KubeObject,
    { manager, force }: { manager: string; force: boolean },
  ): KubeObject {
    const key = keyOf(type, place.namespace, place.name);
    const before = this.objects.get(key);
    const owned = this.managers.get(key) ?? new Map<string, Set<string>>();
    const paths = leavesOf({
      ...wanted,
      apiVersion: undefined,
      kind: undefined,
      metadata: appliedMetadata(wanted.metadata),
    });
    if (before !== undefined && !force) {
      for (const [other, theirs] of owned) {
        const clash = [...paths].find(
          ([path, value]) => other !== manager && theirs.has(path) && !isDeepEqual(value, at(before, path)),
        );
        if (clash) throw new Refusal(409, 'Conflict', `conflict with "${other}": ${clash[0]}`);
      }
    }
    if (before === undefined) {
      const made = this.create(type, wanted, place.namespace);
      this.managers.set(key, new Map([[manager, new Set(paths.keys())]]));
      return made;
    }
    const object = structuredClone(before);
    for (const path of owned.get(manager) ?? []) {
      const isOthers = [...owned].some(([other, theirs]) => other !== manager && theirs.has(path));
      if (!paths.has(path) && !isOthers) removeAt(object, path);
    }
    for (const [path, value] of paths) putAt(object, path, value);
    owned.set(manager, new Set(paths.keys()));
    if (force)
      for (const [other, theirs] of owned) if (other !== manager) for (const path of paths.keys()) theirs.delete(path);
    this.managers.set(key, owned);
    return this.change(type, place, before, object);
  }

  /** With the dependents that have no other owner. */
  remove(
    type: ResourceType,
    place: Place,
    { uid, resourceVersion }: { uid?: string; resourceVersion?: string } = {},
  ): KubeObject {
    const before = this.existing(type, place);
    const isOther = (uid ?? before.metadata.uid) !== before.metadata.uid;
    if (isOther || (resourceVersion ?? before.metadata.resourceVersion) !== before.metadata.resourceVersion)
      throw conflict(type, place);
    if ((before.metadata.finalizers ?? []).length > 0) {
      if (before.metadata.deletionTimestamp !== undefined) return before;
      const metadata = { ...before.metadata, deletionTimestamp: timestamp() };
      return this.commit(type, keyOf(type, place.namespace, place.name), before, { ...before, metadata });
    }
    this.drop(type, before);
    return before;
  }

  private existing(type: ResourceType, place: Place): KubeObject {
    const found = this.get(type, place);
    if (found === undefined) throw new Refusal(404, 'NotFound', `${type.plural} "${place.name}" not found`);
    return found;
  }

  /** The rules of what may change through which path, and what it does to generation and deletion. */
  private change(type: ResourceType, place: Place, before: KubeObject, body: KubeObject): KubeObject {
    const { uid, creationTimestamp, generation, deletionTimestamp, namespace, name } = before.metadata;
    const kept = {
      uid,
      creationTimestamp,
      generation,
      deletionTimestamp,
      namespace,
      name,
      resourceVersion: before.metadata.resourceVersion,
    };
    const after: KubeObject =
      place.subresource === 'status'
        ? { ...before, status: body.status }
        : {
            ...structuredClone(body),
            status: before.status,
            metadata: withoutUndefined({ ...body.metadata, ...kept }),
          };
    if (isDeepEqual(before, after)) return before;
    const isSpec = !isDeepEqual({ ...before, metadata: 0, status: 0 }, { ...after, metadata: 0, status: 0 });
    if (isSpec) after.metadata = { ...after.metadata, generation: (generation ?? 0) + 1 };
    const changed = this.commit(type, keyOf(type, namespace, name), before, withoutUndefined(after) as KubeObject);
    if (deletionTimestamp !== undefined && (changed.metadata.finalizers ?? []).length === 0) this.drop(type, changed);
    return changed;
  }

  private commit(type: ResourceType, key: string, before: KubeObject | undefined, object: KubeObject): KubeObject {
    this.version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.version) } };
    this.objects.set(key, stored);
    this.tell(type, before === undefined ? 'ADDED' : 'MODIFIED', stored, before);
    return stored;
  }

  private drop(type: ResourceType, object: KubeObject): void {
    const key = keyOf(type, object.metadata.namespace, object.metadata.name);
    this.objects.delete(key);
    this.managers.delete(key);
    this.version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.version) };
    this.tell(type, 'DELETED', { ...object, metadata }, object);
    for (const dependent of [...this.objects.values()]) {
      const owners = dependent.metadata.ownerReferences ?? [];
      if (!owners.some(({ uid }) => uid === object.metadata.uid) || owners.some((owner) => this.lives(owner.uid)))
        continue;
      const { namespace, name } = dependent.metadata;
      const own = [...this.objects].find(([, each]) => each === dependent)?.[0].split('|', 1)[0] ?? '';
      const dependentType = typeOf(own, dependent);
      if (this.get(dependentType, { namespace, name }) !== undefined)
        this.remove(dependentType, { namespace, name, subresource: undefined });
    }
  }

  private lives(uid: string): boolean {
    return [...this.objects.values()].some(({ metadata }) => metadata.uid === uid);
  }

  private tell(type: ResourceType, what: Change['type'], object: KubeObject, before: KubeObject | undefined): void {
    const change = { version: this.version, typeName: typeNameOf(type), type: what, object, before };
    this.history.push(change);
    const count = `${what} ${type.kind}`;
    this.changeCounts.set(count, (this.changeCounts.get(count) ?? 0) + 1);
    for (const listener of [...this.listeners]) listener(change);
  }
}

export function typeNameOf({ apiVersion, plural }: ResourceType): string {
  return `${plural}.${apiVersion.includes('/') ? apiVersion.split('/', 1)[0] : ''}`;
}

function typeOf(typeName: string, { apiVersion, kind, metadata }: KubeObject): ResourceType {
  return { apiVersion, kind, plural: typeName.split('.', 1)[0]!, namespaced: metadata.namespace !== undefined };
}

/** Whole seconds, as in the API. */
function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

function keyOf(type: ResourceType, namespace: string | undefined, name: string): string {
  return `${typeNameOf(type)}|${namespace ?? ''}/${name}`;
}

function conflict(type: ResourceType, { name }: Place): Refusal {
  return new Refusal(409, 'Conflict', `the ${type.plural} "${name}" has been modified`);
}

function appliedMetadata({ labels, annotations, ownerReferences, finalizers }: ObjectMeta): Json {
  return { labels, annotations, ownerReferences, finalizers };
}

function mergeInto(target: unknown, patch: Json): Json {
  const merged: Json = { ...((target ?? {}) as Json) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = isMap(value) ? mergeInto(isMap(merged[name]) ? merged[name] : {}, value) : value;
  }
  return merged;
}

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Paths as JSON lists of names, with the values there. */
function leavesOf(value: unknown, path: string[] = []): Map<string, unknown> {
  if (value === undefined) return new Map();
  if (!isMap(value) || Object.keys(value).length === 0) return new Map([[JSON.stringify(path), value]]);
  return new Map(Object.entries(value).flatMap(([name, member]) => [...leavesOf(member, [...path, name])]));
}

function at(object: unknown, path: string): unknown {
  return (JSON.parse(path) as string[]).reduce((value, name) => (isMap(value) ? value[name] : undefined), object);
}

function putAt(object: unknown, path: string, value: unknown): void {
  const names = JSON.parse(path) as string[];
  let parent = object as Json;
  for (const name of names.slice(0, -1)) {
    if (!isMap(parent[name])) parent[name] = {};
    parent = parent[name] as Json;
  }
  const last = names.at(-1)!;
  const isKeptMap = isMap(value) && isMap(parent[last]);
  if (!isKeptMap) parent[last] = structuredClone(value);
}

function removeAt(object: unknown, path: string): void {
  const names = JSON.parse(path) as string[];
  const parent = at(object, JSON.stringify(names.slice(0, -1)));
  if (isMap(parent)) delete parent[names.at(-1)!];
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}
