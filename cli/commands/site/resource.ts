/** The Site resource that flags describe, made new or changed. Pure. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { SETTING } from '../../../config/names.ts';
import type { Platform } from '../../context.ts';
import type { CreateSiteFlags, SiteFlags } from '../../definitions/site.ts';
import { UsageError } from '../../errors.ts';

export function newSite(name: string, flags: SiteFlags): ResourceOf<'Site'> {
  return withFlags({ apiVersion: SKUPPER_API_VERSION, kind: 'Site', metadata: { name }, spec: {} }, flags);
}

/** `site` with the flags that were given; everything else stays. @throws UsageError */
export function withFlags(site: ResourceOf<'Site'>, flags: SiteFlags): ResourceOf<'Site'> {
  const settings: Record<string, string> = { ...site.spec.settings, ...settingsOf(flags) };
  const ha = flags.ha === false ? false : flags.enableHa;
  const linkAccess = linkAccessOf(site, flags);
  return {
    ...site,
    spec: {
      ...site.spec,
      ...(linkAccess !== undefined && { linkAccess }),
      ...(ha !== undefined && { ha }),
      ...(flags.edge && { edge: true }),
      ...(flags.serviceAccount !== undefined && { serviceAccount: flags.serviceAccount }),
      ...(Object.keys(settings).length > 0 && { settings }),
    },
  };
}

/** @throws UsageError when a flag has no meaning on this platform */
export function requireFlagsFor(platform: Platform, flags: Partial<CreateSiteFlags>): void {
  const others: Readonly<Record<Platform, readonly (readonly [flag: string, value: unknown])[]>> = {
    local: [
      ['--link-access-type', flags.linkAccessType],
      ['--enable-ha', flags.enableHa],
      ['--no-ha', flags.ha === false || undefined],
      ['--service-account', flags.serviceAccount],
      ['--install', flags.install],
    ],
    kubernetes: [
      ['--host', flags.host],
      ['--bind-host', flags.bindHost],
      ['--link-port', flags.linkPort],
      ['--import-host', flags.importHost],
      ['--systemd', flags.systemd],
    ],
  };
  const found = others[platform].filter(([, value]) => value !== undefined).map(([flag]) => flag);
  if (found.length === 0) return;
  throw new UsageError(`${found.join(', ')} cannot be used on platform ${platform}`, {
    next: 'Leave it out, or choose the other platform with -p',
  });
}

function linkAccessOf(site: ResourceOf<'Site'>, flags: SiteFlags): string | undefined {
  if (flags.linkAccess === false) return 'none';
  const wanted = flags.linkAccessType ?? (flags.enableLinkAccess ? 'default' : undefined);
  const isEdge = flags.edge ?? site.spec.edge;
  if (wanted !== undefined && wanted !== 'none' && isEdge) {
    throw new UsageError('An edge site cannot be linked to', { next: 'Leave out --edge, or what enables link access' });
  }
  return wanted ?? site.spec.linkAccess;
}

function settingsOf(flags: SiteFlags): Record<string, string> {
  const settings: Record<string, string | undefined> = {
    [SETTING.linkHosts]: flags.host?.join(','),
    [SETTING.bindHost]: flags.bindHost,
    [SETTING.linkPort]: flags.linkPort?.toString(),
    [SETTING.import]: flags.import?.toString(),
    [SETTING.importHost]: flags.importHost,
    [SETTING.flowPauseSeconds]: flags.flowPause?.toString(),
    [SETTING.flowMemory]: flags.flowMemory,
    [SETTING.routerLogging]: flags.routerLogging,
  };
  return Object.fromEntries(
    Object.entries(settings).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
