/** The services that other sites advertise and this one may import, and the Listeners that were made of them before. Pure. */
import { createHash } from 'node:crypto';
import type { Listener } from '../../../config/api/listener.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import {
  CONTROLLED_LABEL,
  IMPORTED_FROM_ANNOTATION,
  IMPORTED_PORT_ANNOTATION,
  SETTING,
} from '../../../config/names.ts';
import { type Observed, ofKind } from '../observed.ts';
import { activeSite, settingOf } from '../site/identity.ts';

const NAME_LENGTH_MAX = 63;
const HASH_LENGTH = 8;

/** What sites advertise under one address. */
export interface Service {
  port: number;
  /** All that sites ask for it. */
  ports: number[];
  /** Of the service of which this is one port; undefined when it is the only one, and named like its address. */
  name: string | undefined;
  /** Some site offers each pod of it under the pod's own name. */
  podsByName: boolean;
  siteIds: string[];
}

/** By address in order; where sites disagree about the port, the first site by id is followed. */
export function advertisedServices(observed: Observed): Map<string, Service> {
  const services = new Map<string, Service>();
  if (!isEnabled(observed)) return services;
  const own = ownAddresses(observed);
  for (const { site, services: advertised } of observed.network.sites) {
    for (const { address, port, service: name, podsByName = false } of advertised) {
      if (own.has(address)) continue;
      const known = services.get(address);
      if (known === undefined) {
        services.set(address, { port, ports: [port], name: name || undefined, podsByName, siteIds: [site.id] });
      } else {
        known.siteIds.push(site.id);
        known.ports.push(port);
        known.podsByName ||= podsByName;
      }
    }
  }
  return new Map([...services].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Silence means nothing before everyone had time to speak: what a restart finds stays until its sites have spoken, or are gone. */
export function isOver(observed: Observed, { metadata, spec }: Listener): boolean {
  const { sites, settled, gone } = observed.network;
  if (settled || !isEnabled(observed) || ownAddresses(observed).has(spec.routingKey)) return true;
  return importedFrom(metadata).every((siteId) => gone.has(siteId) || sites.some(({ site }) => site.id === siteId));
}

/** A site that advertised it cannot be heard: it may come back with it. */
export function isAway(observed: Observed, { metadata, spec }: Listener): boolean {
  if (!isEnabled(observed) || ownAddresses(observed).has(spec.routingKey)) return false;
  return importedFrom(metadata).some((siteId) => !observed.network.sites.some(({ site }) => site.id === siteId));
}

/** Listeners that the user made. */
export function ownListeners(observed: Observed): Listener[] {
  return ofKind(observed, 'Listener').filter(({ metadata }) => !metadata.annotations?.[IMPORTED_FROM_ANNOTATION]);
}

export function importedListeners(observed: Observed): Listener[] {
  return ofKind(observed, 'Listener').filter(
    ({ metadata }) =>
      metadata.labels?.[CONTROLLED_LABEL] === 'true' && metadata.annotations?.[IMPORTED_FROM_ANNOTATION] !== undefined,
  );
}

/** The Listener's name: that of the address, or of the service and port, where it is a name of a resource that is free. */
export function importedName(
  address: string,
  { name, port }: Pick<Service, 'name' | 'port'>,
  taken: ReadonlySet<string>,
): string {
  const wanted = name === undefined ? address : `${name}-${port}`;
  const clean = cleanName(wanted);
  return clean === wanted && !taken.has(clean) ? clean : hashedName(address);
}

/** Something like the text that can be a name; shorter where it is too long. */
export function cleanName(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, NAME_LENGTH_MAX)
    .replace(/^-+|-+$/g, '');
}

/** The same for the same text, and different for another. */
export function hashedName(text: string): string {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
  const stem = cleanName(text)
    .slice(0, NAME_LENGTH_MAX - HASH_LENGTH - 1)
    .replace(/-+$/, '');
  return `${stem || 'service'}-${hash}`;
}

export function importedListener(
  name: string,
  spec: Listener['spec'],
  { port, siteIds }: Pick<Service, 'port' | 'siteIds'>,
): Listener {
  return {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'Listener',
    metadata: {
      name,
      labels: { [CONTROLLED_LABEL]: 'true' },
      annotations: { [IMPORTED_FROM_ANNOTATION]: siteIds.join(','), [IMPORTED_PORT_ANNOTATION]: String(port) },
    },
    spec,
  };
}

export function importedFrom({ annotations }: Listener['metadata']): string[] {
  return annotations![IMPORTED_FROM_ANNOTATION]!.split(',');
}

function isEnabled(observed: Observed): boolean {
  const site = activeSite(observed);
  return site !== undefined && settingOf(site, SETTING.import) !== 'false';
}

/** What the user listens for already. */
function ownAddresses(observed: Observed): Set<string> {
  return new Set(ownListeners(observed).map(({ spec }) => spec.routingKey));
}
