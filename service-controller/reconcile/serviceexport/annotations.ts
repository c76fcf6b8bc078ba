/** How an export wants to be chosen: its annotations. One that cannot be used is named, and its default counts: traffic goes on. Pure. */
import { connectorSettings } from '../../../config/service-settings.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { LIMITS } from '../../exchange/limits.ts';
import { LOCAL_MINIMUM_DEFAULT, LOCALITY_DEFAULT, PRIORITY_DEFAULT, WEIGHT_DEFAULT } from '../../merge/defaults.ts';
import { EXPORT_ANNOTATION } from '../../names.ts';
import type { ServiceRecord } from '../../records.ts';
import { parseVersions } from '../connector/versions.ts';
import { fieldsOf } from '../fields.ts';

export interface ExportSettings {
  settings: Pick<ServiceRecord, 'priority' | 'weight' | 'locality' | 'localMinimum'>;
  faults: string[];
}

const PRIORITY_MAX = 1000;
const WEIGHT_MAX = 1000;
/** Of a value that is shown to whoever wrote it. */
const SHOWN_LENGTH_MAX = 40;

export function exportSettings(made: KubeObject): ExportSettings {
  const faults: string[] = [];
  const annotations = fieldsOf(made.metadata.annotations);
  const whole = (name: string, minimum: number, maximum: number, fallback: number): number | undefined => {
    const text = annotations[name];
    if (text === undefined) return undefined;
    const value = typeof text === 'string' && /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    faults.push(`${name} is ${shown(text)} and no whole number from ${minimum} to ${maximum}, ${fallback} is used`);
    return undefined;
  };
  const versions = annotations[EXPORT_ANNOTATION.versions];
  const versionsFault = typeof versions === 'string' && versions !== '' ? parseVersions(versions) : undefined;
  if (typeof versionsFault === 'string')
    faults.push(`${EXPORT_ANNOTATION.versions}: ${versionsFault}, it is not followed`);
  const locality = annotations[EXPORT_ANNOTATION.locality];
  const isLocality = locality === 'local-first' || locality === 'none';
  if (locality !== undefined && !isLocality) {
    faults.push(
      `${EXPORT_ANNOTATION.locality} is ${shown(locality)} and neither local-first nor none, ${LOCALITY_DEFAULT} is used`,
    );
  }
  for (const { key, value, what } of connectorSettings(annotations).faults) {
    faults.push(`${key} is ${shown(value)} and ${what.replace(/^is /, '')}, it is not followed`);
  }
  return {
    settings: withoutAbsent({
      priority: whole(EXPORT_ANNOTATION.priority, 0, PRIORITY_MAX, PRIORITY_DEFAULT),
      weight: whole(EXPORT_ANNOTATION.weight, 1, WEIGHT_MAX, WEIGHT_DEFAULT),
      locality: isLocality ? locality : undefined,
      localMinimum: whole(EXPORT_ANNOTATION.localMinimum, 0, LIMITS.readyMax, LOCAL_MINIMUM_DEFAULT),
    }),
    faults,
  };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}...` : text;
}

/** Records are compared by their text, where an absent member and one without a value are two. */
export function withoutAbsent<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}
