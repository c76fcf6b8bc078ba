/** Observations for the plans of the site-controller: a site named west with its own certificates, and what a test adds. */

import type { Resource } from '../../config/api/index.ts';
import { parseResources } from '../../config/api/parse.ts';
import { CREDENTIAL } from '../../config/names.ts';
import type { RouterState } from '../../lib/router-client/state.ts';
import type { SiteContent } from '../../site-controller/exchange/record.ts';
import type { Credential, Observed } from '../../site-controller/reconcile/observed.ts';
import { keyOf } from '../../site-controller/store.ts';

export const NOW = Date.parse('2026-03-01T12:00:00Z');
export const SITE_UID = '11111111-2222-4333-8444-555555555555';
const DAY_MS = 86_400_000;

export function site(spec: object = {}): Resource {
  return resource('Site', 'west', spec, { uid: SITE_UID });
}

export function resource(kind: string, name: string, spec: object, metadata: object = {}): Resource {
  const identity = { uid: `uid-${name}`, generation: 1, creationTimestamp: '2026-03-01T00:00:00Z' };
  const text = JSON.stringify({
    apiVersion: kind === 'Secret' ? 'v1' : 'skupper.io/v2alpha1',
    kind,
    metadata: { name, ...identity, ...metadata },
    ...(kind === 'Secret' ? spec : { spec }),
  });
  return parseResources(text, `${kind}-${name}`)[0]!;
}

export function observed(resources: Resource[], parts: Partial<Observed> = {}): Observed {
  const names = [CREDENTIAL.siteCa, CREDENTIAL.localCa, CREDENTIAL.localServer, CREDENTIAL.siteServer];
  return {
    now: NOW,
    version: '1.2.3',
    namespace: 'ns-west',
    resources: new Map(resources.map((entry) => [keyOf(entry), entry])),
    credentials: new Map(names.map((name) => [name, credential(name)])),
    router: undefined,
    network: { sites: [], settled: true, gone: new Set<string>() },
    ports: new Map([
      ['amqps', 5671],
      ['http', 9090],
    ]),
    hosts: ['192.0.2.7'],
    grantUrls: [],
    ...parts,
  };
}

export function credential(name: string, facts: Partial<Credential['certificate']> = {}): Credential {
  return {
    directory: `/certs/${name}`,
    hasKey: true,
    ca: 'PEM',
    fault: undefined,
    certificate: {
      subject: name,
      issuer: 'CA',
      hosts: [],
      uris: [],
      notBefore: NOW - DAY_MS,
      notAfter: NOW + 364 * DAY_MS,
      isCa: false,
      fingerprint: '',
      ...facts,
    },
  };
}

export function routerState(parts: Partial<RouterState> = {}): RouterState {
  return {
    id: 'west-11111111',
    routerIds: ['west-11111111'],
    connections: [],
    connectors: new Map(),
    listeners: new Map(),
    tcpConnectors: new Map(),
    consumers: new Map(),
    ...parts,
  };
}

/** What another site says about itself. */
export function remoteSite(name: string, parts: Partial<SiteContent> = {}): SiteContent {
  return {
    site: { id: `id-${name}`, name, namespace: name, platform: 'local', version: '1.2.3' },
    routers: [{ id: `${name}-router`, links: [], routerAccess: [] }],
    listeners: [],
    connectors: [],
    services: [],
    ...parts,
  };
}
