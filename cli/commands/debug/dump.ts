/** `debug dump`: what another person needs to look at a fault, in one archive, without anything that opens a door. */
import { arch, release } from 'node:os';
import { stringify } from 'yaml';
import { readVersion } from '../../../lib/version.ts';
import { type Context, say } from '../../context.ts';
import { requireWritable, writeSecret } from '../../files.ts';
import { packArchive } from './archive.ts';
import type { Entry } from './entry.ts';

export async function dumpSite(context: Context, file: string | undefined): Promise<void> {
  const collect = await collectorOf(context);
  const target = file ?? `skuprt-dump-${context.namespace}-${timestamp()}.tar.gz`;
  await requireWritable(target);
  const entries: Entry[] = [{ name: 'versions.yaml', data: stringify(versions()) }, ...(await collect())];
  await writeSecret(context, target, await packArchive(`skuprt-dump-${context.namespace}`, entries));
  say(
    context,
    `${entries.length} files are in ${target === '-' ? 'what went to standard output' : target}; keys, codes and passwords are left out.`,
  );
}

/** What collects the entries here. @throws NotFoundError when there is nothing to look at */
async function collectorOf(context: Context): Promise<() => Promise<Entry[]>> {
  if (context.platform === 'kubernetes') {
    const { openClusterDump } = await import('./cluster-entries.ts');
    return await openClusterDump(context);
  }
  const { openLocalDump } = await import('./local-entries.ts');
  return await openLocalDump(context);
}

function versions(): Record<string, string> {
  return { skuprt: readVersion(), node: process.version, platform: `${process.platform} ${arch()} ${release()}` };
}

function timestamp(): string {
  return new Date().toISOString().replace(/\D/g, '').slice(0, 14);
}
