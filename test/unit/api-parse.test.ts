import { describe, expect, it } from 'vitest';
import { KINDS } from '../../config/api/index.ts';
import { parseResource, parseResources, ResourceError } from '../../config/api/parse.ts';
import { secretText } from '../../config/api/secret-text.ts';
import { serializeResources } from '../../config/api/serialize.ts';

const API = 'apiVersion: skupper.io/v2alpha1';

function faultsOf(text: string): string[] {
  try {
    parseResources(text, 'input.yaml');
  } catch (error) {
    if (error instanceof ResourceError) {
      return error.faults.map(({ document, path, message }) => `${document} ${path}: ${message}`);
    }
    throw error;
  }
  return [];
}

/** The shortest spec that Skupper accepts, by kind. */
const MINIMAL: Record<string, unknown> = {
  Site: {},
  Link: { endpoints: [{ name: 'inter-router', host: 'east.example', port: '55671' }], tlsCredentials: 'east' },
  Listener: { routingKey: 'backend', host: 'backend', port: 8080 },
  Connector: { routingKey: 'backend', port: 8080, selector: 'app=backend' },
  MultiKeyListener: { host: 'all', port: 8080, strategy: { weighted: { routingKeys: { a: 1, b: 2 } } } },
  AttachedConnector: { siteNamespace: 'east', port: 8080, selector: 'app=backend' },
  AttachedConnectorBinding: { connectorNamespace: 'apps', routingKey: 'backend' },
  AccessGrant: { expirationWindow: '1h30m', redemptionsAllowed: 2 },
  AccessToken: { url: 'https://east.example:9090/1', code: 'abc', ca: 'PEM' },
  RouterAccess: { roles: [{ name: 'edge' }, { name: 'inter-router', port: 55671 }], tlsCredentials: 'east' },
  SecuredAccess: { selector: { app: 'x' }, ports: [{ name: 'https', port: 443, targetPort: 9090, protocol: 'TCP' }] },
  Certificate: { ca: '', subject: 'east site CA', signing: true },
  ClusterAccessPolicy: { rules: [{ action: 'Allow', operations: ['Link'], from: [{ sites: ['east'] }] }] },
  AccessPolicy: {
    services: [{ names: ['backend'] }],
    rules: [{ action: 'Limit', limits: { concurrentConnections: 5 } }],
  },
};

describe('parseResources', () => {
  it('accepts every kind and gives it back after serialization', () => {
    const resources = Object.entries(KINDS).map(([kind, { apiVersion }]) => {
      const spec = kind === 'Secret' ? { type: 'Opaque', data: { a: 'Yg==' } } : { spec: MINIMAL[kind] };
      return parseResource({ apiVersion, kind, metadata: { name: 'x' }, ...spec }, kind);
    });
    expect(resources).toHaveLength(15);
    expect(parseResources(serializeResources(resources), 'text')).toEqual(resources);
    expect(parseResources(JSON.stringify({ kind: 'List', items: resources }), 'list')).toEqual(resources);
  });

  it('lists every fault of every document with its path', () => {
    expect(
      faultsOf(`
${API}
kind: Listener
metadata: { name: Back_end, namespase: x }
spec: { routingKey: '', port: 99999, host: 5, observer: http3, settings: { a: 1 } }
---
${API}
kind: Connector
metadata: { name: backend }
spec: { routingKey: x, port: '8080', host: a, selector: b }
---
kind: Lnk
---
- 1
`),
    ).toEqual([
      "1 metadata.namespase: is not a known key; did you mean 'namespace'?",
      expect.stringMatching(/^1 metadata.name: must be a name of lower-case letters.*not "Back_end"$/),
      '1 spec.routingKey: must be a non-empty string, not ""',
      '1 spec.host: must be a non-empty string, not 5',
      '1 spec.port: must be a port from 1 to 65535, not 99999',
      '1 spec.observer: must be one of auto, none, http1, http2, not "http3"',
      '1 spec.settings.a: must be a string: write numbers and true/false in quotes, not 1',
      '2 spec.port: must be a port from 1 to 65535, not "8080"',
      '2 spec: give exactly one of selector and host, not both',
      expect.stringMatching(/^3 kind: is not known; known: Site, Link/),
      '4 : is not a resource: a map with apiVersion, kind, metadata and spec',
    ]);
  });

  it.each([
    [
      'another apiVersion',
      'apiVersion: skupper.io/v1\nkind: Site\nmetadata: {name: a}\nspec: {}',
      /"skupper.io\/v2alpha1"/,
    ],
    ['a missing name', `${API}\nkind: Site\nmetadata: {}\nspec: {}`, /metadata.name: is missing/],
    [
      'an endpoint port that is no string',
      `${API}\nkind: Link\nmetadata: {name: a}\nspec: {endpoints: [{name: edge, host: h, port: 1}]}`,
      /endpoints\[0\].port: .*in quotes, not 1/,
    ],
    [
      'an endpoint port out of range',
      `${API}\nkind: Link\nmetadata: {name: a}\nspec: {endpoints: [{name: edge, host: h, port: '65536'}]}`,
      /endpoints\[0\].port/,
    ],
    [
      'a duration without unit',
      `${API}\nkind: AccessGrant\nmetadata: {name: a}\nspec: {expirationWindow: '15'}`,
      /such as 15m/,
    ],
    [
      'no strategy',
      `${API}\nkind: MultiKeyListener\nmetadata: {name: a}\nspec: {host: h, port: 1, strategy: {}}`,
      /priority and weighted, not neither/,
    ],
    ['a key given twice', `${API}\nkind: Site\nkind: Site`, /unique/],
    ['an unresolved alias', 'a: *b', /alias/],
    [
      '__proto__ as a key',
      `{"kind":"Site","apiVersion":"skupper.io/v2alpha1","metadata":{"name":"a"},"spec":{"__proto__":{}}}`,
      /__proto__: is not a known key/,
    ],
    ['a list with a bad item', `kind: List\nitems: [{kind: Site}]`, /items\[0\].metadata: is missing/],
  ])('refuses %s', (_, text, expected) => {
    expect(faultsOf(text).join('\n')).toMatch(expected);
  });

  it('reads what an API server adds and statuses of other versions', () => {
    const [site] = parseResources(
      `${API}\nkind: Site\nmetadata: {name: a, creationTimestamp: null, managedFields: [{}]}\nspec: {}\nstatus: {newer: 1}`,
      'x',
    );
    expect(site?.metadata.name).toBe('a');
  });

  it('takes an empty text and empty documents as no resources', () => {
    expect(parseResources('', 'x')).toEqual([]);
    expect(parseResources('---\n# nothing\n---\n', 'x')).toEqual([]);
  });

  it('gives frozen values', () => {
    const [site] = parseResources(`${API}\nkind: Site\nmetadata: {name: a}\nspec: {}`, 'x');
    expect(() => Object.assign(site!.metadata, { name: 'b' })).toThrow(TypeError);
  });

  it('takes no list where one resource is wanted', () => {
    expect(() => parseResource({ kind: 'List', items: [] }, 'x')).toThrow(/one resource, not a list/);
  });

  it('names the source and the next step in the message', () => {
    expect(() => parseResources('1', 'site.yaml')).toThrow(/^site.yaml has a mistake:\n {2}is not a resource/);
  });
});

describe('secretText', () => {
  it('decodes data and prefers stringData', () => {
    expect(
      secretText({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 's' },
        data: { a: 'YQ==', b: 'YQ==' },
        stringData: { b: 'c' },
      }),
    ).toEqual({ a: 'a', b: 'c' });
  });
});
