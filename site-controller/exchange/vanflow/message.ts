/** Messages of Skupper's event protocol (vanflow). Wire reference 10.1, 10.2. Pure. */
import { ATTRIBUTE, type FlowRecord, isId, readRecords } from './records.ts';

/** Where sources of events make themselves known. */
export const BEACON_ADDRESS = 'mc/sfe.all';
const DIRECT_PREFIX = 'sfe.';
const ADDRESS_PREFIX = 'mc/sfe.';
const HEARTBEATS_SUFFIX = '.heartbeats';
/** Sources that are routers have an id that ends so. */
const ROUTER_SUFFIX = ':0';
const VERSION = 1;

/** An AMQP message, as far as it matters. */
export interface FlowMessage {
  to: string;
  subject: string;
  properties?: Readonly<Record<string, string | number>>;
  records?: readonly FlowRecord[];
}

/** What was received. */
export interface FlowInput {
  /** Where it was heard. */
  address: string;
  subject: unknown;
  properties: unknown;
  body: unknown;
}

export type FlowEvent =
  | { type: 'beacon'; id: string }
  | { type: 'heartbeat'; id: string }
  | { type: 'records'; id: string; records: FlowRecord[] }
  | { type: 'flush'; id: string };

/** Undefined for what is not of this protocol, or of no use. */
export function readFlowMessage({ address, subject, properties, body }: FlowInput): FlowEvent | undefined {
  if (subject === 'BEACON' || subject === 'HEARTBEAT') {
    const id = (properties as { id?: unknown } | undefined)?.id;
    if (!isId(id)) return undefined;
    return { type: subject === 'BEACON' ? 'beacon' : 'heartbeat', id };
  }
  if (subject === 'RECORD' && address.startsWith(ADDRESS_PREFIX)) {
    return { type: 'records', id: address.slice(ADDRESS_PREFIX.length), records: readRecords(body) };
  }
  if (subject === 'FLUSH' && address.startsWith(DIRECT_PREFIX)) {
    return { type: 'flush', id: address.slice(DIRECT_PREFIX.length) };
  }
  return undefined;
}

/** Where to listen for what source `id` says. */
export function addressesOf(id: string): string[] {
  const address = ADDRESS_PREFIX + id;
  return id.endsWith(ROUTER_SUFFIX) ? [address] : [address, address + HEARTBEATS_SUFFIX];
}

/** Where source `id` takes requests. */
export function directAddress(id: string): string {
  return DIRECT_PREFIX + id;
}

/** The ids of sources among mobile addresses. */
export function sourcesAmong(addresses: Iterable<string>): Set<string> {
  const ids = new Set<string>();
  for (const address of addresses) {
    const id = address.slice(DIRECT_PREFIX.length);
    if (address.startsWith(DIRECT_PREFIX) && isId(id)) ids.add(id);
  }
  return ids;
}

export function flushOf(id: string): FlowMessage {
  return { to: directAddress(id), subject: 'FLUSH' };
}

export function beaconOf(id: string): FlowMessage {
  const address = ADDRESS_PREFIX + id;
  const properties = { v: VERSION, sourceType: 'CONTROLLER', address, direct: directAddress(id), id };
  return { to: BEACON_ADDRESS, subject: 'BEACON', properties };
}

/** To both addresses at which collectors of different versions listen. `now` is wall-clock milliseconds. */
export function heartbeatsOf(id: string, now: number): FlowMessage[] {
  const properties = { v: VERSION, now: Math.round(now * 1000), id };
  return addressesOf(id).map((to) => ({ to, subject: 'HEARTBEAT', properties }));
}

export function recordsOf(id: string, records: readonly FlowRecord[]): FlowMessage {
  return { to: ADDRESS_PREFIX + id, subject: 'RECORD', records };
}

/** A record as the map of its message, and whole: type and identity come first. */
export function recordEntries({ type, id, attributes }: FlowRecord): [code: number, value: string | number][] {
  return [[ATTRIBUTE.type, type], [ATTRIBUTE.identity, id], ...attributes];
}
