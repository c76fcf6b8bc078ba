import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import Value from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { KINDS } from '../../config/api/index.ts';
import { parseKind, parseKinds, parseResources, ResourceError } from '../../config/api/parse.ts';
import { LOCAL_KINDS, SERVICE_KINDS, type ServiceKind } from '../../config/api/service-kinds.ts';
import type { CustomResourceDefinition } from '../../config/crd/definition.ts';
import type { StructuralSchema } from '../../config/crd/loosen.ts';
import { ON_REQUEST_KINDS, SET_KINDS, serviceSchema } from '../../config/crd/service-definition.ts';
import { generatedFiles } from '../../tools/gen-config.ts';
import { arbitraryValue, fullValue, type SchemaNode } from '../support/schema-values.ts';

const SEED = 17;
const ALL_KINDS = Object.keys(SERVICE_KINDS) as ServiceKind[];

const FILES: Record<ServiceKind, string> = {
  ServiceExport: 'config/crd/services/serviceexports.yaml',
  ServiceImport: 'config/crd/services/serviceimports.yaml',
  ClusterProperty: 'config/crd/services/clusterproperties.yaml',
  DNSEndpoint: 'config/crd/dns-endpoints/dnsendpoints.yaml',
};

interface Version {
  name: string;
  served: boolean;
  storage: boolean;
  subresources: object;
  additionalPrinterColumns?: { name: string; priority?: number }[];
  schema: { openAPIV3Schema: StructuralSchema };
}

interface Spec {
  group: string;
  scope: string;
  names: { shortNames?: string[]; categories?: string[] };
  versions: Version[];
}

const written = (kind: ServiceKind) =>
  parse(generatedFiles().get(FILES[kind])!) as CustomResourceDefinition & { spec: Spec };

const CONDITIONS =
  'status.conditions[].*type:string status.conditions[].*status:string status.conditions[].observedGeneration:integer status.conditions[].*lastTransitionTime:string status.conditions[].*reason:string status.conditions[].*message:string';

/** The members of the official kinds, with `*` before those that must be there. What is missing here would be pruned. */
const OFFICIAL: Record<ServiceKind, string> = {
  ServiceExport: `spec.exportedLabels.key:string spec.exportedAnnotations.key:string ${CONDITIONS}`,
  ServiceImport: `spec.*ports[].name:string spec.*ports[].protocol:string spec.*ports[].appProtocol:string spec.*ports[].*port:integer spec.*type:string spec.ips[]:string spec.ipFamilies[]:string spec.sessionAffinity:string spec.sessionAffinityConfig.clientIP.timeoutSeconds:integer spec.internalTrafficPolicy:string spec.trafficDistribution:string status.clusters[].*cluster:string ${CONDITIONS}`,
  ClusterProperty: 'spec.*value:string',
  DNSEndpoint:
    'spec.endpoints[].*dnsName:string spec.endpoints[].*recordType:string spec.endpoints[].targets[]:string spec.endpoints[].recordTTL:integer spec.endpoints[].setIdentifier:string spec.endpoints[].labels.key:string spec.endpoints[].providerSpecific[].*name:string spec.endpoints[].providerSpecific[].value:string status.observedGeneration:integer',
};

/** Of drafts of the API, and agreed on since its release. */
const LATER: Partial<Record<ServiceKind, string>> = {
  ServiceExport:
    'spec.clusterSelectors[].*propertySelector.matchProperties.key:string spec.clusterSelectors[].*propertySelector.matchExpressions[].*key:string spec.clusterSelectors[].*propertySelector.matchExpressions[].*operator:string spec.clusterSelectors[].*propertySelector.matchExpressions[].values[]:string',
  ServiceImport:
    'status.endpointSliceObjects:string status.observedGeneration:integer status.clusterSelectorResults[].clusters[]:string',
};

/** All that an API server refuses but for types and missing members. */
const LIMITS: Record<ServiceKind, string[]> = {
  ServiceExport: [
    'spec.clusterSelectors maxItems',
    'spec.clusterSelectors[].propertySelector.matchExpressions maxItems',
    'spec.clusterSelectors[].propertySelector.matchExpressions[].key minLength',
    'spec.clusterSelectors[].propertySelector.matchExpressions[].operator enum',
    'spec.clusterSelectors[].propertySelector.matchExpressions[].values maxItems',
  ],
  ServiceImport: [
    'spec.ipFamilies maxItems',
    'spec.ips maxItems',
    'spec.ports[].port format',
    'spec.sessionAffinityConfig.clientIP.timeoutSeconds format',
    'spec.type enum',
    'status.clusterSelectorResults maxItems',
    'status.endpointSliceObjects enum',
    'status.observedGeneration format',
  ],
  ClusterProperty: ['spec.value maxLength', 'spec.value minLength'],
  DNSEndpoint: [
    'spec.endpoints maxItems',
    'spec.endpoints[].dnsName minLength',
    'spec.endpoints[].providerSpecific maxItems',
    'spec.endpoints[].providerSpecific[].name minLength',
    'spec.endpoints[].recordTTL format',
    'spec.endpoints[].recordTTL minimum',
    'spec.endpoints[].recordType minLength',
    'spec.endpoints[].targets maxItems',
    'status.observedGeneration format',
  ],
};

const CONDITION_LIMITS = [
  'status.conditions[].lastTransitionTime format',
  'status.conditions[].message maxLength',
  'status.conditions[].observedGeneration format',
  'status.conditions[].observedGeneration minimum',
  'status.conditions[].reason maxLength',
  'status.conditions[].reason minLength',
  'status.conditions[].reason pattern',
  'status.conditions[].status enum',
  'status.conditions[].type maxLength',
  'status.conditions[].type pattern',
];

function leaves(node: StructuralSchema, path: string): string[] {
  const { properties, additionalProperties, items, required = [] } = node;
  if (items) return leaves(items, `${path}[]`);
  if (additionalProperties) return leaves(additionalProperties, `${path}.key`);
  if (!properties) return node.type === 'object' ? [] : [`${path}:${node.type}`];
  return Object.entries(properties).flatMap(([name, member]) =>
    leaves(member, `${path}.${required.includes(name) ? '*' : ''}${name}`),
  );
}

function limits(node: StructuralSchema, path: string): string[] {
  const harmless = ['type', 'description', 'properties', 'additionalProperties', 'items', 'required'];
  const here = Object.keys(node).filter((word) => !harmless.includes(word) && !word.startsWith('x-kubernetes-'));
  const inner = [
    ...Object.entries(node.properties ?? {}).map(([name, member]) => [member, `${path}.${name}`] as const),
    ...(node.items ? [[node.items, `${path}[]`] as const] : []),
    ...(node.additionalProperties ? [[node.additionalProperties, `${path}.*`] as const] : []),
  ];
  return [...here.map((word) => `${path} ${word}`), ...inner.flatMap(([member, at]) => limits(member, at))];
}

describe.each(ALL_KINDS)('the CRD of %s', (kind) => {
  const { spec, status } = serviceSchema(kind).properties! as Record<'spec' | 'status', StructuralSchema>;

  it('keeps every member that the official kind has, and asks for no other', () => {
    const expected = [OFFICIAL[kind], LATER[kind] ?? ''].join(' ').split(' ').filter(Boolean);
    expect([...leaves(spec, 'spec'), ...leaves(status, 'status')].sort()).toEqual(expected.sort());
  });

  it('refuses no more than that', () => {
    const ofConditions = status.properties?.conditions ? CONDITION_LIMITS : [];
    expect([...limits(spec, 'spec'), ...limits(status, 'status')].sort()).toEqual(
      [...LIMITS[kind], ...ofConditions].sort(),
    );
  });

  it('has one schema for all its versions, of which the newest is stored', () => {
    const { versions } = written(kind).spec;
    const names = kind === 'DNSEndpoint' ? ['v1alpha1'] : ['v1beta1', 'v1alpha1'];
    expect(versions.map(({ name }) => name)).toEqual(names);
    expect(versions.map(({ storage }) => storage)).toEqual(names.map((_, index) => index === 0));
    for (const { served, subresources, schema } of versions) {
      expect({ served, subresources }).toEqual({ served: true, subresources: { status: {} } });
      expect(schema).toEqual(versions[0]!.schema);
    }
  });

  it('describes what a user writes', () => {
    for (const [name, member] of Object.entries(spec.properties!)) expect(member.description, name).toMatch(/\S/);
  });

  it('takes whatever the controllers here take for valid', () => {
    const strict = SERVICE_KINDS[kind].schema.properties as unknown as Record<'spec' | 'status', SchemaNode>;
    const loose = serviceSchema(kind) as SchemaNode;
    const { apiVersion } = SERVICE_KINDS[kind];
    const members = fc.record({ spec: arbitraryValue(strict.spec), status: arbitraryValue(strict.status) });
    fc.assert(
      fc.property(members, (rest) => {
        const object = { apiVersion, kind, metadata: { name: 'a' }, ...rest };
        expect(parseKind(object, 'x', SERVICE_KINDS).kind).toBe(kind);
        expect(Value.Check(loose as never, object)).toBe(true);
      }),
      { seed: SEED, numRuns: 100 },
    );
  });
});

describe('the CRDs of services', () => {
  it('go by the official names', () => {
    expect(written('ServiceExport').spec.names.shortNames).toEqual(['svcex', 'svcexport']);
    expect(written('ServiceImport').spec.names.shortNames).toEqual(['svcim', 'svcimport']);
    expect(written('ClusterProperty').spec).toMatchObject({
      scope: 'Cluster',
      names: { categories: ['multicluster'] },
    });
    expect(ALL_KINDS.map((kind) => written(kind).metadata.name)).toEqual([
      'serviceexports.multicluster.x-k8s.io',
      'serviceimports.multicluster.x-k8s.io',
      'clusterproperties.about.k8s.io',
      'dnsendpoints.externaldns.k8s.io',
    ]);
  });

  it('show the official columns, and more only when asked', () => {
    const columns = (kind: ServiceKind, isWide: boolean) =>
      written(kind)
        .spec.versions[0]!.additionalPrinterColumns!.filter(({ priority = 0 }) => isWide || priority === 0)
        .map(({ name }) => name);
    expect(columns('ServiceExport', false)).toEqual(['Age']);
    expect(columns('ServiceExport', true)).toEqual(['Valid', 'Ready', 'Conflict', 'Age']);
    expect(columns('ServiceImport', true)).toEqual(['Type', 'IP', 'Age']);
  });

  it('say which official release they hold all of', () => {
    for (const kind of ['ServiceExport', 'ServiceImport'] as const) {
      expect(written(kind).metadata.labels).toMatchObject({
        'multicluster.x-k8s.io/release-version': 'v0.5.0',
        'multicluster.x-k8s.io/crd-schema-revision': '0',
      });
    }
  });

  it('say where groups below k8s.io were agreed on, without which no API server takes them', () => {
    for (const kind of ['ClusterProperty', 'DNSEndpoint'] as const) {
      expect(written(kind).metadata.annotations['api-approved.kubernetes.io']).toMatch(/^https:/);
    }
  });

  it('have lists that several writers share by key', () => {
    const { status, spec } = serviceSchema('ServiceImport').properties!;
    const map = (key: string) => ({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
    expect(status!.properties).toMatchObject({ conditions: map('type'), clusters: map('cluster') });
    expect(spec!.properties!.ports).toMatchObject({ 'x-kubernetes-list-type': 'atomic' });
    expect(serviceSchema('ServiceExport').properties!.status!.properties).toMatchObject({ conditions: map('type') });
  });

  it('are three with an installation, and one on request', () => {
    expect([...SET_KINDS, ...ON_REQUEST_KINDS].sort()).toEqual([...ALL_KINDS].sort());
    for (const folder of ['services', 'dns-endpoints']) {
      const { resources } = parse(readFileSync(`config/crd/${folder}/kustomization.yaml`, 'utf8')) as {
        resources: string[];
      };
      expect(resources).toHaveLength(folder === 'services' ? 3 : 1);
    }
  });
});

describe('texts with kinds of services', () => {
  const EXPORT = 'kind: ServiceExport\nmetadata: { name: be-svc }\n';

  it.each(['v1beta1', 'v1alpha1'])('are read in each version: %s', (version) => {
    const text = `apiVersion: multicluster.x-k8s.io/${version}\n${EXPORT}`;
    expect(parseKinds(text, 'x', LOCAL_KINDS)).toMatchObject([{ kind: 'ServiceExport', spec: {} }]);
  });

  it('may stand beside the kinds of a site where a local site reads them', () => {
    const site = 'apiVersion: skupper.io/v2alpha1\nkind: Site\nmetadata: { name: west }\n';
    const text = `${site}---\napiVersion: multicluster.x-k8s.io/v1beta1\n${EXPORT}`;
    expect(parseKinds(text, 'x', LOCAL_KINDS).map(({ kind }) => kind)).toEqual(['Site', 'ServiceExport']);
    // Where only sites are understood, nothing is left out silently.
    expect(() => parseResources(text, 'x')).toThrow(/kind is not known; known: Site/);
  });

  it('are told every fault with its place', () => {
    const text = `apiVersion: multicluster.x-k8s.io/v2\n${EXPORT}spec:
  exportedLabel: {}
  clusterSelectors:
    - propertySelector:
        matchExpressions:
          - { key: region, operator: Near }
`;
    let faults: string[] = [];
    try {
      parseKinds(text, 'x', LOCAL_KINDS);
    } catch (error) {
      faults = (error as ResourceError).faults.map(({ path }) => path);
    }
    expect(faults.sort()).toEqual([
      'apiVersion',
      'spec.clusterSelectors[0].propertySelector.matchExpressions[0].operator',
      'spec.exportedLabel',
    ]);
  });

  it('take no more selectors than the draft', () => {
    const selector = fullValue({
      ...(SERVICE_KINDS.ServiceExport.schema.properties.spec.properties.clusterSelectors.items as SchemaNode),
    });
    const object = (count: number) => ({
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceExport',
      metadata: { name: 'a' },
      spec: { clusterSelectors: Array.from({ length: count }, () => selector) },
    });
    expect(parseKind(object(16), 'x', SERVICE_KINDS)).toMatchObject({ kind: 'ServiceExport' });
    expect(() => parseKind(object(17), 'x', SERVICE_KINDS)).toThrow(ResourceError);
  });

  it('leave the table of site kinds as it was', () => {
    expect(Object.keys(KINDS)).toHaveLength(15);
    expect(ALL_KINDS.filter((kind) => Object.hasOwn(KINDS, kind))).toEqual([]);
  });
});

describe('config/samples/services', () => {
  const folder = 'config/samples/services';

  it('are valid, and told of', () => {
    const readme = readFileSync(`${folder}/README.md`, 'utf8');
    const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      expect(parseKinds(readFileSync(`${folder}/${file}`, 'utf8'), file, SERVICE_KINDS)).toHaveLength(1);
      expect(readme).toContain(`\`${file}\``);
    }
  });
});
