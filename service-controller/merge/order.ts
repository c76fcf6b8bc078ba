/** The order of exports: the oldest first. Total, so that it does not depend on how they are given. Pure. */
import { compareText } from '../../lib/text.ts';
import type { Exporter } from './merge.ts';

/** One exporter a cluster, the oldest first. */
export function byAge(exporters: readonly Exporter[]): Exporter[] {
  const seen = new Set<string>();
  return [...exporters].sort(compareAge).filter(({ cluster }) => !seen.has(cluster) && seen.add(cluster));
}

/** Records of one cluster and time are told apart by their text: which of them wins does not matter, but everywhere the same has to. */
function compareAge(a: Exporter, b: Exporter): number {
  return (
    a.record.since - b.record.since ||
    compareText(a.cluster, b.cluster) ||
    compareText(canonical(a.record), canonical(b.record))
  );
}

/** Of plain values, whatever the order of their members. Most are written the same way, which is quickly seen. */
export function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b) || canonical(a) === canonical(b);
}

/** A text of a plain value that does not depend on the order of its members, nor on members without a value. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => compareText(a, b)))
      : member,
  );
}
