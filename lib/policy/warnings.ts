/**
 * What about a policy is probably not meant, seen beside the other policies and the services, sites and links that there are. Pure. A
 * warning refuses nothing: who applied the policy is told.
 */
import { nearest } from '../suggest.ts';
import { referenceOf } from './decide.ts';
import { type Judge, judgeWith, judgeWithout } from './judge.ts';
import { NO_SITE } from './limits.ts';
import { listText } from './reason.ts';
import { ruleWarnings } from './rule-warnings.ts';
import type { PolicyDocument, PolicyRequest } from './types.ts';
import { type PolicyWarning, type PolicyWorld, requestsOf, selectedBy } from './world.ts';

const WARNINGS_MAX = 16;
/** A slip of the keyboard is in one name or two, and each of all sites is compared. */
const HINTS_MAX = 3;

export function policyWarnings(document: PolicyDocument, world: PolicyWorld): PolicyWarning[] {
  // As if it were in force: a rehearsal should tell what is to come.
  const after = judgeWith(document, world.documents);
  return [
    ...selectionWarnings(document, world),
    ...refusesAllWarnings(document, after, world),
    ...ruleWarnings(document, after, world),
    ...siteWarnings(document, world),
    ...cutWarnings(document, after, world),
  ].slice(0, WARNINGS_MAX);
}

function selectionWarnings(document: PolicyDocument, world: PolicyWorld): PolicyWarning[] {
  const { listeners, connectors, sites } = selectedBy(document, world);
  const where = document.kind === 'AccessPolicy' ? ` of namespace ${document.namespace ?? ''}` : '';
  if (listeners + connectors + sites === 0) {
    const isAboutLinks = document.spec.rules.every(({ operations = ['Connect'] }) => operations.includes('Link'));
    const what = isAboutLinks ? 'site' : `Listener or Connector${where}`;
    return [{ reason: 'SelectsNothing', message: `it selects no ${what}, so it does nothing` }];
  }
  const { services = [] } = document.spec;
  if (services.length < 2) return [];
  return services.flatMap((selector, at) => {
    const alone = { ...document, spec: { ...document.spec, services: [selector] } };
    const selected = selectedBy(alone, world);
    if (selected.listeners + selected.connectors + selected.sites > 0) return [];
    return [
      { reason: 'SelectsNothing', message: `spec.services[${at}] selects no Listener or Connector${where}` } as const,
    ];
  });
}

/** Rules that only deny leave nobody who is allowed: easily overlooked. One that denies everybody is meant so. */
function refusesAllWarnings(document: PolicyDocument, after: Judge, world: PolicyWorld): PolicyWarning[] {
  const reference = referenceOf(document);
  const operations = new Set(document.spec.rules.flatMap(({ operations: named = ['Connect' as const] }) => named));
  return [...operations].flatMap((operation) => {
    const own = document.spec.rules.filter(({ operations: named = ['Connect'] }) => named.includes(operation));
    if (own.some(({ action, from }) => action !== 'Deny' || from === undefined)) return [];
    const refused = requestsOf(operation, document, world).find((request) => {
      const { cluster, namespaced } = after.governing(request);
      const level = document.kind === 'ClusterAccessPolicy' ? cluster : namespaced;
      const allows = ({ rules }: (typeof level)[number]) =>
        rules.some((rule) => rule.action !== 'Deny' && rule.operations.includes(operation));
      return !level.some(allows) && level.some((policy) => policy.reference === reference);
    });
    if (refused === undefined) return [];
    const what = refused.service === undefined ? 'links' : `service ${refused.service.name}`;
    const message = `it has rules of ${operation} that deny and none that allows, and no other policy has one: it refuses ${operation} of ${what} to everybody`;
    return [{ reason: 'RefusesAll', message } as const];
  });
}

/** Names of sites that the network does not have, or has twice. A pattern may be meant for sites to come. */
function siteWarnings(document: PolicyDocument, { sites }: PolicyWorld): PolicyWarning[] {
  if (sites.length === 0) return [];
  const called = sitesByName(sites);
  const named = document.spec.rules.flatMap(({ from = [] }) => from.flatMap((selector) => selector.sites ?? []));
  const warnings: PolicyWarning[] = [];
  let hintCount = 0;
  for (const name of new Set(named)) {
    if (warnings.length >= WARNINGS_MAX) break;
    if (name.includes('*') || name === NO_SITE) continue;
    const ids = called.names.get(name) ?? [];
    if (ids.length === 0 && !called.ids.has(name)) {
      const near = ++hintCount > HINTS_MAX ? undefined : nearest(name, called.names.keys());
      const hint = near === undefined ? '' : `; did you mean "${near}"?`;
      warnings.push({ reason: 'UnknownSite', message: `no site of the network is called "${name}" now${hint}` });
    } else if (ids.length > 1) {
      const message = `${ids.length} sites are called "${name}": name the one that is meant by its id (${listText(ids)})`;
      warnings.push({ reason: 'AmbiguousSite', message });
    }
  }
  return warnings;
}

interface SitesByName {
  readonly ids: ReadonlySet<string>;
  /** Ids of those that are called so. */
  readonly names: ReadonlyMap<string, readonly string[]>;
}

/** Each policy is seen beside the same sites. */
const byName = new WeakMap<PolicyWorld['sites'], SitesByName>();

function sitesByName(sites: PolicyWorld['sites']): SitesByName {
  const known = byName.get(sites);
  if (known !== undefined) return known;
  const names = new Map<string, string[]>();
  for (const { id, name } of sites) {
    const ids = names.get(name);
    if (ids === undefined) names.set(name, [id]);
    else ids.push(id);
  }
  const found = { ids: new Set(sites.map(({ id }) => id)), names };
  byName.set(sites, found);
  return found;
}

/** What is there now, and would be no more. */
function cutWarnings(document: PolicyDocument, after: Judge, world: PolicyWorld): PolicyWarning[] {
  const { links, consoles = [] } = world;
  const cutLinks = links.filter((link) => !after.decide(link).allowed);
  const cutUses = consoles.filter((use) => !after.decideEarly(use).allowed);
  if (cutLinks.length + cutUses.length === 0) return [];
  const before = judgeWithout(document, world.documents);
  const lostLinks = cutLinks.filter((link) => before.decide(link).allowed);
  const lostUses = cutUses.filter((use) => before.decideEarly(use).allowed);
  return [...linkWarnings(document, lostLinks, world), ...consoleWarnings(lostUses)];
}

/** Links that are up, and that this policy would not let come up again. */
function linkWarnings({ spec }: PolicyDocument, cut: readonly PolicyRequest[], world: PolicyWorld): PolicyWarning[] {
  if (cut.length === 0) return [];
  const { links, consoles = [] } = world;
  const when = spec.enforceExisting ? 'at once' : 'when they come up again';
  const isAll = cut.length === links.length;
  const message = `it refuses ${isAll ? 'all links of this site' : 'links'} (${namesOf(cut)}) that are up now, ${when}`;
  const warning: PolicyWarning = { reason: 'CutsLinks', message };
  // A console sees the network by the links of its site, and who comes to it from elsewhere comes by one.
  if (isAll) {
    return [
      warning,
      { reason: 'CutsConsole', message: 'without any link, the console of this site sees nothing but this site' },
    ];
  }
  const users = new Set(consoles.map(({ client }) => client.siteId));
  const leading = cut.filter(({ client }) => client.siteId !== undefined && users.has(client.siteId));
  if (leading.length === 0) return [warning];
  return [warning, { reason: 'CutsConsole', message: `clients of ${namesOf(leading)} use the console by these links` }];
}

function namesOf(requests: readonly PolicyRequest[]): string {
  const names = requests.map(
    ({ client, host }) => client.siteName ?? client.siteId ?? host ?? 'a site that is not known',
  );
  return listText([...new Set(names)]);
}

/** One for each service by which a console is reached. */
function consoleWarnings(lost: readonly PolicyRequest[]): PolicyWarning[] {
  const titleOf = ({ service }: PolicyRequest) => `service ${service?.name} of namespace ${service?.namespace}`;
  return [...new Set(lost.map(titleOf))].map((title) => {
    const own = lost.filter((use) => titleOf(use) === title);
    const connects = own.filter(({ operation }) => operation === 'Connect');
    const others = own.filter(({ operation }) => operation !== 'Connect');
    const refused = [
      ...others.map(({ operation }) => `to ${operation} it`),
      ...(connects.length === 0 ? [] : [`clients of ${namesOf(connects)}`]),
    ];
    const message = `it cuts off the console, which is reached by ${title}: it refuses ${refused.join(' and ')}`;
    return { reason: 'CutsConsole', message };
  });
}

/** `a; b`, for a condition or one line. */
export function warningText(warnings: readonly PolicyWarning[]): string {
  return warnings.map(({ message }) => message).join('; ');
}
