/** The network as the site of this namespace last wrote it down. */
import { readIfExists } from '../lib/files.ts';
import { type Context, commandLine } from './context.ts';
import { FailedError } from './errors.ts';
import { openLocal, requireSite } from './local.ts';
import type { NetworkView } from './output/network.ts';

/** @throws NotFoundError without a site, FailedError while it has said nothing yet */
export async function readNetwork(context: Context): Promise<NetworkView> {
  const local = openLocal(context);
  const site = await requireSite(context, local);
  const text = await readIfExists(local.paths.networkStatus);
  if (text === undefined) {
    throw new FailedError(`Site "${site.metadata.name}" has not seen the network yet`, {
      next: `See ${commandLine(context, 'site status')}`,
    });
  }
  return { localSiteId: site.metadata.uid ?? '', ...(JSON.parse(text) as Pick<NetworkView, 'sites'>) };
}
