/** The parts by which a local site takes part in a cluster set: addresses, files, identity. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connector } from '../../config/api/connector.ts';
import { CONTROLLED_LABEL, DELETION_TRACE_ANNOTATION, SETTING, TRACE_ANNOTATION } from '../../config/names.ts';
import { traceNews } from '../../config/trace-annotation.ts';
import { AssertionError } from '../../lib/errors.ts';
import { writeFileAtomic } from '../../lib/files.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { createLogger } from '../../lib/log.ts';
import { derivedName, MCS } from '../../service-controller/names.ts';
import { importHere, importThere, sliceHere } from '../../service-controller/platform/local/adapt.ts';
import { ClusterName } from '../../service-controller/platform/local/cluster-name.ts';
import { Loopback } from '../../service-controller/platform/local/loopback.ts';
import { offeredPorts, serviceOf } from '../../service-controller/platform/local/offers.ts';
import { leaveWord, ServiceFiles } from '../../service-controller/platform/local/service-files.ts';
import { type SiteLoan, shared, withCompanion } from '../../site-controller/platform/local/companion.ts';
import { sitePaths } from '../../site-controller/platform/local/paths.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { resource } from '../support/observed.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'skuprt-set-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const DERIVED = derivedName('shop', 'web');
const imported = (ports: number[]): KubeObject => ({
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceImport',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { ports: ports.map((port) => ({ port, protocol: 'TCP' })) },
});

describe('loopback addresses', () => {
  it('are within 127.64.0.0/10, another for each name and site, and the same each time', () => {
    const names = Array.from({ length: 2000 }, (_, index) => `s${index}`);
    const at = (siteId: string) => {
      const loopback = new Loopback({ siteId, firstPort: 1024 });
      return names.map((name) => loopback.addressOf(name));
    };
    const [east, west] = [at('east'), at('west')];
    expect(at('east')).toEqual(east);
    expect(new Set(east).size).toBe(names.length);
    for (const address of east) expect(address).toMatch(/^127\.(6[4-9]|[789]\d|1[01]\d|12[0-7])\.\d+\.\d+$/);
    expect(east.filter((address, index) => address === west[index])).toEqual([]);
  });

  it('keep ports that may be listened on, and move the others', () => {
    const loopback = new Loopback({ siteId: 'east', firstPort: 1024 });
    loopback.avoid('web', 8080);
    expect([80, 8080, 9090, 60_000].map((port) => loopback.placeOf('web', port).port)).toEqual([
      10_080, 18_080, 9090, 60_000,
    ]);
    expect(loopback.placeOf('api', 8080).port).toBe(8080);
    for (const port of [80, 8080, 9090]) expect(loopback.portAt('web', loopback.placeOf('web', port).port)).toBe(port);
  });

  it('stand in imports, which plans see as they are everywhere', () => {
    const loopback = new Loopback({ siteId: 'east', firstPort: 1024 });
    loopback.avoid(DERIVED, 9090);
    const made = imported([80, 8080, 9090]);
    expect(importHere(made, loopback).spec).toEqual(imported([10_080, 8080, 19_090]).spec);
    expect(importThere(importHere(made, loopback), loopback)).toEqual(made);
  });

  it('stand in slices of other clusters, not in those of this one; what is for kube-proxy nobody reads', () => {
    const loopback = new Loopback({ siteId: 'east', firstPort: 1024 });
    const slice = (labels: Record<string, string>) =>
      ({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 's', namespace: 'shop', labels },
        endpoints: [{ addresses: ['127.0.0.1'] }],
      }) as KubeObject;
    const of = (cluster: string) => slice({ [MCS.serviceNameLabel]: 'web', [MCS.sourceClusterLabel]: cluster });
    expect(sliceHere(of('east'), 'east', loopback)).toEqual(of('east'));
    expect(sliceHere(of('west'), 'east', loopback)!.endpoints).toEqual([
      { addresses: [loopback.addressOf(`${DERIVED}/west`)] },
    ]);
    expect(sliceHere(slice({}), 'east', loopback)).toBeUndefined();
  });
});

describe('what a site offers', () => {
  const connector = (routingKey: string, port: number, more: object = {}, labels = {}) =>
    ({ metadata: { name: routingKey, labels }, spec: { routingKey, host: '127.0.0.1', port, ...more } }) as Connector;

  it('is the connector of that address, or all that are its ports', () => {
    const several = [
      connector('web:80', 8000, { settings: { [SETTING.serviceName]: 'web', [SETTING.servicePort]: '80' } }),
      connector('web:443', 8443, { settings: { [SETTING.serviceName]: 'web', [SETTING.servicePort]: '443' } }),
    ];
    const all = [connector('api', 9000), ...several];
    expect(offeredPorts(all, 'api').map(({ name, port, hostPort }) => [name, port, hostPort])).toEqual([
      ['', 9000, 9000],
    ]);
    expect(offeredPorts(all, 'web').map(({ name, port, hostPort }) => [name, port, hostPort])).toEqual([
      ['port-80', 80, 8000],
      ['port-443', 443, 8443],
    ]);
    expect(offeredPorts(all, 'nobody')).toEqual([]);
  });

  it('is nothing that was made for the cluster set, and is dialled as the user said', () => {
    const own = connector('web', 1, {}, { 'internal.skupper.io/controlled': 'true' });
    expect(offeredPorts([own], 'web')).toEqual([]);
    expect(offeredPorts([connector('web', 1, { tlsCredentials: 'ca' })], 'web')[0]!.tls).toEqual({
      tlsCredentials: 'ca',
    });
  });

  it('with a host name is at the address of the service', () => {
    const offers = offeredPorts([connector('web', 8080, { host: 'db.example' })], 'web');
    const { slices } = serviceOf({ namespace: 'shop', name: 'web' }, offers, '127.64.0.9');
    expect(slices[0]!.endpoints).toEqual([{ addresses: ['127.64.0.9'], conditions: { ready: true } }]);
  });
});

describe('the files', () => {
  const files = (options: Partial<ConstructorParameters<typeof ServiceFiles>[0]> = {}) =>
    new ServiceFiles({ directory: home, namespace: 'shop', onNoSpace: () => {}, ...options });
  const wanted = (spec: object = {}, file = 'a.yaml') => ({
    exports: new Map([['web', { made: { kind: 'ServiceExport', metadata: { name: 'web' }, spec }, file }]]),
    faultyFiles: new Set<string>(),
  });
  const none = { exports: new Map(), faultyFiles: new Set<string>() };

  it('keep identity and time of an export over restarts, and count its specs', async () => {
    const [first] = await files().admit(wanted(), 1_000_000);
    const later = files();
    await later.load();
    const [second] = await later.admit(wanted({ exportedLabels: { a: 'b' } }), 2_000_000);
    expect(second!.metadata).toEqual({ ...first!.metadata, generation: 2 });
    expect(await later.admit(none, 3_000_000)).toEqual([]);
    expect(readdirSync(home)).toEqual([]);
  });

  it('tell in which trace an export came, changed and went, once', async () => {
    const traces: (string | undefined)[] = [];
    const made = files({ onExport: (before, after) => traces.push(traceNews(before, after)) });
    const traced = (trace: string, spec = {}) => {
      const metadata = { name: 'web', annotations: { [TRACE_ANNOTATION]: trace } };
      return {
        ...none,
        exports: new Map([['web', { made: { kind: 'ServiceExport', metadata, spec }, file: 'a.yaml' }]]),
      };
    };
    await made.admit(traced('first'), 1);
    await made.admit(traced('first'), 2);
    await made.admit(traced('second', { exportedLabels: { a: 'b' } }), 3);
    expect(traces).toEqual(['first', 'second']);
    const of = { kind: 'ServiceExport', metadata: { name: 'web', namespace: 'shop' } };
    await leaveWord(home, of, { [DELETION_TRACE_ANNOTATION]: 'last' });
    await made.admit(none, 4);
    expect(traces).toEqual(['first', 'second', 'last']);
    await leaveWord(home, of, { [DELETION_TRACE_ANNOTATION]: 'later' });
    expect(readdirSync(home)).toEqual([]);
  });

  it('keep an export while its file cannot be read', async () => {
    const made = files();
    await made.admit(wanted(), 1);
    expect(await made.admit({ ...none, faultyFiles: new Set(['a.yaml']) }, 2)).toHaveLength(1);
    expect(await made.admit({ ...none, faultyFiles: new Set(['b.yaml']) }, 3)).toHaveLength(0);
  });

  it('of garbage are removed, those of others left, and what somebody deleted is written again', async () => {
    const names = ['ServiceImport-a.b.yaml', 'ServiceImport-web.other.yaml', 'EndpointSlice-x.yaml'];
    for (const [index, text] of ['{ broken', JSON.stringify(imported([1])), '- 1\n---\n'].entries())
      writeFileSync(join(home, names[index]!), text);
    writeFileSync(join(home, 'Site-east.yaml'), '{ broken');
    const made = files();
    await made.load();
    expect(readdirSync(home)).toEqual(['Site-east.yaml']);
    await made.put(imported([1]));
    rmSync(join(home, 'ServiceImport-web.shop.yaml'));
    await made.repair();
    expect(readdirSync(home)).toContain('ServiceImport-web.shop.yaml');
  });

  it('are not written when nothing differs', async () => {
    const made = files();
    expect(await made.put(imported([1]))).toBe(true);
    expect(await made.put(imported([1]))).toBe(false);
  });

  it('are kept in memory while the disk is full, told once, and written later', async () => {
    let isFull = true;
    let told = 0;
    const write: typeof writeFileAtomic = async (...args) => {
      if (isFull) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      await writeFileAtomic(...args);
    };
    const made = files({ write, onNoSpace: () => (told += 1) });
    await made.put(imported([1]));
    await made.repair();
    expect({ told, known: made.list('ServiceImport').length, there: readdirSync(home) }).toEqual({
      told: 1,
      known: 1,
      there: [],
    });
    isFull = false;
    await made.repair();
    expect(readdirSync(home)).toEqual(['ServiceImport-web.shop.yaml']);
  });
});

describe('the id of the cluster', () => {
  const site = { name: 'west', id: 'bbbbbbbb-1' };
  const claim = (siteId: string) => [{ clusterId: 'west', siteId }];
  const fresh = async () => {
    const name = new ClusterName(join(home, 'cluster'));
    await name.load();
    return name;
  };

  it('is the name of the site, and another when a site that was there has it', async () => {
    const name = await fresh();
    expect(name.idOf(site)).toBe('west');
    expect(await name.giveWay(site, claim('cccccccc-1'), false)).toBe(true);
    expect(name.idOf(site)).toBe('west-bbbbb');
    expect((await fresh()).idOf(site)).toBe('west-bbbbb');
    expect((await fresh()).idOf({ name: 'west', id: 'another' })).toBe('west');
  });

  it('of two that both speak only one changes', async () => {
    expect(await (await fresh()).giveWay(site, claim('cccccccc-1'), true)).toBe(false);
    expect(await (await fresh()).giveWay(site, claim('aaaaaaaa-1'), true)).toBe(true);
  });
});

describe('the store of a site', () => {
  const input = () => sitePaths(home, 'shop').inputResources;
  const text = (kind: string, name: string, spec = '{}') =>
    `apiVersion: ${kind === 'Site' ? 'skupper.io/v2alpha1' : 'multicluster.x-k8s.io/v1beta1'}\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
  const store = () => new LocalStore(sitePaths(home, 'shop'));

  beforeEach(() => mkdirSync(input(), { recursive: true }));

  it('takes exports among its resources, and keeps them when it writes their file', async () => {
    writeFileSync(join(input(), 'all.yaml'), `${text('Site', 'east')}---\n${text('ServiceExport', 'web')}`);
    const made = store();
    expect([...(await made.admit()).keys()]).toEqual(['Site/east']);
    expect([...(await made.exports()).exports.keys()]).toEqual(['web']);
    const site = (await made.get('Site', 'east'))!;
    await made.apply({ ...site, spec: { edge: true } });
    expect((await store().exports()).exports.size).toBe(1);
    await made.delete('Site', 'east');
    expect(readFileSync(join(input(), 'all.yaml'), 'utf8')).toContain('ServiceExport');
    await made.deleteExport('web');
    expect(readdirSync(input())).toEqual([]);
  });

  it('tells faults of exports as of others', async () => {
    writeFileSync(join(input(), 'e.yaml'), text('ServiceExport', 'web', '{exportedLabels: 7}'));
    const [fault] = await store().faults();
    expect(fault).toMatchObject({ file: 'e.yaml', faults: [{ path: expect.stringContaining('exportedLabels') }] });
    expect((await store().exports()).faultyFiles).toEqual(new Set(['e.yaml']));
  });

  it('leaves the files of services alone', async () => {
    const { runtimeResources } = sitePaths(home, 'shop');
    mkdirSync(runtimeResources, { recursive: true });
    writeFileSync(join(runtimeResources, 'ServiceImport-web.shop.yaml'), JSON.stringify(imported([1])));
    expect((await store().admit()).size).toBe(0);
    expect(readdirSync(runtimeResources)).toEqual(['ServiceImport-web.shop.yaml']);
  });
});

describe('what runs beside a site', () => {
  const loan = { log: createLogger({ name: 'test', level: 'silent' }) } as SiteLoan;

  it('is started again when it fails, until the site stops', async () => {
    const ending = new AbortController();
    let count = 0;
    const failing = async () => {
      count += 1;
      if (count === 2) ending.abort();
      throw new Error('it fails');
    };
    await withCompanion(failing, loan, ending.signal);
    expect(count).toBe(2);
  });

  it('and the site hear of what the other writes, though both write through one store', async () => {
    const heard: string[] = [];
    const paths = sitePaths(home, 'east');
    const store = new LocalStore(paths, { onStatus: () => heard.push('status') });
    const resources = shared(store, () => heard.push('resource'));
    const web = { routingKey: 'web', host: '127.0.0.1', port: 1 };
    await resources.apply(resource('Listener', 'web', web, { labels: { [CONTROLLED_LABEL]: 'true' } }));
    expect(heard.splice(0)).toEqual(['resource']);
    for (let count = 0; count < 2; count += 1)
      await store.patchStatus('Listener', 'web', { hasMatchingConnector: true });
    expect(heard.splice(0)).toEqual(['status']);
    expect((await resources.list('Listener')).map(({ status }) => status?.hasMatchingConnector)).toEqual([true]);
    await resources.delete('Listener', 'web');
    expect(heard).toEqual(['resource']);
    expect(await store.list('Listener')).toEqual([]);
  });

  it('does not hide our own bugs', async () => {
    const broken = () => Promise.reject(new AssertionError('a bug'));
    await expect(withCompanion(broken, loan, new AbortController().signal)).rejects.toThrow('a bug');
  });
});
