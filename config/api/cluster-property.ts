/** ClusterProperty: something that a cluster is known by, such as its id in the set. Of the cluster, not of a namespace. KEP-2149. */
import Type from 'typebox';
import { sharedResource } from './resource.ts';
import { closed } from './schema.ts';

export const ABOUT_GROUP = 'about.k8s.io';
export const ABOUT_API_VERSIONS = [`${ABOUT_GROUP}/v1beta1`, `${ABOUT_GROUP}/v1alpha1`] as const;

export const ClusterPropertySpec = closed({
  value: Type.String({
    minLength: 1,
    maxLength: 128_000,
    title: 'a non-empty string of at most 128000 characters',
    description: 'Its value.',
  }),
});

export const ClusterProperty = sharedResource(
  ABOUT_API_VERSIONS,
  'ClusterProperty',
  ClusterPropertySpec,
  Type.Object({}),
);
export type ClusterProperty = Type.Static<typeof ClusterProperty>;
