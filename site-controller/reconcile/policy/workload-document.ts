/**
 * Which pod has which address, as ConfigMaps: what the controller, which watches pods, tells the adaptors of a site, which may not. Pure.
 *
 * Several parts when there are many. An address is in the same part always, so that a pod which comes or goes changes one part, and an
 * address that passes on to another pod is never in two.
 */
import { packedText, unpackedText } from '../../../lib/packed-text.ts';
import { checkOf, type Static, Type } from '../../../lib/shape.ts';

export const PART_COUNT_MAX = 32;
const PODS_PER_PART_MAX = 4000;
/** As many as a router takes. */
export const WORKLOADS_MAX = 100_000;
/** Of the labels of a pod as a text. */
export const LABELS_LENGTH_MAX = 1024;
const PLAIN_LENGTH_MAX = 4096;
const WORKLOADS_KEY = 'workloads.json';

/** As routers know it. */
export interface Workload {
  namespace: string;
  workload: string;
  pod: string;
  serviceAccount: string;
  /** `key=value,key=value`. */
  labels: string;
}

/** By address. */
export type Workloads = ReadonlyMap<string, Workload>;

const Text = Type.String({ maxLength: LABELS_LENGTH_MAX });
const Part = Type.Object({
  /** Of how many parts it is one. */
  of: Type.Integer({ minimum: 1, maximum: PART_COUNT_MAX }),
  rows: Type.Array(
    Type.Object({ ip: Text, namespace: Text, workload: Text, pod: Text, serviceAccount: Text, labels: Text }),
    { maxItems: WORKLOADS_MAX },
  ),
});
const PART = checkOf(Part);
type Part = Static<typeof Part>;

/** How many parts so many addresses need. `before` stays as long as it does, so that a count at the edge does not move all of them. */
export function partCount(addressCount: number, before: number): number {
  const isFitting = addressCount <= before * PODS_PER_PART_MAX && addressCount * 4 >= before * PODS_PER_PART_MAX;
  if (before > 1 && isFitting) return before;
  const needed = Math.ceil(addressCount / PODS_PER_PART_MAX);
  return Math.min(PART_COUNT_MAX, 2 ** Math.ceil(Math.log2(Math.max(1, needed))));
}

/** The data of each part. */
export function encodeWorkloads(workloads: Workloads, count: number): Record<string, string>[] {
  const parts: Part[] = Array.from({ length: count }, () => ({ of: count, rows: [] }));
  const addresses = [...workloads.keys()].sort().slice(0, WORKLOADS_MAX);
  for (const ip of addresses) parts[partOf(ip, count)]!.rows.push({ ip, ...workloads.get(ip)! });
  return parts.map((part) => ({ [WORKLOADS_KEY]: packedText(JSON.stringify(part), PLAIN_LENGTH_MAX) }));
}

/** Undefined unless every part is there and of one and the same whole: some of them may be about to be written. */
export function decodeWorkloads(
  parts: readonly (Readonly<Record<string, string>> | undefined)[],
): Workloads | undefined {
  const found = new Map<string, Workload>();
  for (const data of parts) {
    const part = decodePart(data?.[WORKLOADS_KEY]);
    if (part?.of !== parts.length) return undefined;
    for (const { ip, ...workload } of part.rows) found.set(ip, workload);
  }
  return found;
}

function decodePart(text: string | undefined): Part | undefined {
  const plain = text === undefined ? undefined : unpackedText(text);
  if (plain === undefined) return undefined;
  try {
    const part: unknown = JSON.parse(plain);
    return PART.Check(part) ? part : undefined;
  } catch {
    return undefined;
  }
}

/** FNV-1a. */
function partOf(ip: string, count: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < ip.length; index += 1) {
    hash = Math.imul(hash ^ ip.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % count;
}
