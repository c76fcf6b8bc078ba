/**
 * The CustomResourceDefinitions of the kinds of services of a cluster set. Pure.
 *
 * They take all that the official ones take, and keep it: clients of those work with these. Versions of a kind share one schema, so
 * nothing is converted between them.
 */
import { SERVICE_KINDS, type ServiceKind } from '../api/service-kinds.ts';
import { type CustomResourceDefinition, PART_OF, VERSION_ANNOTATION } from './definition.ts';
import { type StructuralSchema, withLimits } from './loosen.ts';
import { SERVICE_CRD_FACTS } from './service-kinds.ts';

/** Installed with the service-controller. */
export const SET_KINDS = [
  'ServiceExport',
  'ServiceImport',
  'ClusterProperty',
] as const satisfies readonly ServiceKind[];

/** Installed where somebody asks for it: it belongs to external-dns. */
export const ON_REQUEST_KINDS = ['DNSEndpoint'] as const satisfies readonly ServiceKind[];

/** `release`: the version of skuprt. */
export function serviceDefinition(kind: ServiceKind, release: string): CustomResourceDefinition {
  const { plural, apiVersions, isNamespaced } = SERVICE_KINDS[kind];
  const { shortNames, categories, columns, labels, annotations } = SERVICE_CRD_FACTS[kind];
  const group = apiVersions[0].split('/')[0]!;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      labels: { 'app.kubernetes.io/part-of': PART_OF, ...labels },
      annotations: { [VERSION_ANNOTATION]: release, ...annotations },
    },
    spec: {
      group,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        ...(shortNames && { shortNames }),
        ...(categories && { categories }),
      },
      scope: isNamespaced ? 'Namespaced' : 'Cluster',
      versions: apiVersions.map((apiVersion, index) => ({
        name: apiVersion.split('/')[1]!,
        served: true,
        storage: index === 0,
        subresources: { status: {} },
        ...(columns.length > 0 && { additionalPrinterColumns: columns }),
        schema: { openAPIV3Schema: serviceSchema(kind) },
      })),
    },
  };
}

/** What the API server holds objects of this kind to, in each version. */
export function serviceSchema(kind: ServiceKind): StructuralSchema {
  const { description, overlay = {} } = SERVICE_CRD_FACTS[kind];
  const { schema, apiVersions } = SERVICE_KINDS[kind];
  const { spec, status } = schema.properties as Record<'spec' | 'status', object>;
  const overlayOf = (root: string) =>
    Object.fromEntries(Object.entries(overlay).filter(([path]) => path.split('.')[0] === root));
  return {
    description,
    type: 'object',
    properties: {
      apiVersion: { type: 'string', description: `${apiVersions.join(' or ')}.` },
      kind: { type: 'string', description: `Always ${kind}.` },
      metadata: { type: 'object' },
      spec: { ...withLimits(spec, overlayOf('spec'), 'spec'), description: 'What is wanted.' },
      status: { ...withLimits(status, overlayOf('status'), 'status'), description: 'What is; written by controllers.' },
    },
  };
}
