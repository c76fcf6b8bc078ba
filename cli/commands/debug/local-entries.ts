/** What a dump of a local site holds: resources, public certificates, the router's configuration, logs. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { stringify } from 'yaml';
import type { Context } from '../../context.ts';
import { formatObject } from '../../output/resources.ts';
import { openLocal, siteProcess } from '../../places/local.ts';
import { requireSite } from '../../resources.ts';
import { type Entry, logText, withoutSecrets } from './entry.ts';

export async function openLocalDump(context: Context): Promise<() => Promise<Entry[]>> {
  const local = openLocal(context);
  const { paths, resources } = local;
  await requireSite(context, local);
  return async () => [
    { name: 'process.yaml', data: stringify({ siteProcess: (await siteProcess(local)) ?? 'none' }) },
    { name: 'faults.yaml', data: stringify(await resources.faults()) },
    ...[...(await resources.all()).values()].map((resource) => ({
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
      const content = await readFile(path, 'utf8').catch(() => undefined);
      if (content !== undefined) entries.push({ name: relative(root, path), data: logText(content) });
    }
  }
  return entries;
}
