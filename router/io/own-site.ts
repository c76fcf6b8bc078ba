/** Which site this router is of: as the environment says it, then the router entity's metadata, where control planes write it. */
import type { OwnSite } from '../identity/client.ts';

export interface SiteSources {
  env: Readonly<Record<string, string | undefined>>;
  router: { readonly metadata?: string; readonly siteName?: string; readonly siteNamespace?: string };
  /** The `site` entity, where there is one. */
  site?: { readonly name: string; readonly namespace?: string };
}

export function ownSite({ env, router, site }: SiteSources): OwnSite {
  const { id, name, namespace } = metadataOf(router.metadata);
  return {
    siteId: env.SKUPPER_SITE_ID || id,
    siteName: router.siteName || name || env.SKUPPER_SITE_NAME || site?.name,
    siteNamespace: router.siteNamespace || namespace || env.POD_NAMESPACE || site?.namespace,
  };
}

function metadataOf(metadata: string | undefined): { id?: string; name?: string; namespace?: string } {
  try {
    const { id, name, namespace } = JSON.parse(metadata || '{}') as Readonly<Record<string, unknown>>;
    return { id: textOf(id), name: textOf(name), namespace: textOf(namespace) };
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
