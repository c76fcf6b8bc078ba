/** AccessGrants and AccessTokens on Kubernetes, and what the redemption server needs there: plans. Control-plane reference 2, 8.4. */
import { describe, expect, it } from 'vitest';
import type { AccessGrant } from '../../config/api/access-grant.ts';
import type { Resource } from '../../config/api/index.ts';
import { clientsOf, noteClient } from '../../site-controller/grants/clients.ts';
import { createCa } from '../../site-controller/pki/authority.ts';
import { tlsSecret } from '../../site-controller/pki/secret.ts';
import { credentialsOfSecrets } from '../../site-controller/platform/kubernetes/credentials.ts';
import { endedGrants, nextGrantEnd, planAccessGrants } from '../../site-controller/reconcile/accessgrant/plan.ts';
import { grantServerResources, grantServerUrls } from '../../site-controller/reconcile/accessgrant/server.ts';
import { planAccessTokens } from '../../site-controller/reconcile/accesstoken/plan.ts';
import { planCertificates, wantedCertificates } from '../../site-controller/reconcile/certificate/plan.ts';
import type { ClusterView } from '../../site-controller/reconcile/cluster.ts';
import type { Observed, Outcome } from '../../site-controller/reconcile/observed.ts';
import type { ControllerSettings } from '../../site-controller/reconcile/settings.ts';
import { activeSite } from '../../site-controller/reconcile/site/identity.ts';
import { NOW, observed, resource, site } from '../support/observed.ts';

const HOUR = 3_600_000;
const SETTINGS = {
  namespace: 'system',
  routers: 'deployment',
  enabledAccessTypes: ['local', 'host'],
  defaultAccessType: 'host',
  clusterHost: '192.0.2.9',
  enableGrants: true,
  grantServer: { autoconfigure: true, baseUrl: '', port: 9090, tlsCredentials: 'skupper-grant-server' },
} as unknown as ControllerSettings;

function onCluster(resources: Resource[], settings: object = {}, parts: Partial<Observed> = {}): Observed {
  const cluster: ClusterView = {
    settings: { ...SETTINGS, ...settings },
    objects: new Map(),
    pods: [],
    apis: new Set(),
    sizings: [],
    labelTemplates: [],
    attached: [],
    bindings: [],
    routers: new Map(),
    invalid: [],
  };
  return observed(resources, { cluster, ...parts });
}

const says = ({ findings }: Outcome) =>
  findings.map(({ type, status, reason, message }) => `${type} ${status} ${reason}: ${message}`);
const grant = (metadata: object = {}, status?: object, spec: object = {}): Resource =>
  ({ ...resource('AccessGrant', 'g', spec, metadata), ...(status && { status }) }) as Resource;
const planned = (state: Observed, ca?: string) =>
  planAccessGrants(
    state,
    () => 'drawn',
    () => 0,
    ca,
  )[0]!;

describe('an AccessGrant on Kubernetes', () => {
  it.each<[string, Observed, string]>([
    ['grants are off', onCluster([site(), grant()], { enableGrants: false }), 'AccessGrants are not enabled'],
    [
      'the site is an edge site',
      onCluster([site({ edge: true }), grant()]),
      'Edge sites cannot accept incoming links from remote sites',
    ],
  ])('is refused when %s, and gets no code', (_what, state, message) => {
    expect(says(planned(state))).toEqual([`Processed False Error: ${message}`]);
    expect(planned(state).status).toBeUndefined();
  });

  it('waits for a site, and names the CA of the redemption server', () => {
    const outcome = planned(onCluster([grant()], {}, { grantUrls: ['https://a:1'] }), 'SERVER CA');
    expect(says(outcome)[1]).toBe('Resolved False Pending: No active site in namespace');
    expect(outcome.status).toMatchObject({
      ca: 'SERVER CA',
      code: 'drawn',
      url: 'https://a:1/uid-g',
      expirationTime: '2026-03-01T12:15:00Z',
    });
  });

  it('follows the server to another URL and keeps code and end', () => {
    const status = { url: 'https://old/uid-g', code: 'kept', expirationTime: '2026-03-01T12:01:00Z', redemptions: 2 };
    const outcome = planned(onCluster([site(), grant({}, status)], {}, { grantUrls: ['https://new'] }), 'CA');
    expect(outcome.status).toMatchObject({ ...status, url: 'https://new/uid-g' });
  });

  it.each<[string, Resource, number]>([
    ['it expired', grant({}, { expirationTime: '2026-03-01T12:00:00Z' }), NOW + HOUR],
    [
      'it was redeemed as often as it allows',
      grant(
        { annotations: { 'skuprt.io/redemptions': JSON.stringify([{ name: 'a', subject: 'b', redeemedAt: NOW }]) } },
        { expirationTime: '2026-04-01T12:00:00Z' },
      ),
      NOW + HOUR,
    ],
    [
      'it is kept by others',
      grant({ annotations: { 'skuprt.io/keep': 'true' } }, { expirationTime: '2026-03-01T12:00:00Z' }),
      Infinity,
    ],
    ['it was not looked at yet', grant(), Infinity],
  ])('goes an hour after %s', (_what, resourceGrant, goneAt) => {
    expect(nextGrantEnd(onCluster([resourceGrant]))).toBe(goneAt);
    if (goneAt === Infinity) expect(endedGrants(onCluster([resourceGrant], {}, { now: NOW + 9e12 }))).toEqual([]);
    else {
      expect(endedGrants(onCluster([resourceGrant], {}, { now: goneAt - 1 }))).toEqual([]);
      expect(endedGrants(onCluster([resourceGrant], {}, { now: goneAt }))).toEqual(['g']);
    }
  });

  it('counts what was recorded, whatever spoilt the record', () => {
    const two = [{}, {}].map((_, index) => ({ name: `${index}`, subject: 's', redeemedAt: NOW }));
    const counted = (annotation: string, redemptions?: number) =>
      (planned(onCluster([site(), grant({ annotations: { 'skuprt.io/redemptions': annotation } }, { redemptions })]))
        .status as AccessGrant['status'])!.redemptions;
    expect(counted(JSON.stringify(two))).toBe(2);
    expect(counted('{')).toBe(0);
    expect(counted('5', 3)).toBe(3);
  });
});

describe('an AccessToken on Kubernetes', () => {
  const token = (redeemedAt?: string) => {
    const bare = resource('AccessToken', 't', { url: 'https://a/b', code: 'c', ca: 'CA' });
    if (redeemedAt === undefined) return bare;
    const condition = {
      type: 'Redeemed',
      status: 'True',
      reason: 'Ready',
      message: 'OK',
      lastTransitionTime: redeemedAt,
    };
    return { ...bare, status: { redeemed: true, conditions: [condition] } } as Resource;
  };

  it.each<[string, Resource[], string]>([
    ['waits for a site', [token()], 'Redeemed False Pending: No active site in namespace'],
    ['is being redeemed', [site(), token()], 'Redeemed False Pending: Being redeemed'],
    ['is redeemed', [site(), token('2026-03-01T11:00:00Z')], 'Redeemed True Ready: OK'],
    ['outlived its site', [token('2026-03-01T11:00:00Z')], 'Redeemed True Error: Already redeemed for a deleted site'],
    [
      'was redeemed for a former site',
      [site(), token('2026-02-01T11:00:00Z')],
      'Redeemed True Error: Already redeemed for a deleted site',
    ],
  ])('%s', (_what, resources, expected) => {
    expect(says(planAccessTokens(onCluster(resources), new Map())[0]!)).toEqual([expected]);
  });
});

describe('the redemption server', () => {
  const wanted = (settings: object = {}, resources: Resource[] = []) => {
    const own = onCluster(resources, settings, { namespace: 'system' });
    return grantServerResources(own, own.cluster!.settings, { app: 'controller' });
  };

  it('gets a CA, access to the pods of the controller, and a certificate for where it is reached', () => {
    const resources = wanted();
    expect(resources.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([
      'Certificate/skupper-grant-server-ca',
      'SecuredAccess/skupper-grant-server',
      'Certificate/skupper-grant-server',
    ]);
    expect(resources[1]!.spec).toMatchObject({
      selector: { app: 'controller' },
      ports: [{ name: 'https', port: 9090, targetPort: 9090 }],
      issuer: 'skupper-grant-server-ca',
    });
    expect(resources[2]!.spec).toMatchObject({ ca: 'skupper-grant-server-ca', server: true });
    expect((resources[2]!.spec as { hosts: string[] }).hosts).toContain('skupper-grant-server.system.svc');
  });

  it.each([{ enableGrants: false }, { grantServer: { ...SETTINGS.grantServer, autoconfigure: false } }])(
    'gets nothing with %o',
    (settings) => {
      expect(wanted(settings)).toEqual([]);
    },
  );

  it('has a certificate for the host of its URL too', () => {
    const grantServer = { ...SETTINGS.grantServer, baseUrl: 'https://grants.example:443' };
    expect((wanted({ grantServer })[2]!.spec as { hosts: string[] }).hosts).toContain('grants.example');
  });

  it('is reached where it was said to be, else where its access leads', () => {
    const own = onCluster([], {}, { namespace: 'system' });
    const at = (baseUrl: string) => ({ ...SETTINGS, grantServer: { ...SETTINGS.grantServer, baseUrl } });
    expect(grantServerUrls(own, at('grants.example:443'))).toEqual(['https://grants.example:443']);
    expect(grantServerUrls(own, at('https://grants.example/'))).toEqual(['https://grants.example']);
    expect(grantServerUrls(own, SETTINGS)).toEqual([]);
    const access = wanted()[1]!;
    expect(grantServerUrls(onCluster([access], {}, { namespace: 'system' }), SETTINGS)).toEqual([
      'https://192.0.2.9:9090',
    ]);
  });
});

describe('the Certificates of a site on Kubernetes', () => {
  const access = (name: string, spec: object = {}) =>
    resource('RouterAccess', name, {
      roles: [{ name: 'inter-router' }],
      tlsCredentials: 'skupper-site-server',
      generateTlsCredentials: true,
      issuer: 'skupper-site-ca',
      ...spec,
    });
  const certificatesOf = (resources: Resource[]) => {
    const state = onCluster(resources);
    return wantedCertificates(state, activeSite(state)!);
  };

  it('are two CAs, one for the local listener, and one for each access', () => {
    const certificates = certificatesOf([
      site(),
      access('skupper-router', { subjectAlternativeNames: ['front.example'] }),
    ]);
    expect(certificates.map(({ metadata }) => metadata.name)).toEqual([
      'skupper-site-ca',
      'skupper-local-ca',
      'skupper-local-server',
      'skupper-local-client',
      'skupper-site-server',
    ]);
    expect(certificates[2]!.spec.hosts).toEqual([
      '127.0.0.1',
      'localhost',
      'skupper-router-local',
      'skupper-router-local.ns-west',
      'skupper-router-local.ns-west.svc',
      'skupper-router-local.ns-west.svc.cluster.local',
    ]);
    expect(certificates[3]!.spec).toMatchObject({
      ca: 'skupper-local-ca',
      subject: 'skupper-local-client',
      client: true,
    });
    expect(certificates[4]!.spec).toMatchObject({
      ca: 'skupper-site-ca',
      subject: 'skupper-router',
      server: true,
      client: true,
    });
    expect(certificates[4]!.spec.hosts).toContain('front.example');
  });

  it('shared by several accesses are for the hosts of all, pruned when one goes; the oldest names them', () => {
    const both = certificatesOf([
      site(),
      access('b', { subjectAlternativeNames: ['b.example'] }),
      access('a', { subjectAlternativeNames: ['a.example'] }),
    ]).at(-1)!;
    expect(both.spec.subject).toBe('a');
    expect(both.spec.hosts).toEqual(expect.arrayContaining(['a.example', 'b.example']));
    expect(Object.keys(both.metadata.annotations!)).toEqual([
      'internal.skupper.io/hosts-uid-a',
      'internal.skupper.io/hosts-uid-b',
    ]);
    const one = certificatesOf([site(), access('b', { subjectAlternativeNames: ['b.example'] })]).at(-1)!;
    expect(one.spec.hosts).not.toContain('a.example');
  });

  it('are signed by the issuer of the access, else of the site', () => {
    const of = (spec: object, siteSpec: object = {}) =>
      certificatesOf([site(siteSpec), access('skupper-router', spec)]).at(-1)!.spec.ca;
    expect(of({ issuer: 'mine' })).toBe('mine');
    expect(of({ issuer: undefined }, { defaultIssuer: 'company' })).toBe('company');
  });

  it('are not made for edge sites, nor where the user gives them', () => {
    const names = (resources: Resource[]) => certificatesOf(resources).map(({ metadata }) => metadata.name);
    expect(names([site({ edge: true }), access('x')])).not.toContain('skupper-site-server');
    expect(names([site(), access('x', { generateTlsCredentials: false })])).not.toContain('skupper-site-server');
  });

  it.each<[string, object, string[], string]>([
    ['without a key', { privateKey: undefined }, [], 'it lacks tls.key'],
    [
      'for other hosts',
      {},
      ['front.example', 'skupper-router.ns-west', '127.0.0.1'],
      'its certificate is not for front.example',
    ],
  ])('whose Secret is a user’s and %s say why it will not do', (_what, change, hosts, why) => {
    const own = createCa({ commonName: 'own', validMs: HOUR, now: NOW });
    const secret = tlsSecret('c', { ...own, ca: own.certificate, ...change });
    const certificate = resource('Certificate', 'c', { ca: 'skupper-site-ca', subject: 'x', hosts, server: true });
    const credentials = credentialsOfSecrets([secret], NOW);
    const [outcome] = planCertificates(onCluster([certificate, secret], {}, { credentials }));
    expect(says(outcome!)).toEqual([`Ready False Error: secret exists but is not controlled by skupper: ${why}`]);
    expect(outcome!.status).toEqual({ expiration: '2026-03-01T13:00:00Z' });
  });

  it('whose Secret is a user’s that will do are ready', () => {
    const own = createCa({ commonName: 'own', validMs: HOUR, now: NOW });
    const secret = tlsSecret('c', own);
    const certificate = resource('Certificate', 'c', { ca: '', subject: 'x', signing: true });
    const credentials = credentialsOfSecrets([secret], NOW);
    const [outcome] = planCertificates(onCluster([certificate, secret], {}, { credentials }));
    expect(says(outcome!)).toEqual(['Ready True Ready: OK']);
  });
});

describe('the notes of clients', () => {
  const client = { site: 's', name: 'l', issuer: 'A', until: NOW + HOUR, trusts: ['A'], since: NOW, renews: true };

  it('say since when a client trusts what it does, and are written when they would change', () => {
    const notes = noteClient({}, client, NOW) as Record<string, string>;
    expect(clientsOf(notes, NOW)).toEqual([client]);
    expect(noteClient(notes, { ...client, since: NOW + 5 }, NOW + 5)).toBeUndefined();
    const moved = noteClient(notes, { ...client, trusts: ['A', 'B'], since: NOW + 5 }, NOW + 5) as Record<
      string,
      string
    >;
    expect(clientsOf(moved, NOW)).toMatchObject([{ trusts: ['A', 'B'], since: NOW + 5 }]);
  });

  it('are dropped with the certificate, and spoilt ones count for nothing', () => {
    const notes = { ...(noteClient({}, client, NOW) as Record<string, string>), 'clients.skuprt.io/x': '{' };
    expect(clientsOf(notes, NOW + HOUR)).toEqual([]);
    const changes = noteClient(notes, { ...client, name: 'm', until: NOW + 9 * HOUR }, NOW + HOUR)!;
    expect(Object.values(changes).filter((text) => text === null)).toHaveLength(2);
  });
});
