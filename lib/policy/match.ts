/** Whether a selector of a policy means a service or a client. Selectors are made into functions once. Pure, total, no regular expressions. */
import { plainAddress } from '../routing-address.ts';
import {
  type ClientSelector,
  type LabelSelector,
  type PolicyClient,
  type PolicyRequest,
  type ServiceSelector,
  VERIFICATIONS,
  type Verification,
} from './types.ts';

/** Asked by a selector that names something of the client and does not say how well it must be known. */
const VERIFICATION_DEFAULT: Verification = 'path';

/** How a client is looked at. `early`: what is not known yet could still become what the selector wants. */
export type Look = 'strict' | 'unverified' | 'early';

export type ServiceMatch = (request: PolicyRequest) => boolean;
export type ClientMatch = (request: PolicyRequest, look: Look) => boolean;
type TextMatch = (text: string | undefined) => boolean | undefined;

/** `*` stands for any characters, also none. */
export function matchesPattern(pattern: string, text: string): boolean {
  return matchesParts(pattern.split('*'), text);
}

/** @param parts of a pattern, what stands between its `*` */
function matchesParts(parts: readonly string[], text: string): boolean {
  const first = parts[0]!;
  if (parts.length === 1) return text === first;
  const last = parts[parts.length - 1]!;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (let index = 1; index < parts.length - 1; index++) {
    const part = parts[index]!;
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/** Undefined for a text that is not known. */
function anyOf(patterns: readonly string[]): TextMatch {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const wild = patterns.filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split('*'));
  return (text) =>
    text === undefined ? undefined : exact.has(text) || wild.some((parts) => matchesParts(parts, text));
}

/** As Kubernetes has it: a label that is not there is not in any list. */
export function matchesLabels(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const labelOf = (key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labelOf(key) !== value) return false;
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const value = labelOf(key);
    const holds = {
      In: value !== undefined && values.includes(value),
      NotIn: value === undefined || !values.includes(value),
      Exists: value !== undefined,
      DoesNotExist: value === undefined,
    }[operator];
    if (!holds) return false;
  }
  return true;
}

export function namesNoLabel(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
}

/** For a link, which is about no service, a selector means sites: all, or those of its namespaces when it names nothing else. */
export function serviceMatch(selectors: readonly ServiceSelector[] | undefined): ServiceMatch {
  if (selectors === undefined) return () => true;
  const compiled = selectors.map(oneService);
  return (request) => compiled.some((matches) => matches(request));
}

function oneService({ names, namespaces, routingKeys, selector }: ServiceSelector): ServiceMatch {
  const name = names && anyOf(names);
  const namespace = namespaces && anyOf(namespaces);
  const routingKey = routingKeys && anyOf(routingKeys.map(plainKey));
  const isAboutServices = names !== undefined || routingKeys !== undefined || selector !== undefined;
  return ({ operation, service, namespace: here }) => {
    if (operation === 'Link' || service === undefined) {
      return !isAboutServices && (namespace === undefined || (namespace(here) ?? true));
    }
    return (
      (name?.(service.name) ?? true) &&
      (namespace?.(service.namespace) ?? true) &&
      (routingKey?.(plainAddress(service.routingKey)) ?? true) &&
      (selector === undefined || matchesLabels(selector, service.labels))
    );
  };
}

/** However it is written: who could write it in another way would stand beside the policy. */
function plainKey(pattern: string): string {
  return pattern.includes('*') ? pattern : plainAddress(pattern);
}

/** All clients where there is no selector, known or not. */
export function clientMatch(selectors: readonly ClientSelector[] | undefined): ClientMatch {
  if (selectors === undefined) return () => true;
  const compiled = selectors.map(oneClient);
  return (request, look) => compiled.some((matches) => matches(request, look));
}

function oneClient(wanted: ClientSelector): ClientMatch {
  const { selector, direction, verification = namesClient(wanted) ? VERIFICATION_DEFAULT : 'none' } = wanted;
  const least = VERIFICATIONS.indexOf(verification);
  const site = wanted.sites && anyOf(wanted.sites);
  const namespace = wanted.namespaces && anyOf(wanted.namespaces);
  const workload = wanted.workloads && anyOf(wanted.workloads);
  const serviceAccount = wanted.serviceAccounts && anyOf(wanted.serviceAccounts);
  const host = wanted.hosts && anyOf(wanted.hosts);
  return (request, look) => {
    const { client } = request;
    const isEarly = look === 'early';
    const holds = (match: TextMatch | undefined, text: string | undefined) =>
      match === undefined || (match(text) ?? isEarly);
    if (look === 'strict' && VERIFICATIONS.indexOf(client.verification) > least) return false;
    return (
      (site === undefined || isSite(site, client, isEarly)) &&
      holds(namespace, client.namespace) &&
      holds(workload, client.workload) &&
      holds(serviceAccount, client.serviceAccount) &&
      (selector === undefined || clientLabels(selector, client, isEarly)) &&
      (direction === undefined || (request.direction === undefined ? isEarly : request.direction === direction)) &&
      (host === undefined || (request.direction !== 'Incoming' && holds(host, request.host)))
    );
  };
}

/** It asks what runs at the client's address. */
export function isAboutWorkload({ namespaces, workloads, serviceAccounts, selector }: ClientSelector): boolean {
  return [namespaces, workloads, serviceAccounts, selector].some((asked) => asked !== undefined);
}

/** By something that a client says of itself. */
function namesClient({ sites, namespaces, workloads, serviceAccounts, selector }: ClientSelector): boolean {
  const names = [sites, namespaces, workloads, serviceAccounts];
  return names.some((list) => list !== undefined) || (selector !== undefined && !namesNoLabel(selector));
}

/** By its id or by its name. */
function isSite(match: TextMatch, { siteId, siteName }: PolicyClient, isEarly: boolean): boolean {
  const answers = [match(siteId), match(siteName)];
  return answers.includes(true) || (isEarly && answers.includes(undefined));
}

function clientLabels(selector: LabelSelector, { labels }: PolicyClient, isEarly: boolean): boolean {
  return labels === undefined ? isEarly || namesNoLabel(selector) : matchesLabels(selector, labels);
}
