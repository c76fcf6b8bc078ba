/** How kinds are addressed: `/apis/<group>/<version>/namespaces/<namespace>/<plural>/<name>/<subresource>`. Pure. */

export interface ResourceType {
  /** `v1`, or `group/version`. */
  apiVersion: string;
  kind: string;
  plural: string;
  /** True when absent. */
  namespaced?: boolean;
}

export interface ResourcePlace {
  /** Absent: all namespaces, or a kind without them. */
  namespace?: string;
  name?: string;
  subresource?: string;
}

export function resourcePath(type: ResourceType, { namespace, name, subresource }: ResourcePlace = {}): string {
  const root = type.apiVersion.includes('/') ? `/apis/${type.apiVersion}` : `/api/${type.apiVersion}`;
  const parts = [root];
  if (namespace !== undefined && namespace !== '' && type.namespaced !== false) {
    parts.push('namespaces', encodeURIComponent(namespace));
  }
  parts.push(type.plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return parts.join('/');
}

/** `pods`, `deployments.apps`: as rights and messages name a kind. */
export function resourceName({ apiVersion, plural }: ResourceType): string {
  const [group, version] = apiVersion.split('/');
  return version === undefined ? plural : `${plural}.${group}`;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `?a=b&c=d`, without what is undefined. */
export function queryString(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] satisfies [string, string]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
