/** Which Site is the one of this namespace, and what it and its router are called on the network. */
import type { Site } from '../../../config/api/site.ts';
import { ALL_ROUTERS, NAME, SETTING } from '../../../config/names.ts';
import { inOrderOfAge, type Observed, ofKind } from '../observed.ts';

const ROUTER_SUFFIX_LENGTH = 8;

/** The oldest Site of the namespace; the others are refused. Of two made in the same second, the one that was accepted stays so. */
export function activeSite(observed: Pick<Observed, 'resources'>): Site | undefined {
  const [oldest, ...others] = inOrderOfAge(ofKind(observed, 'Site'));
  const made = oldest?.metadata.creationTimestamp;
  const peers = others.filter(({ metadata }) => metadata.creationTimestamp === made);
  return oldest === undefined || isAccepted(oldest) ? oldest : (peers.find(isAccepted) ?? oldest);
}

function isAccepted({ status }: Site): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Configured' && is === 'True') === true;
}

/** A site's id on the network is the uid of its Site resource. */
export function siteIdOf(site: Site): string {
  return site.metadata.uid ?? '';
}

/** The same over all restarts, and different for two sites of one name. */
export function routerIdOf(site: Site): string {
  return `${site.metadata.name}-${siteIdOf(site).slice(0, ROUTER_SUFFIX_LENGTH)}`;
}

/** The value of a key of `spec.settings`; an empty one counts as absent. */
export function settingOf(
  resource: { spec: { settings?: Record<string, string> } } | undefined,
  key: string,
): string | undefined {
  return resource?.spec.settings?.[key] || undefined;
}

/** Names of the groups of routers, one a router: those of their Deployments and ConfigMaps on Kubernetes. */
export function routerGroups({ spec }: Pick<Site, 'spec'>): string[] {
  return spec.ha && !spec.edge ? [NAME.router, groupName(NAME.router, 1)] : [NAME.router];
}

/** What belongs to one of several groups, counted from 0; the first has the plain name. */
export function groupName(name: string, groupIndex: number): string {
  return groupIndex === 0 ? name : `${name}-${groupIndex + 1}`;
}

/** Whether the router of a group is to leave the network. */
export function isDrained(site: Site, group: string): boolean {
  const groups = settingOf(site, SETTING.drain)?.split(',') ?? [];
  return groups.some((name) => name.trim() === ALL_ROUTERS || name.trim() === group);
}
