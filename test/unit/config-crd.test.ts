import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { requiredConditions } from '../../config/api/conditions.ts';
import type { Resource } from '../../config/api/index.ts';
import { parseResources } from '../../config/api/parse.ts';
import { CUSTOM_KINDS, type CustomResourceDefinition, looseSchema } from '../../config/crd/definition.ts';
import { CRD_FACTS, type CustomKind } from '../../config/crd/kinds.ts';
import { loosen, type StructuralSchema } from '../../config/crd/loosen.ts';
import { generatedFiles } from '../../tools/gen-config.ts';

/**
 * The members that Skupper 2.3 has in each kind, beside `settings` and what every status has. `*`: required, as there but for the
 * kinds whose own samples there lack them.
 */
const SKUPPER_MEMBERS: Record<CustomKind, { spec: string; status: string }> = {
  Site: {
    spec: 'serviceAccount:string linkAccess:string defaultIssuer:string ha:boolean edge:boolean',
    status:
      'defaultIssuer:string controller.name:string controller.namespace:string controller.version:string endpoints[].name:string endpoints[].host:string endpoints[].port:string endpoints[].group:string sitesInNetwork:integer network[].id:string network[].name:string network[].namespace:string network[].platform:string network[].version:string network[].links[].name:string network[].links[].remoteSiteId:string network[].links[].remoteSiteName:string network[].links[].operational:boolean network[].services[].routingKey:string network[].services[].connectors[]:string network[].services[].listeners[]:string',
  },
  Link: {
    spec: '*endpoints[].name:string *endpoints[].host:string *endpoints[].port:string *endpoints[].group:string tlsCredentials:string cost:integer',
    status: 'remoteSiteId:string remoteSiteName:string',
  },
  Listener: {
    spec: '*routingKey:string *host:string *port:integer tlsCredentials:string type:string observer:string exposePodsByName:boolean',
    status: 'hasMatchingConnector:boolean',
  },
  Connector: {
    spec: '*routingKey:string *port:integer selector:string host:string tlsCredentials:string useClientCert:boolean verifyHostname:boolean type:string includeNotReadyPods:boolean exposePodsByName:boolean',
    status: 'hasMatchingListener:boolean selectedPods[].name:string selectedPods[].ip:string',
  },
  MultiKeyListener: {
    spec: '*host:string *port:integer *strategy.priority.*routingKeys[]:string *strategy.weighted.*routingKeys.key:integer tlsCredentials:string requireClientCert:boolean observer:string',
    status:
      'hasDestination:boolean strategy.priority.*routingKeysReachable[]:string strategy.weighted.*routingKeysReachable.key:integer',
  },
  AttachedConnector: {
    spec: '*siteNamespace:string *port:integer *selector:string tlsCredentials:string useClientCert:boolean type:string includeNotReadyPods:boolean',
    status: 'selectedPods[].name:string selectedPods[].ip:string',
  },
  AttachedConnectorBinding: {
    spec: '*connectorNamespace:string *routingKey:string exposePodsByName:boolean',
    status: 'hasMatchingListener:boolean',
  },
  AccessGrant: {
    spec: 'redemptionsAllowed:integer expirationWindow:string code:string issuer:string',
    status: 'url:string code:string ca:string redemptions:integer expirationTime:string',
  },
  AccessToken: {
    spec: '*url:string *code:string *ca:string linkCost:integer',
    status: 'redeemed:boolean',
  },
  RouterAccess: {
    spec: 'roles[].*name:string roles[].port:integer tlsCredentials:string generateTlsCredentials:boolean issuer:string accessType:string bindHost:string subjectAlternativeNames[]:string',
    status: 'endpoints[].name:string endpoints[].host:string endpoints[].port:string endpoints[].group:string',
  },
  SecuredAccess: {
    spec: 'ports[].*name:string ports[].*port:integer ports[].targetPort:integer ports[].protocol:string selector.key:string accessType:string certificate:string issuer:string',
    status:
      'endpoints[].name:string endpoints[].host:string endpoints[].port:string endpoints[].group:string ca:string',
  },
  Certificate: {
    spec: 'ca:string subject:string hosts[]:string client:boolean server:boolean signing:boolean',
    status: 'expiration:string',
  },
};
const OF_EVERY_STATUS =
  'status:string message:string conditions[].*type:string conditions[].*status:string conditions[].*reason:string conditions[].*message:string conditions[].*lastTransitionTime:string conditions[].observedGeneration:integer';
/** Ours beside Skupper's. */
const ADDED: Partial<Record<CustomKind, string[]>> = { AccessGrant: ['status.urls[]:string'] };

/** Whatever else could make an API server refuse: what Skupper's CRDs have too. */
const ENFORCED: Partial<Record<CustomKind, string[]>> = {
  Listener: ['spec.observer enum'],
  Connector: ['spec oneOf'],
  MultiKeyListener: [
    'spec.observer enum',
    'spec.strategy x-kubernetes-validations',
    'spec.strategy.priority.routingKeys minItems',
    'spec.strategy.priority.routingKeys maxItems',
    'spec.strategy.priority.routingKeys x-kubernetes-list-type',
    'spec.strategy.weighted.routingKeys minProperties',
    'spec.strategy.weighted.routingKeys maxProperties',
    'spec.strategy.weighted.routingKeys x-kubernetes-map-type',
    'status.strategy.weighted.routingKeysReachable x-kubernetes-map-type',
  ],
};

const NAMES: Record<CustomKind, [plural: string, shortNames: string[], columns: string[]]> = {
  Site: ['sites', ['st'], ['Status', 'Sites In Network', 'Message']],
  Link: ['links', ['ln'], ['Status', 'Remote Site', 'Message']],
  Listener: ['listeners', ['lnr'], ['Routing Key', 'Port', 'Host', 'Status', 'Has Matching Connector', 'Message']],
  Connector: [
    'connectors',
    ['cnr'],
    ['Routing Key', 'Port', 'Host', 'Selector', 'Status', 'Has Matching Listener', 'Message'],
  ],
  MultiKeyListener: ['multikeylisteners', [], ['Status', 'Message', 'HasDestination']],
  AttachedConnector: ['attachedconnectors', ['acnr'], ['Port', 'Selector', 'Site Namespace', 'Status']],
  AttachedConnectorBinding: [
    'attachedconnectorbindings',
    ['acnrb'],
    ['Routing Key', 'Connector Namespace', 'Status', 'Has Matching Listener'],
  ],
  AccessGrant: [
    'accessgrants',
    ['grant', 'gr'],
    ['Redemptions Allowed', 'Redemptions Made', 'Expiration', 'Status', 'Message'],
  ],
  AccessToken: ['accesstokens', ['token', 'to'], ['URL', 'Redeemed', 'Status', 'Message']],
  RouterAccess: ['routeraccesses', [], ['Status', 'Message']],
  SecuredAccess: ['securedaccesses', [], ['Status', 'Message']],
  Certificate: ['certificates', [], ['CA', 'Server', 'Client', 'Signing', 'Status', 'Expiration', 'Message']],
};

/** `spec.endpoints[].name:string` of every leaf, with `*` before each required member. */
function leaves(node: StructuralSchema, path: string): string[] {
  const { properties, additionalProperties, items, required = [] } = node;
  if (items) return leaves(items, `${path}[]`);
  if (additionalProperties) return leaves(additionalProperties, `${path}.key`);
  if (!properties) return [`${path}:${node.type}`];
  return Object.entries(properties).flatMap(([name, member]) =>
    leaves(member, `${path}.${required.includes(name) ? '*' : ''}${name}`),
  );
}

const HARMLESS = ['type', 'description', 'properties', 'additionalProperties', 'items', 'required'];

function enforced(node: StructuralSchema, path: string): string[] {
  const inner = [
    ...Object.entries(node.properties ?? {}).map(([name, member]) => [member, `${path}.${name}`] as const),
    ...(node.items ? [[node.items, `${path}[]`] as const] : []),
    ...(node.additionalProperties ? [[node.additionalProperties, `${path}.*`] as const] : []),
  ];
  const here = Object.keys(node).filter((keyword) => !HARMLESS.includes(keyword));
  return [...here.map((keyword) => `${path} ${keyword}`), ...inner.flatMap(([member, at]) => enforced(member, at))];
}

describe('generated files', () => {
  it.each([...generatedFiles()].map(([path, text]) => ({ path, text })))('$path is fresh', ({ path, text }) => {
    expect(existsSync(path) ? readFileSync(path, 'utf8') : 'missing: run npm run gen').toBe(text);
  });

  it('are all that is in their folders', () => {
    const paths = [...generatedFiles().keys()];
    for (const folder of ['config/crd/bases', 'config/helm/skuprt/files/crds', 'config/helm/skuprt/files/rules']) {
      for (const file of readdirSync(folder)) expect(paths).toContain(`${folder}/${file}`);
    }
  });
});

describe.each(CUSTOM_KINDS)('the CRD of %s', (kind) => {
  const text = generatedFiles().get(`config/crd/bases/${NAMES[kind][0]}.yaml`)!;
  const crd = parse(text) as CustomResourceDefinition & { spec: Spec };
  const { spec, status } = looseSchema(kind).properties!;

  it('has every member that Skupper has, with its type, and asks for no other', () => {
    const members = (root: string, list: string) => list.split(' ').map((member) => `${root}.${member}`);
    const expected = [
      ...members('spec', SKUPPER_MEMBERS[kind].spec),
      'spec.settings.key:string',
      ...members('status', `${OF_EVERY_STATUS} ${SKUPPER_MEMBERS[kind].status}`),
      ...(ADDED[kind] ?? []),
    ];
    expect([...leaves(spec!, 'spec'), ...leaves(status!, 'status')].sort()).toEqual(expected.sort());
  });

  it('refuses nothing else', () => {
    const [{ schema }] = crd.spec.versions as unknown as [{ schema: { openAPIV3Schema: StructuralSchema } }];
    const { openAPIV3Schema: root } = schema;
    const { spec: written, status: writtenStatus } = root.properties!;
    expect([...enforced(written!, 'spec'), ...enforced(writtenStatus!, 'status')].sort()).toEqual(
      [...(ENFORCED[kind] ?? [])].sort(),
    );
    expect(root.required ?? []).toEqual(kind === 'MultiKeyListener' ? ['spec'] : []);
  });

  it('goes by the names and columns of Skupper', () => {
    const [plural, shortNames, columns] = NAMES[kind];
    expect(crd.metadata.name).toBe(`${plural}.skupper.io`);
    expect(crd.spec.names).toEqual({
      kind,
      listKind: `${kind}List`,
      plural,
      singular: kind.toLowerCase(),
      ...(shortNames.length > 0 && { shortNames }),
      categories: ['skupper'],
    });
    const [version] = crd.spec.versions;
    expect(version).toMatchObject({ name: 'v2alpha1', served: true, storage: true, subresources: { status: {} } });
    expect(version!.additionalPrinterColumns.map(({ name }) => name)).toEqual(columns);
  });

  it('has columns that lead somewhere', () => {
    const paths = [...leaves(spec!, '.spec'), ...leaves(status!, '.status')].map((leaf) => leaf.replaceAll('*', ''));
    for (const { jsonPath, type, description } of CRD_FACTS[kind].columns) {
      expect(paths).toContain(`${jsonPath}:${type}`);
      expect(description).not.toBe('');
    }
  });

  it('says what each condition means that Ready needs', () => {
    const resource = { kind, spec: { linkAccess: 'default' } } as unknown as Resource;
    const required = requiredConditions(resource).filter((type) => type !== 'Ready');
    expect(Object.keys(CRD_FACTS[kind].conditions).sort()).toEqual([...required].sort());
  });

  it('describes what a user writes', () => {
    for (const [name, member] of Object.entries(spec!.properties!)) {
      expect(member.description, name).toMatch(/\S/);
    }
  });
});

interface Spec {
  names: object;
  versions: { additionalPrinterColumns: { name: string }[]; schema: { openAPIV3Schema: StructuralSchema } }[];
}

describe('loosen', () => {
  it('refuses an overlay for a path that is not there', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    expect(() => loosen(schema, { 'spec.b': { enum: ['x'] } }, 'spec')).toThrow(/no such path.*spec\.b/);
  });
});

describe('config/samples/kubernetes', () => {
  const folder = 'config/samples/kubernetes';
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));

  it('are valid', () => {
    for (const file of files) expect(parseResources(readFileSync(`${folder}/${file}`, 'utf8'), file)).toHaveLength(1);
  });

  it('show every kind, and the list of them each file', () => {
    const kinds = files.map((file) => parse(readFileSync(`${folder}/${file}`, 'utf8')).kind as string);
    expect([...new Set(kinds)].sort()).toEqual([...CUSTOM_KINDS].sort());
    const readme = readFileSync(`${folder}/README.md`, 'utf8');
    for (const file of files) expect(readme).toContain(`\`${file}\``);
  });
});
