/** Services that other sites advertise become Listeners of this one. Pure. */
import { createHash } from 'node:crypto';
import type { Listener } from '../../../config/api/listener.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { CONTROLLED_LABEL, IMPORTED_FROM_ANNOTATION, IMPORTED_PORT_ANNOTATION, SETTING } from '../../names.ts';
import { entityName } from '../listener/names.ts';
import { type Observed, ofKind, type PortWant } from '../observed.ts';
import { portFault } from '../port-fault.ts';
import { activeSite, settingOf } from '../site/identity.ts';

const NAME_LENGTH_MAX = 63;
const HASH_LENGTH = 8;

export interface ImportPlan {
  apply: Listener[];
  /** Names of Listeners that nobody advertises any more. */
  prune: string[];
  /** Purposes whose port is free for others: no longer advertised by sites that are there. One that is away finds its port again. */
  release: string[];
}

/** The ports to choose before `planImports` can make Listeners of everything. */
export function importPorts(observed: Observed): PortWant[] {
  const host = importHost(observed);
  return [...wanted(observed)].map(([address, { port }]) => ({ purpose: purposeOf(address), from: port, host }));
}

/** Purposes whose port another process has taken meanwhile, or whose service asks for another now: they should be given another. */
export function lostPorts(observed: Observed): string[] {
  const services = wanted(observed);
  return imported(observed).flatMap(({ metadata, spec }) => {
    const state = observed.router?.listeners.get(entityName({ kind: 'Listener', metadata }));
    const isLost = portFault(state, spec.host, spec.port, '')?.includes('in use') && !portMoved(observed, spec);
    const asked = metadata.annotations?.[IMPORTED_PORT_ANNOTATION];
    const asks = services.get(spec.routingKey)?.port;
    const isAnother = asked !== undefined && asks !== undefined && asked !== String(asks);
    return isLost || isAnother ? [purposeOf(spec.routingKey)] : [];
  });
}

export function planImports(observed: Observed): ImportPlan {
  const host = importHost(observed);
  const services = wanted(observed);
  const present = imported(observed);
  const taken = new Set(ownListeners(observed).map(({ metadata }) => metadata.name));
  const apply = [...services].flatMap(([address, service]) => {
    const port = observed.ports.get(purposeOf(address));
    if (port === undefined) return [];
    const name = present.find(({ spec }) => spec.routingKey === address)?.metadata.name ?? nameFor(address, taken);
    taken.add(name);
    return [importedListener(name, { routingKey: address, host, port }, service)];
  });
  const over = present.filter((listener) => !services.has(listener.spec.routingKey) && isOver(observed, listener));
  return {
    apply,
    prune: over.map(({ metadata }) => metadata.name),
    release: over.filter((listener) => !isAway(observed, listener)).map(({ spec }) => purposeOf(spec.routingKey)),
  };
}

/** What sites advertise under one address. */
interface Service {
  port: number;
  siteIds: string[];
}

/** Advertised addresses in order; where sites disagree about the port, the first site by id is followed. */
function wanted(observed: Observed): Map<string, Service> {
  const services = new Map<string, Service>();
  if (!isEnabled(observed)) return services;
  for (const { site, services: advertised } of observed.network.sites) {
    for (const { address, port } of advertised) {
      if (isOwn(observed, address)) continue;
      const known = services.get(address);
      if (known === undefined) services.set(address, { port, siteIds: [site.id] });
      else known.siteIds.push(site.id);
    }
  }
  return new Map([...services].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Silence means nothing before everyone had time to speak: what a restart finds stays until its sites have spoken, or are gone. */
function isOver(observed: Observed, { metadata, spec }: Listener): boolean {
  const { sites, settled, gone } = observed.network;
  if (settled || !isEnabled(observed) || isOwn(observed, spec.routingKey)) return true;
  return importedFrom(metadata).every((siteId) => gone.has(siteId) || sites.some(({ site }) => site.id === siteId));
}

/** A site that advertised it cannot be heard: it may come back with it. */
function isAway(observed: Observed, { metadata, spec }: Listener): boolean {
  if (!isEnabled(observed) || isOwn(observed, spec.routingKey)) return false;
  return importedFrom(metadata).some((siteId) => !observed.network.sites.some(({ site }) => site.id === siteId));
}

function importedFrom({ annotations }: Listener['metadata']): string[] {
  return annotations![IMPORTED_FROM_ANNOTATION]!.split(',');
}

function isEnabled(observed: Observed): boolean {
  const site = activeSite(observed);
  return site !== undefined && settingOf(site, SETTING.import) !== 'false';
}

/** The user listens for this address already. */
function isOwn(observed: Observed, address: string): boolean {
  return ownListeners(observed).some(({ spec }) => spec.routingKey === address);
}

function ownListeners(observed: Observed): Listener[] {
  return ofKind(observed, 'Listener').filter(({ metadata }) => !metadata.annotations?.[IMPORTED_FROM_ANNOTATION]);
}

function imported(observed: Observed): Listener[] {
  return ofKind(observed, 'Listener').filter(
    ({ metadata }) =>
      metadata.labels?.[CONTROLLED_LABEL] === 'true' && metadata.annotations?.[IMPORTED_FROM_ANNOTATION] !== undefined,
  );
}

/** The Listener still names the port of before: the router's complaint is about that one. */
function portMoved(observed: Observed, { routingKey, port }: Listener['spec']): boolean {
  return observed.ports.get(purposeOf(routingKey)) !== port;
}

function importHost(observed: Observed): string {
  return settingOf(activeSite(observed), SETTING.importHost) ?? '127.0.0.1';
}

function purposeOf(address: string): string {
  return `import/${JSON.stringify(address)}`;
}

/** The address where it is a name of a resource that is free, else something like it that is. */
function nameFor(address: string, taken: ReadonlySet<string>): string {
  const clean = address
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  if (clean === address && clean.length <= NAME_LENGTH_MAX && !taken.has(clean)) return clean;
  const hash = createHash('sha256').update(address).digest('hex').slice(0, HASH_LENGTH);
  const stem = clean.slice(0, NAME_LENGTH_MAX - HASH_LENGTH - 1).replace(/-+$/, '') || 'service';
  return `${stem}-${hash}`;
}

function importedListener(name: string, spec: Listener['spec'], { port, siteIds }: Service): Listener {
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
