/** `install` and `upgrade`: what config/ says is applied to a cluster, and its controller waited for. */

import { KINDS } from '../../../config/api/index.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { readVersion } from '../../../lib/version.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import type { InstallFlags } from '../../definitions/install.ts';
import { FailedError, NotFoundError } from '../../errors.ts';
import { API, type ClusterClient } from '../../places/cluster-client.ts';
import { isForbidden } from '../../places/controllers.ts';
import { waitFor } from '../../wait.ts';
import { apiKindOf, controllerImage, imageOf, installManifests } from './manifests.ts';
import { isOurs, planInstall, type Step } from './plan.ts';
import { isOfSkupper } from './plan-definition.ts';
import { printManifests } from './print.ts';
import { definitionPending, deploymentPending } from './readiness.ts';
import { chooseServices, removeServices } from './services.ts';
import { settingsFor } from './settings.ts';
import { clusterText, controllerText, findDeployment, type InstallTarget, lookAt, targetOf } from './target.ts';
import { nextImage, versionOf } from './version.ts';

const TIMEOUT_DEFAULT_MS = 180_000;

/** Installs, or brings up to this version what is there; does nothing when all is as it should be. @throws FailedError, TimedOutError */
export async function installController(context: Context, flags: Partial<InstallFlags> = {}): Promise<void> {
  const target = targetOf(context, flags.namespaceScope);
  const image = flags.image ?? context.env.SKUPRT_IMAGE;
  if (flags.dryRun) {
    const settings = settingsFor(flags, undefined);
    const services = await chooseServices(undefined, target, flags, undefined);
    print(context, printManifests(installManifests({ ...target, image, settings, ...services }), flags.output));
    return;
  }
  const client = await context.connect(context.cluster, context.env);
  const present = await findDeployment(client, target.namespace);
  await bringTo(context, client, target, { ...flags, image: image ?? imageOver(present) });
}

/** @throws NotFoundError when nothing is installed, FailedError, TimedOutError */
export async function upgradeController(context: Context, flags: Partial<InstallFlags> = {}): Promise<void> {
  const asked = targetOf(context, flags.namespaceScope);
  const client = await context.connect(context.cluster, context.env);
  const present = await findDeployment(client, asked.namespace);
  if (present === undefined) {
    throw new NotFoundError(`There is no controller in namespace ${asked.namespace} of ${clusterText(context)}`, {
      next: `Install one: ${commandLine(context, 'install')}`,
    });
  }
  const target = { ...asked, scope: watchesOwnNamespace(present) ? ('namespace' as const) : asked.scope };
  const image = flags.image ?? context.env.SKUPRT_IMAGE ?? imageOver(present);
  await bringTo(context, client, target, { ...flags, image });
}

async function bringTo(
  context: Context,
  client: ClusterClient,
  target: InstallTarget,
  flags: Partial<InstallFlags>,
): Promise<void> {
  const release = readVersion();
  const before = await findDeployment(client, target.namespace);
  const ours = before && isOurs(before) ? before : undefined;
  const settings = settingsFor(flags, ours);
  const services = await chooseServices(client, target, flags, ours);
  await waitForFormer(context, client, target, flags);
  const found = await lookAt(client, installManifests({ ...target, image: flags.image, settings, ...services }));
  const { steps, objections } = planInstall(found, release, flags.force);
  if (objections.length > 0 && !flags.force) {
    throw new FailedError(`Nothing was changed in ${clusterText(context)}: ${objections.join('; ')}`, {
      next: 'If it is to be replaced all the same, give --force',
    });
  }
  await requireKinds(context, client, steps);
  for (const step of steps) await take(client, step);
  tellKept(context, steps);
  const wait = flags.wait ?? 'ready';
  const isEnded =
    services.services === false &&
    (await removeServices(context, client, target, {
      isWaitedFor: wait !== 'none',
      timeoutMs: flags.timeout ?? TIMEOUT_DEFAULT_MS,
    }));
  if (wait !== 'none') await waitForDefinitions(context, client, steps, flags);
  if (wait === 'ready') await waitForProcesses(context, client, target, steps, flags);
  say(context, outcome(context, target, steps, { before, release, isWaitedFor: wait === 'ready', isEnded }));
}

async function take(client: ClusterClient, { object, action }: Step): Promise<void> {
  if (action === 'none' || action === 'keep') return;
  const api = apiKindOf(object);
  if (action === 'replace') await client.delete(api, object.metadata.name, object.metadata.namespace);
  await client.apply(api, object);
}

/** Undefined: the image that the manifests name. */
function imageOver(present: KubeObject | undefined): string | undefined {
  const image = present && isOurs(present) ? controllerImage(present) : undefined;
  if (image === undefined) return undefined;
  const offered = imageOf(installManifests({ scope: 'namespace', namespace: '' }));
  return nextImage(image, versionOf(present!) ?? '', offered, readVersion());
}

function watchesOwnNamespace(deployment: KubeObject): boolean {
  const spec = deployment.spec as { template?: { spec?: { containers?: { env?: { name: string }[] }[] } } };
  const variables = spec.template?.spec?.containers?.[0]?.env ?? [];
  return variables.some(({ name }) => name === 'WATCH_NAMESPACE');
}

function tellKept(context: Context, steps: readonly Step[]): void {
  for (const { object, action, why } of steps) {
    if (action !== 'keep' || object.kind !== 'CustomResourceDefinition') continue;
    say(context, `Kept ${object.metadata.name} as it is: ${why}`);
  }
}

/** Who installs into one namespace may be kept from the kinds, which are the cluster's; then they must be there already. */
async function requireKinds(context: Context, client: ClusterClient, steps: readonly Step[]): Promise<void> {
  const isHidden = steps.some(
    ({ object, action }) => object.kind === 'CustomResourceDefinition' && isOfSkupper(object) && action === 'keep',
  );
  if (!isHidden || (await client.list(KINDS.Site, { namespace: context.namespace })) !== undefined) return;
  throw new FailedError(`The skupper.io kinds are not in ${clusterText(context)}, and this user may not add them`, {
    next: 'Have an administrator apply config/crd once, then install again',
  });
}

interface Waiting {
  timeout?: number;
}

async function waitForDefinitions(
  context: Context,
  client: ClusterClient,
  steps: readonly Step[],
  { timeout = TIMEOUT_DEFAULT_MS }: Waiting,
): Promise<void> {
  const names = steps
    .filter(({ object, action }) => object.kind === 'CustomResourceDefinition' && action !== 'keep')
    .map(({ object }) => object.metadata.name);
  const options = { what: 'the kinds to be served', timeoutMs: timeout, afterwards: 'They are installed' };
  await waitFor(context, options, async () => {
    const definitions = await Promise.all(names.map((name) => client.get(API.definitions, name)));
    const pending = definitions
      .map((definition) => (definition ? definitionPending(definition) : 'one is gone'))
      .find(Boolean);
    return pending === undefined ? { done: undefined } : { pending };
  });
}

/** A namespace that is still going, after `uninstall`, takes nothing new. */
async function waitForFormer(
  context: Context,
  client: ClusterClient,
  { namespace }: InstallTarget,
  { timeout = TIMEOUT_DEFAULT_MS }: Waiting,
): Promise<void> {
  const isGoing = async () => {
    const found = await client.get(API.namespaces, namespace).catch(orHidden);
    return found?.metadata.deletionTimestamp !== undefined;
  };
  if (!(await isGoing())) return;
  const what = `the former namespace ${namespace} to be gone`;
  await waitFor(context, { what, timeoutMs: timeout, afterwards: 'Nothing was installed; try again' }, async () =>
    (await isGoing()) ? { pending: 'it is being removed' } : { done: undefined },
  );
}

function orHidden(error: unknown): undefined {
  if (!isForbidden(error)) throw error;
}

async function waitForProcesses(
  context: Context,
  client: ClusterClient,
  { namespace }: InstallTarget,
  steps: readonly Step[],
  { timeout = TIMEOUT_DEFAULT_MS }: Waiting,
): Promise<void> {
  const names = steps.filter(({ object }) => object.kind === 'Deployment').map(({ object }) => object.metadata.name);
  const options = {
    what: `the controller in namespace ${namespace}`,
    timeoutMs: timeout,
    afterwards: `It is installed and goes on starting: kubectl -n ${namespace} describe deployments`,
  };
  await waitFor(context, options, async () => {
    for (const name of names) {
      const pending = await processPending(client, name, namespace);
      if (pending !== undefined) return { pending: names.length === 1 ? pending : `${name}: ${pending}` };
    }
    return { done: undefined };
  });
}

async function processPending(client: ClusterClient, name: string, namespace: string): Promise<string | undefined> {
  const deployment = await client.get(API.deployments, name, namespace);
  if (deployment === undefined) return 'its Deployment is gone';
  const pods = await client.list(API.pods, { namespace, labelSelector: `application=${name}` });
  return deploymentPending(deployment, pods ?? []);
}

interface Facts {
  before: KubeObject | undefined;
  release: string;
  isWaitedFor: boolean;
  /** Services of a cluster set were there, and were removed. */
  isEnded: boolean;
}

function outcome(context: Context, target: InstallTarget, steps: readonly Step[], facts: Facts): string {
  const { before, release, isWaitedFor, isEnded } = facts;
  const isChanged = isEnded || steps.some(({ action }) => action !== 'none' && action !== 'keep');
  const where = `${controllerText(target)} of ${clusterText(context)}`;
  const state = isWaitedFor ? ' and ready' : '';
  if (!isChanged) return `Nothing to do: ${where} is at version ${release}${state}.`;
  const earlier = before === undefined ? undefined : versionOf(before);
  if (before === undefined) return `Installed version ${release}: ${where} is there${state}.`;
  if (earlier === release) return `Changed ${where}; version ${release} is installed${state}.`;
  return `Upgraded ${where} from version ${earlier ?? 'unknown'} to ${release}${isWaitedFor ? '; it is ready' : ''}.`;
}
