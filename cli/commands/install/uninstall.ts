/**
 * `uninstall`: what installing made goes, and what the controller made for itself. Sites are left to the user, since their routers
 * would run on with nobody to look after them; the kinds go only when asked for, because every resource goes with them.
 */
import { KINDS } from '../../../config/api/index.ts';
import { DNS_NAME, SERVICE_CONTROLLER_NAME } from '../../../config/rbac/service-rules.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { confirmDeletion } from '../../ask.ts';
import { type Context, say } from '../../context.ts';
import type { UninstallFlags } from '../../definitions/install.ts';
import { FailedError, NotFoundError } from '../../errors.ts';
import { API, type ApiKind, type ClusterClient } from '../../places/cluster-client.ts';
import { waitFor } from '../../wait.ts';
import { apiKindOf, CONTROLLER_NAME, installManifests } from './manifests.ts';
import { isOfHelm, isOurs } from './plan.ts';
import { isMadeHere } from './plan-definition.ts';
import { removeServices } from './services.ts';
import { clusterText, controllerText, findDeployment, type InstallTarget, lookAt, targetOf } from './target.ts';

const TIMEOUT_DEFAULT_MS = 60_000;

/** What the controller makes in its own namespace; what these own goes with them. */
const MADE_BY_CONTROLLER: readonly (readonly [ApiKind, string])[] = [
  [KINDS.SecuredAccess, 'skupper-grant-server'],
  [KINDS.Certificate, 'skupper-grant-server'],
  [KINDS.Certificate, 'skupper-grant-server-ca'],
  [API.secrets, 'skupper-grant-server'],
  [API.secrets, 'skupper-grant-server-ca'],
  [API.services, 'skupper-grant-server'],
  [API.leases, CONTROLLER_NAME],
];

const OUR_PROCESSES = [CONTROLLER_NAME, SERVICE_CONTROLLER_NAME, DNS_NAME];

/** @throws NotFoundError when nothing is installed, FailedError when sites are left */
export async function uninstallController(context: Context, flags: Partial<UninstallFlags> = {}): Promise<void> {
  const target = targetOf(context, flags.namespaceScope);
  const client = await context.connect(context.cluster, context.env);
  const going = await whatGoes(client, target, flags.crds === true);
  if (going.length === 0) {
    throw new NotFoundError(`Nothing is installed in ${clusterText(context)}`, {
      next: 'With --namespace-scope and -n the controller of one namespace is looked for',
    });
  }
  const deployment = await findDeployment(client, target.namespace);
  if (deployment !== undefined && isOfHelm(deployment) && !flags.force) {
    throw new FailedError(`${controllerText(target)} of ${clusterText(context)} was made by Helm`, {
      next: `Use helm uninstall -n ${target.namespace}, or give --force`,
    });
  }
  const sites = await sitesLeft(context, client, target, flags.crds === true);
  if (sites.length > 0 && !flags.force) throw sitesError(context, sites, flags.crds === true);
  await confirmDeletion(context, whatText(context, target, sites, flags.crds === true), flags.yes);

  const namespaces = going.filter(({ kind }) => kind === 'Namespace');
  const definitions = going.filter(({ kind }) => kind === 'CustomResourceDefinition');
  const timeoutMs = flags.timeout ?? TIMEOUT_DEFAULT_MS;
  // The site-controller last: it takes from routers what the service-controller made.
  if (target.scope === 'cluster') {
    await removeServices(context, client, target, { isWaitedFor: flags.wait !== false, timeoutMs });
  }
  // The controller first: it would make anew what it misses.
  for (const object of going) {
    if (!namespaces.includes(object) && !definitions.includes(object)) await remove(client, object);
  }
  for (const [api, name] of MADE_BY_CONTROLLER) await client.delete(api, name, target.namespace);
  for (const object of definitions) await remove(client, object);
  const kept = namespaces.length > 0 && (await isInUse(client, target.namespace)) ? namespaces : [];
  if (kept.length === 0) for (const object of namespaces) await remove(client, object);
  const gone = going.filter((object) => !kept.includes(object));
  if (flags.wait !== false) await waitUntilGone(context, client, gone, timeoutMs);
  if (flags.crds) await tellKept(context, client, target);
  say(context, outcome(context, target, sites, flags.crds === true));
}

/** In the order in which it goes: the reverse of that in which it was made. */
async function whatGoes(client: ClusterClient, target: InstallTarget, withKinds: boolean): Promise<KubeObject[]> {
  const found = await lookAt(client, installManifests({ ...target, dnsEndpoints: target.scope === 'cluster' }));
  return found
    .filter(({ wanted, present }) => present !== undefined && present !== 'hidden' && isGoing(wanted, present))
    .filter(({ present }) => (present as KubeObject).metadata.deletionTimestamp === undefined)
    .map(({ wanted }) => wanted)
    .filter(({ kind }) => withKinds || kind !== 'CustomResourceDefinition')
    .reverse();
}

function isGoing(wanted: KubeObject, present: KubeObject): boolean {
  return wanted.kind === 'CustomResourceDefinition' ? isMadeHere(present) : isOurs(present);
}

/** Kinds that others installed stay, also where all of them are to go. */
async function tellKept(context: Context, client: ClusterClient, target: InstallTarget): Promise<void> {
  const wanted = installManifests({ ...target, dnsEndpoints: true }).filter(
    ({ kind }) => kind === 'CustomResourceDefinition',
  );
  for (const { present } of await lookAt(client, wanted)) {
    if (present === undefined || present === 'hidden' || isMadeHere(present)) continue;
    say(context, `${present.metadata.name} stays: somebody else installed it`);
  }
}

/** Where the kinds go, the sites of all namespaces count. */
async function sitesLeft(
  context: Context,
  client: ClusterClient,
  { scope, namespace }: InstallTarget,
  withKinds: boolean,
): Promise<string[]> {
  const everywhere = scope === 'cluster' || withKinds;
  const sites = (await client.list(KINDS.Site, everywhere ? {} : { namespace })) ?? [];
  return sites.map(({ metadata }) => `${metadata.namespace ?? context.namespace}/${metadata.name}`).sort();
}

function sitesError(context: Context, sites: readonly string[], withKinds: boolean): FailedError {
  const count = sites.length === 1 ? 'There is a site' : `There are ${sites.length} sites`;
  return new FailedError(`${count} in ${clusterText(context)}: ${sites.join(', ')}`, {
    next: withKinds
      ? 'Delete them first, or give --force to delete them with their kind'
      : 'Delete them first, or give --force: they run on, with nobody to look after them',
  });
}

function whatText(context: Context, target: InstallTarget, sites: readonly string[], withKinds: boolean): string {
  const kinds = withKinds ? ', its kinds (sites, exported services and all others) and every resource of them' : '';
  const count = sites.length > 0 && withKinds ? ` (${sites.length} sites)` : '';
  return `${controllerText(target)} of ${clusterText(context)}${kinds}${count}`;
}

async function remove(client: ClusterClient, object: KubeObject): Promise<void> {
  await client.delete(apiKindOf(object), object.metadata.name, object.metadata.namespace);
}

/** A namespace goes only when nothing of somebody else's is in it. */
async function isInUse(client: ClusterClient, namespace: string): Promise<boolean> {
  const lists = await Promise.all(
    [API.deployments, API.pods, KINDS.Site].map(async (api) => await client.list(api, { namespace })),
  );
  return lists.some((objects) =>
    (objects ?? []).some(({ metadata }) => !OUR_PROCESSES.includes(metadata.labels?.application ?? '')),
  );
}

async function waitUntilGone(
  context: Context,
  client: ClusterClient,
  objects: readonly KubeObject[],
  timeoutMs: number,
): Promise<void> {
  const options = { what: 'everything to be gone', timeoutMs, afterwards: 'It goes on being removed' };
  await waitFor(context, options, async () => {
    const found = await lookAt(client, objects);
    const left = found.find(({ present }) => present !== undefined && present !== 'hidden');
    return left === undefined ? { done: undefined } : { pending: `${left.wanted.kind} ${left.wanted.metadata.name}` };
  });
}

function outcome(context: Context, target: InstallTarget, sites: readonly string[], withKinds: boolean): string {
  const removed = `Removed ${controllerText(target)} of ${clusterText(context)}`;
  if (withKinds) return `${removed} and its kinds with every resource of them.`;
  const left =
    sites.length > 0 ? `; ${sites.length === 1 ? 'a site runs' : `${sites.length} sites run`} on without it` : '';
  return `${removed}${left}. Its kinds stay.`;
}
