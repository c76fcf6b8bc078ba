/**
 * A directory of resource files, read again only where a file changed. A file may hold several YAML documents.
 *
 * ServiceExports may be among them: no resources of the site, but of what else runs in its process, and kept when their file is
 * written. One faulty file never hides the others: its faults are kept beside what could be read. Calls run one at a time.
 */
import { type BigIntStats, statSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DocumentReader } from '../../../config/api/document-reader.ts';
import type { Resource } from '../../../config/api/index.ts';
import { ResourceError, type ResourceFault } from '../../../config/api/parse.ts';
import { serializeResources } from '../../../config/api/serialize.ts';
import type { ServiceExport } from '../../../config/api/service-export.ts';
import { LOCAL_KINDS } from '../../../config/api/service-kinds.ts';
import { errnoOf, isNoSpace, writeFileAtomic } from '../../../lib/files.ts';
import { faultsOfPolicy } from '../../reconcile/policy/documents.ts';
import type { ResourceKey } from '../../store.ts';

/** What a file may hold. */
export type LocalResource = Resource | ServiceExport;
export type LocalKey = ResourceKey | `ServiceExport/${string}`;

const FILE_NAME = /^[^.].*\.(ya?ml|json)$/;
const FILE_SIZE_BYTES_MAX = 4 * 1024 * 1024;
/** The disk confirms many in one go: a thousand that are written one after the other take a quarter of a minute. */
const FILES_AT_ONCE = 32;
const EMPTY = 'holds no resource: what was in it stays in force until the file is removed';
const SECRET_KINDS: ReadonlySet<string> = new Set(['Secret', 'AccessToken', 'AccessGrant']);

export interface FileFaults {
  file: string;
  faults: readonly ResourceFault[];
}

type Reader = DocumentReader<typeof LOCAL_KINDS>;

interface FileContent {
  signature: string;
  resources: LocalResource[];
  faults: readonly ResourceFault[];
}

interface FileEntry extends FileContent {
  /** Knows the documents that the file had when it was last good. */
  reader: Reader;
}

export interface DirectoryOptions {
  /** Told when a write found the disk full; the directory then answers from memory and `flush` tries again. */
  onNoSpace?: (error: unknown, file: string) => void;
  /** How files are written; `writeFileAtomic` when absent. */
  write?: typeof writeFileAtomic;
  /** Names of files that are somebody else's. */
  leaves?: RegExp;
  /** Told of each resource that was written or removed here. */
  onWrite?: (verb: 'write' | 'remove', key: LocalKey) => void;
}

export class ResourceDirectory {
  readonly path: string;
  private readonly options: DirectoryOptions;
  private files = new Map<string, FileEntry>();
  /** What `entries` has found in them. */
  private found: Map<LocalKey, { resource: LocalResource; file: string }> | undefined;
  private readonly unsaved = new Set<string>();
  private tail: Promise<unknown> = Promise.resolve();

  constructor(path: string, options: DirectoryOptions = {}) {
    this.path = path;
    this.options = options;
  }

  /** Reads what changed; gives the keys of the resources that came, changed or went. */
  refresh(): Promise<LocalKey[]> {
    return this.serially(() => this.read());
  }

  /** As of the last refresh. Where two files define one resource, the first by name counts. */
  entries(): ReadonlyMap<LocalKey, { readonly resource: LocalResource; readonly file: string }> {
    if (this.found !== undefined) return this.found;
    this.found = new Map();
    for (const [file, { resources }] of this.sortedFiles()) {
      for (const resource of resources) {
        const key = keyOf(resource);
        if (!this.found.has(key)) this.found.set(key, { resource, file });
      }
    }
    return this.found;
  }

  /** Every fault of every file, resources defined twice included. */
  faults(): FileFaults[] {
    const owner = new Map<LocalKey, string>();
    const all: FileFaults[] = [];
    for (const [file, entry] of this.sortedFiles()) {
      const faults: ResourceFault[] = [...entry.faults];
      for (const resource of entry.resources) {
        const first = owner.get(keyOf(resource));
        if (first === undefined) owner.set(keyOf(resource), file);
        else faults.push({ document: 1, path: '', message: `${keyOf(resource)} is defined in ${first} already` });
      }
      if (faults.length > 0) all.push({ file, faults });
    }
    return all;
  }

  async write(resource: LocalResource): Promise<void> {
    await this.writeAll(() => [resource]);
  }

  /**
   * Writes each file once.
   * @param made what to write, asked when everything before it is written
   * @returns whether there was something
   */
  writeAll(made: () => readonly LocalResource[]): Promise<boolean> {
    return this.serially(async () => {
      const resources = made();
      const files = [...this.filesWith(resources)];
      for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
        const some = files.slice(at, at + FILES_AT_ONCE);
        const saved = await Promise.allSettled(some.map(([file, content]) => this.save(file, content)));
        for (const one of saved) if (one.status === 'rejected') throw one.reason;
      }
      for (const resource of resources) this.options.onWrite?.('write', keyOf(resource));
      return resources.length > 0;
    });
  }

  /** The files of these resources, as they are to be. */
  private filesWith(resources: readonly LocalResource[]): Map<string, LocalResource[]> {
    const files = new Map<string, LocalResource[]>();
    for (const resource of resources) {
      const key = keyOf(resource);
      const file = this.entries().get(key)?.file ?? `${resource.kind}-${resource.metadata.name}.yaml`;
      const content = files.get(file) ?? [...(this.files.get(file)?.resources ?? [])];
      files.set(file, content);
      const index = content.findIndex((other) => keyOf(other) === key);
      content.splice(index < 0 ? content.length : index, 1, resource);
    }
    return files;
  }

  remove(key: LocalKey): Promise<void> {
    return this.serially(async () => {
      const file = this.entries().get(key)?.file;
      if (file === undefined) return;
      const rest = this.files.get(file)!.resources.filter((resource) => keyOf(resource) !== key);
      if (rest.length > 0) await this.save(file, rest);
      else {
        await rm(join(this.path, file), { force: true });
        this.files.delete(file);
        this.found = undefined;
        this.unsaved.delete(file);
      }
      this.options.onWrite?.('remove', key);
    });
  }

  /** Writes what a full disk did not take. */
  flush(): Promise<void> {
    return this.serially(async () => {
      for (const file of [...this.unsaved]) await this.save(file, this.files.get(file)!.resources);
    });
  }

  private async save(file: string, resources: LocalResource[]): Promise<void> {
    const path = join(this.path, file);
    const mode = resources.some((resource) => SECRET_KINDS.has(resource.kind)) ? 0o600 : 0o644;
    let signature = '';
    try {
      await (this.options.write ?? writeFileAtomic)(path, serializeResources(resources), { mode });
      signature = signatureOf(await stat(path, { bigint: true }));
      this.unsaved.delete(file);
    } catch (error) {
      if (this.options.onNoSpace === undefined || !isNoSpace(error)) throw error;
      this.unsaved.add(file);
      this.options.onNoSpace(error, path);
    }
    this.keep(file, { signature, resources, faults: [], reader: this.readerOf(file) });
  }

  /** Most files hold one resource each, whose name does not change: a thousand that are written are not each looked for in all. */
  private keep(file: string, entry: FileEntry): void {
    const before = this.files.get(file)?.resources ?? [];
    this.files.set(file, entry);
    const [resource] = entry.resources;
    const key = resource && keyOf(resource);
    const isAlone = entry.resources.length === 1 && before.every((other) => keyOf(other) === key);
    const known = key && this.found?.get(key);
    if (isAlone && (known === undefined || known.file === file))
      this.found?.set(keyOf(resource!), { resource: resource!, file });
    else this.found = undefined;
  }

  private async read(): Promise<LocalKey[]> {
    const before = this.entries();
    const files = new Map<string, FileEntry>();
    for (const file of await this.fileNames()) {
      const entry = await this.readEntry(file);
      if (entry !== undefined) files.set(file, entry);
    }
    for (const file of this.unsaved) files.set(file, this.files.get(file)!);
    const isSame =
      files.size === this.files.size && [...files].every(([file, entry]) => this.files.get(file) === entry);
    if (isSame) return [];
    this.files = files;
    this.found = undefined;
    const after = this.entries();
    const keys = new Set([...before.keys(), ...after.keys()]);
    return [...keys].filter((key) => before.get(key)?.resource !== after.get(key)?.resource);
  }

  private async readEntry(file: string): Promise<FileEntry | undefined> {
    const path = join(this.path, file);
    try {
      // A look at all files twice a second: asked one by one without waiting costs a third of the time.
      const stats = statSync(path, { bigint: true });
      const signature = signatureOf(stats);
      const known = this.files.get(file);
      if (known?.signature === signature) return known;
      const reader = this.readerOf(file);
      // To read a pipe is to wait for who writes into it, and a device has no end.
      if (!stats.isFile())
        return { ...faulty(signature, [{ document: 1, path: '', message: 'is no regular file' }]), reader };
      if (stats.size > FILE_SIZE_BYTES_MAX) {
        const message = `larger than ${FILE_SIZE_BYTES_MAX} bytes`;
        return { ...faulty(signature, [{ document: 1, path: '', message }]), reader };
      }
      return { ...parseFile(await readFile(path, 'utf8'), file, { signature, reader }), reader };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      const message = `cannot be read: ${errnoOf(error) ?? String(error)}`;
      return { ...faulty('', [{ document: 1, path: '', message }]), reader: this.readerOf(file) };
    }
  }

  private readerOf(file: string): Reader {
    return this.files.get(file)?.reader ?? new DocumentReader(LOCAL_KINDS);
  }

  private async fileNames(): Promise<string[]> {
    try {
      const { leaves } = this.options;
      return (await readdir(this.path)).filter((name) => FILE_NAME.test(name) && !leaves?.test(name));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  private sortedFiles(): [string, FileEntry][] {
    return [...this.files].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  private serially<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }
}

function parseFile(
  text: string,
  file: string,
  { signature, reader }: Pick<FileEntry, 'signature' | 'reader'>,
): FileContent {
  try {
    const resources = reader.read(text, file);
    // Who writes a file in place empties it first. A look in between must not take down a service, or a policy that bars one.
    if (resources.length === 0) return faulty(signature, [{ document: 1, path: '', message: EMPTY }]);
    const faults = resources.flatMap(policyFaults);
    // What is no policy at all is a fault like any other: the last good one stays in force.
    return faults.length > 0 ? faulty(signature, faults) : { signature, resources, faults };
  } catch (error) {
    if (!(error instanceof ResourceError)) throw error;
    return faulty(signature, error.faults);
  }
}

/** What the schema of its kind cannot say. */
function policyFaults(resource: LocalResource, index: number): ResourceFault[] {
  if (resource.kind !== 'AccessPolicy' && resource.kind !== 'ClusterAccessPolicy') return [];
  return faultsOfPolicy(resource).map((fault) => ({ ...fault, document: index + 1 }));
}

function keyOf({ kind, metadata }: LocalResource): LocalKey {
  return `${kind}/${metadata.name}`;
}

function faulty(signature: string, faults: readonly ResourceFault[]): FileContent {
  return { signature, resources: [], faults };
}

function signatureOf(stats: BigIntStats): string {
  return `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}
