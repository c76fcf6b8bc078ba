/** Resources as `-o json|yaml|name` prints them: one object as it is, several as one List. A contract with scripts. Pure. */
import { stringify } from 'yaml';
import type { Resource } from '../../config/api/index.ts';
import { serializeResources, YAML_OUTPUT } from '../../config/api/serialize.ts';

/** What `-o` may be where whole resources are printed. */
export type ResourceFormat = 'json' | 'yaml' | 'name';

export function isResourceFormat(format: string | undefined): format is ResourceFormat {
  return format === 'json' || format === 'yaml' || format === 'name';
}

export function formatObject(object: object, format: 'json' | 'yaml'): string {
  if (format === 'json') return `${JSON.stringify(object, null, 2)}\n`;
  // What stands there twice is written twice, and no alias.
  return stringify(object, { ...YAML_OUTPUT, aliasDuplicateObjects: false });
}

/** Data that no resource is: it carries apiVersion and kind too, so that all structured output is of one form. */
export function documentOf(kind: string, content: object): object {
  return { apiVersion: 'skuprt.io/v1alpha1', kind, ...content };
}

export function formatResource(resource: Resource, format: ResourceFormat): string {
  if (format === 'name') return nameLine(resource);
  return format === 'json' ? formatObject(resource, 'json') : serializeResources([resource]);
}

export function formatList(resources: readonly Resource[], format: ResourceFormat): string {
  if (format === 'name') return resources.map(nameLine).join('');
  return formatObject({ apiVersion: 'v1', kind: 'List', items: resources }, format);
}

/** Resources to be kept in files and applied later: YAML documents, or one JSON object. */
export function formatManifest(resources: readonly Resource[], format: string | undefined): string {
  if (format === 'name') return formatList(resources, 'name');
  if (format !== 'json') return serializeResources(resources);
  return resources.length === 1 ? formatResource(resources[0]!, 'json') : formatList(resources, 'json');
}

function nameLine(resource: Resource): string {
  return `${resource.kind.toLowerCase()}/${resource.metadata.name}\n`;
}
