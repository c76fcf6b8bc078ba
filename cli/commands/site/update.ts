/** `site update`: changes the settings that were given. */
import { type Context, print, say } from '../../context.ts';
import type { CreateSiteFlags } from '../../definitions/site.ts';
import { openLocal, requireSite, waitUntilSettled } from '../../local.ts';
import { formatManifest } from '../../output/resources.ts';
import { withFlags } from './resource.ts';

export async function updateSite(context: Context, name: string | undefined, flags: CreateSiteFlags): Promise<void> {
  const local = openLocal(context);
  const site = withFlags(await requireSite(context, local, name), flags);
  if (flags.dryRun) {
    print(context, formatManifest([site], 'yaml'));
    return;
  }
  await local.store.apply(site);
  await waitUntilSettled(context, local, 'Site', site.metadata.name, flags);
  say(context, `Site "${site.metadata.name}" is updated.`);
}
