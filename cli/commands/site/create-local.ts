/** The site of a namespace on this machine: its directory is made, its process started. */
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ResourceOf } from '../../../config/api/index.ts';
import { SiteRunningError } from '../../../site-controller/platform/local/errors.ts';
import { lockSite } from '../../../site-controller/platform/local/lock.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import type { CreateSiteFlags } from '../../definitions/site.ts';
import { FailedError, NotFoundError } from '../../errors.ts';
import { reasonOf } from '../../files.ts';
import { formatManifest } from '../../output/resources.ts';
import { type LocalPlace, openLocal, siteProcess } from '../../places/local.ts';
import { findSite } from '../../resources.ts';
import { startInBackground } from './background.ts';
import { withFlags } from './resource.ts';
import { writeUnit } from './systemd.ts';

export async function createLocally(
  context: Context,
  fresh: ResourceOf<'Site'>,
  flags: CreateSiteFlags,
  isNamed: boolean,
): Promise<void> {
  const local = openLocal(context);
  const site = await withInitLock(context, local, async () => {
    const made = await applySite(context, local, { fresh, isNamed, flags });
    if (flags.systemd) await writeUnit(context);
    else await startInBackground(context, local, made, flags);
    return made;
  });
  if (flags.output !== undefined) print(context, formatManifest([await current(local, site)], flags.output));
}

/** Writes the Site of a new namespace; in one that has a stopped site, that site with the flags given now. */
async function applySite(
  context: Context,
  local: LocalPlace,
  { fresh, isNamed, flags }: { fresh: ResourceOf<'Site'>; isNamed: boolean; flags: CreateSiteFlags },
): Promise<ResourceOf<'Site'>> {
  const present = await findSite(local);
  if (present === undefined) {
    await local.resources.apply(fresh);
    return fresh;
  }
  const presentName = present.metadata.name;
  if (isNamed && fresh.metadata.name !== presentName) {
    throw new FailedError(`Namespace "${context.namespace}" has a site already: "${presentName}"`, {
      next: `Choose another namespace with -n, or remove that one: ${commandLine(context, 'delete')}`,
    });
  }
  if ((await siteProcess(local)) !== undefined) {
    throw new FailedError(`Site "${presentName}" exists and runs already in namespace "${context.namespace}"`, {
      next: `Look at it with ${commandLine(context, 'site status')}, change it with ${commandLine(context, 'site update')}`,
    });
  }
  say(context, `Site "${presentName}" exists and is stopped: starting it again`);
  const site = withFlags(present, flags);
  await local.resources.apply(site);
  return site;
}

/** One `init` at a time in a namespace; a namespace that this one began and could not make is removed again. */
async function withInitLock<T>(context: Context, local: LocalPlace, work: () => Promise<T>): Promise<T> {
  const { root, sitePid } = local.paths;
  const isNew = await makeRoot(root);
  const release = await lockSite(join(dirname(sitePid), 'init.pid'), context.namespace).catch((error: unknown) => {
    if (!(error instanceof SiteRunningError)) throw error;
    throw new FailedError(`Another init is making the site of namespace "${context.namespace}" at this moment`, {
      next: `Wait for it, then see ${commandLine(context, 'site status')}`,
    });
  });
  try {
    return await work();
  } catch (error) {
    if (isNew && (await findSite(local)) === undefined) await rm(root, { recursive: true, force: true });
    throw error;
  } finally {
    await release();
  }
}

/** @returns whether it was not there before @throws FailedError */
async function makeRoot(root: string): Promise<boolean> {
  try {
    return (await mkdir(root, { recursive: true, mode: 0o700 })) !== undefined;
  } catch (error) {
    throw new FailedError(`The directory ${root} of the site cannot be made: ${reasonOf(error)}`, {
      next: 'Let XDG_DATA_HOME name a directory that you can write to',
      cause: error,
    });
  }
}

async function current(local: LocalPlace, site: ResourceOf<'Site'>): Promise<ResourceOf<'Site'>> {
  const found = await local.resources.get('Site', site.metadata.name);
  if (found === undefined)
    throw new NotFoundError(`Site "${site.metadata.name}" was deleted meanwhile`, { next: 'Make it again' });
  return found;
}
