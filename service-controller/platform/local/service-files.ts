/**
 * The files of a local site that are about services of the cluster set: ServiceExports as the controller sees them, ServiceImports,
 * EndpointSlices. They lie beside the site's copies, under names of their own, which the site leaves alone. What the user exports is in
 * his own files, which the site reads.
 *
 * What the disk has no room for is kept in memory, and written later. What somebody deleted is written again, what is damaged goes.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import { rfc3339 } from '../../../config/api/conditions.ts';
import { errnoOf, isNoSpace, readIfExists, writeFileAtomic } from '../../../lib/files.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { EXPORT_ANNOTATION } from '../../names.ts';

/** What the user exports, as the site found it. */
export interface WantedExports {
  /** By name, with the file where it is. */
  exports: ReadonlyMap<string, { made: object; file: string }>;
  /** Files that cannot be read now: what came from them stays. */
  faultyFiles: ReadonlySet<string>;
}

export interface ServiceFilesParts {
  directory: string;
  /** That of the site, and of what it exports. */
  namespace: string;
  onNoSpace: (error: unknown, file: string) => void;
  /** An export of the user came, changed or went, as its copies say. */
  onExport?: (before: KubeObject | undefined, after: KubeObject | undefined) => void;
  write?: typeof writeFileAtomic;
}

type Named = Pick<KubeObject, 'kind' | 'metadata'>;

const MADE_NAME = /^(ServiceExport|ServiceImport|EndpointSlice)-.*\.yaml$/;
const KINDS: readonly string[] = ['ServiceExport', 'ServiceImport', 'EndpointSlice'];
/** On a ServiceExport: the file it came from. */
const SOURCE_ANNOTATION = 'skuprt.io/source-file';
const HASH_LENGTH = 16;

export class ServiceFiles {
  private readonly parts: ServiceFilesParts;
  private readonly made = new Map<string, KubeObject>();
  private readonly unsaved = new Set<string>();

  constructor(parts: ServiceFilesParts) {
    this.parts = parts;
  }

  /** What was made before, by another process too. */
  async load(): Promise<void> {
    const { directory } = this.parts;
    for (const name of await namesIn(directory)) {
      const object = objectOf(await readIfExists(join(directory, name)));
      if (object !== undefined && fileName(object) === name) this.made.set(name, object);
      else await rm(join(directory, name), { force: true });
    }
  }

  /** Writes again what is missing in the directory. */
  async repair(): Promise<void> {
    const there = new Set(await namesIn(this.parts.directory));
    for (const [name, object] of this.made) {
      if (!there.has(name) || this.unsaved.has(name)) await this.save(name, object);
    }
  }

  /** The user's exports with the identity and status that they have here, which are kept. */
  async admit({ exports, faultyFiles }: WantedExports, now: number): Promise<KubeObject[]> {
    for (const known of this.list('ServiceExport')) {
      const source = known.metadata.annotations?.[SOURCE_ANNOTATION] ?? '';
      if (exports.has(known.metadata.name) || faultyFiles.has(source)) continue;
      this.parts.onExport?.(await this.lastWord(known), undefined);
      await this.remove(known);
    }
    for (const { made, file } of exports.values()) {
      const after = this.admitted(made as KubeObject, file, now);
      const before = this.find(after);
      if (await this.put(after)) this.parts.onExport?.(before, after);
    }
    return this.list('ServiceExport');
  }

  list(kind: string): KubeObject[] {
    return [...this.made.values()].filter((object) => object.kind === kind);
  }

  /** As it was written last. */
  find(object: KubeObject): KubeObject | undefined {
    return this.made.get(fileName(object));
  }

  /** Writes when it differs from what is there, which is the answer. An object that is new gets an identity. */
  async put(object: KubeObject): Promise<boolean> {
    const name = fileName(object);
    const before = this.made.get(name);
    const { uid = randomUUID() } = before?.metadata ?? object.metadata;
    const status = object.status ?? before?.status;
    const after = plain({ ...object, metadata: { ...object.metadata, uid }, ...(status !== undefined && { status }) });
    if (isDeepStrictEqual(after, before)) return false;
    await this.save(name, after);
    return true;
  }

  /** Whether it was there. */
  async remove(object: KubeObject): Promise<boolean> {
    const name = fileName(object);
    if (!this.made.has(name)) return false;
    await rm(join(this.parts.directory, name), { force: true });
    this.made.delete(name);
    this.unsaved.delete(name);
    return true;
  }

  private async save(name: string, object: KubeObject): Promise<void> {
    const path = join(this.parts.directory, name);
    try {
      await (this.parts.write ?? writeFileAtomic)(path, stringify(object, { lineWidth: 0 }));
      this.unsaved.delete(name);
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      if (!this.unsaved.has(name)) this.parts.onNoSpace(error, path);
      this.unsaved.add(name);
    }
    this.made.set(name, object);
  }

  /** Of an export that is gone: who deleted it may have said so in its copy, see `leaveWord`. */
  private async lastWord(known: KubeObject): Promise<KubeObject> {
    return objectOf(await readIfExists(join(this.parts.directory, fileName(known)))) ?? known;
  }

  private admitted(object: KubeObject, file: string, now: number): KubeObject {
    const { namespace } = this.parts;
    const known = this.find({ ...object, metadata: { ...object.metadata, namespace } });
    const isSame = isDeepStrictEqual(plain(known?.spec ?? {}), plain(object.spec ?? {}));
    const { uid = randomUUID(), creationTimestamp = rfc3339(now), generation = 1 } = known?.metadata ?? {};
    const { [EXPORT_ANNOTATION.since]: since } = known?.metadata.annotations ?? {};
    return {
      ...object,
      metadata: {
        ...object.metadata,
        namespace,
        uid,
        creationTimestamp,
        generation: known === undefined || isSame ? generation : generation + 1,
        annotations: {
          // Written by the controller, into this copy only.
          ...(since !== undefined && { [EXPORT_ANNOTATION.since]: since }),
          ...object.metadata.annotations,
          [SOURCE_ANNOTATION]: file,
        },
      },
      ...(known?.status !== undefined && { status: known.status }),
    };
  }
}

/** What is made in that directory, for others to read; what is damaged is left out. */
export async function readServiceFiles(directory: string): Promise<KubeObject[]> {
  const names = await namesIn(directory);
  const objects = await Promise.all(names.map(async (name) => objectOf(await readIfExists(join(directory, name)))));
  return objects.filter((object) => object !== undefined);
}

/** Annotates the copy of an export that its user is about to delete: what is said there is read when it goes. Nothing where there is none. */
export async function leaveWord(directory: string, of: Named, annotations: Record<string, string>): Promise<void> {
  const path = join(directory, fileName(of));
  const copy = objectOf(await readIfExists(path));
  if (copy === undefined) return;
  const metadata = { ...copy.metadata, annotations: { ...copy.metadata.annotations, ...annotations } };
  await writeFileAtomic(path, stringify({ ...copy, metadata }, { lineWidth: 0 }));
}

/** Two objects never share a file, however long their names. */
export function fileName({ kind, metadata: { name, namespace } }: Named): string {
  const plainName = `${kind}-${name}${namespace === undefined ? '' : `.${namespace}`}`;
  if (plainName.length < 200) return `${plainName}.yaml`;
  return `${kind}-${createHash('sha256').update(plainName).digest('hex').slice(0, HASH_LENGTH)}.yaml`;
}

/** Undefined where a text is no object of ours. */
export function objectOf(text: string | undefined): KubeObject | undefined {
  if (text === undefined) return undefined;
  try {
    const documents = parseAllDocuments(text);
    if ('empty' in documents || documents.length !== 1 || documents[0]!.errors.length > 0) return undefined;
    const object = documents[0]!.toJS() as Partial<KubeObject> | null;
    const isOne = typeof object?.metadata?.name === 'string' && KINDS.includes(object.kind ?? '');
    return isOne ? (object as KubeObject) : undefined;
  } catch {
    return undefined;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => MADE_NAME.test(name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Without undefined members, as a file would give it back. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
