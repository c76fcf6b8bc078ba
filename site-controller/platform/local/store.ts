/**
 * The resources of a local site, as files. The command line and the controller are two processes on the same directories:
 * users' resources are written to input/resources by the former, everything with status to runtime/resources by the latter.
 *
 * `apply` and `delete` tell them apart by the label of generated resources (`names.ts`). Only the controller calls `admit`,
 * `patchStatus` and `watch`es its own copies' input.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { rfc3339 } from '../../../config/api/conditions.ts';
import type { Kind, Resource, ResourceOf } from '../../../config/api/index.ts';
import type { Metadata } from '../../../config/api/resource.ts';
import type { ServiceExport } from '../../../config/api/service-export.ts';
import { deletionAnnotation, traceAnnotation, traceNews, untraced } from '../../../config/trace-annotation.ts';
import { NO_TRACER, type Tracer } from '../../../lib/trace/tracer.ts';
import { keyOf, type ResourceKey, type ResourceStore, type StatusOf } from '../../store.ts';
import { watchFiles } from './file-watch.ts';
import {
  copyOf,
  effective,
  intentOf,
  isControlled,
  merge,
  type Stored,
  sourceOf,
  statusOf,
  withStatus,
} from './merge.ts';
import { SERVICE_FILE_NAME, type SitePaths } from './paths.ts';
import {
  type DirectoryOptions,
  type FileFaults,
  type LocalKey,
  type LocalResource,
  ResourceDirectory,
} from './resource-directory.ts';

/** Of the directory of the controller's copies: what a full disk does not take is kept in memory and written later. `onWrite` is of both. */
export interface LocalStoreOptions extends DirectoryOptions {
  /** While `watch` runs: ServiceExports came, changed or went. */
  onExports?: () => void;
  /** Statuses were written here: `watch` tells of what others wrote only. */
  onStatus?: () => void;
  /** What a user writes says its trace; who admits it goes on with that. */
  tracer?: Tracer;
}

/** The ServiceExports of the user. */
export interface FoundExports {
  /** By name. */
  exports: ReadonlyMap<string, { made: ServiceExport; file: string }>;
  /** Names of files that cannot be read now: what was in them before is not gone. */
  faultyFiles: ReadonlySet<string>;
}

export interface StatusChange {
  readonly key: ResourceKey;
  readonly status: object;
}

/** Between two questions whether it is enough. */
const STATUSES_AT_ONCE = 64;

export class LocalStore implements ResourceStore {
  private readonly input: ResourceDirectory;
  private readonly copies: ResourceDirectory;
  /** What changed and was not told to a watcher yet. */
  private readonly changed = new Set<LocalKey>();
  /** Of resources in force: the copy that says the same of them. */
  private readonly recorded = new WeakMap<Resource, { readonly copy: Resource; readonly file: string }>();
  /**
   * In which trace this process wrote or deleted something that is not the user's, until `admit` has seen it: from that generation on;
   * undefined until it is gone.
   */
  private readonly led = new Map<ResourceKey, { trace: string; generation: number | undefined }>();
  private readonly onExports: () => void;
  private readonly onStatus: () => void;
  private readonly tracer: Tracer;

  constructor(paths: SitePaths, options: LocalStoreOptions = {}) {
    this.onExports = options.onExports ?? (() => {});
    this.onStatus = options.onStatus ?? (() => {});
    this.tracer = options.tracer ?? NO_TRACER;
    this.input = new ResourceDirectory(paths.inputResources, { onWrite: options.onWrite });
    this.copies = new ResourceDirectory(paths.runtimeResources, {
      onNoSpace: () => {},
      leaves: SERVICE_FILE_NAME,
      ...options,
    });
  }

  async get<K extends Kind>(kind: K, name: string): Promise<ResourceOf<K> | undefined> {
    return (await this.all()).get(`${kind}/${name}`) as ResourceOf<K> | undefined;
  }

  async list<K extends Kind>(kind: K): Promise<ResourceOf<K>[]> {
    return ofKind(await this.all(), kind);
  }

  /** Every resource in force. */
  async all(): Promise<Map<ResourceKey, Resource>> {
    await this.refresh();
    return this.inForce();
  }

  /** Those of `all` that `admit` gave an identity: what came since is seen by nobody who says something about it. */
  async admitted(): Promise<Map<ResourceKey, Resource>> {
    const all = await this.all();
    return new Map([...all].filter(([, { metadata }]) => metadata.uid !== undefined));
  }

  /** What is wrong in the files of the user, by file. */
  async faults(): Promise<FileFaults[]> {
    await this.refresh();
    return this.input.faults();
  }

  /** What this site exports to the cluster set: not among `all`, for the site does nothing about it. */
  async exports(): Promise<FoundExports> {
    await this.refresh();
    const exports: [string, { made: ServiceExport; file: string }][] = [];
    for (const { resource, file } of this.input.entries().values()) {
      if (resource.kind === 'ServiceExport') exports.push([resource.metadata.name, { made: resource, file }]);
    }
    return { exports: new Map(exports), faultyFiles: this.faultyFiles() };
  }

  /** A ServiceExport is the user's always. */
  async applyExport(made: ServiceExport): Promise<void> {
    await this.refresh();
    await this.writeInput(made);
  }

  async deleteExport(name: string): Promise<void> {
    await this.refresh();
    await this.input.remove(`ServiceExport/${name}`);
  }

  async watch(onChange: (kind: Kind, name: string) => void, signal: AbortSignal): Promise<void> {
    const look = async () => {
      await this.refresh();
      const keys = [...this.changed];
      this.changed.clear();
      for (const key of keys) {
        const [kind, name] = key.split('/') as [LocalResource['kind'], string];
        if (kind === 'ServiceExport') this.onExports();
        else onChange(kind, name);
      }
    };
    await watchFiles([this.input.path, this.copies.path], look, signal);
  }

  async apply(resource: Resource): Promise<void> {
    const key = keyOf(resource);
    const before = (await this.all()).get(key);
    if (isControlled(resource)) {
      const after = before === undefined ? born(intentOf(resource)) : merge(resource, before);
      if (isDeepStrictEqual(plain(after), plain(before))) return;
      this.leadOn(key, after.metadata.generation);
      await this.copies.write(after);
    } else {
      await this.writeInput(intentOf(resource));
    }
  }

  async patchStatus<K extends Kind>(kind: K, name: string, status: StatusOf<K>): Promise<void> {
    await this.patchStatuses([{ key: `${kind}/${name}`, status }]);
  }

  /**
   * Of many resources, with one look at the files.
   * @param isEnough asked after some were written: whether the rest is left for another time
   */
  async patchStatuses(changes: readonly StatusChange[], isEnough: () => boolean = () => false): Promise<void> {
    const all = await this.all();
    const sources = this.sources();
    for (let at = 0; at < changes.length; at += STATUSES_AT_ONCE) {
      const some = changes.slice(at, at + STATUSES_AT_ONCE);
      const isWritten = await this.copies.writeAll(() => {
        // Somebody else may have written a part of one while others were written.
        const copies = this.copies.entries();
        return some.flatMap(({ key, status }) => {
          const resource = all.get(key);
          const copy = resource && withChange(resource, storedOf(copies.get(key)?.resource), status);
          return copy === undefined ? [] : [copyOf(copy, sources.get(key))];
        });
      });
      if (!isWritten) continue;
      this.onStatus();
      if (isEnough()) return;
    }
  }

  async delete(kind: Kind, name: string): Promise<void> {
    const key: ResourceKey = `${kind}/${name}`;
    const before = (await this.all()).get(key);
    if (before !== undefined && isControlled(before)) this.leadOn(key, undefined);
    const isLeft = await this.leaveTrace(key);
    await this.input.remove(key);
    if (!isLeft) await this.copies.remove(key);
  }

  private leadOn(key: ResourceKey, generation: number | undefined): void {
    const trace = this.tracer.keptTraceparent;
    if (trace !== undefined) this.led.set(key, { trace, generation });
  }

  /** The present span goes on with what led to these. */
  private followLed(all: ReadonlyMap<ResourceKey, Resource>): void {
    for (const [key, { trace, generation }] of this.led) {
      const there = all.get(key)?.metadata.generation;
      const isSeen = generation === undefined ? !all.has(key) : there === undefined || there >= generation;
      if (!isSeen) continue;
      this.tracer.follow(trace);
      this.led.delete(key);
    }
  }

  /** The last word of what a user deletes is in its copy, which goes when that is acted on. @returns whether there is one */
  private async leaveTrace(key: ResourceKey): Promise<boolean> {
    const trace = deletionAnnotation(this.tracer);
    const copy = storedOf(this.copies.entries().get(key)?.resource);
    if (trace === undefined || copy === undefined || !this.input.entries().has(key)) return false;
    await this.copies.write(withAnnotations(copy, { ...copy.metadata.annotations, ...trace }));
    return true;
  }

  /**
   * Gives new resources their identity, records changed ones as the next generation, drops copies of what is gone, and writes
   * what a full disk refused before. Answers every resource in force.
   */
  async admit(): Promise<Map<ResourceKey, Resource>> {
    await this.copies.flush();
    const all = await this.all();
    this.followLed(all);
    const copies = storedIn(this.copies);
    for (const [key, { resource }] of copies) {
      if (all.has(key)) continue;
      const trace = traceNews(resource, undefined);
      if (trace !== undefined) this.tracer.follow(trace);
      await this.copies.remove(key);
    }
    const sources = this.sources();
    const changed: Resource[] = [];
    for (const [key, resource] of all) {
      const known = copies.get(key)?.resource;
      const file = sources.get(key);
      const recorded = this.recorded.get(resource);
      if (file === undefined || (recorded !== undefined && recorded.copy === known && recorded.file === file)) continue;
      const copy = copyOf(withIdentity(resource), file);
      const trace = traceNews(known, copy);
      if (trace !== undefined) this.tracer.follow(trace);
      if (!isDeepStrictEqual(plain(copy), plain(known))) changed.push(copy);
      else if (known !== undefined) this.recorded.set(resource, { copy: known, file });
    }
    await this.copies.writeAll(() => changed);
    return this.inForce();
  }

  private async writeInput(resource: LocalResource): Promise<void> {
    const present = this.input.entries().get(keyOf(resource as Resource) as LocalKey)?.resource;
    const wanted = withAnnotations(resource, untraced(resource.metadata.annotations));
    const before = present && withAnnotations(present, untraced(present.metadata.annotations));
    if (isDeepStrictEqual(plain(wanted), plain(before))) return;
    const annotations = { ...wanted.metadata.annotations, ...traceAnnotation(this.tracer) };
    await this.input.write(withAnnotations(wanted, Object.keys(annotations).length > 0 ? annotations : undefined));
  }

  private async refresh(): Promise<void> {
    const keys = await Promise.all([this.input.refresh(), this.copies.refresh()]);
    for (const key of keys.flat()) this.changed.add(key);
  }

  private inForce(): Map<ResourceKey, Resource> {
    return effective(storedIn(this.input), storedIn(this.copies), this.faultyFiles());
  }

  private faultyFiles(): Set<string> {
    return new Set(this.input.faults().map(({ file }) => file));
  }

  /** The user's file of each resource; also of what is in force while that is bad. */
  private sources(): Map<ResourceKey, string> {
    const files = new Map<ResourceKey, string>();
    for (const [key, { resource }] of storedIn(this.copies)) {
      const file = sourceOf(resource);
      if (file !== undefined) files.set(key, file);
    }
    for (const [key, { file }] of storedIn(this.input)) files.set(key, file);
    return files;
  }
}

export function ofKind<K extends Kind>(resources: ReadonlyMap<ResourceKey, Resource>, kind: K): ResourceOf<K>[] {
  const found = [...resources.values()].filter((resource) => resource.kind === kind) as ResourceOf<K>[];
  return found.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** Without what is not the site's. */
function storedIn(directory: ResourceDirectory): Map<ResourceKey, Stored> {
  const stored = new Map<ResourceKey, Stored>();
  for (const [key, { resource, file }] of directory.entries()) {
    if (resource.kind !== 'ServiceExport') stored.set(key as ResourceKey, { resource, file });
  }
  return stored;
}

function storedOf(resource: LocalResource | undefined): Resource | undefined {
  return resource?.kind === 'ServiceExport' ? undefined : resource;
}

function born(resource: Resource): Resource {
  const identity = { uid: randomUUID(), generation: 1, creationTimestamp: rfc3339(Date.now()) };
  return { ...resource, metadata: { ...resource.metadata, ...identity } };
}

/** The resource with that in its status, beside what its copy says; undefined when it says that already. */
function withChange(resource: Resource, copy: Resource | undefined, status: object): Resource | undefined {
  const before = statusOf(copy ?? resource) ?? {};
  const after = plain({ ...before, ...status }) as object;
  return isDeepStrictEqual(after, plain(before)) ? undefined : withStatus(withIdentity(resource), after);
}

function withIdentity(resource: Resource): Resource {
  return resource.metadata.uid === undefined ? born(resource) : resource;
}

function withAnnotations<T extends LocalResource>(resource: T, annotations: Metadata['annotations']): T {
  const { annotations: _before, ...metadata } = resource.metadata;
  return { ...resource, metadata: { ...metadata, ...(annotations && { annotations }) } };
}

/** Without undefined members, as a file would give it back. */
function plain(value: object | undefined): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
