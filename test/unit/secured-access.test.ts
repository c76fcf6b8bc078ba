/** SecuredAccess: what each access type makes, when it has endpoints, and what stands in the way. */
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { planSecuredAccesses } from '../../site-controller/reconcile/securedaccess/plan.ts';
import type { ControllerSettings } from '../../site-controller/reconcile/settings.ts';
import { type ClusterParts, cluster, foreign, live } from '../support/cluster.ts';
import { observed, resource, site } from '../support/observed.ts';

const ROUTE_API = 'Route.route.openshift.io';
const PROXY_API = 'HTTPProxy.projectcontour.io';
const GATEWAY_APIS = new Set(['Gateway.gateway.networking.k8s.io', 'TLSRoute.gateway.networking.k8s.io']);
const GATEWAY: Partial<ControllerSettings> = { enabledAccessTypes: ['gateway'], gatewayClass: 'contour' };

const access = (spec: object = {}, name = 'skupper-router'): Resource =>
  resource('SecuredAccess', name, {
    selector: { 'skupper.io/component': 'router', 'skupper.io/group': name },
    ports: [
      { name: 'inter-router', port: 55671, targetPort: 55671, protocol: 'TCP' },
      { name: 'edge', port: 45671 },
    ],
    ...spec,
  });

function plan(spec: object, parts: ClusterParts = {}, name?: string) {
  const result = planSecuredAccesses(observed([site(), access(spec, name)], { cluster: cluster(parts) }));
  const [outcome] = result.outcomes;
  const { endpoints } = outcome!.status as { endpoints: { name: string; host: string; port: string; group: string }[] };
  return {
    made: result.objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    object: (kind: string) => result.objects.find((object) => object.kind === kind)!,
    places: endpoints.map((endpoint) => `${endpoint.name}=${endpoint.host}:${endpoint.port}`),
    endpoints,
    findings: outcome!.findings.map(({ type, status, reason, message }) =>
      status === 'True' ? type : `${type} ${reason}: ${message}`,
    ),
  };
}

const balancer = (...ingress: object[]) => ({ status: { loadBalancer: { ingress } } });
const service = (members: object = {}) => live('Service', 'skupper-router', members);
const enabled = (type: string, parts: Partial<ControllerSettings> = {}): ClusterParts['settings'] => ({
  enabledAccessTypes: [type],
  ...parts,
});

describe('each access type', () => {
  it.each<[string, ClusterParts, string[], string[]]>([
    [
      'local',
      {},
      ['Service/skupper-router'],
      ['inter-router=skupper-router.ns-west:55671', 'edge=skupper-router.ns-west:45671'],
    ],
    [
      'loadbalancer',
      { objects: [service(balancer({ ip: '192.0.2.1' }))] },
      ['Service/skupper-router'],
      ['inter-router=192.0.2.1:55671', 'edge=192.0.2.1:45671'],
    ],
    [
      'nodeport',
      {
        settings: enabled('nodeport', { clusterHost: 'nodes.example' }),
        objects: [
          service({
            spec: {
              ports: [
                { name: 'inter-router', nodePort: 30001 },
                { name: 'edge', nodePort: 30002 },
              ],
            },
          }),
        ],
      },
      ['Service/skupper-router'],
      ['inter-router=nodes.example:30001', 'edge=nodes.example:30002'],
    ],
    [
      'host',
      { settings: enabled('host', { clusterHost: '127.0.0.1', routers: 'external' }) },
      [],
      ['inter-router=127.0.0.1:55671', 'edge=127.0.0.1:45671'],
    ],
    [
      'route',
      {
        apis: new Set([ROUTE_API]),
        objects: [
          live('Route', 'skupper-router-inter-router', { status: { ingress: [{ host: 'a.example' }] } }),
          live('Route', 'skupper-router-edge', { status: { ingress: [{ host: 'b.example' }] } }),
        ],
      },
      ['Service/skupper-router', 'Route/skupper-router-inter-router', 'Route/skupper-router-edge'],
      ['inter-router=a.example:443', 'edge=b.example:443'],
    ],
    [
      'ingress-nginx',
      {
        settings: enabled('ingress-nginx', { ingressDomain: 'apps.example' }),
        objects: [live('Ingress', 'skupper-router')],
      },
      ['Service/skupper-router', 'Ingress/skupper-router'],
      ['inter-router=inter-router.ns-west.apps.example:443', 'edge=edge.ns-west.apps.example:443'],
    ],
    [
      'ingress',
      {
        settings: enabled('ingress'),
        objects: [live('Ingress', 'skupper-router', balancer({ ip: '192.0.2.9' }))],
      },
      ['Service/skupper-router', 'Ingress/skupper-router'],
      ['inter-router=inter-router.ns-west.192.0.2.9.nip.io:443', 'edge=edge.ns-west.192.0.2.9.nip.io:443'],
    ],
    [
      'contour-http-proxy',
      {
        settings: enabled('contour-http-proxy', { httpProxyDomain: 'proxy.example' }),
        apis: new Set([PROXY_API]),
        objects: [live('HTTPProxy', 'skupper-router-inter-router'), live('HTTPProxy', 'skupper-router-edge')],
      },
      ['Service/skupper-router', 'HTTPProxy/skupper-router-inter-router', 'HTTPProxy/skupper-router-edge'],
      [
        'inter-router=skupper-router-inter-router.ns-west.proxy.example:443',
        'edge=skupper-router-edge.ns-west.proxy.example:443',
      ],
    ],
    [
      'gateway',
      {
        settings: GATEWAY,
        apis: GATEWAY_APIS,
        gateway: live('Gateway', 'skupper', {
          status: { addresses: [{ type: 'Hostname', value: 'gate.example' }] },
        }),
        objects: [live('TLSRoute', 'skupper-router-inter-router'), live('TLSRoute', 'skupper-router-edge')],
      },
      [
        'Service/skupper-router',
        'Gateway/skupper',
        'TLSRoute/skupper-router-inter-router',
        'TLSRoute/skupper-router-edge',
      ],
      [
        'inter-router=skupper-router-inter-router.ns-west.gate.example:8443',
        'edge=skupper-router-edge.ns-west.gate.example:8443',
      ],
    ],
  ])('%s is resolved when its objects say where', (accessType, parts, made, places) => {
    const result = plan({ accessType }, parts);
    expect(result.made).toEqual(made);
    expect(result.places).toEqual(places);
    expect(result.findings).toEqual(['Configured', 'Resolved']);
    expect(new Set(result.endpoints.map(({ group }) => group))).toEqual(new Set(['skupper-router']));
  });

  it.each<[string, ClusterParts, string]>([
    ['loadbalancer', {}, 'the load balancer gave Service skupper-router no address yet'],
    [
      'nodeport',
      { settings: enabled('nodeport', { clusterHost: 'h' }) },
      'Service skupper-router has no node ports yet',
    ],
    ['route', { apis: new Set([ROUTE_API]) }, 'Route skupper-router-inter-router has no host yet'],
    [
      'route',
      {
        apis: new Set([ROUTE_API]),
        objects: [
          live('Route', 'skupper-router-inter-router', {
            status: {
              ingress: [
                { host: 'x', conditions: [{ type: 'Admitted', status: 'False', message: 'HostAlreadyClaimed' }] },
              ],
            },
          }),
        ],
      },
      'Route skupper-router-inter-router is not admitted: HostAlreadyClaimed',
    ],
    ['ingress', { settings: enabled('ingress') }, 'Ingress skupper-router has no address yet'],
    [
      'ingress-nginx',
      { settings: enabled('ingress-nginx'), objects: [live('Ingress', 'skupper-router')] },
      'Ingress skupper-router has no address yet',
    ],
    [
      'contour-http-proxy',
      { settings: enabled('contour-http-proxy'), apis: new Set([PROXY_API]) },
      'HTTPProxy skupper-router-inter-router is not made yet',
    ],
    [
      'contour-http-proxy',
      {
        settings: enabled('contour-http-proxy'),
        apis: new Set([PROXY_API]),
        objects: ['inter-router', 'edge'].map((port) =>
          live('HTTPProxy', `skupper-router-${port}`, { status: { currentStatus: 'invalid', description: 'no fqdn' } }),
        ),
      },
      'HTTPProxy skupper-router-inter-router is invalid: no fqdn',
    ],
    ['gateway', { settings: GATEWAY, apis: GATEWAY_APIS }, 'Gateway base domain not yet resolved'],
    [
      'gateway',
      {
        settings: { ...GATEWAY, gatewayDomain: 'd' },
        apis: GATEWAY_APIS,
        gateway: live('Gateway', 'skupper'),
        objects: [
          live('TLSRoute', 'skupper-router-inter-router', {
            status: { parents: [{ conditions: [{ type: 'Accepted', status: 'False', reason: 'NoMatchingParent' }] }] },
          }),
        ],
      },
      'TLSRoute skupper-router-inter-router is not accepted: NoMatchingParent',
    ],
  ])('%s says what it waits for', (accessType, parts, text) => {
    const { findings, endpoints } = plan({ accessType }, parts);
    expect(endpoints).toEqual([]);
    expect(findings[0]).toBe('Configured');
    expect(findings[1]).toContain(`Resolved Pending: ${text}`);
  });

  it.each<[string, ClusterParts, string]>([
    ['magic', {}, 'unsupported access type "magic"; this controller offers: local, loadbalancer, route'],
    ['nodeport', {}, 'unsupported access type "nodeport": not enabled in this controller, which offers: local,'],
    ['nodeport', { settings: enabled('nodeport') }, 'access type "nodeport" needs the cluster host'],
    ['route', {}, 'access type "route" needs the kind Route'],
    ['contour-http-proxy', { settings: enabled('contour-http-proxy') }, 'needs the kind HTTPProxy'],
    ['gateway', { settings: GATEWAY }, 'needs the kind TLSRoute'],
    ['gateway', { settings: enabled('gateway'), apis: GATEWAY_APIS }, 'needs the gateway class'],
  ])('%s that cannot be had is named, and makes nothing', (accessType, parts, text) => {
    const { findings, made } = plan({ accessType }, parts);
    expect(made).toEqual([]);
    expect(findings[0]).toContain(`Configured Error: `);
    expect(findings[0]).toContain(text);
  });
});

describe('the default access type', () => {
  it.each<[string, ClusterParts, string]>([
    ['is route where there are routes', { apis: new Set([ROUTE_API]) }, 'Route'],
    ['is a load balancer where there are none', {}, 'LoadBalancer'],
    ['is the first enabled without both', { settings: enabled('local') }, 'ClusterIP'],
    ['is the configured one', { settings: { defaultAccessType: 'local' }, apis: new Set([ROUTE_API]) }, 'ClusterIP'],
  ])('%s', (_, parts, shape) => {
    const { object, made } = plan({}, parts);
    const { type } = object('Service').spec as { type: string };
    expect(made.some((name) => name.startsWith('Route/')) ? 'Route' : type).toBe(shape);
  });
});

describe('a Service', () => {
  it('is of both families where the cluster is, and picks the pods of one group', () => {
    expect(plan({ accessType: 'local' }).object('Service').spec).toEqual({
      type: 'ClusterIP',
      ipFamilyPolicy: 'PreferDualStack',
      selector: { 'skupper.io/component': 'router', 'skupper.io/group': 'skupper-router' },
      ports: [
        { name: 'inter-router', port: 55671, targetPort: 55671, protocol: 'TCP' },
        { name: 'edge', port: 45671, targetPort: 45671, protocol: 'TCP' },
      ],
    });
  });

  it('publishes every address of the balancer, of each family, once', () => {
    const ingress = [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }, { hostname: 'lb.example' }, { ip: '192.0.2.1' }, {}];
    const { places } = plan({}, { objects: [service(balancer(...ingress))] });
    expect(places).toEqual([
      'inter-router=192.0.2.1:55671',
      'edge=192.0.2.1:45671',
      'inter-router=2001:db8::1:55671',
      'edge=2001:db8::1:45671',
      'inter-router=lb.example:55671',
      'edge=lb.example:45671',
    ]);
  });

  it('that is made again after somebody removed it has no endpoints meanwhile', () => {
    const { made, findings } = plan({}, { objects: [] });
    expect(made).toEqual(['Service/skupper-router']);
    expect(findings[1]).toContain('Resolved Pending');
  });

  it('of somebody else is neither overwritten nor believed', () => {
    const { made, findings, endpoints } = plan(
      {},
      { objects: [foreign('Service', 'skupper-router', balancer({ ip: '192.0.2.66' }))] },
    );
    expect(made).toEqual([]);
    expect(endpoints).toEqual([]);
    expect(findings[0]).toContain('Configured Error: Service skupper-router exists and was not made for this access');
  });

  it('of somebody else is not led to from outside', () => {
    const parts = { apis: new Set([ROUTE_API]), objects: [foreign('Service', 'skupper-router')] };
    expect(plan({ accessType: 'route' }, parts).made).toEqual([]);
  });

  it("that Skupper's controller made, owned by the access, is taken over", () => {
    const owner = { apiVersion: 'skupper.io/v2alpha1', kind: 'SecuredAccess', name: 'x', uid: 'uid-skupper-router' };
    const theirs = foreign('Service', 'skupper-router', balancer({ ip: '192.0.2.1' }));
    const { findings } = plan(
      {},
      { objects: [{ ...theirs, metadata: { name: 'skupper-router', ownerReferences: [owner] } }] },
    );
    expect(findings).toEqual(['Configured', 'Resolved']);
  });
});

describe('a change of type', () => {
  it('no longer asks for the objects of the old one', () => {
    const parts: ClusterParts = {
      apis: new Set([ROUTE_API]),
      objects: [service(), live('Route', 'skupper-router-edge')],
    };
    expect(plan({ accessType: 'route' }, parts).made).toHaveLength(3);
    expect(plan({ accessType: 'loadbalancer' }, parts).made).toEqual(['Service/skupper-router']);
    expect(plan({ accessType: 'loadbalancer' }, parts).object('Service').spec).toMatchObject({ type: 'LoadBalancer' });
    expect(plan({ accessType: 'local' }, parts).object('Service').spec).toMatchObject({ type: 'ClusterIP' });
  });
});

describe('an Ingress', () => {
  const classOf = (object: KubeObject) => (object.spec as { ingressClassName?: string }).ingressClassName;

  it.each<[string, string, string | undefined, string, string | undefined]>([
    ['the setting of the access', 'ingress-nginx', 'own', 'global', 'own'],
    ['then that of the controller', 'ingress-nginx', undefined, 'global', 'global'],
    ['then nginx', 'ingress-nginx', undefined, '', 'nginx'],
    ['no class without nginx', 'ingress', undefined, '', undefined],
    ['no class for blanks', 'ingress', '  ', ' ', undefined],
    ['the setting without nginx too', 'ingress', 'own', '', 'own'],
  ])('has %s as its class', (_, accessType, setting, ingressClassName, wanted) => {
    const spec = { accessType, ...(setting !== undefined && { settings: { ingressClassName: setting } }) };
    const { object } = plan(spec, { settings: enabled(accessType, { ingressClassName }) });
    expect(classOf(object('Ingress'))).toBe(wanted);
  });

  it('passes TLS through nginx, and has no such annotation elsewhere', () => {
    const nginx = plan({ accessType: 'ingress-nginx' }, { settings: enabled('ingress-nginx') }).object('Ingress');
    expect(nginx.metadata.annotations).toHaveProperty('nginx.ingress.kubernetes.io/ssl-passthrough', 'true');
    const plain = plan({ accessType: 'ingress' }, { settings: enabled('ingress') }).object('Ingress');
    expect(plain.metadata.annotations).toBeUndefined();
  });

  it('has a rule a port, first without a domain, then with the one that its address gives', () => {
    const hostsOf = (parts: ClusterParts) => {
      const { object } = plan({ accessType: 'ingress' }, { ...parts, settings: enabled('ingress') });
      return (object('Ingress').spec as { rules: { host: string }[] }).rules.map(({ host }) => host);
    };
    expect(hostsOf({})).toEqual(['inter-router.ns-west', 'edge.ns-west']);
    const named = live('Ingress', 'skupper-router', balancer({ hostname: 'lb.example' }));
    expect(hostsOf({ objects: [named] })[0]).toBe('inter-router.ns-west.lb.example');
    const six = live('Ingress', 'skupper-router', balancer({ ip: '2001:db8::1' }));
    expect(hostsOf({ objects: [six] })[0]).toBe('inter-router.ns-west.2001-db8--1.nip.io');
  });

  it('of a second access has hosts of its own', () => {
    const parts = {
      settings: enabled('ingress', { ingressDomain: 'd' }),
      objects: [live('Ingress', 'skupper-router-2')],
    };
    expect(plan({ accessType: 'ingress' }, parts, 'skupper-router-2').places[0]).toBe(
      'inter-router=skupper-router-2-inter-router.ns-west.d:443',
    );
  });

  it('takes the domain of the access before that of the controller', () => {
    const parts = {
      settings: enabled('ingress', { ingressDomain: 'd' }),
      objects: [live('Ingress', 'skupper-router')],
    };
    expect(plan({ accessType: 'ingress', settings: { domain: 'mine' } }, parts).places[0]).toContain(
      'ns-west.mine:443',
    );
  });
});

describe('a Route', () => {
  it('has the host that the domain of the access gives, else that of the cluster', () => {
    const parts = { apis: new Set([ROUTE_API]) };
    const specOf = (settings: object) => plan({ accessType: 'route', settings }, parts).object('Route').spec;
    expect(specOf({ domain: 'd.example' })).toMatchObject({ host: 'skupper-router-inter-router.ns-west.d.example' });
    expect(specOf({})).not.toHaveProperty('host');
    expect(specOf({})).toMatchObject({ tls: { termination: 'passthrough' }, port: { targetPort: 'inter-router' } });
  });
});

describe('the Gateway', () => {
  const parts = { settings: GATEWAY, apis: GATEWAY_APIS };
  const at = (type: string, value: string) => ({ status: { addresses: [{ type, value }] } });

  it("is one in the controller's namespace, owned by no site, and asked for again when it went", () => {
    const { object, made } = plan({}, parts);
    expect(made).toEqual(['Service/skupper-router', 'Gateway/skupper']);
    expect(object('Gateway').metadata).toMatchObject({ namespace: 'skupper' });
    expect(object('Gateway').metadata.ownerReferences).toBeUndefined();
    expect(object('Gateway').spec).toMatchObject({
      gatewayClassName: 'contour',
      listeners: [{ protocol: 'TLS', port: 8443, tls: { mode: 'Passthrough' } }],
    });
  });

  it('has a domain of its own, else that of its name, else that of its address', () => {
    const hostOf = (cluster: ClusterParts) =>
      (plan({}, { ...parts, ...cluster }).object('TLSRoute').spec as { hostnames: string[] }).hostnames[0];
    const gateway = live('Gateway', 'skupper', {
      status: {
        addresses: [
          { type: 'IPAddress', value: '192.0.2.5' },
          { type: 'Hostname', value: 'gate.example' },
        ],
      },
    });
    expect(hostOf({ gateway })).toBe('skupper-router-inter-router.ns-west.gate.example');
    expect(hostOf({ gateway: live('Gateway', 'skupper', at('IPAddress', '192.0.2.5')) })).toContain('192.0.2.5.nip.io');
    expect(hostOf({ gateway, settings: { ...GATEWAY, gatewayDomain: 'fixed.example' } })).toContain('fixed.example');
  });

  it('that loses its address keeps its routes and has no endpoints', () => {
    const gateway = live('Gateway', 'skupper', at('IPAddress', '192.0.2.5'));
    const host = 'skupper-router-edge.ns-west.192.0.2.5.nip.io';
    const objects = [live('TLSRoute', 'skupper-router-edge', { spec: { hostnames: [host] } })];
    expect(plan({}, { ...parts, gateway, objects }).places).toEqual([`edge=${host}:8443`]);
    for (const gone of [live('Gateway', 'skupper'), undefined]) {
      const { object, made, places } = plan({}, { ...parts, ...(gone && { gateway: gone }), objects });
      expect(made).not.toContain('TLSRoute/skupper-router-inter-router');
      expect(object('TLSRoute').spec).toMatchObject({ hostnames: [host] });
      expect(places).toEqual([]);
    }
  });

  it('that an administrator made is used and not changed', () => {
    const gateway = foreign('Gateway', 'skupper', at('IPAddress', '192.0.2.5'));
    const { made } = plan({}, { ...parts, gateway });
    expect(made).not.toContain('Gateway/skupper');
    expect(made).toContain('TLSRoute/skupper-router-edge');
  });

  it('is the parent of each route', () => {
    const gateway = live('Gateway', 'skupper', at('Hostname', 'g'));
    expect(plan({}, { ...parts, gateway }).object('TLSRoute').spec).toMatchObject({
      parentRefs: [{ kind: 'Gateway', name: 'skupper', namespace: 'skupper', sectionName: 'tls' }],
      rules: [{ backendRefs: [{ name: 'skupper-router', port: 55671 }] }],
    });
  });
});

describe("an access that is not the Site's", () => {
  it.each([
    ['without a Site', []],
    ['beside a Site', [site()]],
  ])('owns its objects %s, as for the redemption server in the namespace of the controller', (_, others) => {
    const grants = resource('SecuredAccess', 'skupper-grant-server', {
      selector: { 'skupper.io/component': 'controller' },
      ports: [{ name: 'https', port: 9090 }],
      accessType: 'loadbalancer',
    });
    const plans = (objects: KubeObject[]) =>
      planSecuredAccesses(observed([...others, grants], { namespace: 'skupper', cluster: cluster({ objects }) }));
    const [made] = plans([]).objects;
    expect(made!.metadata.ownerReferences).toMatchObject([{ uid: 'uid-skupper-grant-server', kind: 'SecuredAccess' }]);
    const { outcomes } = plans([{ ...made!, ...balancer({ ip: '192.0.2.1' }) }]);
    expect(outcomes[0]!.status).toEqual({
      endpoints: [{ name: 'https', host: '192.0.2.1', port: '9090', group: 'skupper-grant-server' }],
    });
  });
});

it('there are none on platform local', () => {
  const { objects, outcomes } = planSecuredAccesses(observed([site()]));
  expect([objects, outcomes]).toEqual([[], []]);
});
