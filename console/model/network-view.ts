/** The picture of the network, made of what routers have told. */
import { ATTRIBUTE, OWN_ATTRIBUTE, RECORD_TYPE } from '../../lib/vanflow.ts';
import { end, type Flow } from './flow.ts';
import type { FlowTable, Pair } from './flow-table.ts';
import { type Lost, Places } from './places.ts';
import type { KeptRecord, RecordStore } from './record-store.ts';
import { numberIn, numberOf, textOf, timeOf } from './records.ts';
import type { PlatformCertificate } from './sources.ts';
import type { EndpointView, EventView, FlowView, LinkView, NetworkView, ServiceView, TrafficView } from './view.ts';

export interface Known {
  readonly store: RecordStore;
  readonly flows: FlowTable;
  /** The name of the router that the collector listens at. */
  readonly self: string | undefined;
  /** Routers that cannot be reached, by name. */
  readonly lost: ReadonlyMap<string, Lost>;
  readonly certificates: readonly PlatformCertificate[];
  readonly events: readonly EventView[];
}

/** @param now of the collector's clock, which rates are measured by */
export function networkView(known: Known, now: number): NetworkView {
  const places = new Places(known.store, known.self, known.lost);
  const endpoints = new Endpoints(known, places, now);
  return {
    sites: [...places.sites.values()],
    routers: [...places.routers.values()],
    links: linksOf(known, places, now),
    endpoints: [...endpoints.views.values()],
    services: endpoints.services(),
    traffic: endpoints.traffic(),
    events: known.events,
    problems: [],
  };
}

/** Flows as they are shown; the places of their ends are looked up once for many. */
export class FlowPlaces {
  private readonly endpoints: Endpoints;
  private readonly places: Places;
  private readonly store: RecordStore;

  constructor(known: Known, now: number) {
    this.places = new Places(known.store, known.self, known.lost);
    this.store = known.store;
    this.endpoints = new Endpoints(known, this.places, now);
  }

  view(flow: Flow): FlowView {
    const { endpoints, places } = this;
    const listener = endpoints.views.get(flow.listener);
    const connector = endpoints.views.get(flow.connector);
    return flow.view({
      address: listener?.address ?? connector?.address ?? '',
      fromSite: listener?.site ?? '',
      toSite: connector?.site ?? places.routerNamed(flow.lastRouter)?.site ?? '',
      listener: listener?.name ?? '',
      connector: connector?.name ?? '',
      server: connector === undefined ? '' : `${connector.host}:${connector.port}`,
    });
  }

  /** The router cannot be reached, or was started again since it told that. */
  isGone(source: string): boolean {
    return this.store.isReplaced(source) || this.places.router(source)?.goneSince !== undefined;
  }

  siteName(id: string): string {
    return this.places.sites.get(id)?.name ?? id;
  }
}

function linksOf({ store, lost, certificates }: Known, places: Places, now: number): LinkView[] {
  const accesses = store.ofType(RECORD_TYPE.routerAccess);
  const expiries = new Map(certificates.map(({ link, expiresAt }) => [link, expiresAt]));
  return [...store.ofType(RECORD_TYPE.link).values()].flatMap((record): LinkView[] => {
    const { id, values } = record;
    const from = places.router(textOf(values, ATTRIBUTE.parent));
    if (from === undefined) return [];
    const access = accesses.get(textOf(values, ATTRIBUTE.peer));
    const to = places.router(access === undefined ? '' : textOf(access.values, ATTRIBUTE.parent));
    const name = textOf(values, ATTRIBUTE.name);
    const roundTrip = numberIn(values, OWN_ATTRIBUTE.roundTrip);
    const state = stateOf(record, lost.get(from.name)?.since, from.name);
    const expiresAt = places.sites.get(from.site)?.self === true ? expiries.get(name) : undefined;
    return [
      {
        id,
        name,
        role: textOf(values, ATTRIBUTE.role),
        fromSite: from.site,
        fromRouter: from.id,
        toSite: to?.site ?? '',
        toRouter: to?.id ?? '',
        cost: numberIn(values, ATTRIBUTE.linkCost) ?? 1,
        ...state,
        downCount: numberOf(values, ATTRIBUTE.downCount),
        endpoint:
          textOf(values, OWN_ATTRIBUTE.endpoint) || end(values, ATTRIBUTE.destinationHost, ATTRIBUTE.destinationPort),
        ...(roundTrip !== undefined && { roundTripMs: roundTrip / 1000 }),
        octets: numberOf(values, ATTRIBUTE.octets),
        octetsBack: numberOf(values, ATTRIBUTE.octetsReverse),
        octetsPerSecond: record.octets.perSecond(now),
        octetsBackPerSecond: record.octetsBack.perSecond(now),
        ...(expiresAt !== undefined && { certificateExpiresAt: expiresAt }),
      },
    ];
  });
}

/** What the router says that dials, unless it cannot be reached: then it could not have said that the link is gone. */
function stateOf(
  { values }: KeptRecord,
  lostAt: number | undefined,
  router: string,
): Pick<LinkView, 'status' | 'statusSince' | 'message'> {
  if (lostAt !== undefined) {
    return { status: 'down', statusSince: lostAt, message: `Router ${router} cannot be reached from here` };
  }
  const startedAt = timeOf(values, ATTRIBUTE.startTime);
  if (textOf(values, ATTRIBUTE.status) === 'up') {
    return { status: 'up', statusSince: timeOf(values, ATTRIBUTE.upTime) || startedAt, message: '' };
  }
  const parts = [textOf(values, ATTRIBUTE.result), textOf(values, ATTRIBUTE.reason)];
  return {
    status: 'down',
    statusSince: timeOf(values, ATTRIBUTE.downTime) || startedAt,
    message: parts.filter((part) => part !== '').join(': '),
  };
}

/** In front of the names of a router's entities, as Skupper gives them; after `@` comes the pod or host. */
const ENTITY_NAME = /^(?:listener|connector|multiAddress)\/([^@]*)/;

/** Listeners and connectors, and what is between them. */
class Endpoints {
  readonly views = new Map<string, EndpointView>();
  private readonly records = new Map<string, KeptRecord>();
  private readonly pairs: Pair[];
  private readonly now: number;

  constructor({ store, flows }: Known, places: Places, now: number) {
    this.now = now;
    this.pairs = flows.pairs(now);
    const counted = countsOf(this.pairs, now);
    for (const kind of ['listener', 'connector'] as const) {
      for (const [id, record] of store.ofType(RECORD_TYPE[kind])) {
        this.records.set(id, record);
        const { values } = record;
        const router = textOf(values, ATTRIBUTE.parent);
        const name = textOf(values, ATTRIBUTE.name);
        const counts = counted.get(id) ?? NO_COUNTS;
        const goneSince = places.router(router)?.goneSince;
        const isCounting = values.has(ATTRIBUTE.octets);
        const perSecond = record.octets.perSecond(now) + record.octetsBack.perSecond(now);
        this.views.set(id, {
          id,
          kind,
          name: ENTITY_NAME.exec(name)?.[1] ?? name,
          address: textOf(values, ATTRIBUTE.address),
          site: places.siteOf(router),
          router,
          host: textOf(values, ATTRIBUTE.destinationHost),
          port: textOf(values, ATTRIBUTE.destinationPort),
          protocol: textOf(values, ATTRIBUTE.protocol) || 'tcp',
          since: timeOf(values, ATTRIBUTE.startTime),
          flowsOpen: numberIn(values, OWN_ATTRIBUTE.flowsOpen) ?? counts.open,
          flowsOpened: numberOf(values, ATTRIBUTE.flowCount),
          flowsRefused: numberIn(values, OWN_ATTRIBUTE.flowsRefused) ?? counts.refused,
          octetsPerSecond: isCounting ? perSecond : counts.octetsPerSecond,
          ...(goneSince !== undefined && { goneSince }),
        });
      }
    }
  }

  /** What goes through listeners is what goes through the service. */
  services(): ServiceView[] {
    const services = new Map<string, ServiceView>();
    for (const endpoint of this.views.values()) {
      if (endpoint.address === '') continue;
      const { address, protocol } = endpoint;
      const before = services.get(address) ?? { ...NO_TRAFFIC, address, protocol };
      if (endpoint.goneSince !== undefined) {
        services.set(address, before);
        continue;
      }
      if (endpoint.kind === 'connector') {
        services.set(address, { ...before, connectorCount: before.connectorCount + 1 });
        continue;
      }
      const { values, flows } = this.records.get(endpoint.id)!;
      const octets = numberOf(values, ATTRIBUTE.octets) + numberOf(values, ATTRIBUTE.octetsReverse);
      services.set(address, {
        ...before,
        listenerCount: before.listenerCount + 1,
        flowsOpen: before.flowsOpen + endpoint.flowsOpen,
        flowsOpened: before.flowsOpened + endpoint.flowsOpened,
        flowsRefused: before.flowsRefused + endpoint.flowsRefused,
        flowsPerSecond: before.flowsPerSecond + flows.perSecond(this.now),
        octets: before.octets + octets,
        octetsPerSecond: before.octetsPerSecond + endpoint.octetsPerSecond,
      });
    }
    return [...services.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
  }

  traffic(): TrafficView[] {
    const traffic = new Map<string, TrafficView>();
    for (const pair of this.pairs) {
      const listener = this.views.get(pair.listener);
      const connector = this.views.get(pair.connector);
      if (listener === undefined || connector === undefined || listener.goneSince !== undefined) continue;
      const { address, site: fromSite } = listener;
      const id = `${address} ${fromSite} ${connector.site}`;
      const before = traffic.get(id);
      traffic.set(id, {
        id,
        address,
        fromSite,
        toSite: connector.site,
        flowsOpen: (before?.flowsOpen ?? 0) + pair.openCount,
        flowsPerSecond: (before?.flowsPerSecond ?? 0) + pair.opened.perSecond(this.now),
        octetsPerSecond: (before?.octetsPerSecond ?? 0) + pair.octets.perSecond(this.now),
        octetsBackPerSecond: (before?.octetsBackPerSecond ?? 0) + pair.octetsBack.perSecond(this.now),
      });
    }
    return [...traffic.values()];
  }
}

const NO_COUNTS = { open: 0, refused: 0, octetsPerSecond: 0 };
const NO_TRAFFIC = {
  listenerCount: 0,
  connectorCount: 0,
  flowsOpen: 0,
  flowsOpened: 0,
  flowsRefused: 0,
  flowsPerSecond: 0,
  octets: 0,
  octetsPerSecond: 0,
};

/** By listener and by connector: for routers that do not count themselves. */
function countsOf(pairs: readonly Pair[], now: number): Map<string, typeof NO_COUNTS> {
  const counts = new Map<string, typeof NO_COUNTS>();
  for (const { listener, connector, openCount, refusedCount, octets, octetsBack } of pairs) {
    for (const id of [listener, connector]) {
      const before = counts.get(id) ?? NO_COUNTS;
      counts.set(id, {
        open: before.open + openCount,
        refused: before.refused + refusedCount,
        octetsPerSecond: before.octetsPerSecond + octets.perSecond(now) + octetsBack.perSecond(now),
      });
    }
  }
  return counts;
}
