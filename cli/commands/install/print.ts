/** Manifests as text, for `--dry-run`. */
import { stringify } from 'yaml';
import { YAML_OUTPUT } from '../../../config/api/serialize.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';

/** YAML documents unless `json`, a List, or `name` is asked for. */
export function printManifests(objects: readonly KubeObject[], format = 'yaml'): string {
  if (format === 'json') return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2);
  if (format === 'name') {
    return objects.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`).join('\n');
  }
  return objects
    .map((object) => `---\n${stringify(object, { ...YAML_OUTPUT, aliasDuplicateObjects: false })}`)
    .join('');
}
