/** `site update`: changes the settings that were given. */
import { type Context, print, say } from '../../context.ts';
import type { CreateSiteFlags } from '../../definitions/site.ts';
import { formatManifest } from '../../output/resources.ts';
import { openPlace } from '../../places/choose.ts';
import { requireSite, waitUntilSettled } from '../../resources.ts';
import { requireFlagsFor, withFlags } from './resource.ts';

export async function updateSite(context: Context, name: string | undefined, flags: CreateSiteFlags): Promise<void> {
  requireFlagsFor(context.platform, flags);
  const place = await openPlace(context);
  const site = withFlags(await requireSite(context, place, name), flags);
  if (flags.dryRun) {
    print(context, formatManifest([site], 'yaml'));
    return;
  }
  await place.resources.apply(site);
  await waitUntilSettled(context, place, 'Site', site.metadata.name, flags);
  say(context, `Site "${site.metadata.name}" is updated.`);
}
