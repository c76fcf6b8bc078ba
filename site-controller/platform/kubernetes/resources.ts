/** Objects of the API server as typed resources: those that the strict schemas refuse are told apart, with every fault. */
import { KINDS, type Kind, type Resource } from '../../../config/api/index.ts';
import { parseResource, ResourceError } from '../../../config/api/parse.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { InvalidResource } from '../../reconcile/cluster.ts';

export type Read = { resource: Resource } | { invalid: InvalidResource };

/** Each object is read once: caches hand out the same object until it changes. */
const known = new WeakMap<KubeObject, Read>();

export function readResource(kind: Kind, object: KubeObject): Read {
  const read = known.get(object) ?? readAnew(kind, object);
  known.set(object, read);
  return read;
}

function readAnew(kind: Kind, object: KubeObject): Read {
  const { apiVersion } = KINDS[kind];
  // Lists come without these two.
  const whole = {
    ...object,
    apiVersion,
    kind,
    metadata: metadataOf(object),
    ...(kind !== 'Secret' && { spec: object.spec ?? {} }),
  };
  try {
    return { resource: parseResource(whole, `${kind} ${object.metadata.name}`) };
  } catch (error) {
    if (!(error instanceof ResourceError)) throw error;
    const message = error.faults.map(({ path, message: text }) => `${path} ${text}`.trim()).join('; ');
    const status = object.status as object | undefined;
    return { invalid: { kind, metadata: object.metadata, status, message } };
  }
}

/** What the schemas know of; an API server may add more. */
function metadataOf({ metadata }: KubeObject): object {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp } = metadata;
  const { labels, annotations, ownerReferences, finalizers } = metadata;
  const members = { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp };
  return withoutUndefined({ ...members, labels, annotations, ownerReferences, finalizers });
}

function withoutUndefined(members: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
