/**
 * When an export counts as made. Clocks of clusters differ: an export that is made while others live is younger than they, even
 * when its cluster's clock is slow, so that it never displaces a running one. Pure.
 *
 * It is decided once, when the export is first seen and all clusters were heard, and kept in the annotation `skuprt.io/since`: a
 * later look would find exports that came after it among the others.
 */
import type { ServiceRecord } from '../records.ts';

/**
 * Milliseconds since 1970. `createdAt`: of the ServiceExport, by the clock of its cluster. `others`: exports of the same service in
 * other clusters, also of those that fell silent. Later than each of them by at least one: equal times are decided by the
 * clusters' ids, which say nothing about age.
 */
export function sinceOf(createdAt: number, others: readonly ServiceRecord[]): number {
  return others.reduce((latest, { since }) => Math.max(latest, since + 1), createdAt);
}
