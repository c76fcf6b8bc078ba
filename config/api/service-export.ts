/**
 * ServiceExport: the Service of the same name and namespace is offered to all clusters of the set. KEP-1645, reference 1.2;
 * `clusterSelectors` is the draft KEP-5939, reference 1.9.
 */
import Type from 'typebox';
import { sharedResource } from './resource.ts';
import { choice, closed, stringMap, text } from './schema.ts';
import { StandardCondition } from './standard-condition.ts';

export const MCS_GROUP = 'multicluster.x-k8s.io';
/** The first is the one that is stored. Both are the same. */
export const MCS_API_VERSIONS = [`${MCS_GROUP}/v1beta1`, `${MCS_GROUP}/v1alpha1`] as const;

export const CLUSTER_SELECTORS_MAX = 16;
/** Of ours: the draft sets none. */
const EXPRESSIONS_MAX = 64;
const VALUES_MAX = 256;

const PropertyExpression = closed({
  key: text('The name of a ClusterProperty.'),
  operator: choice(['In', 'NotIn', 'Exists', 'DoesNotExist'], 'How its value relates to values.'),
  values: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: VALUES_MAX,
      description: 'Of In and NotIn; @SameAsImporter@ stands for the value in the cluster that imports.',
    }),
  ),
});

const ClusterSelector = closed({
  propertySelector: closed(
    {
      matchProperties: Type.Optional(
        stringMap('Values that ClusterProperties must have; @SameAsImporter@: that of the cluster which imports.'),
      ),
      matchExpressions: Type.Optional(
        Type.Array(PropertyExpression, { maxItems: EXPRESSIONS_MAX, description: 'All must hold.' }),
      ),
    },
    { description: 'By the ClusterProperties of a cluster; all that is said must hold.' },
  ),
});

export const ServiceExportSpec = closed({
  exportedLabels: Type.Optional(stringMap('Labels of the imports; those of the Service are not passed on.')),
  exportedAnnotations: Type.Optional(stringMap('Annotations of the imports; those of the Service are not passed on.')),
  clusterSelectors: Type.Optional(
    Type.Array(ClusterSelector, {
      maxItems: CLUSTER_SELECTORS_MAX,
      description: 'Which clusters are preferred, in this order; the others are used when none of these can.',
    }),
  ),
});

export const ServiceExportStatus = Type.Object({
  conditions: Type.Optional(
    Type.Array(StandardCondition, {
      description:
        'Valid: there is such a Service, and it can be exported. Ready: it has been. Conflict: clusters export it differently.',
    }),
  ),
});

export const ServiceExport = sharedResource(MCS_API_VERSIONS, 'ServiceExport', ServiceExportSpec, ServiceExportStatus);
export type ServiceExportSpec = Type.Static<typeof ServiceExportSpec>;
export type ServiceExportStatus = Type.Static<typeof ServiceExportStatus>;
export type ServiceExport = Type.Static<typeof ServiceExport>;
