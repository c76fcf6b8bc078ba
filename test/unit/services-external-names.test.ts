/** The service-controllers of two clusters in memory, with an external domain: which DNSEndpoints are in each, and when they change. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TYPES } from '../../service-controller/platform/kubernetes/watched.ts';
import { type ServicesCluster, ServicesWorld } from '../support/sim/services-world.ts';
import { useVirtualTime } from '../support/virtual-time.ts';

const NAMESPACE = 'shop';
const HOME = 'skupper';
const SERVICE = 'web.shop.shop.test';
const HOST = 'front.shop.test';
const WITH_DOMAIN = { 'external-domain': 'shop.test' };
const SETTLED_MS = 17_000;
const LEASE_MS = 16_000;
/** A kind that is missing is looked for each 30 s, and up to a fifth later. */
const KIND_LOOK_MS = 40_000;

let world: ServicesWorld;
let west: ServicesCluster;
let east: ServicesCluster;

beforeEach(() => {
  useVirtualTime(Date.UTC(2026, 2, 1));
  world = new ServicesWorld(['west', 'east'], 1);
  [west, east] = world.clusters as [ServicesCluster, ServicesCluster];
  for (const cluster of world.clusters) cluster.put('Namespace', undefined, NAMESPACE, {});
});

afterEach(async () => {
  for (const cluster of world.clusters) cluster.killAll();
  await pass(30_000);
  await Promise.all(world.clusters.map((cluster) => cluster.ended()));
  vi.useRealTimers();
  expect(world.faults).toEqual([]);
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const balancer = (ip: string) => ({ loadBalancer: { ingress: [{ ip }] } });

/** `web`, with a load balancer of that address, and pods of it. */
function exportWeb(cluster: ServicesCluster, ip: string, annotations: Record<string, string> = {}): void {
  const ports = [{ name: 'http', protocol: 'TCP', port: 80 }];
  cluster.put('Service', NAMESPACE, 'web', { spec: { type: 'LoadBalancer', ports } });
  cluster.status('Service', NAMESPACE, 'web', balancer(ip));
  pods(cluster, 'web', true);
  cluster.put('ServiceExport', NAMESPACE, 'web', { metadata: { annotations } });
}

function pods(cluster: ServicesCluster, service: string, isReady: boolean): void {
  cluster.put('EndpointSlice', NAMESPACE, service, {
    metadata: { labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready: isReady } }],
  });
}

/** One that leads to Service `front`. */
function exportFront(cluster: ServicesCluster, ip: string, host = HOST): void {
  const backend = { service: { name: 'front', port: { number: 80 } } };
  cluster.put('Ingress', NAMESPACE, 'front', {
    metadata: { annotations: { 'skuprt.io/export': 'true' } },
    spec: { rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
  });
  cluster.status('Ingress', NAMESPACE, 'front', balancer(ip));
  pods(cluster, 'front', true);
}

/** `type targets` of a name, with `set/weight` where there are alternatives. */
function said(cluster: ServicesCluster, dnsName: string): string[] {
  interface Endpoint {
    dnsName: string;
    recordType: string;
    targets: string[];
    setIdentifier?: string;
    providerSpecific?: { name: string; value: string }[];
  }
  const endpoints = cluster
    .list('DNSEndpoint', HOME)
    .flatMap(({ spec }) => (spec as { endpoints: Endpoint[] }).endpoints);
  return endpoints
    .filter((endpoint) => endpoint.dnsName === dnsName)
    .map(({ recordType, targets, setIdentifier, providerSpecific }) => {
      const set = setIdentifier === undefined ? '' : ` ${setIdentifier}/${providerSpecific?.[0]?.value}`;
      return `${recordType} ${targets.join(',')}${set}`;
    });
}

const both = (dnsName: string) => world.clusters.map((cluster) => said(cluster, dnsName));

async function begin(): Promise<void> {
  for (const cluster of world.clusters) cluster.startController(WITH_DOMAIN);
  await pass(SETTLED_MS);
  exportWeb(west, '192.0.2.1');
  exportWeb(east, '192.0.2.2');
  exportFront(west, '192.0.2.11');
  exportFront(east, '192.0.2.12');
  await pass(3000);
}

describe('names of an external domain', () => {
  it('are in both clusters, with the addresses of both', async () => {
    await begin();
    expect(both(SERVICE)).toEqual(Array(2).fill(['A 192.0.2.1,192.0.2.2']));
    expect(both(HOST)).toEqual(Array(2).fill(['A 192.0.2.11,192.0.2.12']));
  });

  it('are not written again while nothing changes', async () => {
    await begin();
    const written = world.clusters.map((cluster) => cluster.written.length);
    await pass(120_000);
    expect(world.clusters.map((cluster) => cluster.written.length)).toEqual(written);
  });

  it('lose the address of a cluster without ready pods, and have it again with one', async () => {
    await begin();
    pods(west, 'web', false);
    pods(east, 'front', false);
    await pass(3000);
    expect(both(SERVICE)).toEqual(Array(2).fill(['A 192.0.2.2']));
    expect(both(HOST)).toEqual(Array(2).fill(['A 192.0.2.11']));
    pods(west, 'web', true);
    pods(east, 'front', true);
    await pass(3000);
    expect(both(SERVICE)).toEqual(Array(2).fill(['A 192.0.2.1,192.0.2.2']));
    expect(both(HOST)).toEqual(Array(2).fill(['A 192.0.2.11,192.0.2.12']));
  });

  it('lose the address of a cluster that fell silent', async () => {
    await begin();
    west.killAll();
    await pass(LEASE_MS + 3000);
    expect([said(east, SERVICE), said(east, HOST)]).toEqual([['A 192.0.2.2'], ['A 192.0.2.12']]);
  });

  it('are one set for each cluster as soon as one has a weight', async () => {
    await begin();
    west.put('ServiceExport', NAMESPACE, 'web', { metadata: { annotations: { 'skuprt.io/weight': '3' } } });
    east.put('ServiceExport', NAMESPACE, 'web', { metadata: { annotations: { 'skuprt.io/weight': '1' } } });
    await pass(3000);
    expect(both(SERVICE)).toEqual(Array(2).fill(['A 192.0.2.2 east/1', 'A 192.0.2.1 west/3']));
  });

  it('go when nobody exports any more', async () => {
    await begin();
    for (const cluster of world.clusters) cluster.remove('ServiceExport', NAMESPACE, 'web');
    for (const cluster of world.clusters)
      cluster.put('Ingress', NAMESPACE, 'front', { metadata: { annotations: { 'skuprt.io/export': 'false' } } });
    await pass(3000);
    expect(world.clusters.map((cluster) => cluster.list('DNSEndpoint'))).toEqual([[], []]);
  });

  it('stay where they are when they belong to somebody else', async () => {
    east.put('DNSEndpoint', HOME, 'mail', { spec: { endpoints: [] } });
    await begin();
    expect(east.list('DNSEndpoint').map(({ metadata }) => metadata.name)).toContain('mail');
  });
});

describe('the domain', () => {
  const restart = async (flags: Record<string, string>) => {
    west.killAll();
    west.startController(flags);
    await pass(SETTLED_MS * 2);
  };

  it('takes its names with it when it is changed', async () => {
    await begin();
    await restart({ 'external-domain': 'apps.test' });
    expect([said(west, SERVICE), said(west, HOST)]).toEqual([[], []]);
    expect(said(west, 'web.shop.apps.test')).toEqual(['A 192.0.2.1,192.0.2.2']);
  });

  it('takes its names with it when it is cleared, and no others', async () => {
    west.put('DNSEndpoint', HOME, 'mail', { spec: { endpoints: [] } });
    await begin();
    expect(west.list('DNSEndpoint')).toHaveLength(3);
    await restart({});
    expect(west.list('DNSEndpoint').map(({ metadata }) => metadata.name)).toEqual(['mail']);
    expect(said(east, SERVICE)).toEqual(['A 192.0.2.1,192.0.2.2']);
  });
});

describe('a cluster without the kind DNSEndpoint', () => {
  const told = () => west.events.filter(({ reason }) => reason === 'NoDNSEndpointKind');

  it('says so once, at its Site, and goes on', async () => {
    west.api.removeType('DNSEndpoint');
    await begin();
    await pass(300_000);
    expect(told()).toEqual([
      {
        about: expect.objectContaining({ kind: 'Site' }),
        type: 'Warning',
        reason: 'NoDNSEndpointKind',
        message: expect.stringMatching(/names of shop\.test are not written.*skuprt install --dns-endpoints/),
      },
    ]);
    expect(west.find('ServiceImport', NAMESPACE, 'web')).toBeDefined();
    expect(said(east, SERVICE)).toEqual(['A 192.0.2.1,192.0.2.2']);
  });

  it('has the names once somebody installs it', async () => {
    west.api.removeType('DNSEndpoint');
    await begin();
    west.api.addType(TYPES.DNSEndpoint);
    await pass(2 * KIND_LOOK_MS);
    expect(said(west, SERVICE)).toEqual(['A 192.0.2.1,192.0.2.2']);
  });

  it('says nothing of it without a domain', async () => {
    west.api.removeType('DNSEndpoint');
    west.startController();
    await pass(60_000);
    expect(told()).toEqual([]);
  });
});
