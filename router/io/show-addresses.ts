/**
 * Addresses as management shows them: those of the table, those that the router itself answers, and the ones by which routers
 * speak to each other.
 */
import type { Address } from '../core/address-table.ts';
import { LocalEndpoint } from '../core/local-endpoint.ts';
import type { Router } from '../core/router.ts';
import { Treatment } from '../core/treatment.ts';
import type { ShownEntity } from '../management/managed-router.ts';
import { byNeighbour } from './show-tables.ts';

const DISTRIBUTIONS = Object.fromEntries(Object.entries(Treatment).map(([name, value]) => [value, name]));
/** Of an address that no rule gives one. */
const NO_PRIORITY = -1;

export function addresses(router: Router): ShownEntity[] {
  const isInterior = router.uplinks === undefined;
  return [
    ...(isInterior ? routerControl(router) : []),
    ...[...router.served].map(([key, { deliveryCount }]) => ({
      ...entity(key, 'closest'),
      inProcess: 1,
      deliveriesIngress: key.startsWith('M') ? deliveryCount : 0,
      deliveriesToContainer: deliveryCount,
      watch: (router.addresses.get(key)?.watchers.size ?? 0) > 0,
    })),
    ...[...router.addresses.all()]
      .filter(({ key }) => !router.served.has(key))
      .map((address) => fromTable(address, router)),
  ];
}

/** How many `addresses` has, without making them: a network may have 100,000. */
export function addressCount(router: Router): number {
  let both = 0;
  for (const key of router.served.keys()) if (router.addresses.get(key)) both++;
  const control = router.uplinks === undefined ? ROUTER_CONTROL_COUNT : 0;
  return control + router.served.size + router.addresses.size - both;
}

const ROUTER_CONTROL_COUNT = 5;

/** Neighbours greet each other by `qdhello`, all routers tell each other of links and addresses by the others. */
function routerControl(router: Router): ShownEntity[] {
  const others = router.mesh
    .routers()
    .slice(1)
    .map(({ id }) => id);
  const neighbours = [...router.peers.values()].filter(({ control }) => control !== undefined).length;
  const toAll = { remoteCount: others.length, remoteHostRouters: others, inProcess: 1 };
  return [
    { ...entity('Lqdhello', 'flood'), inProcess: 1, subscriberCount: neighbours },
    { ...entity('Lqdrouter', 'flood'), inProcess: 1 },
    { ...entity('Tqdrouter', 'flood'), ...toAll },
    { ...entity('Lqdrouter.ma', 'multicast'), inProcess: 1 },
    { ...entity('Tqdrouter.ma', 'multicast'), ...toAll },
  ];
}

function fromTable(address: Address, router: Router): ShownEntity {
  const { treatments } = router;
  const { key, consumers, remotes, hops } = address;
  const inProcess = consumers.filter((consumer) => consumer instanceof LocalEndpoint).length;
  const remoteHostRouters = [...remotes].filter((id) => id !== '');
  let trackedDeliveries = 0;
  for (const { openCount } of consumers) trackedDeliveries += openCount;
  for (const { openCount } of hops.values()) trackedDeliveries += openCount;
  return {
    ...entity(key, DISTRIBUTIONS[address.treatment]!),
    inProcess,
    // The way to the interior router, of an edge router, is one of its links.
    subscriberCount: consumers.length - inProcess + (remotes.size - remoteHostRouters.length),
    remoteCount: remoteHostRouters.length,
    remoteHostRouters,
    deliveriesIngress: address.deliveriesIngress,
    deliveriesEgress: address.deliveriesEgress,
    deliveriesTransit: address.deliveriesTransit,
    trackedDeliveries,
    transitOutstanding:
      address.treatment === Treatment.balanced && isUsed(address) ? outstanding(address, router) : null,
    priority: key.startsWith('M') ? (treatments.priorityOf(key.slice(1)) ?? NO_PRIORITY) : NO_PRIORITY,
    watch: address.watchers.size > 0,
  };
}

function isUsed({ deliveriesIngress, deliveriesEgress, deliveriesTransit }: Address): boolean {
  return deliveriesIngress + deliveriesEgress + deliveriesTransit > 0;
}

function outstanding({ hops }: Address, router: Router): number[] {
  const counts = [...hops].map(([peerId, { openCount }]) => [peerId, openCount] as const);
  return byNeighbour(counts, router);
}

function entity(key: string, distribution: string): ShownEntity {
  return {
    name: key,
    identity: key,
    key,
    distribution,
    inProcess: 0,
    subscriberCount: 0,
    remoteCount: 0,
    containerCount: 0,
    remoteHostRouters: [],
    deliveriesIngress: 0,
    deliveriesEgress: 0,
    deliveriesTransit: 0,
    deliveriesToContainer: 0,
    deliveriesFromContainer: 0,
    deliveriesIngressRouteContainer: 0,
    deliveriesEgressRouteContainer: 0,
    deliveriesIngressInterNetwork: 0,
    deliveriesEgressInterNetwork: 0,
    deliveriesRedirectedToFallback: 0,
    trackedDeliveries: 0,
    priority: NO_PRIORITY,
    watch: false,
  };
}
