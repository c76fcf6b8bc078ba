/** RouterAccess on Kubernetes: what is generated for a site, what its routers listen on and dial, and the hosts of its certificate. */
import { describe, expect, it } from 'vitest';
import type { Resource, ResourceOf } from '../../config/api/index.ts';
import type { Site } from '../../config/api/site.ts';
import type { Observed } from '../../site-controller/reconcile/observed.ts';
import {
  accessEndpoints,
  accessEntities,
  accessHosts,
  generatedAccess,
  groupEntities,
  planRouterAccesses,
  wantedSecuredAccesses,
} from '../../site-controller/reconcile/routeraccess/plan.ts';
import { type ClusterParts, cluster, live } from '../support/cluster.ts';
import { observed, resource, site } from '../support/observed.ts';

const ROLES = [
  { name: 'inter-router', port: 55671 },
  { name: 'edge', port: 45671 },
];
const access = (spec: object = {}, name = 'skupper-router', metadata: object = {}): Resource =>
  resource('RouterAccess', name, { roles: ROLES, tlsCredentials: 'skupper-site-server', ...spec }, metadata);

type Access = ResourceOf<'RouterAccess'>;

function seen(resources: Resource[], parts: ClusterParts = {}, rest: Partial<Observed> = {}): Observed {
  return observed(resources, { cluster: cluster(parts), ...rest });
}

/** With what the controller makes of its RouterAccesses, as the next pass sees it. */
function settled(resources: Resource[], parts: ClusterParts = {}, rest: Partial<Observed> = {}): Observed {
  const secured = wantedSecuredAccesses(seen(resources, parts, rest)) as Resource[];
  return seen([...resources, ...secured], parts, rest);
}

const findings = (state: Observed, index = 0) =>
  planRouterAccesses(state)[index]!.findings.map(({ type, status, reason, message }) =>
    status === 'True' ? type : `${type} ${reason}: ${message}`,
  );

describe('what linkAccess generates', () => {
  const generated = (spec: object, parts: ClusterParts = {}) =>
    generatedAccess(site(spec) as Site, { cluster: cluster(parts) });

  it('is skupper-router with both roles, its certificate signed by the default issuer', () => {
    expect(generated({ linkAccess: 'default' })).toMatchObject({
      metadata: { name: 'skupper-router' },
      spec: { roles: ROLES, tlsCredentials: 'skupper-site-server', issuer: 'skupper-site-ca' },
    });
    expect(generated({ linkAccess: 'default', defaultIssuer: 'mine' })!.spec.issuer).toBe('mine');
  });

  it.each([
    ['default', undefined],
    ['nodeport', 'nodeport'],
  ])('%s asks for the type %s', (linkAccess, accessType) => {
    expect(generated({ linkAccess })!.spec.accessType).toBe(accessType);
  });

  it.each([{}, { linkAccess: '' }, { linkAccess: 'none' }, { linkAccess: 'default', edge: true }])(
    'is nothing for %o',
    (spec) => expect(generated(spec)).toBeUndefined(),
  );

  it("takes the site's ingress class, and its names into the certificate", () => {
    const settings = { ingressClassName: 'haproxy', 'skuprt.io/link-hosts': 'west.example, w.example' };
    expect(generated({ linkAccess: 'ingress', settings })!.spec).toMatchObject({
      settings: { ingressClassName: 'haproxy' },
      subjectAlternativeNames: ['west.example', 'w.example'],
    });
  });

  it('has ports of its own where routers share a host, unless the site names one', () => {
    const external = { cluster: cluster({ settings: { routers: 'external', clusterHost: '127.0.0.1' } }) };
    const portsOf = (uid: string, settings: object = {}) => {
      const owner = resource('Site', 'a', { linkAccess: 'host', settings }, { uid }) as Site;
      return generatedAccess(owner, external)!.spec.roles.map(({ port }) => port!);
    };
    expect(new Set([...portsOf('a'), ...portsOf('b')]).size).toBe(4);
    expect(portsOf('a')).toEqual(portsOf('a'));
    for (const port of [...portsOf('a'), ...portsOf('b')]) {
      expect(port).toBeGreaterThanOrEqual(20_000);
      expect(port).toBeLessThan(32_768);
    }
    expect(portsOf('a', { 'skuprt.io/link-port': '55999' })[0]).toBe(55999);
  });
});

describe('SecuredAccesses', () => {
  it('are one, or with HA one a group', () => {
    const names = (spec: object) =>
      wantedSecuredAccesses(seen([site(spec), access()])).map(({ metadata, spec: { selector } }) => [
        metadata.name,
        selector['skupper.io/group'],
      ]);
    expect(names({})).toEqual([['skupper-router', 'skupper-router']]);
    expect(names({ ha: true })).toEqual([
      ['skupper-router', 'skupper-router'],
      ['skupper-router-2', 'skupper-router-2'],
    ]);
    expect(names({ edge: true })).toEqual([]);
  });

  it('carry type, settings, certificate and issuer on', () => {
    const spec = { accessType: 'ingress', settings: { domain: 'd' }, issuer: 'ca', generateTlsCredentials: true };
    expect(wantedSecuredAccesses(seen([site(), access(spec)]))[0]!.spec).toMatchObject({
      accessType: 'ingress',
      settings: { domain: 'd' },
      certificate: 'skupper-site-server',
      issuer: 'ca',
      ports: [{ name: 'inter-router', port: 55671, targetPort: 55671 }, { name: 'edge' }],
    });
  });
});

describe('endpoints', () => {
  const balanced = (name: string, ip: string) =>
    live('Service', name, { status: { loadBalancer: { ingress: [{ ip }] } } });

  it('are those of every group', () => {
    const objects = [balanced('skupper-router', '192.0.2.1'), balanced('skupper-router-2', '192.0.2.2')];
    const state = settled([site({ ha: true }), access()], { objects });
    expect(accessEndpoints(state, access() as Access)).toEqual([
      { name: 'inter-router', host: '192.0.2.1', port: '55671', group: 'skupper-router' },
      { name: 'edge', host: '192.0.2.1', port: '45671', group: 'skupper-router' },
      { name: 'inter-router', host: '192.0.2.2', port: '55671', group: 'skupper-router-2' },
      { name: 'edge', host: '192.0.2.2', port: '45671', group: 'skupper-router-2' },
    ]);
    expect(findings(state)).toEqual(['Configured', 'Resolved']);
  });

  it('are waited for by name', () => {
    expect(findings(settled([site(), access()]))[1]).toBe(
      'Resolved Pending: the load balancer gave Service skupper-router no address yet',
    );
    expect(findings(seen([site(), access()]))[1]).toBe('Resolved Pending: Pending');
  });

  it("of a process of the host are the router's own port", () => {
    const parts: ClusterParts = {
      settings: { routers: 'external', enabledAccessTypes: ['host'], clusterHost: '192.0.2.7' },
    };
    const open = access({ roles: [{ name: 'inter-router', port: 20_001 }] });
    const state = settled([site(), open], parts);
    expect(accessEndpoints(state, open as Access)).toEqual([
      { name: 'inter-router', host: '192.0.2.7', port: '20001', group: 'skupper-router' },
    ]);
    expect(accessEntities(state)).toMatchObject([['listener', { port: 20_001 }]]);
    expect(accessHosts(state, open as Access)).toEqual(expect.arrayContaining(['192.0.2.7', '127.0.0.1']));
  });
});

describe('faults', () => {
  it.each<[string, object, object, string]>([
    ['an unknown type', {}, { accessType: 'magic' }, 'unsupported access type "magic"'],
    ['one that is not enabled', {}, { accessType: 'ingress' }, 'not enabled in this controller'],
    ['missing credentials', {}, { tlsCredentials: 'other' }, 'TLS credentials "other" not found'],
    ["a port of the router's own", {}, { roles: [{ name: 'edge', port: 9090 }] }, "port 9090 is the router's own"],
    [
      'one port for two roles',
      {},
      {
        roles: [
          { name: 'edge', port: 1 },
          { name: 'inter-router', port: 1 },
        ],
      },
      'port 1 is given to two roles',
    ],
    ['an edge site', { edge: true }, {}, 'Edge sites accept no links'],
  ])('%s is named at once', (_, siteSpec, spec, text) => {
    expect(findings(seen([site(siteSpec), access(spec)]))[0]).toMatch(/^Configured Error: /);
    expect(findings(seen([site(siteSpec), access(spec)]))[0]).toContain(text);
  });

  it('the older of two has the port, and only its listener is made', () => {
    const young = access({}, 'another', { creationTimestamp: '2026-03-02T00:00:00Z' });
    const state = seen([site(), young, access()]);
    expect(findings(state, 0)[0]).toBe('Configured Error: port 55671 is already that of RouterAccess skupper-router');
    expect(findings(state, 1)[0]).toBe('Configured');
    expect(accessEntities(state).map(([, { name }]) => name)).toEqual([
      'skupper-router-inter-router',
      'skupper-router-edge',
    ]);
  });

  it('no site is one', () => {
    expect(findings(seen([access()]))[0]).toBe('Configured Error: No active site in namespace');
  });
});

describe('the router', () => {
  it('listens on every address once the material is there', () => {
    expect(accessEntities(seen([site(), access()]))).toMatchObject([
      ['listener', { name: 'skupper-router-inter-router', role: 'inter-router', host: '', port: 55671 }],
      ['listener', { name: 'skupper-router-edge', role: 'edge', host: '', port: 45671 }],
    ]);
    expect(accessEntities(seen([site(), access({ tlsCredentials: 'later' })]))).toEqual([]);
  });

  it('has the usual ports where the access says none', () => {
    const state = seen([site(), access({ roles: [{ name: 'edge' }] })]);
    expect(accessEntities(state)).toMatchObject([['listener', { port: 45671 }]]);
  });

  it('listens for nobody at an edge site', () => {
    expect(accessEntities(seen([site({ edge: true }), access()]))).toEqual([]);
  });

  it('of the second group dials the first', () => {
    const state = seen([site({ ha: true }), access()]);
    expect(groupEntities(state, 0)).toEqual([]);
    expect(groupEntities(state, 1)).toMatchObject([
      [
        'connector',
        {
          name: 'skupper-router',
          role: 'inter-router',
          host: 'skupper-router',
          port: '55671',
          cost: 1,
          sslProfile: 'skupper-site-server',
        },
      ],
    ]);
    expect(groupEntities(seen([site({ ha: true }), access({ tlsCredentials: 'later' })]), 1)).toEqual([]);
    expect(groupEntities(seen([site({ ha: true }), access({}, 'mine')]), 1)[0]![1]).toMatchObject({ host: 'mine' });
    expect(groupEntities(seen([site({ ha: true }), access({ roles: [{ name: 'edge' }] })]), 1)).toEqual([]);
  });
});

it('the certificate is for endpoints, names of the user and both Services', () => {
  const balancer = live('Service', 'skupper-router', { status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } });
  const named = access({ subjectAlternativeNames: ['front.example'] });
  const state = settled([site({ ha: true }), named], { objects: [balancer] });
  expect(accessHosts(state, named as Access)).toEqual([
    '192.0.2.1',
    'front.example',
    'skupper-router',
    'skupper-router-2',
    'skupper-router-2.ns-west',
    'skupper-router-2.ns-west.svc',
    'skupper-router-2.ns-west.svc.cluster.local',
    'skupper-router.ns-west',
    'skupper-router.ns-west.svc',
    'skupper-router.ns-west.svc.cluster.local',
  ]);
});
