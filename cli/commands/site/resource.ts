/** The Site resource that flags describe, made new or changed. Pure. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { SETTING } from '../../../site-controller/names.ts';
import type { SiteFlags } from '../../definitions/site.ts';

export function newSite(name: string, flags: SiteFlags): ResourceOf<'Site'> {
  return withFlags({ apiVersion: SKUPPER_API_VERSION, kind: 'Site', metadata: { name }, spec: {} }, flags);
}

/** `site` with the flags that were given; everything else stays. */
export function withFlags(site: ResourceOf<'Site'>, flags: SiteFlags): ResourceOf<'Site'> {
  const settings: Record<string, string> = { ...site.spec.settings, ...settingsOf(flags) };
  const linkAccess = flags.linkAccess ? (flags.enableLinkAccess ? 'default' : site.spec.linkAccess) : 'none';
  return {
    ...site,
    spec: {
      ...site.spec,
      ...(linkAccess !== undefined && { linkAccess }),
      ...(Object.keys(settings).length > 0 && { settings }),
    },
  };
}

function settingsOf(flags: SiteFlags): Record<string, string> {
  const settings: Record<string, string | undefined> = {
    [SETTING.linkHosts]: flags.host?.join(','),
    [SETTING.bindHost]: flags.bindHost,
    [SETTING.linkPort]: flags.linkPort?.toString(),
    [SETTING.import]: flags.import?.toString(),
    [SETTING.importHost]: flags.importHost,
  };
  return Object.fromEntries(
    Object.entries(settings).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
