/** What passes do to the API server: the thin edge between them and lib/kube. Nothing is written where nothing differs. */
import { deletionAnnotation, traceAnnotation } from '../../../config/trace-annotation.ts';
import type { Clock } from '../../../lib/clock.ts';
import { type Applier, LAG_MAX_MS, type OnWrite } from '../../../lib/kube/apply.ts';
import type { KubeClient } from '../../../lib/kube/client.ts';
import { isApiError } from '../../../lib/kube/errors.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { NO_TRACER, type Tracer } from '../../../lib/trace/tracer.ts';
import { EXPORT_ANNOTATION } from '../../names.ts';
import { TYPES, typeOfKind } from './watched.ts';

export interface KubeWritesParts {
  client: Pick<KubeClient, 'create' | 'patch'>;
  applier: Applier;
  clock: Clock;
  onWrite?: OnWrite;
  /** Who acts on a resource of a site goes on with the trace of who wrote it. */
  tracer?: Tracer;
}

const SITE_KINDS: ReadonlySet<string> = new Set(['Connector', 'Listener', 'MultiKeyListener']);

export class KubeWrites {
  private readonly parts: KubeWritesParts;

  constructor(parts: KubeWritesParts) {
    this.parts = parts;
  }

  /**
   * When the object would be missed if it was made, and taken away again before anyone saw it: wall-clock milliseconds, Infinity when it
   * was there before.
   */
  async apply(object: KubeObject): Promise<number> {
    const { applier, clock, tracer = NO_TRACER } = this.parts;
    const annotations = SITE_KINDS.has(object.kind) ? traceAnnotation(tracer) : undefined;
    const result = await applier.apply(typeOfKind(object.kind), object, { recreate: true, annotations });
    return result === 'created' ? clock.wall() + LAG_MAX_MS : Infinity;
  }

  async delete(object: KubeObject): Promise<void> {
    const { client, tracer = NO_TRACER } = this.parts;
    const { namespace, name, uid } = object.metadata;
    const annotations = SITE_KINDS.has(object.kind) ? deletionAnnotation(tracer) : undefined;
    if (annotations !== undefined) {
      const patch = { metadata: { uid, annotations } };
      // A last word that cannot be said keeps nothing from being deleted.
      await client.patch(typeOfKind(object.kind), namespace, name, patch).catch(() => undefined);
    }
    await this.parts.applier.prune(typeOfKind(object.kind), object);
  }

  async patchStatus(object: KubeObject, status: object): Promise<void> {
    const before = object.status as object | undefined;
    await this.parts.applier.patchStatus(typeOfKind(object.kind), object.metadata, status, before);
  }

  /** From when an export counts, for ever. An export that changed meanwhile is looked at again. */
  async keepSince({ metadata }: KubeObject, since: string): Promise<void> {
    const { namespace, name, uid } = metadata;
    const patch = { metadata: { uid, annotations: { [EXPORT_ANNOTATION.since]: since } } };
    try {
      await this.parts.client.patch(TYPES.ServiceExport, namespace, name, patch);
      this.parts.onWrite?.('patch', 'ServiceExport', { namespace, name });
    } catch (error) {
      // Gone, or another one of that name by now.
      if (!isApiError(error, 'isNotFound') && !isApiError(error, 'isConflict')) throw error;
    }
  }

  /** What somebody else made in the same moment stands. */
  async makeProperty(name: string, value: string): Promise<void> {
    const { apiVersion, kind } = TYPES.ClusterProperty;
    try {
      await this.parts.client.create(TYPES.ClusterProperty, { apiVersion, kind, metadata: { name }, spec: { value } });
      this.parts.onWrite?.('create', kind, { name });
    } catch (error) {
      if (!isApiError(error, 'isAlreadyExists')) throw error;
    }
  }
}
