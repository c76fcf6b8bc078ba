/**
 * A cluster as a map of objects, for commands: no API server and no controller. `act` lets a test be the controller, after each write.
 * Schemas, admission and merging of lists are the API server's; these are tested against a real one.
 */

import type { ApiKind, ClusterClient, ListOptions } from '../../cli/places/cluster-client.ts';
import { SkuprtError } from '../../lib/errors.ts';
import type { KubeObject } from '../../lib/kube/object.ts';

export class RefusedByCluster extends SkuprtError {
  readonly code = 'SKUPRT_KUBE_FORBIDDEN';
  readonly fault = 'caller';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message, { next: 'Ask for the right' });
    this.status = status;
  }
}

export class FakeCluster implements ClusterClient {
  /** By plural, namespace and name. */
  readonly objects = new Map<string, KubeObject>();
  /** Plurals that the API server does not know. */
  readonly unknown = new Set<string>();
  /** `list deployments`, `get secrets`: what this user may not do. */
  readonly forbidden = new Set<string>();
  /** What was written, in order. */
  readonly writes: string[] = [];
  /** Answers of `json`, by path. */
  readonly answers = new Map<string, unknown>();
  /** By `pod/container`, and `/previous`. */
  readonly podLogs = new Map<string, string>();
  /** Called after each write. */
  act: (cluster: FakeCluster) => void = () => {};
  private uidCount = 0;

  /** Puts an object there as if it had been there before. */
  put(plural: string, object: Partial<KubeObject> & { metadata: KubeObject['metadata'] }): KubeObject {
    this.uidCount += 1;
    const metadata = { uid: `u-${this.uidCount}`, generation: 1, ...object.metadata };
    const whole = { apiVersion: '', kind: '', ...object, metadata };
    this.objects.set(keyOf(plural, metadata.namespace, metadata.name), whole);
    return whole;
  }

  find(plural: string, name: string, namespace = 'default'): KubeObject | undefined {
    return this.objects.get(keyOf(plural, namespace, name));
  }

  async get(api: ApiKind, name: string, namespace?: string): Promise<KubeObject | undefined> {
    this.permit('get', api);
    return structuredClone(this.objects.get(keyOf(api.plural, namespace, name)));
  }

  async list(
    api: ApiKind,
    { namespace, labelSelector = '', fieldSelector }: ListOptions = {},
  ): Promise<KubeObject[] | undefined> {
    this.permit('list', api);
    if (this.unknown.has(api.plural)) return undefined;
    const wanted = labelSelector.split(',').filter((part) => part !== '');
    const found = [...this.objects].filter(
      ([key, { metadata }]) =>
        key.startsWith(`${api.plural}/`) &&
        (namespace === undefined || metadata.namespace === namespace) &&
        (fieldSelector === undefined || fieldSelector === `metadata.name=${metadata.name}`) &&
        wanted.every((part) => metadata.labels?.[part.split('=')[0]!] === part.split('=')[1]),
    );
    const { apiVersion, kind = api.plural } = api;
    return structuredClone(found.map(([, object]) => ({ ...object, apiVersion, kind })));
  }

  async create(api: ApiKind, object: KubeObject): Promise<KubeObject> {
    this.permit('create', api);
    const { namespace, name } = object.metadata;
    // A question, to which the answer is no.
    if (api.plural === 'selfsubjectaccessreviews') return { ...object, status: { allowed: false } };
    this.writes.push(`create ${api.plural}/${name}`);
    if (this.objects.has(keyOf(api.plural, namespace, name))) throw new RefusedByCluster(409, `${name} exists`);
    const made = this.put(api.plural, structuredClone(object));
    this.act(this);
    return structuredClone(made);
  }

  async apply(api: ApiKind, object: KubeObject): Promise<KubeObject> {
    this.permit('patch', api);
    const { namespace, name } = object.metadata;
    this.writes.push(`apply ${api.plural}/${name}`);
    const present = this.objects.get(keyOf(api.plural, namespace, name));
    if (present === undefined) this.put(api.plural, structuredClone(object));
    else merge(present, structuredClone(object));
    this.act(this);
    return structuredClone(this.objects.get(keyOf(api.plural, namespace, name))!);
  }

  async patch(api: ApiKind, name: string, namespace: string, change: object): Promise<void> {
    this.permit('patch', api);
    this.writes.push(`patch ${api.plural}/${name} ${JSON.stringify(change)}`);
    const object = this.find(api.plural, name, namespace)!;
    merge(object, structuredClone(change));
    if ('spec' in change) object.metadata.generation! += 1;
    this.act(this);
  }

  async delete(api: ApiKind, name: string, namespace?: string): Promise<void> {
    this.permit('delete', api);
    if (!this.objects.delete(keyOf(api.plural, namespace, name))) return;
    this.writes.push(`delete ${api.plural}/${name}`);
    this.act(this);
  }

  async json(path: string): Promise<unknown> {
    const found = this.answers.get(path);
    if (found === undefined) throw new RefusedByCluster(404, `${path} is not there`);
    return found;
  }

  /** Ports of pods that answer, by `pod:port`: where they are on this machine. */
  readonly podPorts = new Map<string, number>();

  async forwardPort({ pod, port }: { pod: string; port: number }): Promise<{ port: number; close(): void }> {
    const here = this.podPorts.get(`${pod}:${port}`);
    if (here === undefined) throw new RefusedByCluster(404, `pod ${pod} has no port ${port}`);
    return { port: here, close: () => undefined };
  }

  async logs(_namespace: string, pod: string, query: { container: string; previous: boolean }): Promise<string> {
    const found = this.podLogs.get(`${pod}/${query.container}${query.previous ? '/previous' : ''}`);
    if (found === undefined) throw new RefusedByCluster(400, 'there is no such log');
    return found;
  }

  private permit(verb: string, { plural }: ApiKind): void {
    if (this.forbidden.has(`${verb} ${plural}`)) throw new RefusedByCluster(403, `not allowed to ${verb} ${plural}`);
  }
}

/** A controller that is there and ready. */
export function withController(cluster: FakeCluster, readyReplicas = 1): void {
  cluster.put('deployments', {
    metadata: { name: 'skupper-controller', namespace: 'skupper', labels: { application: 'skupper-controller' } },
    spec: { replicas: 1, template: { spec: { containers: [{ image: 'skuprt:1' }] } } },
    status: { readyReplicas },
  });
}

/** What a controller that finds nothing wrong writes of every resource. */
export function settleAll(cluster: FakeCluster): void {
  for (const [key, object] of cluster.objects) {
    if (!/^(sites|links|listeners|connectors|accessgrants|accesstokens|certificates)\//.test(key)) continue;
    const conditions = ['Configured', 'Ready'].map((type) => ({
      type,
      status: 'True',
      reason: 'Ready',
      message: 'OK',
      lastTransitionTime: '2026-01-01T00:00:00Z',
      observedGeneration: object.metadata.generation,
    }));
    object.status = { status: 'Ready', message: 'OK', ...(object.status as object | undefined), conditions };
  }
}

function keyOf(plural: string, namespace: string | undefined, name: string): string {
  return `${plural}/${namespace ?? ''}/${name}`;
}

/** RFC 7386. */
function merge(target: object, change: object): void {
  const into = target as Record<string, unknown>;
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete into[key];
    else if (typeof value === 'object' && !Array.isArray(value) && typeof into[key] === 'object')
      merge(into[key] as object, value as object);
    else into[key] = value;
  }
}
