/** What CustomResourceDefinitions define. */
import type { KubeObject } from '../../lib/kube/object.ts';
import type { ApiKind } from '../places/cluster-client.ts';

interface DefinitionSpec {
  group: string;
  names: { kind: string; plural: string };
  versions: { name: string; served: boolean }[];
}

export function kindOfDefinition({ spec }: KubeObject): string {
  return (spec as DefinitionSpec).names.kind;
}

/** In each version that is served. */
export function kindsOf({ spec }: KubeObject): ApiKind[] {
  const { group, names, versions } = spec as DefinitionSpec;
  const served = versions.filter((version) => version.served);
  return served.map(({ name }) => ({ apiVersion: `${group}/${name}`, kind: names.kind, plural: names.plural }));
}
