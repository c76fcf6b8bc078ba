/** Site on Kubernetes: its conditions with the words that tools know, and a network that fits into one object. */
import { describe, expect, it } from 'vitest';
import { SiteStatus } from '../../config/api/site.ts';
import { planSites } from '../../site-controller/reconcile/site/plan.ts';
import { siteRecords } from '../../site-controller/reconcile/site/records.ts';
import { type ClusterParts, cluster, foreign, live, pod } from '../support/cluster.ts';
import { observed, remoteSite, resource, routerState, site } from '../support/observed.ts';

function outcome(spec: object = {}, parts: ClusterParts = {}, further: Parameters<typeof observed>[0] = []) {
  return planSites(observed([site(spec), ...further], { cluster: cluster(parts) }))[0]!;
}

function finding(type: string, spec: object = {}, parts: ClusterParts = {}): string {
  const found = outcome(spec, parts).findings.find((candidate) => candidate.type === type)!;
  return found.status === 'True' ? 'OK' : `${found.reason}: ${found.message}`;
}

describe('Configured', () => {
  it.each<[object, ClusterParts, string]>([
    [{}, {}, 'OK'],
    [{ ha: true, linkAccess: 'loadbalancer' }, {}, 'OK'],
    [{ edge: true }, {}, 'OK'],
    [{ edge: true, ha: true }, {}, 'Error: Edge sites cannot have HA enabled'],
    [
      { linkAccess: 'magic' },
      {},
      'Error: Unsupported value for LinkAccess: magic; this controller offers: none, default, local, loadbalancer, route',
    ],
    [{ linkAccess: 'nodeport' }, {}, 'Error: Unsupported value for LinkAccess: nodeport; this controller offers:'],
    [{ linkAccess: 'nodeport' }, { settings: { enabledAccessTypes: ['nodeport'], clusterHost: 'h' } }, 'OK'],
    [{ edge: true, linkAccess: 'default' }, {}, 'Error: Edge sites cannot have link access (default)'],
    [{ settings: { size: 'x' } }, {}, 'Error: Unknown size "x"; known: none'],
    [{ settings: { 'skuprt.io/pod-template': 'x' } }, {}, 'Error: pod template ConfigMap x not found'],
    [{ ha: true }, { settings: { routers: 'external' } }, 'Error: HA is not available where routers run outside'],
  ])('%o with %o is %s', (spec, parts, text) => {
    expect(finding('Configured', spec, parts)).toContain(text);
  });

  it('is not for a second site', () => {
    const late = resource('Site', 'late', {}, { creationTimestamp: '2026-03-02T00:00:00Z' });
    const [second] = planSites(observed([late, site()], { cluster: cluster() }));
    expect(second!.findings[0]!.message).toBe('An active site already exists in the namespace (west)');
  });

  it("is no matter of another's label template", () => {
    const bad = { ...foreign('ConfigMap', 'bad', { data: { labelSelector: 'a in b' } }) };
    expect(finding('Configured', {}, { labelTemplates: [bad] })).toBe('OK');
  });
});

describe('Running', () => {
  const waiting = (message: string, parts: object = {}) => pod('a', { isReady: false, message, ...parts });

  it('says of routers that are drained that they are', () => {
    const pods = [waiting('containers with unready status: [router]')];
    const drained = { settings: { 'skuprt.io/drain': 'all' } };
    expect(finding('Running', drained, { pods })).toBe('Pending: Drained; skuprt undrain lets the site serve again');
    expect(finding('Running', drained, { pods: [waiting('ImagePullBackOff: x')] })).toBe(
      'Pending: ImagePullBackOff: x',
    );
    expect(finding('Running', { ha: true, settings: { 'skuprt.io/drain': 'skupper-router-2' } }, { pods })).toContain(
      'unready',
    );
    expect(finding('Running', drained, { pods: [pod('a')] })).toBe('OK');
  });

  it.each<[string, ClusterParts, string]>([
    ['without pods', {}, 'Pending: No router pod is ready'],
    ['with one that says nothing', { pods: [waiting('')] }, 'Pending: No router pod is ready'],
    ['with one that says why', { pods: [waiting('ImagePullBackOff: x')] }, 'Pending: ImagePullBackOff: x'],
    ['with one that is ready', { pods: [pod('a')] }, 'OK'],
    ['with one of two that is ready', { pods: [waiting('x'), pod('b')] }, 'OK'],
    ['with one that goes', { pods: [pod('a', { isDeleting: true })] }, 'Pending: No router pod is ready'],
    ['with a pod of somebody else', { pods: [pod('a', { labels: {} })] }, 'Pending: No router pod is ready'],
    [
      'without a report of an external router',
      { settings: { routers: 'external' } },
      'Pending: The router is not running',
    ],
    [
      'with a report of an external router',
      { settings: { routers: 'external' }, routers: new Map([['west', routerState()]]) },
      'OK',
    ],
  ])('%s', (_, parts, text) => {
    expect(finding('Running', {}, parts)).toBe(text);
  });
});

describe('Resolved', () => {
  const access = resource('RouterAccess', 'skupper-router', {
    roles: [{ name: 'inter-router', port: 55671 }],
    tlsCredentials: 'skupper-site-server',
  });
  const secured = resource('SecuredAccess', 'skupper-router', {
    selector: { 'skupper.io/group': 'skupper-router' },
    ports: [{ name: 'inter-router', port: 55671 }],
  });

  it('says what the access waits for, then has its endpoints', () => {
    const resolved = (parts: ClusterParts) => {
      const { findings, status } = outcome({ linkAccess: 'default' }, parts, [access, secured]);
      return [findings.find(({ type }) => type === 'Resolved')!.message, status] as const;
    };
    expect(resolved({})[0]).toBe('the load balancer gave Service skupper-router no address yet');
    const balancer = live('Service', 'skupper-router', {
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
    });
    const [message, status] = resolved({ objects: [balancer] });
    expect(message).toBe('OK');
    expect(status).toMatchObject({
      endpoints: [{ name: 'inter-router', host: '192.0.2.1', port: '55671', group: 'skupper-router' }],
    });
  });

  it('waits without an access', () => {
    expect(finding('Resolved')).toBe('Pending: Pending');
  });
});

it('the status names issuer and controller', () => {
  expect(outcome().status).toMatchObject({
    defaultIssuer: 'skupper-site-ca',
    controller: { name: 'skupper-controller', namespace: 'skupper', version: '1.2.3' },
    sitesInNetwork: 1,
  });
  expect(outcome({ defaultIssuer: 'mine' }).status).toMatchObject({ defaultIssuer: 'mine' });
});

describe('the network', () => {
  const entry = (name: string) => ({ name, routingKey: name, host: 'h', port: 80 });
  const content = (name: string, count: number) =>
    remoteSite(name, { listeners: Array.from({ length: count }, (_, index) => entry(`service-${index}`)) });
  const own = content('west', 3);
  const size = (value: object) => Buffer.byteLength(JSON.stringify(value));

  it('has only what the schema of a Site knows, since an API server drops the rest', () => {
    const told = { ...own, site: { ...own.site, asksWorkloads: true, ca: 'AB:CD' } };
    const known = Object.keys(SiteStatus.properties.network.items.properties);
    for (const record of siteRecords(told, [told])) expect(known).toEqual(expect.arrayContaining(Object.keys(record)));
  });

  it('groups listeners and connectors by routing key', () => {
    const other = remoteSite('east', {
      listeners: [entry('b'), entry('a')],
      connectors: [{ ...entry('a'), name: 'c' }],
    });
    expect(siteRecords(own, [other])[1]!.services).toEqual([
      { routingKey: 'a', connectors: ['c'], listeners: ['a'] },
      { routingKey: 'b', connectors: [], listeners: ['b'] },
    ]);
  });

  it('is whole while it fits', () => {
    const records = siteRecords(own, [content('a', 100), content('b', 100)]);
    expect(records.map(({ services }) => services?.length)).toEqual([3, 100, 100]);
  });

  it.each([400, 1000, 5000, 20_000])('fits into %i bytes, the own site first', (sizeBytesMax) => {
    const others = Array.from({ length: 100 }, (_, index) => content(`site-${index}`, 10));
    const records = siteRecords(own, others, sizeBytesMax);
    expect(size(records)).toBeLessThanOrEqual(sizeBytesMax);
    expect(records[0]).toMatchObject({ id: 'id-west' });
    const known = records.filter(({ services }) => services !== undefined).length;
    expect(records.slice(0, known).every(({ services }) => services !== undefined)).toBe(true);
  });

  it('of thousands of sites stays below 512 KiB', () => {
    const others = Array.from({ length: 3000 }, (_, index) => content(`site-${index}`, 20));
    const { status } = planSites(
      observed([site()], { cluster: cluster(), network: { sites: others, settled: true, gone: new Set<string>() } }),
    )[0]!;
    expect(size(status!)).toBeLessThan(400 * 1024);
    expect(status).toMatchObject({ sitesInNetwork: 3001 });
  });
});
