/**
 * Who exports a service: this cluster, those that are heard, and those that are silent. Pure.
 *
 * Silence is no unexport. A cluster stops being an exporter when it says so (it is heard, and the service is not among what it says),
 * when it left, or when it was silent for RETENTION_MS. Which clusters exported a service outlives the controller in an annotation of
 * the import: one that is listed there and was not heard since is an exporter too (`unseen` while it may yet be heard, for the time of a
 * lease, though everything else is settled sooner; then `lost`), and what it exports is what the import says (remembered.ts).
 */

import { compareText, isDnsLabel } from '../../lib/text.ts';
import { IMPORT_ANNOTATION } from '../names.ts';
import type { ClusterView, ServiceRecord } from '../records.ts';
import { serviceKey } from '../records.ts';
import { annotationOf } from './fields.ts';
import { EXPORTERS_MAX, RETENTION_MS } from './limits.ts';
import type { Observed } from './observed.ts';
import { rememberedRecord } from './remembered.ts';

/**
 * `own`: this cluster. `live`: heard. `lost`: silent; its endpoints are withdrawn. `unseen`: may be live, which this process does not
 * know yet; what was made for it stays.
 */
export type SourceState = 'own' | 'live' | 'lost' | 'unseen';

export interface Source {
  cluster: string;
  state: SourceState;
  record: ServiceRecord;
  properties: Readonly<Record<string, string>>;
}

export interface Exporters {
  /** One a cluster, sorted by it. */
  sources: Source[];
  /** When the first of the silent ones stops being one, milliseconds; Infinity when there is none. */
  endsAt: number;
}

export function exportersOf(observed: Observed, own: ServiceRecord | undefined, now: number): Exporters {
  const known = observed.clusters.filter(({ id }) => id !== observed.clusterId);
  const key = serviceKey(observed);
  const sources: Source[] = [];
  let endsAt = Infinity;
  if (own !== undefined) {
    sources.push({ cluster: observed.clusterId, state: 'own', record: own, properties: observed.properties });
  }
  for (const view of known) {
    const record = view.services.get(key);
    const end = view.state === 'lost' ? view.heardAt + RETENTION_MS : Infinity;
    if (record === undefined || end <= now) continue;
    endsAt = Math.min(endsAt, end);
    sources.push({ cluster: view.id, state: view.state, record, properties: view.info.properties });
  }
  const silent = silentExporters(observed, known, now);
  if (silent.length > 0 && hasWaited(observed)) endsAt = Math.min(endsAt, observed.startedAt + RETENTION_MS);
  const state = hasWaited(observed) ? 'lost' : 'unseen';
  for (const cluster of silent) {
    const heard = sources.map(({ record }) => record);
    sources.push({ cluster, state, record: rememberedRecord(observed, cluster, heard), properties: {} });
  }
  return { sources: sources.sort((a, b) => compareText(a.cluster, b.cluster)), endsAt };
}

/** Absence means nothing yet: no import goes before the mesh was listened to. Without a mesh there is nobody to wait for. */
export function mayBeIncomplete({ isSettled, carrier }: Observed): boolean {
  return !isSettled && carrier !== undefined;
}

/** Somebody who exports the service, as its import says, was not heard yet and may still be. */
export function mayBeUnheard(observed: Observed): boolean {
  const known = observed.clusters.filter(({ id }) => id !== observed.clusterId);
  return !hasWaited(observed) && silentExporters(observed, known, observed.startedAt).length > 0;
}

/** Those that the import lists, as they are written: sorted, comma separated. */
export function listedExporters({ import: made }: Observed): string[] {
  const text = made === undefined ? undefined : annotationOf(made, IMPORT_ANNOTATION.exporters);
  const ids = (text ?? '').split(',', EXPORTERS_MAX).map((id) => id.trim());
  return [...new Set(ids)].filter(isDnsLabel).sort(compareText);
}

function hasWaited({ isSettled, hasWaited: has = isSettled }: Observed): boolean {
  return isSettled && has;
}

function silentExporters(observed: Observed, known: readonly ClusterView[], now: number): string[] {
  const { clusterId, startedAt, heard } = observed;
  const views = new Set(known.map(({ id }) => id));
  const mayExport = !hasWaited(observed) || now < startedAt + RETENTION_MS;
  // What a cluster says comes in whole: one that is there and does not name the service does not export it.
  const isSilent = (id: string) => id !== clusterId && !views.has(id) && !heard?.has(id);
  return mayExport ? listedExporters(observed).filter(isSilent) : [];
}
