/** A site of a cluster goes: what was made for it is removed by the cluster's garbage collector. */
import type { Kind } from '../../../config/api/index.ts';
import { confirmDeletion } from '../../ask.ts';
import { type Context, commandLine, say } from '../../context.ts';
import type { DeleteSiteFlags } from '../../definitions/site.ts';
import { NotFoundError } from '../../errors.ts';
import { plural } from '../../output/text.ts';
import { API, apiOf } from '../../places/cluster-client.ts';
import { type KubernetesPlace, openCluster } from '../../places/kubernetes.ts';
import { findSite, isGenerated, requireSite } from '../../resources.ts';
import { type Probe, waitFor } from '../../wait.ts';

/** In the order in which they go: first what would make others come back, last what holds clients back. */
const OTHER_KINDS = [
  'AccessToken',
  'AccessGrant',
  'Link',
  'Listener',
  'Connector',
  'MultiKeyListener',
  'AttachedConnector',
  'AttachedConnectorBinding',
  'RouterAccess',
  'SecuredAccess',
  'Certificate',
  'AccessPolicy',
] as const satisfies readonly Kind[];

export async function deleteInCluster(
  context: Context,
  name: string | undefined,
  flags: DeleteSiteFlags,
): Promise<void> {
  const place = await openCluster(context);
  const site = name === undefined ? await findSite(place) : await requireSite(context, place, name);
  if (site === undefined && !flags.all) {
    throw new NotFoundError(`There is no site in namespace "${context.namespace}"`, {
      next: `Nothing is left to delete; what was made by hand goes with ${commandLine(context, 'delete --all')}`,
    });
  }
  const others = flags.all ? ` with every resource of skuprt and Skupper in namespace "${context.namespace}"` : '';
  const title = site === undefined ? `site${others}` : `site "${site.metadata.name}"${others}`;
  await confirmDeletion(context, title, flags.yes);
  // The site first: its controller would make again what goes before it.
  if (site !== undefined) await place.resources.delete('Site', site.metadata.name);
  const removedCount = flags.all ? await deleteResources(place, context.namespace) : 0;
  if (flags.wait) await waitUntilRemoved(context, place, flags.timeout);
  if (site !== undefined) say(context, `Site "${site.metadata.name}" is deleted.`);
  if (flags.all)
    say(
      context,
      `${plural(removedCount, 'other resource')} of the namespace ${removedCount === 1 ? 'is' : 'are'} deleted.`,
    );
}

/** How many of them were a user's. */
async function deleteResources({ resources, client }: KubernetesPlace, namespace: string): Promise<number> {
  let count = 0;
  for (const kind of OTHER_KINDS) {
    // Where Skupper's kinds are installed ours need not be.
    const found = (await client.list(apiOf(kind), { namespace })) ?? [];
    await Promise.all(found.map(({ metadata }) => resources.delete(kind, metadata.name)));
    count += found.filter((resource) => !isGenerated(resource)).length;
  }
  return count;
}

async function waitUntilRemoved(context: Context, place: KubernetesPlace, timeoutMs: number): Promise<void> {
  const { namespace } = context;
  await waitFor(
    context,
    {
      what: `the site of namespace "${namespace}" to go`,
      timeoutMs,
      afterwards: 'It is deleted; the cluster goes on removing what was made for it',
    },
    async (): Promise<Probe<true>> => {
      const sites = await place.client.list(apiOf('Site'), { namespace });
      if (sites !== undefined && sites.length > 0) return { pending: 'its Site is still there' };
      const router = await place.client.get(API.deployments, 'skupper-router', namespace);
      return router === undefined ? { done: true } : { pending: 'its router is still there' };
    },
  );
}
