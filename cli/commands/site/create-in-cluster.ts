/** The site of a namespace of a cluster: its Site is written, and the controller does the rest. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import type { CreateSiteFlags } from '../../definitions/site.ts';
import { FailedError } from '../../errors.ts';
import { formatManifest } from '../../output/resources.ts';
import { API } from '../../places/cluster-client.ts';
import { isForbidden } from '../../places/controllers.ts';
import { type KubernetesPlace, openCluster } from '../../places/kubernetes.ts';
import { findSite, requireResource, waitUntilSettled } from '../../resources.ts';
import { requireController } from './require-controller.ts';

export async function createInCluster(
  context: Context,
  fresh: ResourceOf<'Site'>,
  flags: CreateSiteFlags,
  isNamed: boolean,
): Promise<void> {
  const place = await openCluster(context);
  await requireController(context, place, flags);
  await makeNamespace(context, place);
  await requireNoSite(context, place, fresh, isNamed);
  await place.resources.apply(fresh);
  const { name } = fresh.metadata;
  await waitUntilSettled(context, place, 'Site', name, flags);
  say(context, `Site "${name}" is ${flags.wait === 'none' ? 'made' : flags.wait}.`);
  if (flags.output === undefined) return;
  print(context, formatManifest([await requireResource(context, place, 'Site', name)], flags.output));
}

async function requireNoSite(
  context: Context,
  place: KubernetesPlace,
  fresh: ResourceOf<'Site'>,
  isNamed: boolean,
): Promise<void> {
  const present = await findSite(place);
  if (present === undefined) return;
  const { name } = present.metadata;
  const isOther = isNamed && name !== fresh.metadata.name;
  throw new FailedError(`Namespace "${context.namespace}" has a site already: "${name}"`, {
    next: isOther
      ? `Choose another namespace with -n, or remove that one: ${commandLine(context, 'delete')}`
      : `Look at it with ${commandLine(context, 'site status')}, change it with ${commandLine(context, 'site update')}`,
  });
}

/** Who may not look at namespaces may still write into one that is there. */
async function makeNamespace(context: Context, { client }: KubernetesPlace): Promise<void> {
  const { namespace } = context;
  try {
    if ((await client.get(API.namespaces, namespace)) !== undefined) return;
    await client.create(API.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    say(context, `Namespace "${namespace}" is made.`);
  } catch (error) {
    if (!isForbidden(error)) throw error;
  }
}
