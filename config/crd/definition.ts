/** The CustomResourceDefinition of a kind, made from its schema in config/api and its facts. Pure. */

import { KINDS } from '../api/index.ts';
import { SKUPPER_API_VERSION } from '../api/schema.ts';
import { CRD_FACTS, type CrdFacts, type CustomKind } from './kinds.ts';
import { loosen, type StructuralSchema } from './loosen.ts';

/** Says which version of skuprt made an object; what is newer is never replaced silently. */
export const VERSION_ANNOTATION = 'skuprt.io/version';

/** The label app.kubernetes.io/part-of of everything that installing makes; what lacks it is somebody else's. */
export const PART_OF = 'skuprt';

const [GROUP, VERSION] = SKUPPER_API_VERSION.split('/') as [string, string];

export interface CustomResourceDefinition {
  apiVersion: string;
  kind: string;
  metadata: { name: string; annotations: Record<string, string>; labels: Record<string, string> };
  spec: {
    [member: string]: unknown;
    versions: { schema: { openAPIV3Schema: StructuralSchema }; [member: string]: unknown }[];
  };
}

export const CUSTOM_KINDS = Object.keys(CRD_FACTS) as CustomKind[];

/** `release`: the version of skuprt. */
export function customResourceDefinition(kind: CustomKind, release: string): CustomResourceDefinition {
  const { plural } = KINDS[kind];
  const { shortNames, columns } = CRD_FACTS[kind];
  const singular = kind.toLowerCase();
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${GROUP}`,
      labels: { 'app.kubernetes.io/part-of': PART_OF },
      annotations: { [VERSION_ANNOTATION]: release },
    },
    spec: {
      group: GROUP,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        ...(shortNames && { shortNames }),
        // `kubectl get skupper` shows all of them.
        categories: ['skupper'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: looseSchema(kind) },
        },
      ],
    },
  };
}

/** What the API server holds objects of this kind to. */
export function looseSchema(kind: CustomKind): StructuralSchema {
  const facts = CRD_FACTS[kind];
  const { spec, status } = KINDS[kind].schema.properties as Record<'spec' | 'status', object>;
  const overlayOf = (root: string) =>
    Object.fromEntries(Object.entries(facts.overlay ?? {}).filter(([path]) => path.split('.')[0] === root));
  const looseStatus = loosen(status, overlayOf('status'), 'status');
  looseStatus.properties!.conditions!.description = conditionsText(facts);
  return {
    description: facts.description,
    type: 'object',
    properties: {
      apiVersion: { type: 'string', description: `Always ${SKUPPER_API_VERSION}.` },
      kind: { type: 'string', description: `Always ${kind}.` },
      metadata: { type: 'object' },
      spec: { ...loosen(spec, overlayOf('spec'), 'spec'), description: 'What is wanted.' },
      status: { ...looseStatus, description: 'What is; written by the controller.' },
    },
    ...(facts.requiresSpec && { required: ['spec'] }),
  };
}

function conditionsText({ conditions }: CrdFacts): string {
  const types = Object.entries(conditions).map(([type, meaning]) => `${type}: ${meaning}.`);
  return [...types, `Ready: ${types.length > 0 ? 'all of these are true' : 'it can be used'}.`].join(' ');
}
