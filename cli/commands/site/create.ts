/** `init` and `site create`: make the site of a namespace; `site generate`: print what would be made. */
import { hostname } from 'node:os';
import { type Context, print } from '../../context.ts';
import type { CreateSiteFlags } from '../../definitions/site.ts';
import { formatManifest } from '../../output/resources.ts';
import { isName } from '../../parse.ts';
import { newSite, requireFlagsFor } from './resource.ts';

export async function createSite(
  context: Context,
  name: string | undefined,
  flags: CreateSiteFlags,
  linkAccessByDefault: boolean,
): Promise<void> {
  requireFlagsFor(context.platform, flags);
  const fresh = newSite(name ?? defaultName(context), {
    ...flags,
    enableLinkAccess: flags.enableLinkAccess ?? (linkAccessByDefault && flags.edge !== true),
  });
  if (flags.dryRun) {
    print(context, formatManifest([fresh], flags.output));
    return;
  }
  const isNamed = name !== undefined;
  if (context.platform === 'local') {
    const { createLocally } = await import('./create-local.ts');
    await createLocally(context, fresh, flags, isNamed);
  } else {
    const { createInCluster } = await import('./create-in-cluster.ts');
    await createInCluster(context, fresh, flags, isNamed);
  }
}

export async function generateSite(context: Context, name: string, flags: CreateSiteFlags): Promise<void> {
  requireFlagsFor(context.platform, flags);
  print(context, formatManifest([newSite(name, flags)], flags.output));
}

/** Of the namespace; the default namespace says nothing about the place, the host or the cluster does. */
function defaultName(context: Context): string {
  if (context.namespace !== 'default') return context.namespace;
  const place = context.platform === 'local' ? hostname().split('.')[0]! : (context.cluster.context ?? '');
  const name = place
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  return isName(name) ? name : 'site';
}
