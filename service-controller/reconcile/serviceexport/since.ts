/**
 * When the export of this cluster counts as made, and the annotation that keeps it. Pure.
 *
 * It is decided once, with all exports of other clusters in view, and written down whatever it is: an export without the annotation
 * would be looked at again after a restart and count as younger than those that came after it. Until then it is not told to others:
 * a time that is too early would take their traffic for as long as it lasts.
 */

import { sinceOf } from '../../merge/since.ts';
import { EXPORT_ANNOTATION } from '../../names.ts';
import { serviceKey } from '../../records.ts';
import { mayBeUnheard } from '../exporters.ts';
import { annotationOf } from '../fields.ts';
import type { Observed } from '../observed.ts';

export interface OwnSince {
  /** Milliseconds since 1970; `undefined` while it cannot be decided. */
  since: number | undefined;
  /** What `skuprt.io/since` has to be, when it is something else. */
  toWrite: string | undefined;
  /** Why what is written there does not count. */
  fault: string | undefined;
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;

export function ownSince(observed: Observed): OwnSince {
  const createdAt = Math.max(0, Date.parse(observed.export?.metadata.creationTimestamp ?? '') || 0);
  const text = observed.export && annotationOf(observed.export, EXPORT_ANNOTATION.since);
  const written = text !== undefined && RFC3339.test(text) ? Date.parse(text) : Number.NaN;
  // An earlier one was copied from another export, together with the rest of its annotations.
  if (written >= createdAt) return { since: written, toWrite: undefined, fault: undefined };
  const isUnreadable = text !== undefined && Number.isNaN(written);
  const fault = isUnreadable ? `${EXPORT_ANNOTATION.since} is no time, it is decided anew` : undefined;
  // Without a mesh nobody is told, so that nothing has to be decided yet.
  if (!observed.carrier) return { since: createdAt, toWrite: undefined, fault };
  // Somebody of whom only the import tells yet may have exported it before.
  if (!observed.isSettled || mayBeUnheard(observed)) return { since: undefined, toWrite: undefined, fault };
  const others = observed.clusters
    .filter(({ id }) => id !== observed.clusterId)
    .flatMap(({ services }) => services.get(serviceKey(observed)) ?? []);
  const since = sinceOf(createdAt, others);
  return { since, toWrite: new Date(since).toISOString(), fault };
}
