/**
 * Records of Skupper's event protocol (vanflow), as far as they tell of sites: kinds, attributes, and the check of what others sent.
 * Wire reference 10.4 to 10.6. Pure.
 */
import { ATTRIBUTE, RECORD_TYPE } from '../../../lib/vanflow.ts';

export { ATTRIBUTE, RECORD_TYPE };

/** What is kept of others: counters would change all the time and are of no use here. */
const KEPT: ReadonlySet<number> = new Set([
  ATTRIBUTE.parent,
  ATTRIBUTE.endTime,
  ATTRIBUTE.peer,
  ATTRIBUTE.platform,
  ATTRIBUTE.namespace,
  ATTRIBUTE.mode,
  ATTRIBUTE.destinationHost,
  ATTRIBUTE.destinationPort,
  ATTRIBUTE.address,
  ATTRIBUTE.name,
  ATTRIBUTE.version,
  ATTRIBUTE.linkCost,
  ATTRIBUTE.status,
  ATTRIBUTE.role,
]);
const KEPT_TYPES: ReadonlySet<number> = new Set([
  RECORD_TYPE.site,
  RECORD_TYPE.router,
  RECORD_TYPE.link,
  RECORD_TYPE.listener,
  RECORD_TYPE.connector,
  RECORD_TYPE.routerAccess,
]);

const TEXT_LENGTH_MAX = 512;
const RECORDS_IN_MESSAGE_MAX = 1000;

export interface FlowRecord {
  type: number;
  id: string;
  /** By code, without type and identity. Numbers are 64 bits wide on the wire. */
  attributes: ReadonlyMap<number, string | number>;
}

/** The records of the body of a message, those that tell of sites; what is malformed or of no use is left out. */
export function readRecords(body: unknown): FlowRecord[] {
  if (!Array.isArray(body)) return [];
  return body.slice(0, RECORDS_IN_MESSAGE_MAX).flatMap((entry) => readRecord(entry) ?? []);
}

function readRecord(entry: unknown): FlowRecord | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const values = new Map(Object.entries(entry).map(([code, value]) => [Number(code), value]));
  const type = values.get(ATTRIBUTE.type);
  const id = values.get(ATTRIBUTE.identity);
  if (typeof type !== 'number' || !KEPT_TYPES.has(type) || !isId(id)) return undefined;
  const attributes = [...values].filter(
    (pair): pair is [number, string | number] => KEPT.has(pair[0]) && isValue(pair[1]),
  );
  return { type, id, attributes: new Map(attributes) };
}

export function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= TEXT_LENGTH_MAX;
}

function isValue(value: unknown): value is string | number {
  return typeof value === 'number' || (typeof value === 'string' && value.length <= TEXT_LENGTH_MAX);
}

export function textOf({ attributes }: FlowRecord, code: number): string {
  const value = attributes.get(code);
  return typeof value === 'string' ? value : '';
}

/** `0/x` is router x: routers of another area would have another number. */
const ROUTER_NAME_PREFIX = '0/';

export function routerIdOf(record: FlowRecord): string {
  const name = textOf(record, ATTRIBUTE.name);
  return name.startsWith(ROUTER_NAME_PREFIX) ? name.slice(ROUTER_NAME_PREFIX.length) : name;
}
