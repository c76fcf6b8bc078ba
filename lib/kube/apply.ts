/**
 * Brings objects to what is wanted of them, and writes nothing when they are there already.
 *
 * An object carries the hash of what was last wanted of it (`skuprt.io/applied`): another hash means that the wish changed, also where
 * it only became smaller. The same hash and a live object that holds the wish means that nothing is to be done. Live objects come from
 * a cache that lags behind; what was written last is remembered until the cache has moved, so that one wish is one write. A server
 * that spells a value in its own way is found out by that memory too: the object it answered with is the best that can be had.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { pause } from './abort.ts';
import type { KubeClient, ResourceType } from './client.ts';
import { isApiError } from './errors.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import { isSubset, mergePatch } from './subset.ts';

export const APPLIED_ANNOTATION = 'skuprt.io/applied';

export type ApplyResult =
  | 'unchanged'
  | 'created'
  | 'updated'
  /** Deleted and made anew, since a field that differs may not change. */
  | 'recreated'
  /** Left alone: somebody else has that name. */
  | 'foreign';

export type WriteVerb = 'apply' | 'create' | 'delete' | 'patch' | 'patch_status';
export type OnWrite = (verb: WriteVerb, kind: string, object: Pick<ObjectMeta, 'namespace' | 'name'>) => void;

export interface ApplierParts {
  client: Pick<KubeClient, 'apply' | 'find' | 'delete' | 'patch'>;
  fieldManager: string;
  clock: Clock;
  /** What the cache holds. */
  live: (type: ResourceType, namespace: string | undefined, name: string) => KubeObject | undefined;
  /** Told of each write that reached the server. */
  onWrite?: OnWrite;
}

export interface ApplyOptions {
  /** Deletes and makes anew an object with a field that may not change. */
  recreate?: boolean;
  /** Asked about an object that the cache did not have; true when absent. */
  isOurs?: (live: KubeObject) => boolean;
  /** Go along with what is written, and are no reason to write. */
  annotations?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

interface Written {
  hash: string;
  /** Of the cached object when it was written: the cache has not moved while it says this. Undefined: there was none. */
  before: string | undefined;
  /** Of the answer. */
  after: string | undefined;
  atMs: number;
}

/** A cache that has not moved for longer may have missed both the making and the end of an object. */
export const LAG_MAX_MS = 30_000;
const CONFLICT_RETRIES_MAX = 4;
/** What is deleted to be made anew may take a moment to go. */
const RECREATE_WAIT_MS = 50;
const RECREATE_TRIES = 40;

export class Applier {
  private readonly parts: ApplierParts;
  private readonly written = new Map<string, Written>();
  private readonly statuses = new Map<string, Written>();

  constructor(parts: ApplierParts) {
    this.parts = parts;
  }

  /** @throws ApiError and its siblings of errors.ts */
  async apply(type: ResourceType, wanted: KubeObject, options: ApplyOptions = {}): Promise<ApplyResult> {
    const { namespace, name } = wanted.metadata;
    const key = keyOf(type.kind, namespace, name);
    const live = this.parts.live(type, namespace, name);
    const hash = hashOf(wanted);
    if (this.isDone(key, hash, wanted, live)) return 'unchanged';
    if (live === undefined && options.isOurs !== undefined) {
      const fresh = await this.parts.client.find(type, namespace, name, { signal: options.signal });
      if (fresh !== undefined && !options.isOurs(fresh)) return 'foreign';
    }
    const annotations = { ...options.annotations, [APPLIED_ANNOTATION]: hash };
    return this.write(type, annotated(wanted, annotations), { key, hash, live }, options);
  }

  /** Deletes exactly this object. False when it was gone already, or another one has its name. */
  async prune(type: ResourceType, { metadata }: { metadata: ObjectMeta }, signal?: AbortSignal): Promise<boolean> {
    const { namespace, name, uid } = metadata;
    this.written.delete(keyOf(type.kind, namespace, name));
    try {
      const isDeleted = await this.parts.client.delete(type, namespace, name, { uid, signal });
      if (isDeleted) this.parts.onWrite?.('delete', type.kind, { namespace, name });
      return isDeleted;
    } catch (error) {
      if (!isApiError(error, 'isConflict')) throw error;
      // Another one of that name, or a race within the server.
      const found = await this.parts.client.find(type, namespace, name, { signal });
      if (found !== undefined && found.metadata.uid === uid) throw error;
      return false;
    }
  }

  /**
   * Makes the status of an object what is wanted; members that `before` has and `status` lacks are removed.
   * False when nothing was written: nothing differs, it was written before and the cache lags, or the object is gone.
   */
  async patchStatus(
    type: ResourceType,
    { namespace, name, resourceVersion }: Pick<ObjectMeta, 'namespace' | 'name' | 'resourceVersion'>,
    status: object,
    before: object | undefined,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const patch = mergePatch(before, status);
    if (patch === undefined) return false;
    const key = keyOf(type.kind, namespace, name);
    const hash = digest(status);
    const last = this.statuses.get(key);
    // Fields that the server drops come up again with each look; they are not worth a write each.
    const isKnown = last !== undefined && (this.lags(last, resourceVersion) || resourceVersion === last.after);
    if (resourceVersion !== undefined && last?.hash === hash && isKnown) return false;
    try {
      const answer = await this.parts.client.patch(
        type,
        namespace,
        name,
        { status: patch },
        { subresource: 'status', signal },
      );
      const { resourceVersion: version } = answer.metadata;
      // Others wrote what the cache has not seen, and the patch left out what it took to be there: the next look sees both.
      const isMixed = version !== resourceVersion && mergePatch(answer.status, status) !== undefined;
      const after = isMixed ? undefined : version;
      this.statuses.set(key, { hash, before: resourceVersion, after, atMs: this.parts.clock.now() });
      this.parts.onWrite?.('patch_status', type.kind, { namespace, name });
      return true;
    } catch (error) {
      if (isApiError(error, 'isNotFound')) return false;
      throw error;
    }
  }

  /** To be told of each object that is gone, so that one of the same name is written again. */
  forget(kind: string, namespace: string | undefined, name: string): void {
    const key = keyOf(kind, namespace, name);
    this.written.delete(key);
    this.statuses.delete(key);
  }

  private isDone(key: string, hash: string, wanted: KubeObject, live: KubeObject | undefined): boolean {
    const last = this.written.get(key);
    const version = live?.metadata.resourceVersion;
    if (last?.hash === hash && (this.lags(last, version) || (version !== undefined && version === last.after)))
      return true;
    if (live === undefined || live.metadata.deletionTimestamp !== undefined) return false;
    return live.metadata.annotations?.[APPLIED_ANNOTATION] === hash && isSubset(wanted, live);
  }

  /** The cache has not seen that write yet. */
  private lags(last: Written, version: string | undefined): boolean {
    return last.before === version && this.parts.clock.now() - last.atMs < LAG_MAX_MS;
  }

  private async write(
    type: ResourceType,
    object: KubeObject,
    { key, hash, live }: { key: string; hash: string; live: KubeObject | undefined },
    options: ApplyOptions,
  ): Promise<ApplyResult> {
    let isAdopted = false;
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await this.send(type, object, options);
        const version = answer.metadata.resourceVersion;
        this.written.set(key, {
          hash,
          before: live?.metadata.resourceVersion,
          after: version,
          atMs: this.parts.clock.now(),
        });
        if (live === undefined) return 'created';
        return version === live.metadata.resourceVersion ? 'unchanged' : 'updated';
      } catch (error) {
        if (isApiError(error, 'isImmutable') && options.recreate) {
          await this.recreate(type, object, options);
          this.written.delete(key);
          return 'recreated';
        }
        if (isApiError(error, 'isInvalid') && live !== undefined && !isAdopted) {
          // Parts that somebody else wrote stand beside ours and clash with them, as ports of a Service do.
          await this.adopt(type, object, options);
          isAdopted = true;
          continue;
        }
        // A forced apply says nothing about versions: a conflict is a race within the server, and the same once more will do.
        if (!isApiError(error, 'isConflict') || attempt >= CONFLICT_RETRIES_MAX) throw error;
      }
    }
  }

  private async send(type: ResourceType, object: KubeObject, { signal }: ApplyOptions): Promise<KubeObject> {
    const { client, fieldManager } = this.parts;
    const answer = await client.apply(type, object, { fieldManager, force: true, signal });
    const { namespace, name } = object.metadata;
    this.parts.onWrite?.('apply', type.kind, { namespace, name });
    return answer;
  }

  /** Replaces what others wrote by what is wanted, and forgets that they did: from then on it is ours alone. */
  private async adopt(type: ResourceType, object: KubeObject, { signal }: ApplyOptions): Promise<void> {
    const { namespace, name } = object.metadata;
    const { apiVersion: _version, kind: _kind, metadata: _metadata, ...members } = object;
    await this.parts.client.patch(type, namespace, name, members, { signal });
    await this.parts.client.patch(type, namespace, name, { metadata: { managedFields: [{}] } }, { signal });
  }

  private async recreate(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<void> {
    const { client } = this.parts;
    const { namespace, name } = object.metadata;
    const old = await client.find(type, namespace, name, options);
    if (old !== undefined) await this.prune(type, old, options.signal);
    for (let tries = 0; tries < RECREATE_TRIES; tries++) {
      const still = await client.find(type, namespace, name, options);
      if (still === undefined || still.metadata.uid !== old?.metadata.uid) break;
      await pause(RECREATE_WAIT_MS, options.signal);
    }
    await this.send(type, object, options);
  }
}

/** Of what is wanted, whatever the order of its members. */
export function hashOf(wanted: KubeObject): string {
  return digest(wanted);
}

function digest(value: unknown): string {
  return createHash('sha256').update(stableJson(value)).digest('base64url').slice(0, 22);
}

function stableJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function annotated(wanted: KubeObject, more: Readonly<Record<string, string>>): KubeObject {
  const annotations = { ...wanted.metadata.annotations, ...more };
  return { ...wanted, metadata: { ...wanted.metadata, annotations } };
}

function keyOf(kind: string, namespace: string | undefined, name: string): string {
  return `${kind}/${namespace ?? ''}/${name}`;
}
