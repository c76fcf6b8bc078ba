/** `debug dump`: what another person needs to look at a fault, in one archive, without anything that opens a door. */
import { readdir, readFile } from 'node:fs/promises';
import { arch, release } from 'node:os';
import { join, relative } from 'node:path';
import { createTarGzip } from 'nanotar';
import { stringify } from 'yaml';
import type { Resource } from '../../../config/api/index.ts';
import { redact } from '../../../lib/log.ts';
import { readVersion } from '../../../lib/version.ts';
import { type Context, say } from '../../context.ts';
import { requireWritable, writeSecret } from '../../files.ts';
import { openLocal, requireSite, siteProcess } from '../../local.ts';
import { formatObject } from '../../output/resources.ts';

const LOG_BYTES_MAX = 4 * 1024 * 1024;

interface Entry {
  name: string;
  data: string;
}

export async function dumpSite(context: Context, file: string | undefined): Promise<void> {
  const local = openLocal(context);
  const { paths, store } = local;
  await requireSite(context, local);
  const target = file ?? `skuprt-dump-${context.namespace}-${timestamp()}.tar.gz`;
  await requireWritable(target);

  const resources = [...(await store.all()).values()];
  const entries: Entry[] = [
    { name: 'versions.yaml', data: stringify({ ...versions(), siteProcess: (await siteProcess(local)) ?? 'none' }) },
    { name: 'faults.yaml', data: stringify(await store.faults()) },
    ...resources.map((resource) => ({
      name: `resources/${resource.kind}-${resource.metadata.name}.yaml`,
      data: formatObject(withoutSecrets(resource), 'yaml'),
    })),
    ...(await filesUnder(paths.root, [paths.runtimeCerts, paths.inputCerts], isPublicCertificate)),
    ...(await filesUnder(paths.root, [
      paths.routerConfig,
      paths.networkStatus,
      paths.faults,
      paths.siteLog,
      paths.routerLog,
    ])),
  ];
  const prefix = `skuprt-dump-${context.namespace}`;
  const archive = await createTarGzip(entries.map(({ name, data }) => ({ name: `${prefix}/${name}`, data })));
  await writeSecret(context, target, Buffer.from(archive));
  say(context, `${entries.length} files are in ${target}; keys, codes and passwords are left out.`);
}

/** The resource with the values of secrets, codes and keys replaced. */
export function withoutSecrets(resource: Resource): object {
  if (resource.kind === 'Secret') {
    const names = [...Object.keys(resource.data ?? {}), ...Object.keys(resource.stringData ?? {})];
    const { data: _data, stringData: _stringData, ...rest } = resource;
    return { ...rest, stringData: Object.fromEntries(names.map((name) => [name, '[redacted]'])) };
  }
  return redact(resource) as object;
}

function isPublicCertificate(name: string): boolean {
  return name.endsWith('.crt');
}

/** The text files at or below `places`, named from `root` on; the end of those that are long. */
async function filesUnder(
  root: string,
  places: readonly string[],
  accept: (name: string) => boolean = () => true,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const place of places) {
    const names = await readdir(place, { recursive: true }).catch(() => ['']);
    for (const path of names.map((name) => join(place, name)).filter(accept)) {
      const content = await readFile(path).catch(() => undefined);
      if (content !== undefined)
        entries.push({ name: relative(root, path), data: content.subarray(-LOG_BYTES_MAX).toString() });
    }
  }
  return entries;
}

function versions(): Record<string, string> {
  return { skuprt: readVersion(), node: process.version, platform: `${process.platform} ${arch()} ${release()}` };
}

function timestamp(): string {
  return new Date().toISOString().replace(/\D/g, '').slice(0, 14);
}
