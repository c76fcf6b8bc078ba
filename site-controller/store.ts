/** What the reconcilers see of the place where resources are kept: an API server, or files of a local site. */
import type { Kind, Resource, ResourceOf } from '../config/api/index.ts';

export interface ResourceStore {
  get<K extends Kind>(kind: K, name: string): Promise<ResourceOf<K> | undefined>;
  /** By name. */
  list<K extends Kind>(kind: K): Promise<ResourceOf<K>[]>;
  /** Calls `onChange` for each resource that came, changed or went, until `signal` aborts. */
  watch(onChange: (kind: Kind, name: string) => void, signal: AbortSignal): Promise<void>;
  /** Creates it or replaces its labels, annotations and spec; writes nothing when these are as given. */
  apply(resource: Resource): Promise<void>;
  /** Sets the given members of the status, removes those that are undefined, and leaves the others. */
  patchStatus<K extends Kind>(kind: K, name: string, status: StatusOf<K>): Promise<void>;
  /** Nothing happens when there is none. */
  delete(kind: Kind, name: string): Promise<void>;
}

export type StatusOf<K extends Kind> = ResourceOf<K> extends { status?: infer S } ? Partial<NonNullable<S>> : never;

export type ResourceKey = `${Kind}/${string}`;

export function keyOf(resource: Resource): ResourceKey {
  return `${resource.kind}/${resource.metadata.name}`;
}
