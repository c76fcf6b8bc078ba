/**
 * The CustomResourceDefinitions of access policies. Pure. They are of skuprt's own group, so the API server holds them to all that it
 * can: a policy that says something else than was meant should not get in.
 */
import { POLICY_API_VERSION } from '../api/access-policy.ts';
import { isClusterScoped, KINDS } from '../api/index.ts';
import { type CustomResourceDefinition, PART_OF, VERSION_ANNOTATION } from './definition.ts';
import type { Column, PolicyKind } from './kinds.ts';
import { type StructuralSchema, withLimits } from './loosen.ts';

interface PolicyFacts {
  description: string;
  shortNames: readonly string[];
}

const FACTS: Readonly<Record<PolicyKind, PolicyFacts>> = {
  ClusterAccessPolicy: {
    description:
      'What the administrator of a cluster allows: who may connect to, expose and import services of which namespaces, and which sites ' +
      'may link. Asked before AccessPolicies; both must agree.',
    shortNames: ['cacp'],
  },
  AccessPolicy: {
    description:
      'What the owner of a namespace allows: who may connect to, expose and import its services, and which sites may link to its site.',
    shortNames: ['acp'],
  },
};
export const POLICY_KINDS = Object.keys(FACTS) as PolicyKind[];

const COLUMNS: readonly (Column & { priority?: number })[] = [
  { name: 'Status', type: 'string', jsonPath: '.status.status', description: 'Ready, Pending or Error' },
  {
    name: 'Dry Run',
    type: 'boolean',
    jsonPath: '.spec.dryRun',
    description: 'Whether it only says what it would refuse',
  },
  { name: 'Listeners', type: 'integer', jsonPath: '.status.selected.listeners', description: 'How many it governs' },
  { name: 'Connectors', type: 'integer', jsonPath: '.status.selected.connectors', description: 'How many it governs' },
  { name: 'Message', type: 'string', jsonPath: '.status.message', description: 'OK, or what is wrong with it' },
];

const LIMITS_RULE = {
  rule: "has(self.limits) == (self.action == 'Limit')",
  message: 'limits go with the action Limit, and it needs them',
};
const LIMIT_CONNECT_RULE = {
  rule: "self.action != 'Limit' || !has(self.operations) || self.operations.all(operation, operation == 'Connect')",
  message: 'with the action Limit, operations may be Connect only',
};
const OVERLAY = {
  'spec.rules[]': { 'x-kubernetes-validations': [LIMITS_RULE, LIMIT_CONNECT_RULE] },
  'spec.rules[].limits.bytesPerSecond': { format: 'int64' },
};
const STATUS_OVERLAY = {
  'status.conditions': { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
  'status.conditions[].observedGeneration': { format: 'int64' },
  'status.observedGeneration': { format: 'int64' },
};
const CONDITIONS_TEXT =
  'Valid: it says nothing that has no meaning. Warnings: something about it is probably not meant, see the message. Ready: it is in force.';

/** `release`: the version of skuprt. */
export function policyDefinition(kind: PolicyKind, release: string): CustomResourceDefinition {
  const { plural } = KINDS[kind];
  const [group, version] = POLICY_API_VERSION.split('/') as [string, string];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      labels: { 'app.kubernetes.io/part-of': PART_OF },
      annotations: { [VERSION_ANNOTATION]: release },
    },
    spec: {
      group,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: FACTS[kind].shortNames,
        // `kubectl get skupper` shows them beside the others.
        categories: ['skupper'],
      },
      scope: isClusterScoped(kind) ? 'Cluster' : 'Namespaced',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: COLUMNS,
          schema: { openAPIV3Schema: policySchema(kind) },
        },
      ],
    },
  };
}

/** What the API server holds policies of this kind to. */
export function policySchema(kind: PolicyKind): StructuralSchema {
  const { spec, status } = KINDS[kind].schema.properties as unknown as Record<'spec' | 'status', object>;
  const written = withLimits(status, STATUS_OVERLAY, 'status');
  written.properties!.conditions!.description = CONDITIONS_TEXT;
  return {
    description: FACTS[kind].description,
    type: 'object',
    properties: {
      apiVersion: { type: 'string', description: `Always ${POLICY_API_VERSION}.` },
      kind: { type: 'string', description: `Always ${kind}.` },
      metadata: { type: 'object' },
      spec: { ...withLimits(spec, OVERLAY, 'spec'), description: 'What is wanted.' },
      status: { ...written, description: 'What is; written by the controller.' },
    },
    required: ['spec'],
  };
}
