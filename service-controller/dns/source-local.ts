/**
 * The names of all local sites of a data home: their runtime resources, read again where a file changed. A file that cannot be read
 * keeps what it said before.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Clock } from '../../lib/clock.ts';
import { errnoOf } from '../../lib/files.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import type { Logger } from '../../lib/log.ts';
import { type LocalNames, localNames, type SiteNames, siteNames } from './local-objects.ts';
import type { ServiceData } from './service-data.ts';

export interface LocalSourceParts {
  /** Holds one directory for each namespace. */
  namespacesDirectory: string;
  /** Where a namespace has its runtime resources. */
  resourcesOf: (namespace: string) => string;
  /** Calls `look` soon after a change in these directories and now and then, until `signal` aborts. */
  watch: (directories: readonly string[], look: () => Promise<void>, signal: AbortSignal) => Promise<void>;
  data: ServiceData;
  clock: Clock;
  log: Logger;
}

interface Site {
  names: SiteNames;
  files: Map<string, { signature: string; objects: readonly KubeObject[] }>;
  watching: AbortController;
}

const FILE_NAME = /^[^.].*\.(ya?ml|json)$/;
const FILE_SIZE_BYTES_MAX = 4 * 1024 * 1024;
const NAMESPACES_MAX = 1000;
const KINDS = new Set(['ServiceImport', 'EndpointSlice', 'Listener', 'MultiKeyListener']);
const NO_NAMES: SiteNames = { imports: new Map(), offers: new Map(), slices: new Map() };

export class LocalSource {
  private readonly parts: LocalSourceParts;
  private readonly sites = new Map<string, Site>();
  private names: LocalNames = { imports: new Map(), slices: new Map() };
  private hasLooked = false;

  constructor(parts: LocalSourceParts) {
    this.parts = parts;
  }

  get isSynced(): boolean {
    return this.hasLooked;
  }

  async run(signal: AbortSignal): Promise<void> {
    const watches = new Set<Promise<void>>();
    const look = () => this.look(signal, watches).catch((error: unknown) => this.failed(error));
    await this.parts.watch([this.parts.namespacesDirectory], look, signal);
    for (const { watching } of this.sites.values()) watching.abort();
    await Promise.all(watches);
  }

  private async look(signal: AbortSignal, watches: Set<Promise<void>>): Promise<void> {
    const found = await namesIn(this.parts.namespacesDirectory);
    for (const namespace of found.slice(0, NAMESPACES_MAX)) {
      if (this.sites.has(namespace)) continue;
      const site: Site = { names: NO_NAMES, files: new Map(), watching: new AbortController() };
      this.sites.set(namespace, site);
      this.parts.data.setNamespace(namespace, true, this.parts.clock.wall());
      // Before all are known nothing is said.
      await this.read(namespace, site);
      const ends = AbortSignal.any([signal, site.watching.signal]);
      const read = () => this.read(namespace, site).catch((error: unknown) => this.failed(error));
      const watching = this.parts.watch([this.parts.resourcesOf(namespace)], read, ends);
      watches.add(watching);
      void watching.finally(() => watches.delete(watching));
    }
    for (const [namespace, site] of this.sites) {
      if (found.includes(namespace)) continue;
      site.watching.abort();
      this.sites.delete(namespace);
      this.apply();
      this.parts.data.setNamespace(namespace, false, this.parts.clock.wall());
    }
    this.hasLooked = true;
  }

  /** It is looked at again in any case. */
  private failed(err: unknown): void {
    this.parts.log.warn({ err }, 'the directories of sites cannot be read');
  }

  private async read(namespace: string, site: Site): Promise<void> {
    const directory = this.parts.resourcesOf(namespace);
    const names = (await namesIn(directory)).filter((name) => FILE_NAME.test(name));
    let isChanged = false;
    for (const name of names) isChanged = (await this.readFile(join(directory, name), name, site)) || isChanged;
    for (const name of site.files.keys()) {
      if (!names.includes(name)) isChanged = site.files.delete(name) || isChanged;
    }
    if (!isChanged || this.sites.get(namespace) !== site) return;
    const objects = [...site.files].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, file]) => file.objects);
    site.names = siteNames(namespace, objects);
    this.apply();
  }

  /** True when it says something else than before. */
  private async readFile(path: string, name: string, site: Site): Promise<boolean> {
    const known = site.files.get(name);
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(path);
      const signature = `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
      if (known?.signature === signature) return false;
      if (size > FILE_SIZE_BYTES_MAX) throw new Error(`larger than ${FILE_SIZE_BYTES_MAX} bytes`);
      site.files.set(name, { signature, objects: known?.objects ?? [] });
      site.files.set(name, { signature, objects: objectsOf(await readFile(path, 'utf8')) });
      return true;
    } catch (err) {
      if (errnoOf(err) !== 'ENOENT') this.parts.log.warn({ err, path }, 'a file of a site cannot be read');
      return false;
    }
  }

  /** What is the same changes nothing. */
  private apply(): void {
    const { data, clock } = this.parts;
    const before = this.names;
    const after = localNames(new Map([...this.sites].map(([namespace, { names }]) => [namespace, names])));
    this.names = after;
    const split = (key: string) => key.split('/') as [string, string];
    for (const key of before.imports.keys())
      if (!after.imports.has(key)) data.setImport(...split(key), undefined, clock.wall());
    for (const [key, object] of after.imports) data.setImport(...split(key), object, clock.wall());
    for (const [name, slice] of before.slices)
      if (!after.slices.has(name)) data.setSlice(slice, undefined, clock.wall());
    for (const [name, slice] of after.slices) data.setSlice(before.slices.get(name), slice, clock.wall());
  }
}

/** None where there is no such directory. */
async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** Throws where it is no YAML. */
function objectsOf(text: string): KubeObject[] {
  const documents = parseAllDocuments(text);
  const fault = documents.flatMap(({ errors }) => errors)[0];
  if (fault !== undefined) throw fault;
  return documents
    .map((document) => document.toJS() as Partial<KubeObject> | null)
    .filter((object) => typeof object?.metadata?.name === 'string' && KINDS.has(object.kind ?? '')) as KubeObject[];
}
