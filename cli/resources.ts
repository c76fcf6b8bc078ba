/** Resources of a place as commands use them: found or told as missing, waited for, judged by their conditions. */

import type { Kind, Resource, ResourceOf } from '../config/api/index.ts';
import type { Condition } from '../config/api/schema.ts';
import { CONTROLLED_LABEL } from '../config/names.ts';
import { type Context, commandLine, say } from './context.ts';
import { FailedError, NotFoundError, UsageError } from './errors.ts';
import type { NetworkView } from './output/network.ts';
import type { Place } from './places/place.ts';
import { type Probe, waitFor } from './wait.ts';

/** The Site of the namespace, if there is one. */
export async function findSite(place: Place): Promise<ResourceOf<'Site'> | undefined> {
  return (await place.resources.list('Site'))[0];
}

/** @throws NotFoundError when the namespace has no site, or another one than `name`; UsageError when its file has mistakes */
export async function requireSite(context: Context, place: Place, name?: string): Promise<ResourceOf<'Site'>> {
  const site = await findSite(place);
  if (site === undefined) {
    await requireNoFaults(context, place);
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

async function requireNoFaults(context: Context, place: Place): Promise<void> {
  const faults = await place.faults();
  if (faults.length === 0) return;
  throw new UsageError(`The resources of namespace "${context.namespace}" have mistakes:\n${faults.join('\n')}`, {
    next: 'Correct them; nothing was changed',
  });
}

/** @throws NotFoundError */
export async function requireResource<K extends Kind>(
  context: Context,
  place: Place,
  kind: K,
  name: string,
): Promise<ResourceOf<K>> {
  const found = await place.resources.get(kind, name);
  if (found !== undefined) return found;
  const word = wordFor(kind);
  throw new NotFoundError(`There is no ${word} "${name}" in namespace "${context.namespace}"`, {
    next: `See ${commandLine(context, `${word} status`)}`,
  });
}

export function isGenerated(resource: { metadata: { labels?: Readonly<Record<string, string>> } }): boolean {
  return resource.metadata.labels?.[CONTROLLED_LABEL] === 'true';
}

/**
 * How long a fault must stand before a wait ends with it: some pass by themselves, such as that of a Link whose Secret the controller has not
 * heard of yet, or of a certificate that is just being replaced.
 */
const FAULT_PATIENCE_MS = 3000;

/** What a wait looks at: `--wait configured` or `--wait ready`. */
export type WaitState = 'none' | 'configured' | 'ready';

export interface SettleOptions {
  wait: WaitState;
  timeout: number;
}

type Conditioned = Exclude<Resource, { kind: 'Secret' }>;

/**
 * Waits until the site has acted on the resource as it was written.
 * @throws FailedError when no site process runs to act on it, or when it found a fault that stays
 */
export async function waitUntilSettled<K extends Conditioned['kind']>(
  context: Context,
  place: Place,
  kind: K,
  name: string,
  options: SettleOptions,
): Promise<void> {
  if (options.wait === 'none') return;
  const word = wordFor(kind);
  const title = `${word} "${name}"`;
  const look = `See ${commandLine(context, `${word} status ${name}`)}`;
  const patienceMs = Math.min(FAULT_PATIENCE_MS, options.timeout / 2);
  let faultyAt: number | undefined;
  await waitFor(
    context,
    {
      what: `${title} to be ${options.wait}`,
      timeoutMs: options.timeout,
      afterwards: `It goes on in the background. ${look}`,
    },
    async (): Promise<Probe<true>> => {
      const resource = await place.resources.get(kind, name);
      if (resource === undefined)
        throw new NotFoundError(`${capitalized(title)} was deleted meanwhile`, { next: 'Make it again' });
      const finding = outcomeOf(resource, options.wait);
      if (finding.status === 'Error') {
        const now = performance.now();
        faultyAt ??= now;
        if (now - faultyAt < patienceMs) return { pending: finding.message };
        const remove = kind === 'Site' ? 'delete' : `${word} delete ${name}`;
        throw new FailedError(`${capitalized(title)}: ${finding.message}`, {
          next: `It stays as it is and is tried again. ${look}, remove it with ${commandLine(context, remove)}`,
        });
      }
      faultyAt = undefined;
      if (finding.status === 'Ready') return { done: true };
      const idle = await place.idle();
      if (idle === undefined) return { pending: finding.message };
      if (idle.mayPass) return { pending: idle.reason };
      throw new FailedError(`${capitalized(title)} is written, but nothing acts on it: ${idle.reason}`, {
        next: idle.next,
      });
    },
  );
}

/** Tells who looks at the state of a site that nobody acts for: what is shown is what was known last. */
export async function noteIdle(context: Context, place: Place): Promise<void> {
  const idle = await place.idle();
  if (idle === undefined || (await findSite(place)) === undefined) return;
  say(context, `Warning: ${idle.reason}; this is what was known last`);
  say(context, `  ${idle.next}`);
}

/** @throws FailedError with `consequence` when nobody acts on resources here */
export async function requireActive(place: Place, consequence: string): Promise<void> {
  const idle = await place.idle();
  if (idle !== undefined && !idle.mayPass) throw new FailedError(`${consequence}: ${idle.reason}`, { next: idle.next });
}

/** @throws NotFoundError without a site, FailedError while it has seen nothing yet */
export async function requireNetwork(context: Context, place: Place): Promise<NetworkView> {
  const site = await requireSite(context, place);
  await noteIdle(context, place);
  const view = await place.network(site);
  if (view !== undefined) return view;
  throw new FailedError(`Site "${site.metadata.name}" has not seen the network yet`, {
    next: `See ${commandLine(context, 'site status')}`,
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
  if (kind === 'ClusterAccessPolicy' || kind === 'AccessPolicy') return 'policy';
  return kind === 'AccessGrant' || kind === 'AccessToken' ? 'token' : kind.toLowerCase();
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
