/**
 * The ports on which routers in pods listen for clients: any free one will do, since a Service leads to it.
 *
 * A port belongs to the name of its tcpListener, and is the same in each group of routers. It is kept as long as the
 * configuration, a running router or the Service remembers it, and goes to nobody else meanwhile. The search for a new one begins
 * where its name says, so that one that was just given up is unlikely to be next, and that two sites on one host rarely meet.
 */
import { createHash } from 'node:crypto';
import type { ClusterView } from '../cluster.ts';
import { type Observed, ofKind } from '../observed.ts';
import { activeSite, siteIdOf } from '../site/identity.ts';
import { type Offer, offersOf } from './offers.ts';
import { listenedPorts, recoveredPorts, targetPorts } from './recovered-ports.ts';

export const LISTENER_PORTS = { first: 1024, last: 65535 } as const;

/** Above, the system gives ports to outgoing connections: only used when the others are gone. */
const SEARCH_LAST = 32767;
const SEARCH_COUNT = SEARCH_LAST - LISTENER_PORTS.first + 1;

/** amqps, amqp, health and metrics of router and adaptor, link access. */
const RESERVED = [5671, 5672, 9000, 9090, 9191, 45671, 55671];
const IN_USE = /EADDRINUSE|in use/i;

/** The port of each tcpListener by its name. One that has none is missing: there are no more. */
export function allocatePorts(observed: Observed): Map<string, number> {
  const { cluster } = observed;
  const site = activeSite(observed);
  if (cluster === undefined || site === undefined) return new Map();
  const offers = offersOf(observed).offers.sort((a, b) => (a.name < b.name ? -1 : 1));
  const taken = reservedPorts(observed);
  const ports = new Map<string, number>();
  const give = ({ name }: Offer, port: number | undefined) => {
    if (ports.has(name) || port === undefined || port < LISTENER_PORTS.first || taken.has(port)) return;
    taken.add(port);
    ports.set(name, port);
  };
  const before = recoveredPorts(cluster);
  for (const offer of offers) if (!isLost(cluster, offer, before.get(offer.name))) give(offer, before.get(offer.name));
  for (const port of listenedPorts(cluster)) taken.add(port);
  const targets = targetPorts(cluster);
  for (const offer of offers) {
    if (offer.service !== undefined) give(offer, targets.get(`${offer.service}:${offer.port}`));
  }
  for (const port of targets.values()) taken.add(port);
  for (const offer of offers)
    if (!ports.has(offer.name)) give(offer, freePort(`${siteIdOf(site)}/${offer.name}`, taken));
  return ports;
}

function reservedPorts(observed: Observed): Set<number> {
  const ofAccess = ofKind(observed, 'RouterAccess').flatMap(({ spec }) => spec.roles.map(({ port }) => port ?? 0));
  const ofOthers = [...observed.ports].filter(([purpose]) => !/^(listener|multiAddress)\//.test(purpose));
  return new Set([...RESERVED, ...ofAccess, ...ofOthers.map(([, port]) => port)]);
}

/** Another process of the pod, or of the host, listens there. */
function isLost(cluster: ClusterView, { name }: Offer, port: number | undefined): boolean {
  return [...cluster.routers.values()].some(({ listeners }) => {
    const state = listeners.get(name);
    return state !== undefined && state.port === port && state.operStatus === 'down' && IN_USE.test(state.message);
  });
}

function freePort(seed: string, taken: ReadonlySet<number>): number | undefined {
  const start = createHash('sha256').update(seed).digest().readUInt32BE() % SEARCH_COUNT;
  for (let step = 0; step < SEARCH_COUNT; step += 1) {
    const port = LISTENER_PORTS.first + ((start + step) % SEARCH_COUNT);
    if (!taken.has(port)) return port;
  }
  for (let port = SEARCH_LAST + 1; port <= LISTENER_PORTS.last; port += 1) if (!taken.has(port)) return port;
  return undefined;
}
