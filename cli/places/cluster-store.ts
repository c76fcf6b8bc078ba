/**
 * The resources of a namespace of a cluster. What a command changes is sent as the difference only, so that fields which others set
 * stay theirs. Objects are shown as the API server has them, those included that no controller would act on.
 */
import { isDeepStrictEqual } from 'node:util';
import { isClusterScoped, KINDS, type Kind, type Resource, type ResourceOf } from '../../config/api/index.ts';
import { untraced } from '../../config/trace-annotation.ts';
import { type KubeObject, withoutManagedFields } from '../../lib/kube/object.ts';
import type { ResourceStore } from '../../site-controller/store.ts';
import { type Context, commandLine } from '../context.ts';
import { FailedError } from '../errors.ts';
import { apiOf, type ClusterClient } from './cluster-client.ts';

export class ClusterStore implements Pick<ResourceStore, 'get' | 'list' | 'apply' | 'delete'> {
  private readonly context: Context;
  private readonly client: ClusterClient;

  constructor(context: Context, client: ClusterClient) {
    this.context = context;
    this.client = client;
  }

  async get<K extends Kind>(kind: K, name: string): Promise<ResourceOf<K> | undefined> {
    const object = await this.client.get(apiOf(kind), name, this.namespaceOf(kind));
    if (object !== undefined) return readObject(kind, object);
    // "Not found" is the answer for a kind that is not installed too.
    if (kind !== 'Secret') await this.list('Site');
    return undefined;
  }

  async list<K extends Kind>(kind: K): Promise<ResourceOf<K>[]> {
    const objects = await this.client.list(apiOf(kind), { namespace: this.namespaceOf(kind) });
    if (objects === undefined) throw notInstalled(this.context);
    return objects.map((object) => readObject(kind, object)).sort(byName);
  }

  async apply(resource: Resource): Promise<void> {
    const namespace = this.namespaceOf(resource.kind);
    const api = apiOf(resource.kind);
    const { name } = resource.metadata;
    const wanted = intentOf(resource, namespace);
    const present = await this.client.get(api, name, namespace);
    if (present === undefined) {
      await this.client.create(api, wanted);
      return;
    }
    const change = mergePatch(intentOf(readObject(resource.kind, present), namespace), wanted);
    if (change !== undefined) await this.client.patch(api, name, namespace ?? '', change);
  }

  async delete(kind: Kind, name: string): Promise<void> {
    await this.client.delete(apiOf(kind), name, this.namespaceOf(kind));
  }

  /** None of what is of the cluster. */
  private namespaceOf(kind: Kind): string | undefined {
    return isClusterScoped(kind) ? undefined : this.context.namespace;
  }
}

export function notInstalled(context: Context): FailedError {
  const where = context.cluster.context === undefined ? 'This cluster' : `The cluster of "${context.cluster.context}"`;
  return new FailedError(`${where} does not know sites: the skupper.io kinds are not installed`, {
    next: `Install them with the controller: ${commandLine(context, 'install')}`,
  });
}

/** Without what only machines read; lists come without apiVersion and kind. */
function readObject<K extends Kind>(kind: K, object: KubeObject): ResourceOf<K> {
  const { metadata } = withoutManagedFields(object);
  const { apiVersion: _version, kind: _kind, metadata: _metadata, spec, ...rest } = object;
  const body = kind === 'Secret' ? rest : { spec: spec ?? {}, ...rest };
  return { apiVersion: KINDS[kind].apiVersion, kind, metadata, ...body } as unknown as ResourceOf<K>;
}

/** What a user may write of a resource. */
function intentOf(resource: Resource, namespace: string | undefined): KubeObject {
  const { name, labels, ownerReferences } = resource.metadata;
  const annotations = untraced(resource.metadata.annotations);
  const { status: _status, ...body } = resource as Resource & { status?: unknown };
  const metadata = {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(hasKeys(labels) && { labels }),
    ...(hasKeys(annotations) && { annotations }),
    ...(ownerReferences !== undefined && { ownerReferences }),
  };
  return JSON.parse(JSON.stringify({ ...body, metadata })) as KubeObject;
}

/** RFC 7386: what makes `before` into `after`; undefined when they are equal. Lists are replaced whole. */
export function mergePatch(before: object, after: object): Record<string, unknown> | undefined {
  const from = before as Record<string, unknown>;
  const to = after as Record<string, unknown>;
  const change: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [old, wanted] = [from[key], to[key]];
    if (isDeepStrictEqual(old, wanted)) continue;
    if (wanted === undefined) change[key] = null;
    else change[key] = isMap(old) && isMap(wanted) ? mergePatch(old, wanted) : wanted;
  }
  return hasKeys(change) ? change : undefined;
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasKeys(value: object | undefined): boolean {
  return value !== undefined && Object.keys(value).length > 0;
}

function byName(a: Resource, b: Resource): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
