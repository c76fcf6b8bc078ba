/** What can be seen of policies from a place, and what somebody wants to know of them. Pure. */
import { plainAddress } from '../routing-address.ts';
import type { PolicyClient, PolicyDocument, PolicyService } from './types.ts';

/** One site whose policies can be read. */
export interface SeenPlace {
  readonly site: { readonly id: string; readonly name: string; readonly namespace: string };
  readonly documents: readonly PolicyDocument[];
  readonly ends: readonly SeenEnd[];
  /** All sites that this one knows of, with what they have; without itself. */
  readonly others: readonly SeenSite[];
}

export interface SeenEnd {
  readonly kind: 'Listener' | 'Connector';
  readonly service: PolicyService;
  /** What else decides over connections there, such as a share, in words. */
  readonly traffic?: readonly string[];
}

export interface SeenSite {
  readonly id: string;
  readonly name: string;
  /** A link of this place leads to it. */
  readonly isNeighbour: boolean;
  /** Ids. */
  readonly routers: readonly string[];
  readonly listenerKeys: readonly string[];
  readonly connectorKeys: readonly string[];
}

export interface Question {
  /** Name or id. */
  readonly site: string;
  readonly client: Omit<PolicyClient, 'siteId' | 'siteName' | 'verification'>;
  /** A name or a routing key. */
  readonly service: string;
  readonly serviceNamespace?: string;
}

export function isSite({ id, name }: { readonly id: string; readonly name: string }, wanted: string): boolean {
  return id === wanted || name === wanted;
}

/** Of what is called so somewhere, in their plain form; what is there under another name has the same routing key. */
export function routingKeysOf({ service, serviceNamespace }: Question, places: readonly SeenPlace[]): Set<string> {
  const keys = new Set<string>();
  for (const { ends, others } of places) {
    for (const { service: end } of ends) {
      if (serviceNamespace !== undefined && end.namespace !== serviceNamespace) continue;
      if (end.name === service || isKeyOf(end.routingKey, service)) keys.add(plainAddress(end.routingKey));
    }
    const elsewhere = others.flatMap(({ connectorKeys, listenerKeys }) => [...connectorKeys, ...listenerKeys]);
    for (const key of elsewhere) if (isKeyOf(key, service)) keys.add(plainAddress(key));
  }
  return keys;
}

/** @param keys of `routingKeysOf` */
export function hasKey(keys: ReadonlySet<string>, routingKey: string): boolean {
  return keys.has(plainAddress(routingKey));
}

/** `backend` or `backend:8080`. */
function isKeyOf(routingKey: string, service: string): boolean {
  const [key, wanted] = [plainAddress(routingKey), plainAddress(service)];
  return key === wanted || key.startsWith(`${wanted}:`);
}

/** Names of all sites that some place knows. */
export function knownSites(places: readonly SeenPlace[]): string[] {
  const names = places.flatMap(({ site, others }) => [site.name, ...others.map(({ name }) => name)]);
  return [...new Set(names)].sort();
}

export function knowsSite(places: readonly SeenPlace[], wanted: string): boolean {
  return places.some(({ site, others }) => [site, ...others].some((each) => isSite(each, wanted)));
}
