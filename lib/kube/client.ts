/**
 * A client for any kind of a Kubernetes API: JSON over HTTP, typed errors, bounded retries, and a bound on what is in flight.
 *
 * Small on purpose: the public client library brings 90 MiB of models into a process that knows a dozen kinds.
 */
import { ApiAnswerError, isApiError } from './errors.ts';
import type { KubeObject } from './object.ts';
import { PORT_FORWARD_PROTOCOL, PortForward } from './port-forward.ts';
import { type CallOptions, Requests, type RequestsParts } from './requests.ts';
import {
  type Query,
  queryString,
  type ResourcePlace,
  type ResourceType,
  resourceName,
  resourcePath,
} from './resource-type.ts';
import type { WatchEvent } from './watch-lines.ts';

export type { CallOptions } from './requests.ts';
export type { ResourceType } from './resource-type.ts';
export type { WatchEvent } from './watch-lines.ts';

export interface ListQuery {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Objects a page. */
  limit?: number;
  continue?: string;
  resourceVersion?: string;
}

export interface KubeList {
  resourceVersion: string;
  /** Of the next page. */
  continue: string | undefined;
  items: KubeObject[];
}

export interface WatchQuery extends Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'> {
  resourceVersion: string;
  /** The server ends the watch then. */
  timeoutSeconds?: number;
}

export interface WriteOptions extends CallOptions {
  subresource?: string;
  dryRun?: boolean;
}

export interface ApplyOptions extends WriteOptions {
  fieldManager: string;
  /** Takes fields over from other managers; true when absent. */
  force?: boolean;
}

export interface DeleteOptions extends CallOptions {
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  /** Only this very object. */
  uid?: string;
  resourceVersion?: string;
}

export interface LogQuery {
  container?: string;
  tailLines?: number;
  sinceSeconds?: number;
  previous?: boolean;
  timestamps?: boolean;
  limitBytes?: number;
}

export interface Right {
  verb: string;
  /** Empty for the core group. */
  group?: string;
  /** Plural, with `/subresource` where it is for one. */
  resource: string;
  namespace?: string;
  name?: string;
}

const PAGE_SIZE = 500;
/** To the head of a watch's answer; a server holds it back until there is something to say or a moment passed. */
const WATCH_HEAD_MS = 30_000;

export class KubeClient {
  private readonly requests: Requests;

  constructor(parts: RequestsParts) {
    this.requests = new Requests(parts);
  }

  /** `https://host:port` of the API server. */
  get server(): string {
    return this.requests.server;
  }

  /** @throws ApiError, with `isNotFound` when there is none */
  async get(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    options?: CallOptions,
  ): Promise<KubeObject> {
    return this.object('get', 'GET', type, { namespace, name }, {}, undefined, options);
  }

  /** Undefined when there is none, or no such kind. */
  async find(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    options?: CallOptions,
  ): Promise<KubeObject | undefined> {
    try {
      return await this.get(type, namespace, name, options);
    } catch (error) {
      if (isApiError(error, 'isNotFound')) return undefined;
      throw error;
    }
  }

  /** One page. */
  async listPage(type: ResourceType, query: ListQuery = {}, options?: CallOptions): Promise<KubeList> {
    const { namespace, limit = PAGE_SIZE, ...selectors } = query;
    const path = resourcePath(type, { namespace }) + queryString({ limit, ...selectors });
    const what = `list ${resourceName(type)}`;
    const answer = await this.requests.json(
      { verb: 'list', kind: type.kind, method: 'GET', path, what, right: rightOf('list', type, namespace) },
      options,
    );
    return listOf(answer, type, what);
  }

  /** All pages together; begins anew when they are too old to go on. */
  async list(type: ResourceType, query: ListQuery = {}, options?: CallOptions): Promise<KubeList> {
    const items: KubeObject[] = [];
    let page = await this.listPage(type, query, options);
    let restartCount = 0;
    items.push(...page.items);
    while (page.continue !== undefined) {
      try {
        page = await this.listPage(type, { ...query, resourceVersion: undefined, continue: page.continue }, options);
      } catch (error) {
        if (!isApiError(error, 'isGone') || restartCount++ > 0) throw error;
        items.length = 0;
        page = await this.listPage(type, query, options);
      }
      items.push(...page.items);
    }
    return { ...page, items };
  }

  async create(type: ResourceType, object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const place = {
      namespace: object.metadata.namespace,
      name: options.subresource && object.metadata.name,
      subresource: options.subresource,
    };
    return this.object('create', 'POST', type, place, writeQuery(options), { body: object }, options);
  }

  /** Refused with a conflict when `object` carries a resourceVersion that is not the present one. */
  async replace(type: ResourceType, object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const { namespace, name } = object.metadata;
    const place = { namespace, name, subresource: options.subresource };
    return this.object('update', 'PUT', type, place, writeQuery(options), { body: object }, options);
  }

  /** A merge patch when `patch` is an object, a JSON patch when it is a list. */
  async patch(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    patch: object,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const contentType = Array.isArray(patch) ? 'application/json-patch+json' : 'application/merge-patch+json';
    const place = { namespace, name, subresource: options.subresource };
    const calling = { isIdempotent: !Array.isArray(patch), ...options };
    return this.object('patch', 'PATCH', type, place, writeQuery(options), { body: patch, contentType }, calling);
  }

  /** Server-side apply. */
  async apply(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const { namespace, name } = object.metadata;
    const place = { namespace, name, subresource: options.subresource };
    const query = { ...writeQuery(options), fieldManager: options.fieldManager, force: options.force ?? true };
    const content = { body: object, contentType: 'application/apply-patch+yaml' };
    return this.object('apply', 'PATCH', type, place, query, content, options);
  }

  /** False when there was none. */
  async delete(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions = {},
  ): Promise<boolean> {
    const { propagationPolicy = 'Background', uid, resourceVersion } = options;
    const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions };
    try {
      await this.requests.json(this.call('delete', 'DELETE', type, { namespace, name }, {}, { body }), options);
      return true;
    } catch (error) {
      if (isApiError(error, 'isNotFound')) return false;
      throw error;
    }
  }

  /** Events from after `resourceVersion` until the server ends the watch. @throws ApiError (also for an event of type ERROR), ... */
  async *watch(type: ResourceType, query: WatchQuery, signal: AbortSignal): AsyncGenerator<WatchEvent[]> {
    const { namespace, ...rest } = query;
    const path = resourcePath(type, { namespace }) + queryString({ watch: true, allowWatchBookmarks: true, ...rest });
    const what = `watch ${resourceName(type)}`;
    yield* this.requests.watch(
      { verb: 'watch', kind: type.kind, method: 'GET', path, what, right: rightOf('watch', type, namespace) },
      { signal, timeoutMs: WATCH_HEAD_MS },
    );
  }

  /** `v1.34.0`. */
  async serverVersion(options?: CallOptions): Promise<string> {
    const answer = await this.raw('GET', '/version', undefined, options);
    const { gitVersion } = (answer ?? {}) as { gitVersion?: unknown };
    if (typeof gitVersion !== 'string') throw new ApiAnswerError('version', 'no gitVersion');
    return gitVersion;
  }

  /** The kinds of one group and version; empty when the server does not have it. */
  async kindsOf(apiVersion: string, options?: CallOptions): Promise<Set<string>> {
    try {
      const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
      const { resources } = (await this.raw('GET', path, undefined, options)) as { resources?: { kind: string }[] };
      return new Set((resources ?? []).map(({ kind }) => kind));
    } catch (error) {
      if (isApiError(error, 'isNotFound')) return new Set();
      throw error;
    }
  }

  /** Which of these kinds the server has, as `Kind.group` (`Kind.v1` for the core group). */
  async apiKinds(
    types: readonly Pick<ResourceType, 'apiVersion' | 'kind'>[],
    options?: CallOptions,
  ): Promise<Set<string>> {
    const versions = [...new Set(types.map(({ apiVersion }) => apiVersion))];
    const found = new Map(
      await Promise.all(versions.map(async (version) => [version, await this.kindsOf(version, options)] as const)),
    );
    const present = types.filter(({ apiVersion, kind }) => found.get(apiVersion)?.has(kind));
    return new Set(present.map(({ apiVersion, kind }) => `${kind}.${apiVersion.split('/', 1)[0]}`));
  }

  /** Whether the API server would let us. */
  async isAllowed({ resource, ...right }: Right, options?: CallOptions): Promise<boolean> {
    const [plural, subresource] = resource.split('/');
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { ...right, resource: plural, subresource } },
    };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    // Asking changes nothing, so it may be asked again.
    const answer = (await this.raw('POST', path, review, { isIdempotent: true, ...options })) as {
      status?: { allowed?: boolean };
    };
    return answer.status?.allowed === true;
  }

  async podLogs(namespace: string, pod: string, query: LogQuery = {}, options?: CallOptions): Promise<string> {
    const place = { namespace, name: pod, subresource: 'log' };
    const path = resourcePath({ apiVersion: 'v1', kind: 'Pod', plural: 'pods' }, place) + queryString({ ...query });
    const what = `log of pod ${pod}`;
    return this.requests.text({ verb: 'get', kind: 'Pod', method: 'GET', path, what }, options);
  }

  /** A port of a pod, on this machine until it is closed. `onError` is told of connections that came to nothing. */
  async forwardPort(
    { namespace, pod, port }: { namespace: string; pod: string; port: number },
    onError?: (error: Error) => void,
  ): Promise<PortForward> {
    const place = { namespace, name: pod, subresource: 'portforward' };
    const path = resourcePath({ apiVersion: 'v1', kind: 'Pod', plural: 'pods' }, place) + queryString({ ports: port });
    return await PortForward.start({ open: () => this.requests.webSocket(path, PORT_FORWARD_PROTOCOL), onError });
  }

  /** Any path; the answer parsed from JSON. */
  async raw(method: string, path: string, body?: object, options?: CallOptions): Promise<unknown> {
    const what = `${method} ${path}`;
    return this.requests.json({ verb: method.toLowerCase(), kind: '', method, path, what, body }, options);
  }

  close(): void {
    this.requests.close();
  }

  private async object(
    verb: string,
    method: string,
    type: ResourceType,
    place: ResourcePlace,
    query: Query,
    content: { body: object; contentType?: string } | undefined,
    options: CallOptions | undefined,
  ): Promise<KubeObject> {
    const call = this.call(verb, method, type, place, query, content);
    const answer = (await this.requests.json(call, options)) as KubeObject | null;
    if (typeof answer?.metadata !== 'object') throw new ApiAnswerError(call.what, 'no object');
    return answer;
  }

  private call(
    verb: string,
    method: string,
    type: ResourceType,
    place: ResourcePlace,
    query: Query,
    content: { body: object; contentType?: string } | undefined,
  ) {
    const name = place.name ?? (content?.body as KubeObject | undefined)?.metadata?.name ?? '';
    const where = place.namespace ? ` in namespace ${place.namespace}` : '';
    return {
      verb,
      kind: type.kind,
      method,
      path: resourcePath(type, place) + queryString(query),
      what: `${verb} ${type.kind} ${name}${where}`,
      right: rightOf(verb === 'apply' ? 'patch' : verb, type, place.namespace, place.subresource),
      ...content,
    };
  }
}

function writeQuery({ dryRun }: WriteOptions): Query {
  return { dryRun: dryRun ? 'All' : undefined };
}

/** The right that a call needs, in words. */
function rightOf(verb: string, type: ResourceType, namespace: string | undefined, subresource?: string): string {
  const resource = resourceName(type) + (subresource === undefined ? '' : `/${subresource}`);
  return `${verb} ${resource} ${namespace ? `in namespace ${namespace}` : 'in the whole cluster'}`;
}

/** Items of a list say neither their version nor their kind: both are put back. */
function listOf(answer: unknown, type: ResourceType, what: string): KubeList {
  const { metadata, items } = (answer ?? {}) as {
    metadata?: { resourceVersion?: string; continue?: string };
    items?: unknown;
  };
  if (typeof metadata !== 'object' || !(Array.isArray(items) || items === null))
    throw new ApiAnswerError(what, 'no list');
  const objects = (items ?? []) as KubeObject[];
  if (objects.some((item) => typeof item?.metadata?.name !== 'string'))
    throw new ApiAnswerError(what, 'an item without a name');
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    continue: metadata.continue || undefined,
    items: objects.map((item) => ({ ...item, apiVersion: type.apiVersion, kind: type.kind })),
  };
}
