/**
 * How a user's file and the controller's copy of it make one resource. Pure.
 *
 * The controller's copy carries the identity (uid, generation, creation time), the status, and the last good version of the
 * spec: while the user's file has faults, the copy stays in force.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Resource } from '../../../config/api/index.ts';
import type { Metadata } from '../../../config/api/resource.ts';
import { CONTROLLED_LABEL } from '../../../config/names.ts';
import type { ResourceKey } from '../../store.ts';

/** On a copy: the file it was read from. */
const SOURCE_ANNOTATION = 'skuprt.io/source-file';

export interface Stored {
  resource: Resource;
  file: string;
}

export function isControlled(resource: Resource): boolean {
  return resource.metadata.labels?.[CONTROLLED_LABEL] === 'true';
}

/** What the user wrote, without what only a controller may say. */
export function intentOf(resource: Resource): Resource {
  const { name, labels, annotations } = resource.metadata;
  const metadata: Metadata = { name, ...(labels && { labels }), ...(annotations && { annotations }) };
  return withoutStatus({ ...resource, metadata });
}

/** Every resource in force. `faulty` holds the names of input files that cannot be read now. */
export function effective(
  input: ReadonlyMap<ResourceKey, Stored>,
  copies: ReadonlyMap<ResourceKey, Stored>,
  faulty: ReadonlySet<string>,
): Map<ResourceKey, Resource> {
  const all = new Map<ResourceKey, Resource>();
  for (const [key, { resource }] of input) all.set(key, merge(resource, copies.get(key)?.resource));
  for (const [key, { resource }] of copies) {
    if (all.has(key)) continue;
    const source = sourceOf(resource);
    if (isControlled(resource) || (source !== undefined && faulty.has(source))) all.set(key, withoutSource(resource));
  }
  return all;
}

/** A pass asks several times, of thousands of resources that mostly stay as they are. */
const merged = new WeakMap<Resource, { readonly copy: Resource | undefined; readonly resource: Resource }>();

/**
 * The user's labels, annotations and spec with the copy's identity and status; a changed spec is one generation on. The same object, as
 * long as both are the same.
 */
export function merge(wanted: Resource, copy: Resource | undefined): Resource {
  const known = merged.get(wanted);
  if (known !== undefined && known.copy === copy) return known.resource;
  const resource = mergedOf(wanted, copy);
  merged.set(wanted, { copy, resource });
  return resource;
}

function mergedOf(wanted: Resource, copy: Resource | undefined): Resource {
  const intent = intentOf(wanted);
  if (copy === undefined) return intent;
  const { uid, creationTimestamp, generation = 1 } = copy.metadata;
  const changed = !isDeepStrictEqual(bodyOf(intent), bodyOf(copy));
  const metadata: Metadata = {
    ...intent.metadata,
    uid,
    creationTimestamp,
    generation: changed ? generation + 1 : generation,
  };
  const status = statusOf(copy);
  return { ...intent, metadata, ...(status !== undefined && { status }) } as Resource;
}

/** The copy to keep of `resource` as it is in force; `file` is where the user wrote it. */
export function copyOf(resource: Resource, file: string | undefined): Resource {
  if (file === undefined) return resource;
  const annotations = { ...resource.metadata.annotations, [SOURCE_ANNOTATION]: file };
  return { ...resource, metadata: { ...resource.metadata, annotations } };
}

/** Of a copy: the file that it was read from. */
export function sourceOf({ metadata }: Resource): string | undefined {
  return metadata.annotations?.[SOURCE_ANNOTATION];
}

export function statusOf(resource: Resource): object | undefined {
  return 'status' in resource ? resource.status : undefined;
}

export function withStatus(resource: Resource, status: object): Resource {
  return { ...resource, status } as Resource;
}

function withoutSource(resource: Resource): Resource {
  const { [SOURCE_ANNOTATION]: _source, ...annotations } = resource.metadata.annotations ?? {};
  const { annotations: _annotations, ...metadata } = resource.metadata;
  return { ...resource, metadata: Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata };
}

function withoutStatus(resource: Resource): Resource {
  if (!('status' in resource)) return resource;
  const { status: _status, ...rest } = resource;
  return rest as Resource;
}

function bodyOf(resource: Resource): object {
  const { metadata: _metadata, ...body } = withoutStatus(resource);
  return body;
}
