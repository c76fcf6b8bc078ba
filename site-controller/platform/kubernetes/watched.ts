/** Every kind that the controller watches, with what it keeps of each. */
import { isClusterScoped, KINDS } from '../../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import type { CustomKind } from '../../../config/crd/kinds.ts';
import { type KubeObject, withoutManagedFields } from '../../../lib/kube/object.ts';
import { apiName, MADE_KINDS } from '../../reconcile/cluster.ts';
import { POLICY_KINDS } from '../../reconcile/policy/documents.ts';
import { SECRET_FIELD_SELECTOR, trimConfigMap, trimPod, trimSecret } from './trim.ts';

export interface WatchedKind {
  kind: string;
  apiVersion: string;
  plural: string;
  fieldSelector?: string;
  transform: (object: KubeObject) => KubeObject;
  /** Its API may be missing. */
  isOptional: boolean;
  /** False for what is in no namespace: a controller of one namespace sees it too, where it may. */
  namespaced?: boolean;
}

/** Kinds that Skupper's older releases and other clusters may lack. */
const OPTIONAL_RESOURCES: readonly string[] = ['MultiKeyListener'];

export const RESOURCE_KINDS = (Object.keys(KINDS) as (keyof typeof KINDS)[]).filter(
  (kind): kind is CustomKind => KINDS[kind].apiVersion === SKUPPER_API_VERSION,
);

export const WATCHED: readonly WatchedKind[] = [
  ...RESOURCE_KINDS.map((kind) => ({
    kind,
    apiVersion: KINDS[kind].apiVersion,
    plural: KINDS[kind].plural,
    transform: withoutManagedFields,
    isOptional: OPTIONAL_RESOURCES.includes(kind),
  })),
  ...POLICY_KINDS.map((kind) => ({
    kind,
    apiVersion: KINDS[kind].apiVersion,
    plural: KINDS[kind].plural,
    transform: withoutManagedFields,
    isOptional: true,
    namespaced: !isClusterScoped(kind),
  })),
  {
    kind: 'Secret',
    apiVersion: 'v1',
    plural: 'secrets',
    fieldSelector: SECRET_FIELD_SELECTOR,
    transform: trimSecret,
    isOptional: false,
  },
  { kind: 'Pod', apiVersion: 'v1', plural: 'pods', transform: trimPod, isOptional: false },
  ...MADE_KINDS.map((made) => ({
    kind: made.kind,
    apiVersion: made.apiVersion,
    plural: made.plural,
    transform: made.kind === 'ConfigMap' ? trimConfigMap : withoutManagedFields,
    isOptional: 'optional' in made,
  })),
];

/** As `ClusterView.apis` names those that may be missing. */
export function apiNameOf({ apiVersion, kind }: WatchedKind): string {
  return apiName(apiVersion, kind);
}

/** Versions of kinds that came and went; the first that the API server has is spoken. */
const VERSIONS: Readonly<Record<string, readonly string[]>> = {
  TLSRoute: [
    'gateway.networking.k8s.io/v1',
    'gateway.networking.k8s.io/v1alpha3',
    'gateway.networking.k8s.io/v1alpha2',
  ],
};

/** What to watch on an API server; `kindsOf` answers the kinds of one of its versions. */
export async function watchedOn(kindsOf: (apiVersion: string) => Promise<ReadonlySet<string>>): Promise<WatchedKind[]> {
  return Promise.all(
    WATCHED.map(async (watched) => {
      for (const apiVersion of VERSIONS[watched.kind] ?? []) {
        if ((await kindsOf(apiVersion)).has(watched.kind)) return { ...watched, apiVersion };
      }
      return watched;
    }),
  );
}
