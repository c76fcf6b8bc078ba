/** What an adaptor writes: the router's report and the network, read back as they were, however large. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../lib/kube/object.ts';
import { decodeReport, encodeReport } from '../../lib/router-client/report.ts';
import { statusMap, withRefusals } from '../../site-controller/adaptor/documents.ts';
import { NetworkPublisher } from '../../site-controller/adaptor/network-publisher.ts';
import { decodeNetwork, encodeNetwork } from '../../site-controller/exchange/network-document.ts';
import type { SiteContent } from '../../site-controller/exchange/record.ts';
import type { NetworkView } from '../../site-controller/reconcile/observed.ts';
import { remoteSite, routerState } from '../support/observed.ts';

const CONFIG_MAP_BYTES_MAX = 1024 * 1024;

const text = fc.string({ maxLength: 12 });
const id = fc.string({ minLength: 1, maxLength: 12 });
const port = fc.integer({ min: 1, max: 65535 });
const endpoint = fc.record({ name: text, routingKey: id, host: text, port });
const link = fc.record({
  name: text,
  role: fc.constantFrom('inter-router', 'edge'),
  direction: fc.constantFrom('outgoing' as const, 'incoming' as const),
  cost: fc.nat(),
  operational: fc.boolean(),
  remoteSiteId: text,
  remoteSiteName: text,
  remoteRouterId: text,
  message: text,
});
const content: fc.Arbitrary<SiteContent> = fc.record({
  site: fc.record({ id, name: text, namespace: text, platform: text, version: text }),
  routers: fc.array(
    fc.record({
      id,
      links: fc.array(link, { maxLength: 3 }),
      routerAccess: fc.array(fc.record({ name: text, role: text })),
    }),
    { maxLength: 3 },
  ),
  listeners: fc.array(endpoint, { maxLength: 4 }),
  connectors: fc.array(endpoint, { maxLength: 4 }),
  services: fc.array(
    fc.record(
      { address: id, protocol: text, port, service: text, podsByName: fc.boolean() },
      { requiredKeys: ['address', 'protocol', 'port'] },
    ),
    { maxLength: 4 },
  ),
});
const view: fc.Arbitrary<NetworkView> = fc.record({
  sites: fc.array(content, { maxLength: 5 }),
  settled: fc.boolean(),
  gone: fc.array(text).map((names) => new Set(names)),
});

const objects = (maps: ReadonlyMap<string, Record<string, string>>): KubeObject[] =>
  [...maps].map(([name, data]) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }));

function largeView(siteCount: number, serviceCount: number): NetworkView {
  const sites = Array.from({ length: siteCount }, (_, at) => {
    const ends = Array.from({ length: serviceCount }, (_unused, service) => ({
      name: `service-${service}`,
      routingKey: `backend-${service}.namespace-${at}`,
      host: `10.${at % 256}.${service}.${(at * 7) % 256}`,
      port: 8080,
    }));
    return remoteSite(`site-${at}-${(at * 2654435761) >>> 0}`, { listeners: ends, connectors: ends });
  });
  return { sites, settled: true, gone: new Set() };
}

describe('the network document', () => {
  it('gives back what was put in', () => {
    fc.assert(
      fc.property(view, fc.option(content, { nil: undefined }), (given, own) => {
        expect(decodeNetwork(objects(encodeNetwork(given, own)))).toEqual(given);
      }),
      { numRuns: 300, seed: 4 },
    );
  });

  it('has the shape that the tools of the original read', () => {
    const ends = [{ name: 'web', routingKey: 'web-key', host: 'web', port: 80 }];
    const east = remoteSite('east', { listeners: ends, connectors: ends });
    const maps = encodeNetwork({ sites: [east], settled: true, gone: new Set() }, remoteSite('west'));
    const status = JSON.parse(maps.get('skupper-network-status')!.NetworkStatus!);
    expect(status.addresses).toEqual([
      {
        recType: 'ADDRESS',
        identity: 'web-key',
        name: 'web-key',
        protocol: 'tcp',
        listenerCount: 1,
        connectorCount: 1,
      },
    ]);
    expect(status.siteStatus.map((entry: { site: { name: string } }) => entry.site.name)).toEqual(['west', 'east']);
    expect(status.siteStatus[1].routerStatus[0]).toMatchObject({
      router: { name: 'east-router', mode: 'interior' },
      listeners: [{ name: 'web', destHost: 'web', destPort: '80', protocol: 'tcp', address: 'web-key' }],
    });
  });

  it('of 300 sites with 100 services each is spread over ConfigMaps that the API server takes', () => {
    const large = largeView(300, 100);
    const maps = encodeNetwork(large, remoteSite('west'));
    expect(decodeNetwork(objects(maps))).toEqual(large);
    for (const data of maps.values()) expect(JSON.stringify(data).length).toBeLessThan(CONFIG_MAP_BYTES_MAX);
    expect([...maps.keys()].pop()).toBe('skupper-network-status');
    expect([...encodeNetwork(large, remoteSite('west'))]).toEqual([...maps]);
  });

  it('of parts that do not belong together, of garbage and of nothing is not read', () => {
    const [before, after] = [largeView(2500, 30), largeView(2500, 31)].map((large) =>
      objects(encodeNetwork(large, undefined)),
    );
    expect(before!.length).toBeGreaterThan(1);
    const first = (maps: KubeObject[]) => maps.find(({ metadata }) => metadata.name === 'skupper-network-status')!;
    const others = (maps: KubeObject[]) => maps.filter((map) => map !== first(maps));
    expect(decodeNetwork(before!)).toBeDefined();
    expect(decodeNetwork([...others(after!), first(before!)])).toBeUndefined();
    expect(decodeNetwork([first(before!)])).toBeUndefined();
    expect(decodeNetwork([])).toBeUndefined();
    for (const NetworkStatus of ['', '{', '{}', '{"siteStatus":[{"site":{}}]}']) {
      expect(decodeNetwork(objects(new Map([['skupper-network-status', { NetworkStatus }]])))).toBeUndefined();
    }
  });

  it('is written where it differs, and parts that are not needed any more are removed', async () => {
    const there = new Map<string, KubeObject>();
    let writes = 0;
    const publisher = new NetworkPublisher({
      apply: async (map) => {
        writes += 1;
        there.set(map.metadata.name, map);
      },
      remove: async (name) => there.delete(name),
    });
    const place = { namespace: 'ns', owners: [] };
    const own = remoteSite('west');
    const publish = (given: NetworkView) => publisher.write({ place, view: given, own, key: '' });
    there.set('skupper-network-status-2', objects(new Map([['skupper-network-status-2', {}]]))[0]!);
    await publish(largeView(3, 3));
    expect([...there.keys()]).toEqual(['skupper-network-status']);
    await publish(largeView(3, 3));
    expect(writes).toBe(1);
    await publish(largeView(2500, 30));
    expect(there.size).toBeGreaterThan(1);
    await publish(largeView(2, 2));
    expect(decodeNetwork([...there.values()])?.sites).toHaveLength(2);
    expect(there.size).toBe(1);
  });
});

describe('the report', () => {
  const listener = fc.record({ operStatus: text, message: text });
  const named = <T>(value: fc.Arbitrary<T>) =>
    fc.array(fc.tuple(text, value), { maxLength: 4 }).map((entries) => new Map(entries));
  const service = text.map((name) => `svc-${name}`);
  const state = fc.record({
    id: text,
    routerIds: fc.array(text),
    connections: fc.array(
      fc.record({
        host: text,
        container: text,
        role: fc.constantFrom('inter-router', 'edge'),
        direction: fc.constantFrom('in' as const, 'out' as const),
        opened: fc.boolean(),
      }),
    ),
    connectors: named(fc.record({ status: text, message: text })),
    listeners: named(listener),
    tcpConnectors: named(listener),
    consumers: fc.array(fc.tuple(service, fc.nat())).map((entries) => new Map(entries)),
  });

  it('gives back the state, and the same text for the same state in another order', () => {
    fc.assert(
      fc.property(state, (given) => {
        const encoded = encodeReport(given);
        const decoded = decodeReport(encoded)!;
        expect(encodeReport(decoded)).toBe(encoded);
        expect({ ...decoded, connections: decoded.connections.length }).toEqual({
          ...given,
          connections: given.connections.length,
        });
        const turned = {
          ...given,
          connections: [...given.connections].reverse(),
          listeners: new Map([...given.listeners].reverse()),
        };
        expect(encodeReport(turned)).toBe(encoded);
      }),
      { numRuns: 300, seed: 4 },
    );
  });

  it('leaves out what no plan reads: clients, data connections, addresses that are no services', () => {
    const connection = { host: '10.0.0.1:1', container: 'c', direction: 'in' as const, opened: true };
    const consumers = ['web', 'mc/skuprt.site', 'temp.x', '$management', 'sfe.x:0'].map((name) => [name, 1] as const);
    const given = routerState({
      connections: ['normal', 'inter-router-data', 'inter-router'].map((role) => ({ ...connection, role })),
      consumers: new Map(consumers),
    });
    const decoded = decodeReport(encodeReport(given))!;
    expect(decoded.connections.map(({ role }) => role)).toEqual(['inter-router']);
    expect([...decoded.consumers.keys()]).toEqual(['web']);
  });

  it.each(['', '{', '[]', '{"id":1}', 'null'])('is not read from %s', (garbage) => {
    expect(decodeReport(garbage)).toBeUndefined();
  });

  it('tells why an entity is not there', () => {
    const refusals = new Map([
      ['tcpListener/web', 'port taken'],
      ['connector/link', 'no profile'],
    ]);
    const told = withRefusals(routerState(), refusals);
    expect(told.listeners.get('web')).toEqual({ operStatus: 'down', message: 'port taken' });
    expect(told.connectors.get('link')).toEqual({ status: 'FAILED', message: 'no profile' });
  });

  it('stands in a map of its own key, which is taken back without a state', () => {
    const place = { namespace: 'ns', owners: [{ apiVersion: 'v', kind: 'Site', name: 'west', uid: 'u' }] };
    expect(statusMap(place, 'pod-a', routerState())).toMatchObject({
      metadata: { name: 'skupper-router-status', namespace: 'ns', ownerReferences: place.owners },
      data: { 'pod-a': encodeReport(routerState()) },
    });
    expect(statusMap(place, 'pod-a', undefined).data).toEqual({});
  });
});
