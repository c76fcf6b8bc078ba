/** What a local site makes of services of a cluster set: of its own connectors, and of headless services of clusters that have pods. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import type { RouterState } from '../../lib/router-client/state.ts';
import { localNames, siteNames } from '../../service-controller/dns/local-objects.ts';
import { MCS, routingKey } from '../../service-controller/names.ts';
import { keepMoved, moveTaken, placeOfListener } from '../../service-controller/platform/local/adapt.ts';
import { isOurs, LocalView } from '../../service-controller/platform/local/local-view.ts';
import { LocalWrites } from '../../service-controller/platform/local/local-writes.ts';
import { Loopback } from '../../service-controller/platform/local/loopback.ts';
import { ServiceFiles } from '../../service-controller/platform/local/service-files.ts';
import type { ClusterView, ServiceRecord } from '../../service-controller/records.ts';
import { DnsWorld } from '../support/dns.ts';
import { serviceRecord } from '../support/service-records.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const clock: Clock = { now: () => NOW, wall: () => NOW };
const OWN_KEY = 'shop/web';
const HEADLESS = { namespace: 'backend', name: 'db' };
const HEADLESS_KEY = 'backend/db';

let site: TestSite;
beforeEach(() => {
  site = new TestSite();
});
afterEach(() => site.end());

/** The site `east` of namespace `shop`, whose router listens wherever it is told to. */
class TestSite {
  readonly home = mkdtempSync(join(tmpdir(), 'skuprt-set-'));
  readonly files = new ServiceFiles({ directory: this.home, namespace: 'shop', onNoSpace: () => {} });
  readonly loopback = new Loopback({ siteId: 'east', firstPort: 1024 });
  /** By kind and name, as the site has them. */
  readonly resources = new Map<string, KubeObject>();
  readonly records = new Map<string, ServiceRecord>();
  clusters: ClusterView[] = [];
  applyCount = 0;
  /** Ids of all that were there. */
  private readonly heard = new Set<string>();
  private readonly writes = new LocalWrites({
    files: this.files,
    loopback: this.loopback,
    clock,
    mesh: {
      setRecord: (key, record) => {
        if (record === undefined) this.records.delete(key);
        else this.records.set(key, record);
        return true;
      },
    },
    resources: {
      list: async (kind) => this.of(kind),
      apply: async (resource) => {
        this.applyCount += 1;
        this.put(resource as KubeObject);
      },
      delete: async (kind, name) => void this.resources.delete(`${kind}/${name}`),
    },
  });

  of(kind: string): KubeObject[] {
    return [...this.resources.values()].filter((object) => object.kind === kind);
  }

  put(object: KubeObject): void {
    this.resources.set(`${object.kind}/${object.metadata.name}`, object);
  }

  get view(): LocalView {
    for (const { id } of this.clusters) this.heard.add(id);
    const listeners = [...this.of('Listener'), ...this.of('MultiKeyListener')].filter(isOurs);
    const prefix = { Listener: 'listener', MultiKeyListener: 'multiAddress' } as Record<string, string>;
    const up = listeners.map(
      ({ kind, metadata }) => [`${prefix[kind]}/${metadata.name}`, { operStatus: 'up' }] as const,
    );
    return new LocalView({
      clusterId: 'east',
      site: { id: 'east', namespace: 'shop' },
      files: this.files,
      connectors: this.of('Connector'),
      listeners,
      derived: this.writes.derived,
      router: { listeners: new Map(up) } as unknown as RouterState,
      clusters: this.clusters,
      heard: this.heard,
      isSettled: true,
      hasWaited: true,
      startedAt: NOW,
      loopback: this.loopback,
    });
  }

  async pass(key: string): Promise<void> {
    await this.writes.bringUpToDate(this.view, key, true);
  }

  /** Passes until nothing changes any more. */
  async settle(key: string, imports = true): Promise<void> {
    for (let count = 0; count < 4; count += 1) await this.writes.bringUpToDate(this.view, key, imports);
    const before = this.applyCount;
    await this.writes.bringUpToDate(this.view, key, imports);
    expect(this.applyCount).toBe(before);
  }

  async export(name: string): Promise<void> {
    const made = {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceExport',
      metadata: { name },
      spec: {},
    } as never;
    await this.files.admit({ exports: new Map([[name, { made, file: 'a.yaml' }]]), faultyFiles: new Set() }, NOW);
  }

  end(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

function cluster(id: string, record: ServiceRecord): ClusterView {
  return {
    id,
    siteId: `site-${id}`,
    state: 'live',
    heardAt: NOW,
    info: { properties: {}, version: '1' },
    services: new Map([[`${record.namespace}/${record.name}`, record]]),
    ingresses: new Map(),
  };
}

describe('a server of this site', () => {
  const connector = (spec: object, name = 'web'): KubeObject => ({
    apiVersion: 'skupper.io/v2alpha1',
    kind: 'Connector',
    metadata: { name },
    spec: { routingKey: 'web', host: 'db.example', port: 8443, ...spec },
  });
  const made = () => site.of('Connector').filter(isOurs);

  it.each([
    {},
    { tlsCredentials: 'ca', verifyHostname: true },
    { tlsCredentials: 'ca', verifyHostname: false, useClientCert: true },
    { settings: { 'skuprt.io/health-check': 'tcp', 'skuprt.io/max-connections': '5' } },
  ])('is dialled for the cluster set as the user dials it: %j', async (tls) => {
    site.put(connector(tls));
    await site.export('web');
    await site.settle(OWN_KEY);
    expect(made().map(({ spec }) => spec)).toEqual([
      {
        ...tls,
        host: 'db.example',
        port: 8443,
        routingKey: routingKey({ namespace: 'shop', name: 'web' }, 'east', 8443),
      },
    ]);
  });

  it('has its import and its slice after one pass', async () => {
    site.put(connector({ host: '10.0.0.7' }));
    await site.export('web');
    await site.pass(OWN_KEY);
    expect(site.files.list('ServiceImport')).toHaveLength(1);
    expect(site.files.list('EndpointSlice').map(({ endpoints }) => endpoints)).toMatchObject([
      [{ addresses: ['10.0.0.7'] }],
    ]);
  });

  it('is dialled anew when the user dials it in another way, and not at all without the export', async () => {
    site.put(connector({ tlsCredentials: 'ca' }));
    await site.export('web');
    await site.settle(OWN_KEY);
    site.put(
      connector({
        tlsCredentials: 'other',
        verifyHostname: true,
        host: '10.0.0.7',
        port: 9443,
        settings: { 'skuprt.io/service-port': '8443' },
      }),
    );
    await site.settle(OWN_KEY);
    expect(made().map(({ spec }) => spec)).toMatchObject([
      { tlsCredentials: 'other', verifyHostname: true, host: '10.0.0.7', port: 9443 },
    ]);
    await site.files.admit({ exports: new Map(), faultyFiles: new Set() }, NOW);
    await site.settle(OWN_KEY);
    expect([made(), [...site.records], site.files.list('ServiceImport')]).toEqual([[], [], []]);
  });

  it('of another kind than the one that was exported first is not offered', async () => {
    site.put(connector({}));
    await site.export('web');
    site.clusters = [
      cluster('west', serviceRecord({ namespace: 'shop', name: 'web', type: 'Headless', since: 1, pods: [] })),
    ];
    await site.settle(OWN_KEY);
    expect(made()).toEqual([]);
    const { conditions } = site.files.list('ServiceExport')[0]!.status as {
      conditions: { type: string; status: string }[];
    };
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'Conflict', status: 'True' }));
  });
});

describe('a headless service of a cluster with pods', () => {
  const pods = (...hostnames: string[]) => hostnames.map((hostname) => ({ hostname, ready: true }));
  const headless = (parts: Partial<ServiceRecord> = {}) =>
    serviceRecord({
      ...HEADLESS,
      type: 'Headless',
      pods: pods('db-0', 'db-1'),
      ports: [{ name: 'sql', protocol: 'TCP', port: 5432 }],
      ...parts,
    });
  const slices = () =>
    site.files.list('EndpointSlice').map(
      (slice) =>
        slice as unknown as {
          metadata: KubeObject['metadata'];
          endpoints: { addresses: string[]; hostname: string; conditions: { ready: boolean } }[];
          ports: { port: number }[];
        },
    );
  const addressOf = (hostname: string) =>
    slices()
      .flatMap(({ endpoints }) => endpoints)
      .find((endpoint) => endpoint.hostname === hostname)?.addresses[0];

  it('has a listener and an address for each pod, in the slice of that cluster; no choice between them', async () => {
    site.clusters = [cluster('west', headless())];
    await site.settle(HEADLESS_KEY);
    const listeners = site.of('Listener').map(({ spec }) => spec as { routingKey: string; host: string; port: number });
    expect(listeners.map(({ routingKey: key, host, port }) => [key, host, port])).toEqual(
      ['db-0', 'db-1'].map((hostname) => [routingKey(HEADLESS, 'west', 5432, hostname), addressOf(hostname), 5432]),
    );
    expect(new Set(listeners.map(({ host }) => host)).size).toBe(2);
    expect(site.of('MultiKeyListener')).toEqual([]);
    expect(
      slices().map(({ metadata, endpoints, ports }) => [
        metadata.labels?.[MCS.sourceClusterLabel],
        endpoints.map(({ conditions }) => conditions.ready),
        ports.map(({ port }) => port),
      ]),
    ).toEqual([['west', [true, true], [5432]]]);
    expect(site.files.list('ServiceImport')[0]!.spec).toMatchObject({ type: 'Headless' });
  });

  it('keeps the address of a pod that comes back under its name', async () => {
    site.clusters = [cluster('west', headless())];
    await site.settle(HEADLESS_KEY);
    const before = addressOf('db-1');
    site.clusters = [cluster('west', headless({ pods: [...pods('db-0'), { hostname: 'db-1', ready: false }] }))];
    await site.settle(HEADLESS_KEY);
    expect(slices()[0]!.endpoints.map(({ hostname, conditions }) => [hostname, conditions.ready])).toEqual([
      ['db-0', true],
      ['db-1', false],
    ]);
    site.clusters = [cluster('west', headless())];
    await site.settle(HEADLESS_KEY);
    expect(addressOf('db-1')).toBe(before);
    expect(before).toBeDefined();
  });

  it('at a port that this user may not listen on is at another, the same for all pods', async () => {
    site.clusters = [cluster('west', headless({ ports: [{ name: '', protocol: 'TCP', port: 80 }] }))];
    await site.settle(HEADLESS_KEY);
    expect(site.of('Listener').map(({ spec }) => (spec as { port: number }).port)).toEqual([10_080, 10_080]);
    expect(slices()[0]!.ports.map(({ port }) => port)).toEqual([10_080]);
  });

  it('answers with the names of its pods', async () => {
    site.clusters = [cluster('west', headless())];
    await site.settle(HEADLESS_KEY);
    const made = [...site.files.list('ServiceImport'), ...site.files.list('EndpointSlice')];
    const names = localNames(new Map([['shop', siteNames('shop', made)]]));
    const dns = new DnsWorld().put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'backend' } });
    dns.put(...names.imports.values(), ...names.slices.values());
    const name = 'db.backend.svc.supercluster.local';
    for (const hostname of ['db-0', 'db-1'])
      expect(dns.ask(`${hostname}.west.${name}`, 'A').answers).toEqual([
        `${hostname}.west.${name} A ${addressOf(hostname)}`,
      ]);
    expect(dns.ask(name, 'A').answers).toHaveLength(2);
    expect(dns.ask(`_sql._tcp.${name}`, 'SRV').answers.sort()).toEqual(
      ['db-0', 'db-1'].map((hostname) => `_sql._tcp.${name} SRV 0 50 5432 ${hostname}.west.${name}`),
    );
  });

  it('goes with its cluster, and without imports nothing of it is there', async () => {
    site.clusters = [cluster('west', headless())];
    await site.settle(HEADLESS_KEY, false);
    expect([site.of('Listener'), slices(), site.files.list('ServiceImport')]).toEqual([[], [], []]);
    await site.settle(HEADLESS_KEY);
    expect(site.of('Listener')).toHaveLength(2);
    site.clusters = [];
    await site.settle(HEADLESS_KEY);
    expect([site.of('Listener'), slices(), site.files.list('ServiceImport')]).toEqual([[], [], []]);
  });
});

describe('a port that another process has', () => {
  const record = serviceRecord({
    namespace: 'backend',
    name: 'api',
    ports: [{ name: '', protocol: 'TCP', port: 8080 }],
  });
  const KEY = 'backend/api';
  const fault = 'MultiKeyListener x cannot listen: port 8080 on 127.64.0.1 is in use by another process';
  const ports = () =>
    [...site.of('Listener'), ...site.of('MultiKeyListener')].map(({ spec }) => (spec as { port: number }).port);
  const taken = (observedGeneration = 1) => {
    const [listener] = site.of('MultiKeyListener') as [KubeObject];
    const conditions = [{ type: 'Configured', status: 'False', message: fault, observedGeneration }];
    site.put({ ...listener, metadata: { ...listener.metadata, generation: 1 }, status: { conditions } });
  };
  beforeEach(async () => {
    site.clusters = [cluster('west', record)];
    await site.settle(KEY);
  });

  it('is told of at the import, which is not ready', async () => {
    taken();
    await site.settle(KEY);
    const { conditions } = site.files.list('ServiceImport')[0]!.status as { conditions: object[] };
    expect(conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', status: 'False', reason: 'CannotListen', message: fault }),
    );
  });

  it('is moved, for that listener only, and so in the import', async () => {
    expect(ports()).toEqual([8080, 8080]);
    taken();
    moveTaken(site.of('MultiKeyListener'), site.loopback);
    await site.settle(KEY);
    expect(ports()).toEqual([8080, 18_080]);
    expect(site.files.list('ServiceImport')[0]!.spec).toMatchObject({ ports: [{ port: 18_080 }] });
  });

  it('is not moved for what was said of an earlier place', async () => {
    taken(0);
    moveTaken(site.of('MultiKeyListener'), site.loopback);
    await site.settle(KEY);
    expect(ports()).toEqual([8080, 8080]);
  });

  it('stays moved when the site starts again', () => {
    const made = site
      .of('MultiKeyListener')
      .map((listener) => ({ ...listener, spec: { ...(listener.spec as object), port: 18_080 } }));
    const after = new Loopback({ siteId: 'east', firstPort: 1024 });
    keepMoved(made, after);
    expect(made.map((listener) => placeOfListener(listener, after).port)).toEqual([18_080]);
    const calm = new Loopback({ siteId: 'east', firstPort: 1024 });
    keepMoved(site.of('MultiKeyListener'), calm);
    expect(made.map((listener) => placeOfListener(listener, calm).port)).toEqual([8080]);
  });
});
