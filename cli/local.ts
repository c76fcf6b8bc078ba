/**
 * The local platform as commands use it: the resources of the namespace, as files, and whether its site runs. Commands only
 * write what a user wants (input/resources); the site process acts on it and writes the status that commands wait for.
 */

import type { Kind, Resource, ResourceOf } from '../config/api/index.ts';
import type { Condition } from '../config/api/schema.ts';
import { CONTROLLED_LABEL } from '../site-controller/names.ts';
import { runningSite } from '../site-controller/platform/local/lock.ts';
import { dataHomeOf, type SitePaths, sitePaths } from '../site-controller/platform/local/paths.ts';
import { LocalStore } from '../site-controller/platform/local/store.ts';
import { type Context, commandLine, say } from './context.ts';
import { FailedError, NotFoundError, UsageError } from './errors.ts';
import { type Probe, waitFor } from './wait.ts';

export interface LocalSite {
  paths: SitePaths;
  store: LocalStore;
}

export function openLocal(context: Context): LocalSite {
  const paths = sitePaths(dataHomeOf(context.env), context.namespace);
  return { paths, store: new LocalStore(paths) };
}

/** The Site of the namespace, if there is one. */
export async function findSite(local: LocalSite): Promise<ResourceOf<'Site'> | undefined> {
  return (await local.store.list('Site'))[0];
}

/** @throws NotFoundError when the namespace has no site, or another one than `name`; UsageError when its file has mistakes */
export async function requireSite(context: Context, local: LocalSite, name?: string): Promise<ResourceOf<'Site'>> {
  const site = await findSite(local);
  if (site === undefined) {
    await requireNoFaults(local);
    throw new NotFoundError(`There is no site in namespace "${context.namespace}"`, {
      next: `Make one: ${commandLine(context, 'init')}`,
    });
  }
  if (name !== undefined && site.metadata.name !== name) {
    throw new NotFoundError(
      `There is no site "${name}" in namespace "${context.namespace}": its site is "${site.metadata.name}"`,
      {
        next: `Leave the name out, or use that one`,
      },
    );
  }
  return site;
}

async function requireNoFaults(local: LocalSite): Promise<void> {
  const faults = await faultLines(local);
  if (faults.length === 0) return;
  throw new UsageError(`The resources in ${local.paths.inputResources} have mistakes:\n${faults.join('\n')}`, {
    next: 'Correct them; nothing was changed',
  });
}

/** One line for each mistake in the user's files: file, place, what is wrong. */
export async function faultLines(local: LocalSite): Promise<string[]> {
  const files = await local.store.faults();
  return files.flatMap(({ file, faults }) =>
    faults.map(({ path, message }) => `${file}: ${path === '' ? '' : `${path} `}${message}`),
  );
}

/** @throws NotFoundError */
export async function requireResource<K extends Kind>(
  context: Context,
  local: LocalSite,
  kind: K,
  name: string,
): Promise<ResourceOf<K>> {
  const found = await local.store.get(kind, name);
  if (found !== undefined) return found;
  const word = wordFor(kind);
  throw new NotFoundError(`There is no ${word} "${name}" in namespace "${context.namespace}"`, {
    next: `See ${commandLine(context, `${word} status`)}`,
  });
}

export function isGenerated(resource: Resource): boolean {
  return resource.metadata.labels?.[CONTROLLED_LABEL] === 'true';
}

/** The process id of the site of this namespace, when it runs. */
export async function siteProcess(local: LocalSite): Promise<number | undefined> {
  return await runningSite(local.paths.sitePid);
}

/** What a wait looks at: `--wait configured` or `--wait ready`. */
export type WaitState = 'none' | 'configured' | 'ready';

export interface SettleOptions {
  wait: WaitState;
  timeout: number;
}

type Conditioned = Exclude<Resource, { kind: 'Secret' }>;

/**
 * Waits until the site has acted on the resource as it was written.
 * @throws FailedError when no site process runs to act on it, or when it found a fault
 */
export async function waitUntilSettled<K extends Conditioned['kind']>(
  context: Context,
  local: LocalSite,
  kind: K,
  name: string,
  options: SettleOptions,
): Promise<void> {
  if (options.wait === 'none') return;
  const word = wordFor(kind);
  const title = `${word} "${name}"`;
  const look = `See ${commandLine(context, `${word} status ${name}`)}`;
  await waitFor(
    context,
    {
      what: `${title} to be ${options.wait}`,
      timeoutMs: options.timeout,
      afterwards: `It goes on in the background. ${look}`,
    },
    async (): Promise<Probe<true>> => {
      const resource = await local.store.get(kind, name);
      if (resource === undefined) throw new NotFoundError(`${capitalized(title)} was deleted meanwhile`);
      const finding = outcomeOf(resource, options.wait);
      if (finding.status === 'Error')
        throw new FailedError(`${capitalized(title)}: ${finding.message}`, { next: look });
      if (finding.status === 'Ready') return { done: true };
      await requireRunning(context, local, `${capitalized(title)} is written, but nothing acts on it`);
      return { pending: finding.message };
    },
  );
}

/** Tells who looks at the state of a site that does not run: what is shown is what it knew last. */
export async function noteStopped(context: Context, local: LocalSite): Promise<void> {
  if ((await siteProcess(local)) !== undefined || (await findSite(local)) === undefined) return;
  say(context, `Warning: the site of namespace "${context.namespace}" does not run; this is what it knew last`);
  say(context, `  Start it: ${commandLine(context, 'site start')}`);
}

/** @throws FailedError with `consequence` when the site does not run */
export async function requireRunning(context: Context, local: LocalSite, consequence: string): Promise<void> {
  if ((await siteProcess(local)) !== undefined) return;
  throw new FailedError(`${consequence}: the site of namespace "${context.namespace}" does not run`, {
    next: `Start it: ${commandLine(context, 'site start')}`,
  });
}

export interface Outcome {
  status: 'Ready' | 'Pending' | 'Error';
  message: string;
}

/** What the controller says about this generation of the resource; what it said about an earlier one does not count. */
export function outcomeOf(resource: Resource, wait: WaitState): Outcome {
  const status = statusOf(resource);
  const type = wait === 'configured' ? 'Configured' : 'Ready';
  const condition = status.conditions?.find((candidate) => candidate.type === type);
  const generation = resource.metadata.generation;
  if (condition === undefined || generation === undefined || (condition.observedGeneration ?? 0) < generation) {
    return { status: 'Pending', message: 'not seen by the site yet' };
  }
  if (condition.status === 'True') return { status: 'Ready', message: condition.message };
  return { status: condition.reason === 'Error' ? 'Error' : 'Pending', message: condition.message };
}

export function statusOf(resource: Resource): { status?: string; message?: string; conditions?: Condition[] } {
  return ('status' in resource ? resource.status : undefined) ?? {};
}

/** What people call a kind, which is also the noun of its commands. */
function wordFor(kind: Kind): string {
  return kind === 'AccessGrant' || kind === 'AccessToken' ? 'token' : kind.toLowerCase();
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
