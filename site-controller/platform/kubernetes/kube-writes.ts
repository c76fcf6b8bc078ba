/** What passes and services do to the API server, kind by kind: the thin edge between them and lib/kube. */
import type { AccessGrant } from '../../../config/api/access-grant.ts';
import { KINDS, type Kind, type Resource } from '../../../config/api/index.ts';
import { CONTROLLED_LABEL, NAME } from '../../../config/names.ts';
import { traceAnnotation } from '../../../config/trace-annotation.ts';
import type { Clock } from '../../../lib/clock.ts';
import { type Applier, LAG_MAX_MS } from '../../../lib/kube/apply.ts';
import type { KubeClient } from '../../../lib/kube/client.ts';
import { isApiError } from '../../../lib/kube/errors.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { ResourceType } from '../../../lib/kube/resource-type.ts';
import { NO_TRACER, type Tracer } from '../../../lib/trace/tracer.ts';
import type { ControllerSettings } from '../../reconcile/settings.ts';
import type { CertificateServiceParts } from './certificate-service.ts';
import type { GrantPlace } from './grant-search.ts';
import type { GrantApi } from './grant-store.ts';
import type { Writes } from './namespace-pass.ts';
import { readResource } from './resources.ts';
import type { TokenApi } from './token-service.ts';
import type { WatchedKind } from './watched.ts';

export const FIELD_MANAGER = 'skuprt-site-controller';
/** For each page, while a redeemer waits. */
const LIST_TIMEOUT_MS = 4000;

export interface KubeWritesParts {
  client: KubeClient;
  applier: Applier;
  clock: Clock;
  watched: readonly WatchedKind[];
  /** Absent: it serves all namespaces. */
  settings?: Pick<ControllerSettings, 'watchNamespace'>;
  /** Who reads a ConfigMap goes on with the trace of who wrote it. */
  tracer?: Tracer;
}

export class KubeWrites implements Writes, GrantApi, TokenApi {
  private readonly parts: KubeWritesParts;
  /** When an object was last made in a namespace, in wall-clock milliseconds. */
  private readonly created = new Map<string, number>();
  private readonly types: ReadonlyMap<string, ResourceType>;

  constructor(parts: KubeWritesParts) {
    this.parts = parts;
    this.types = new Map(parts.watched.map(({ kind, apiVersion, plural }) => [kind, { kind, apiVersion, plural }]));
  }

  /** What is somebody else's, though the cache did not know of it yet, stays as it is: the next pass tells. */
  async apply(object: KubeObject): Promise<void> {
    // Only Services are named by users; of all other kinds the names are ours.
    const isOurs = object.kind === 'Service' ? isMade : undefined;
    const type = this.typeOf(object.kind);
    const wanted = { ...object, apiVersion: type.apiVersion };
    const options = { recreate: true, isOurs, annotations: this.traceOf(object.kind) };
    const result = await this.parts.applier.apply(type, wanted, options);
    const namespace = object.metadata.namespace ?? '';
    if (result === 'created') this.created.set(namespace, this.parts.clock.wall());
  }

  checkAt(namespace: string, now: number): number {
    const at = (this.created.get(namespace) ?? Infinity) + LAG_MAX_MS;
    if (at > now) return at;
    this.created.delete(namespace);
    return Infinity;
  }

  async delete(object: KubeObject): Promise<void> {
    await this.parts.applier.prune(this.typeOf(object.kind), object);
  }

  async patchStatus(resource: Resource, namespace: string, status: object): Promise<void> {
    const before = 'status' in resource ? resource.status : undefined;
    const { name, resourceVersion } = resource.metadata;
    await this.parts.applier.patchStatus(
      this.typeOf(resource.kind),
      { namespace, name, resourceVersion },
      status,
      before,
    );
  }

  /** A pod may be newer than the cache, and would not report again what did not change: so the API server is asked. */
  async dropReports(namespace: string, pods: readonly string[]): Promise<void> {
    const { client } = this.parts;
    for (const pod of pods) {
      if ((await client.find(this.typeOf('Pod'), namespace, pod)) !== undefined) continue;
      await client.patch(this.typeOf('ConfigMap'), namespace, NAME.routerStatus, { data: { [pod]: null } });
    }
  }

  /** See `CertificateServiceParts.keep`. */
  keep: CertificateServiceParts['keep'] = async (secret) => {
    const { client } = this.parts;
    if (secret.metadata.resourceVersion === undefined) await client.create(SECRET, secret);
    else await client.apply(SECRET, secret, { fieldManager: FIELD_MANAGER });
  };

  async remove(kind: Kind, namespace: string, name: string): Promise<void> {
    await this.parts.client.delete(this.typeOf(kind), namespace, name);
  }

  async read(kind: Kind, namespace: string, name: string): Promise<Resource | undefined> {
    const found = await this.parts.client.find(this.typeOf(kind), namespace, name);
    const read = found && readResource(kind, found);
    return read !== undefined && 'resource' in read ? read.resource : undefined;
  }

  async readGrant(namespace: string, name: string): Promise<AccessGrant | undefined> {
    return (await this.read('AccessGrant', namespace, name)) as AccessGrant | undefined;
  }

  /** Not tried again: who asks does so. */
  async listGrants(): Promise<GrantPlace[]> {
    const { client, settings } = this.parts;
    const options = { timeoutMs: LIST_TIMEOUT_MS, retryCountMax: 0 };
    const query = { namespace: settings?.watchNamespace };
    const { items } = await client.list(this.typeOf('AccessGrant'), query, options);
    return items.map(({ metadata: { uid = '', namespace = '', name } }) => ({ uid, namespace, name }));
  }

  async annotate(
    kind: 'AccessGrant' | 'Secret',
    namespace: string,
    name: string,
    annotations: Readonly<Record<string, string | null>>,
    resourceVersion?: string,
  ): Promise<'done' | 'conflict'> {
    const metadata = { annotations, ...(resourceVersion !== undefined && { resourceVersion }) };
    try {
      await this.parts.client.patch(this.typeOf(kind), namespace, name, { metadata });
      return 'done';
    } catch (error) {
      if (resourceVersion !== undefined && isApiError(error, 'isConflict')) return 'conflict';
      throw error;
    }
  }

  async markRedeemed(namespace: string, name: string): Promise<void> {
    const patch = { status: { redeemed: true } };
    await this.parts.client.patch(this.typeOf('AccessToken'), namespace, name, patch, { subresource: 'status' });
  }

  private traceOf(kind: string): Record<string, string> | undefined {
    return kind === 'ConfigMap' ? traceAnnotation(this.parts.tracer ?? NO_TRACER) : undefined;
  }

  /** In the version that the API server has. */
  private typeOf(kind: string): ResourceType {
    return this.types.get(kind)!;
  }
}

const SECRET: ResourceType = { apiVersion: KINDS.Secret.apiVersion, kind: 'Secret', plural: KINDS.Secret.plural };

/** Made by a controller, ours or Skupper's, or by the pods that it made. */
function isMade({ metadata }: KubeObject): boolean {
  const isOwned = metadata.ownerReferences?.some(
    ({ kind, apiVersion }) => kind === 'Site' && apiVersion.startsWith('skupper.io/'),
  );
  return isOwned === true || metadata.labels?.[CONTROLLED_LABEL] === 'true';
}
