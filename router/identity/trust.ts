/**
 * Which routers are believed, and by whose word: a search from this router along its neighbours with certificates and along introductions
 * by routers that are believed already. Pure.
 *
 * The nearest way counts, measured by the sites that must be taken at their word. A site vouches for its own routers, and this router's site
 * for all it meets, without being counted.
 */
import type { Verification } from '../../lib/policy/types.ts';
import type { Introduction, RouterIdentity } from './introduction.ts';

export interface Belief extends RouterIdentity {
  /** Sites that vouch for it, the nearest first; none for this router's own, and for neighbours. */
  readonly via: readonly string[];
  /** Of a router that a nearer way knows as another site's: that site. It is not believed. */
  readonly rival?: string;
}

export interface Trust {
  /** By `beliefKey`. */
  readonly beliefs: ReadonlyMap<string, Belief>;
  /** Names of sites, and the id of the one that is meant. */
  readonly siteNames: ReadonlyMap<string, string>;
  readonly siteIds: ReadonlySet<string>;
  /** Names that several sites have. */
  readonly ambiguous: ReadonlyMap<string, readonly string[]>;
}

export const NO_TRUST: Trust = { beliefs: new Map(), siteNames: new Map(), siteIds: new Set(), ambiguous: new Map() };

export interface Self extends Omit<RouterIdentity, 'siteId'> {
  readonly siteId: string | undefined;
}

/** How it is known, to a router of a site. */
export function verificationOf({ siteId, via, rival }: Belief, ownSiteId: string | undefined): Verification {
  if (rival !== undefined) return 'none';
  if (via.length > 0) return 'path';
  return siteId === ownSiteId ? 'local' : 'link';
}

export function beliefKey(router: string, key: string): string {
  return `${key} ${router}`;
}

export function findTrust(
  self: Self,
  neighbours: Iterable<RouterIdentity>,
  introductionsBy: (router: string, key: string) => Iterable<Introduction>,
  before?: Trust,
): Trust {
  const beliefs = new Map<string, Belief>();
  /** By router id, the site that the nearest way knows it as. */
  const sites = new Map<string, string>();
  // As many sites are taken at their word for those of a level as the level's number says.
  let level: Belief[] = [...neighbours]
    .filter(({ router }) => router !== self.router)
    .map((of) => ({ ...of, via: [] }));
  if (self.siteId !== undefined) sites.set(self.router, self.siteId);
  while (level.length > 0) {
    const next: Belief[] = [];
    level.sort(byName);
    // The level grows while it is gone through.
    for (const belief of level) {
      const key = beliefKey(belief.router, belief.key);
      if (beliefs.has(key) || belief.router === self.router) continue;
      const site = sites.get(belief.router) ?? belief.siteId;
      sites.set(belief.router, site);
      if (site !== belief.siteId) {
        beliefs.set(key, { ...belief, rival: site });
        continue;
      }
      beliefs.set(key, belief);
      for (const { of, gone } of introductionsBy(belief.router, belief.key)) {
        if (gone) continue;
        const isCounted = belief.siteId !== self.siteId && belief.siteId !== of.siteId;
        if (!isCounted) level.push({ ...of, via: belief.via });
        else if (!belief.via.includes(belief.siteId)) next.push({ ...of, via: [...belief.via, belief.siteId] });
      }
    }
    level = next;
  }
  return { beliefs, ...namesOf(self, beliefs.values(), before) };
}

/** Policies know a site by its name or its id: the id of another site, and what could be one, is no name. */
export function mayBeName(siteIds: ReadonlySet<string>, siteName: string, siteId: string): boolean {
  return siteName === siteId || (!siteIds.has(siteName) && !UID.test(siteName));
}

/** What ids of sites are: uids of resources. */
const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Of the same distance, whatever the order in which things were heard. */
function byName(one: Belief, other: Belief): number {
  const [first, second] = [textOf(one), textOf(other)];
  return first < second ? -1 : Number(first > second);
}

function textOf({ via, router, siteId, key }: Belief): string {
  return `${via.join(' ')} ${router} ${siteId} ${key}`;
}

/**
 * The own site has its name, then whoever has had it, then the nearest: none can take the name of one that is there.
 */
function namesOf(
  self: Self,
  beliefs: Iterable<Belief>,
  before: Trust | undefined,
): Pick<Trust, 'siteNames' | 'siteIds' | 'ambiguous'> {
  const siteNames = new Map<string, string>();
  const ambiguous = new Map<string, string[]>();
  const believed = [...beliefs].filter(({ rival }) => rival === undefined);
  const siteIds = new Set([
    ...believed.map(({ siteId }) => siteId),
    ...(self.siteId === undefined ? [] : [self.siteId]),
  ]);
  const named = believed.filter(
    ({ siteName, siteId }) => siteName !== undefined && mayBeName(siteIds, siteName, siteId),
  );
  for (const { siteName = '', siteId } of named)
    if (before?.siteNames.get(siteName) === siteId) siteNames.set(siteName, siteId);
  if (self.siteId !== undefined && self.siteName !== undefined) siteNames.set(self.siteName, self.siteId);
  for (const { siteName, siteId } of named) {
    if (siteName === undefined) continue;
    const known = siteNames.get(siteName);
    if (known === undefined) siteNames.set(siteName, siteId);
    else if (known !== siteId) {
      const sites = ambiguous.get(siteName) ?? [known];
      if (!sites.includes(siteId)) sites.push(siteId);
      ambiguous.set(siteName, sites);
    }
  }
  return { siteNames, siteIds, ambiguous };
}
