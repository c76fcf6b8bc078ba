/**
 * Records of what this router is and has: itself, its site, links, accesses for links, listeners and connectors. They follow
 * from its state, which is looked at again and again while somebody listens: nobody has to report a change.
 *
 * Ids are given when something is first named, by a look or by a flow or a connection of it, and stay as long as it is there.
 */
import { ATTRIBUTE, OWN_ATTRIBUTE, RECORD_TYPE } from '../../../lib/vanflow.ts';
import { mapGet } from '../../amqp/codec/value.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import type { FlowCounters } from '../../bridge/flow-owner.ts';
import type { Peer } from '../../core/peer.ts';
import { TableRecord, type Value } from './told.ts';

/** What is configured, as far as it is told. */
export interface Configured {
  listeners(): Iterable<{ name: string; role: string }>;
  connectors(): Iterable<ConfiguredConnector>;
  tcpListener(name: string): { host: string; port: number | string } | undefined;
  tcpConnector(name: string): { host: string; port: number | string; processId?: string } | undefined;
  site(): ConfiguredSite | undefined;
  /** `host:port` that a connector uses, or tries now. */
  place?(connector: string): string | undefined;
}

export interface ConfiguredConnector {
  name: string;
  role: string;
  cost: number;
  host: string;
  port: number | string;
  sslProfile?: string;
  proxyProfile?: string;
}

export interface ConfiguredSite {
  name?: string;
  location?: string;
  provider?: string;
  platform?: string;
  namespace?: string;
  version?: string;
}

/** From the process's environment. */
export interface Surroundings {
  siteId?: string;
  namespace?: string;
  imageName?: string;
  imageVersion?: string;
  hostName?: string;
}

export interface InventoryParts {
  router: { readonly id: string; readonly version: string; readonly peers: ReadonlyMap<number, Peer>; bridge: Bridge };
  mode: string;
  configured: Configured;
  surroundings: Surroundings;
  /** Of the router's record, `<5 characters>:0`. */
  id: string;
  nextId(): string;
}

/** Between two measures of a link. */
const ROUND_TRIP_MICROS_MIN = 2_000_000;
const ROUND_TRIP_COUNT = 5;
const LINKING_ROLES: ReadonlySet<string> = new Set(['inter-router', 'edge', 'inter-edge']);
const NO_STATE = { peer: undefined, octetsIn: 0, octetsOut: 0, downCount: 0, measuredAt: 0, roundTripsMs: [] };

/** Of a link: the connections that carry it, and what those carried that are gone. */
interface LinkState {
  peer: Peer | undefined;
  carriers: Set<Peer>;
  octetsIn: number;
  octetsOut: number;
  downCount: number;
  /** Microseconds since 1970. */
  measuredAt: number;
  /** The last ones: a turn of a busy router is not the path. */
  roundTripsMs: readonly number[];
}

export class Inventory {
  private readonly parts: InventoryParts;
  /** Listeners by their addresses, connectors: by what stands for them in the bridge. */
  private readonly ids = new WeakMap<object, string>();
  private readonly accessIds = new Map<string, string>();
  private readonly linkIds = new Map<string, string>();
  private readonly linkStates = new Map<string, LinkState>();
  private readonly table = new Map<string, TableRecord>();
  private siteId: string | undefined;
  private seen = new Set<string>();
  private now = 0;

  constructor(parts: InventoryParts) {
    this.parts = parts;
  }

  idOf(entity: object): string {
    let id = this.ids.get(entity);
    if (id === undefined) {
      id = this.parts.nextId();
      this.ids.set(entity, id);
    }
    return id;
  }

  accessId(listener: string): string {
    return named(this.accessIds, listener, this.parts);
  }

  get count(): number {
    return this.table.size;
  }

  records(): Iterable<TableRecord> {
    return this.table.values();
  }

  /**
   * Brings the records up to date. @param now microseconds since 1970
   * @returns those that have ended
   */
  look(now: number): TableRecord[] {
    this.now = now;
    this.seen = new Set();
    this.lookAtSite();
    this.lookAtAccesses();
    this.lookAtLinks();
    this.lookAtServices();
    const ended: TableRecord[] = [];
    for (const [id, record] of this.table) {
      if (this.seen.has(id)) continue;
      record.end(now);
      this.table.delete(id);
      ended.push(record);
    }
    return ended;
  }

  private record(type: number, id: string, values: Iterable<readonly [number, Value | undefined]>): TableRecord {
    let record = this.table.get(id);
    if (record === undefined || record.type !== type) {
      record = new TableRecord(type, id, this.now);
      this.table.set(id, record);
    }
    this.seen.add(id);
    for (const [code, value] of values) record.set(code, value);
    return record;
  }

  private lookAtSite(): void {
    const { router, mode, configured, surroundings, id } = this.parts;
    const { namespace, imageName, imageVersion, hostName } = surroundings;
    const site = configured.site();
    if (site !== undefined) {
      this.siteId ??= surroundings.siteId ?? this.parts.nextId();
      this.record(RECORD_TYPE.site, this.siteId, [
        [ATTRIBUTE.location, site.location],
        [ATTRIBUTE.provider, site.provider],
        [ATTRIBUTE.platform, site.platform],
        [ATTRIBUTE.namespace, site.namespace],
        [ATTRIBUTE.name, site.name],
        [ATTRIBUTE.version, site.version],
      ]);
    }
    this.record(RECORD_TYPE.router, id, [
      [ATTRIBUTE.parent, site === undefined ? surroundings.siteId : this.siteId],
      [ATTRIBUTE.namespace, namespace],
      [ATTRIBUTE.mode, mode],
      [ATTRIBUTE.imageName, imageName],
      [ATTRIBUTE.imageVersion, imageVersion],
      [ATTRIBUTE.hostname, hostName],
      [ATTRIBUTE.name, `0/${router.id}`],
      [ATTRIBUTE.version, router.version],
    ]);
  }

  private lookAtAccesses(): void {
    const { router, configured, id } = this.parts;
    const present = new Set<string>();
    for (const { name, role } of configured.listeners()) {
      if (!LINKING_ROLES.has(role)) continue;
      present.add(name);
      const count = countOf(router.peers.values(), (peer) => isControl(peer, name, 'in'));
      const record = this.record(RECORD_TYPE.routerAccess, this.accessId(name), [
        [ATTRIBUTE.parent, id],
        [ATTRIBUTE.name, name],
        [ATTRIBUTE.role, role],
      ]);
      record.set(ATTRIBUTE.linkCount, count);
    }
    forgetOthers(this.accessIds, present);
  }

  private lookAtLinks(): void {
    const { configured } = this.parts;
    const present = new Set<string>();
    for (const connector of configured.connectors()) {
      if (!LINKING_ROLES.has(connector.role)) continue;
      present.add(connector.name);
      this.lookAtLink(connector);
    }
    forgetOthers(this.linkIds, present);
    forgetOthers(this.linkStates, present);
  }

  private lookAtLink(connector: ConfiguredConnector): void {
    const { router, configured, id } = this.parts;
    const { name, role, cost, host, port, sslProfile, proxyProfile } = connector;
    let state = this.linkStates.get(name);
    if (state === undefined) {
      state = { ...NO_STATE, carriers: new Set() };
      this.linkStates.set(name, state);
    }
    const record = this.record(RECORD_TYPE.link, named(this.linkIds, name, this.parts), [
      [ATTRIBUTE.parent, id],
      [ATTRIBUTE.destinationHost, host],
      [ATTRIBUTE.protocol, sslProfile === undefined ? 'amqp' : 'amqps'],
      [ATTRIBUTE.destinationPort, String(port)],
      [ATTRIBUTE.name, name],
      [ATTRIBUTE.linkCost, cost],
      [ATTRIBUTE.role, role],
      [ATTRIBUTE.httpProxy, proxyProfile === undefined ? 'no' : 'yes'],
      [OWN_ATTRIBUTE.endpoint, configured.place?.(name)],
    ]);
    for (const peer of router.peers.values()) {
      if (peer.options.entity === name && peer.options.dir === 'out') state.carriers.add(peer);
    }
    this.lookAtState(record, state, name);
    this.lookAtRoundTrip(record, state);
    this.countOctets(record, state);
  }

  /** By a session whose other end answers each time that it is asked: that of another router may not. */
  private lookAtRoundTrip(record: TableRecord, state: LinkState): void {
    if (state.peer?.isOurs !== true) return;
    const [session] = state.peer.connection.sessions();
    if (this.now - state.measuredAt < ROUND_TRIP_MICROS_MIN) return;
    state.measuredAt = this.now;
    if (session?.roundTripMs !== undefined) {
      state.roundTripsMs = [session.roundTripMs, ...state.roundTripsMs].slice(0, ROUND_TRIP_COUNT);
      record.set(OWN_ATTRIBUTE.roundTrip, Math.ceil(Math.min(...state.roundTripsMs) * 10) * 100);
    }
    session?.measureRoundTrip(this.parts.router.bridge.now);
  }

  /** Up, down, and how often it was lost. */
  private lookAtState(record: TableRecord, state: LinkState, name: string): void {
    const before = state.peer;
    state.peer = [...state.carriers].find(
      (peer) => this.parts.router.peers.get(peer.id) === peer && isControl(peer, name, 'out'),
    );
    const isOther = state.peer !== before;
    if (before !== undefined && isOther) {
      state.downCount++;
      const { condition, description } = before.closeError ?? {};
      record.set(ATTRIBUTE.downTime, this.now);
      record.set(ATTRIBUTE.result, condition ?? 'unknown');
      record.set(ATTRIBUTE.reason, description);
    }
    if (state.peer !== undefined && isOther) {
      record.set(ATTRIBUTE.upTime, this.now);
      const access = mapGet(state.peer.connection.remoteOpen?.properties, 'qd.access-id');
      if (access?.type === 'string') record.set(ATTRIBUTE.peer, access.value);
      record.set(ATTRIBUTE.tlsOrdinal, state.peer.options.tlsOrdinal);
    }
    record.set(ATTRIBUTE.status, state.peer === undefined ? 'down' : 'up');
    record.set(ATTRIBUTE.downCount, state.downCount);
  }

  /** Sent and received by all connections of the link since it was first looked at, ended ones too. */
  private countOctets(record: TableRecord, state: LinkState): void {
    let { octetsIn, octetsOut } = state;
    for (const peer of state.carriers) {
      const { stats } = peer.connection;
      octetsIn += stats.octetsIn;
      octetsOut += stats.octetsOut;
      if (this.parts.router.peers.get(peer.id) === peer) continue;
      state.carriers.delete(peer);
      state.octetsIn += stats.octetsIn;
      state.octetsOut += stats.octetsOut;
    }
    record.set(ATTRIBUTE.octets, octetsOut);
    record.set(ATTRIBUTE.octetsReverse, octetsIn);
  }

  private lookAtServices(): void {
    const { router, configured, id } = this.parts;
    for (const listener of router.bridge.listeners.values()) {
      const { name } = listener.options;
      const { host, port } = configured.tcpListener(name) ?? {};
      for (const address of listener.addresses) {
        this.record(RECORD_TYPE.listener, this.idOf(address), [
          [ATTRIBUTE.parent, id],
          [ATTRIBUTE.destinationHost, host],
          [ATTRIBUTE.protocol, 'tcp'],
          [ATTRIBUTE.destinationPort, port === undefined ? undefined : String(port)],
          [ATTRIBUTE.address, address.address],
          [ATTRIBUTE.name, name],
          [ATTRIBUTE.flowCount, address.connectionsOpened],
          // Of a listener with several addresses it is not counted by address.
          ...(listener.addresses.length === 1 ? countsOf(listener.counters) : []),
        ]);
      }
    }
    for (const connector of router.bridge.connectors.values()) {
      const { host, port, processId } = configured.tcpConnector(connector.name) ?? {};
      this.record(RECORD_TYPE.connector, this.idOf(connector), [
        [ATTRIBUTE.parent, id],
        [ATTRIBUTE.process, processId],
        [ATTRIBUTE.destinationHost, host],
        [ATTRIBUTE.protocol, 'tcp'],
        [ATTRIBUTE.destinationPort, port === undefined ? undefined : String(port)],
        [ATTRIBUTE.address, connector.address],
        [ATTRIBUTE.name, connector.name],
        [ATTRIBUTE.flowCount, connector.counters.connectionsOpened],
        ...countsOf(connector.counters),
      ]);
    }
  }
}

/** From the client's side, as of a flow: what it sends, and what it gets. */
function countsOf(counters: FlowCounters): (readonly [number, number])[] {
  const { bytesIn, bytesOut, connectionsOpened, connectionsClosed, connectionsRefused } = counters;
  return [
    [ATTRIBUTE.octets, bytesIn],
    [ATTRIBUTE.octetsReverse, bytesOut],
    [OWN_ATTRIBUTE.flowsOpen, connectionsOpened - connectionsClosed],
    [OWN_ATTRIBUTE.flowsRefused, connectionsRefused],
  ];
}

/** The connection by which a link stands, or one that was accepted. */
function isControl(peer: Peer, entity: string, dir: 'in' | 'out'): boolean {
  const { options, role } = peer;
  if (options.entity !== entity || options.dir !== dir || peer.openedAt === undefined) return false;
  return role === 'edge' || role === 'inter-edge' || (role === 'inter-router' && peer.linked);
}

function named(ids: Map<string, string>, name: string, parts: { nextId(): string }): string {
  let id = ids.get(name);
  if (id === undefined) {
    id = parts.nextId();
    ids.set(name, id);
  }
  return id;
}

function forgetOthers(table: Map<string, unknown>, present: ReadonlySet<string>): void {
  for (const name of table.keys()) if (!present.has(name)) table.delete(name);
}

function countOf<T>(all: Iterable<T>, isCounted: (each: T) => boolean): number {
  let count = 0;
  for (const each of all) if (isCounted(each)) count++;
  return count;
}
