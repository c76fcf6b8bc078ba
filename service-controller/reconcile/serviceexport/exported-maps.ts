/**
 * `exportedLabels` and `exportedAnnotations` of an export: what every cluster puts on its import. Pure.
 *
 * A key or value that an API server refuses would keep the import from being made in all clusters, and one of ours or of the
 * multi-cluster API would speak for the controllers that write them; both are left out, and named.
 */

import type { KubeObject } from '../../../lib/kube/object.ts';
import { compareText, isDnsName } from '../../../lib/text.ts';
import { LIMITS } from '../../exchange/limits.ts';
import { fieldsOf } from '../fields.ts';
import { isExportable } from '../made.ts';

export interface ExportedMaps {
  labels: Record<string, string> | undefined;
  annotations: Record<string, string> | undefined;
  faults: string[];
}

/** Of keys and values of both maps: every cluster keeps them in memory. */
const CHARACTERS_MAX = 32 * 1024;
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
/** Of the keys that a fault names. */
const NAMED_MAX = 3;

export function exportedMaps(made: KubeObject): ExportedMaps {
  const spec = fieldsOf(made.spec);
  const faults: string[] = [];
  const labels = usable('exportedLabels', spec.exportedLabels, isLabelValue, faults);
  const annotations = usable('exportedAnnotations', spec.exportedAnnotations, isAnnotationValue, faults);
  const size = [...Object.entries(labels), ...Object.entries(annotations)].flat().join('').length;
  if (size > CHARACTERS_MAX) {
    faults.push(
      `exportedLabels and exportedAnnotations have ${size} characters together, more than ${CHARACTERS_MAX}, and are left out`,
    );
    return { labels: undefined, annotations: undefined, faults };
  }
  return { labels: orAbsent(labels), annotations: orAbsent(annotations), faults };
}

function usable(
  field: string,
  map: unknown,
  isValue: (value: string) => boolean,
  faults: string[],
): Record<string, string> {
  const entries = Object.entries(fieldsOf(map)).sort(([a], [b]) => compareText(a, b));
  const good = entries.filter(
    (entry): entry is [string, string] => isKey(entry[0]) && typeof entry[1] === 'string' && isValue(entry[1]),
  );
  const kept = good.slice(0, LIMITS.mapSizeMax);
  const bad = entries.map(([key]) => key).filter((key) => !good.some(([other]) => other === key));
  if (bad.length > 0) {
    const more = bad.length > NAMED_MAX ? ` and ${bad.length - NAMED_MAX} more` : '';
    faults.push(`${field}: ${bad.slice(0, NAMED_MAX).join(', ')}${more} cannot be exported and are left out`);
  }
  if (good.length > kept.length) {
    faults.push(`${field} has ${good.length} members, the first ${kept.length} by name are exported`);
  }
  return Object.fromEntries(kept);
}

function isKey(key: string): boolean {
  const [name = '', ...prefix] = key.split('/').reverse();
  if (prefix.length > 1 || !NAME.test(name)) return false;
  if (prefix.length === 1 && !isDnsName(prefix[0]!)) return false;
  return isExportable(key);
}

function isLabelValue(value: string): boolean {
  return value === '' || NAME.test(value);
}

function isAnnotationValue(value: string): boolean {
  return value.length <= LIMITS.annotationLengthMax && !/\p{Cs}/u.test(value);
}

/** An empty map is none, so that the two do not differ. */
function orAbsent(map: Record<string, string>): Record<string, string> | undefined {
  return Object.keys(map).length > 0 ? map : undefined;
}
