/** The set of one cluster as entries by key, each a JSON text, and the hash of a set that does not depend on their order. Pure. */
import { createHash } from 'node:crypto';
import type { ClusterInfo, IngressRecord, ServiceRecord } from '../records.ts';
import { LIMITS } from './limits.ts';
import { type Changes, INFO_KEY } from './messages.ts';
import { type Checked, checkInfo, checkIngress, checkService, tellableInfo } from './record.ts';
import type { Traces } from './traces.ts';

/** Leaves room for brackets and commas. */
const SET_BYTES_MAX = LIMITS.changesBytesMax / 2;

export interface OwnContent {
  info: ClusterInfo;
  /** By `serviceKey`. */
  services: ReadonlyMap<string, ServiceRecord>;
  ingresses: ReadonlyMap<string, IngressRecord>;
  /** What led to the last changes. */
  traces?: Traces;
}

/** One of the own set. */
export interface OwnEntry {
  text: string;
  service: ServiceRecord | undefined;
}

/**
 * What can be told of `content`, and why the rest cannot: by key, `s/<namespace>/<name>` or `i/<namespace>/<name>`. What others
 * would refuse is not sent.
 */
export function ownEntries(content: OwnContent): { entries: Map<string, OwnEntry>; faults: Map<string, string> } {
  const entries = new Map<string, OwnEntry>();
  const faults = new Map<string, string>();
  let bytes = 0;
  const add = (key: string, checked: Checked<object>, service?: ServiceRecord): boolean => {
    const text = 'value' in checked ? JSON.stringify(checked.value) : '';
    const size = Buffer.byteLength(text);
    let fault = 'fault' in checked ? checked.fault : undefined;
    if (size > LIMITS.entryBytesMax) fault = `takes ${size} bytes, at most ${LIMITS.entryBytesMax}`;
    else if (bytes + size > SET_BYTES_MAX) fault = `the cluster tells more than ${SET_BYTES_MAX} bytes`;
    if (fault !== undefined) {
      faults.set(key, fault);
      return false;
    }
    bytes += size;
    entries.set(key, { text, service });
    return true;
  };
  add(INFO_KEY, checkInfo(tellableInfo(content.info)));
  let count = 0;
  for (const [, service] of sorted(content.services)) {
    const key = `s/${service.namespace}/${service.name}`;
    if (count >= LIMITS.serviceCountMax)
      faults.set(key, `the cluster exports more than ${LIMITS.serviceCountMax} services`);
    else if (add(key, checkService(service), service)) count += 1;
  }
  count = 0;
  for (const [, ingress] of sorted(content.ingresses)) {
    const key = `i/${ingress.namespace}/${ingress.name}`;
    if (count >= LIMITS.ingressCountMax)
      faults.set(key, `the cluster has more than ${LIMITS.ingressCountMax} ingresses`);
    else if (add(key, checkIngress(ingress))) count += 1;
  }
  return { entries, faults };
}

/** How soon a change has to go out. */
export type Urgency = 'none' | 'slow' | 'urgent';
const URGENCIES: readonly Urgency[] = ['none', 'slow', 'urgent'];

/** Numbers of ready endpoints may lag, unless there were none or are none. */
export function urgencyOf(before: ReadonlyMap<string, OwnEntry>, after: ReadonlyMap<string, OwnEntry>): Urgency {
  let most = 0;
  for (const key of before.keys()) if (!after.has(key)) most = 2;
  for (const [key, entry] of after) most = Math.max(most, URGENCIES.indexOf(urgencyOfEntry(before.get(key), entry)));
  return URGENCIES[most]!;
}

function urgencyOfEntry(before: OwnEntry | undefined, after: OwnEntry): Urgency {
  if (before?.text === after.text) return 'none';
  if (before?.service === undefined || after.service === undefined) return 'urgent';
  if ((before.service.ready === 0) !== (after.service.ready === 0)) return 'urgent';
  return shapeOf(before.service) === shapeOf(after.service) ? 'slow' : 'urgent';
}

/** Everything but the number of ready endpoints. */
function shapeOf(service: ServiceRecord): string {
  return JSON.stringify({ ...service, ready: 0 });
}

/** Of an entry: 128 bits. */
export function hashOf(key: string, text: string): bigint {
  return BigInt(`0x${createHash('sha256').update(key).update('\0').update(text).digest('hex').slice(0, 32)}`);
}

/** The hash of a set is the exclusive or of those of its entries. */
export function hashText(hash: bigint): string {
  return hash.toString(16).padStart(32, '0');
}

/** What another cluster told: one entry that could be read, or its hash alone. */
export interface HeardEntry {
  hash: bigint;
  value: ClusterInfo | ServiceRecord | IngressRecord | undefined;
}

/** `undefined` as a value: the entry has a fault, and there was none before. */
function heardEntry(
  key: string,
  { text, raw }: { text: string; raw: unknown },
  former: HeardEntry | undefined,
): HeardEntry & { fault: string | undefined } {
  const checked: Checked<ClusterInfo | ServiceRecord | IngressRecord> =
    key === INFO_KEY ? checkInfo(raw) : key.startsWith('s/') ? checkService(raw) : checkIngress(raw);
  const hash = hashOf(key, text);
  if ('value' in checked) return { hash, value: checked.value, fault: undefined };
  return { hash, value: former?.value, fault: checked.fault };
}

/** The set after these changes. An entry with a fault keeps the value it had in `former`, so that it does not look withdrawn. */
export function applied(
  before: ReadonlyMap<string, HeardEntry>,
  { changed, removed }: Changes,
  former: ReadonlyMap<string, HeardEntry>,
): { entries: Map<string, HeardEntry>; hash: bigint; faults: number } {
  const entries = new Map(before);
  let faults = 0;
  for (const key of removed) entries.delete(key);
  for (const [key, change] of changed) {
    const { hash, value, fault } = heardEntry(key, change, former.get(key));
    if (fault !== undefined) faults += 1;
    entries.set(key, { hash, value });
  }
  let hash = 0n;
  for (const entry of entries.values()) hash ^= entry.hash;
  return { entries, hash, faults };
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
