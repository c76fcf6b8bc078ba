/** Policies that would cut off a console which people reach through the network: how it is found, and where that is told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSite } from '../../cli/commands/site/resource.ts';
import type { Resource } from '../../config/api/index.ts';
import { writeFileAtomic } from '../../lib/files.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { PolicyCache } from '../../site-controller/platform/kubernetes/policy-cache.ts';
import { readConsoleAddress } from '../../site-controller/platform/local/console-address.ts';
import { sitePaths } from '../../site-controller/platform/local/paths.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import type { Observed } from '../../site-controller/reconcile/observed.ts';
import { planPolicies } from '../../site-controller/reconcile/policy/plan.ts';
import { worldOf } from '../../site-controller/reconcile/policy/world.ts';
import { runHere } from '../support/cli.ts';
import { cluster } from '../support/cluster.ts';
import { observed, remoteSite, resource, site } from '../support/observed.ts';

const SETTINGS = { settings: { 'skuprt.io/console': 'true' } };
const connector = (spec: object, name = 'look', metadata: object = {}) =>
  resource('Connector', name, { routingKey: 'look', port: 443, ...spec }, metadata);
const listener = (routingKey: string) => resource('Listener', 'window', { routingKey, host: 'window', port: 1 });
const network = (...sites: ReturnType<typeof remoteSite>[]) => ({ sites, settled: true, gone: new Set<string>() });
const endpoint = (routingKey: string, host = '') => ({ name: 'x', routingKey, host, port: 1 });

const waysOf = (seen: Observed) =>
  worldOf(seen).consoles?.map(
    ({ operation, client, service }) => `${operation} ${service?.name} by ${client.siteName} (${client.verification})`,
  );

let dataHome: string;
beforeEach(() => {
  dataHome = mkdtempSync(join(tmpdir(), 'skuprt-consoles-'));
});
afterEach(() => rmSync(dataHome, { recursive: true, force: true }));

describe('a console is reached', () => {
  it.each<[string, Resource]>([
    ['the name of its Service', connector({ host: 'skuprt-console' })],
    ['the whole name of its Service', connector({ host: 'skuprt-console.ns-west.svc.cluster.local' })],
    ['the labels of its pods', connector({ selector: 'app.kubernetes.io/name=skuprt-console' })],
    ['a Connector called like it', connector({ selector: 'a=b' }, 'skuprt-console')],
  ])('in a cluster by %s', (_by, made) => {
    const [expose, connect, ...others] = waysOf(observed([site(SETTINGS), made], { cluster: cluster({}) }))!;
    expect(expose).toMatch(/^Expose \S+ by west \(local\)$/);
    expect(connect).toMatch(/^Connect \S+ by west \(local\)$/);
    expect(others).toEqual([]);
    expect(waysOf(observed([site(), made], { cluster: cluster({}) }))).toEqual([]);
  });

  it.each<[string, Resource]>([
    ['another service', connector({ host: 'backend' })],
    ['that of another namespace', connector({ host: 'skuprt-console.other' })],
    ['other pods', connector({ selector: 'app=backend' })],
    ['a selector that is none', connector({ selector: '!!' })],
  ])('not by %s', (_by, made) => {
    expect(waysOf(observed([site(SETTINGS), made], { cluster: cluster({}) }))).toEqual([]);
  });

  it.each([
    ['127.0.0.1', 'localhost', 8090, 2],
    ['::', '127.0.0.1', 8090, 2],
    ['192.0.2.1', '192.0.2.1', 8090, 2],
    ['127.0.0.1', '192.0.2.9', 8090, 0],
    ['127.0.0.1', '127.0.0.1', 8091, 0],
  ])('on a machine at %s by a Connector to %s:%i, or not', (host, to, port, count) => {
    const seen = observed([site(), connector({ host: to, port })], { console: { host, port: 8090 } });
    expect(waysOf(seen)).toHaveLength(count);
  });

  it('by clients of the sites that listen for it', () => {
    const east = remoteSite('east', { listeners: [endpoint('look')] });
    const seen = { console: { host: '127.0.0.1', port: 8090 }, network: network(east, remoteSite('north')) };
    const made = connector({ host: '127.0.0.1', port: 8090 });
    expect(waysOf(observed([site(), made], seen))).toEqual([
      'Expose look by west (local)',
      'Connect look by east (path)',
    ]);
    expect(waysOf(observed([site(), made, listener('look')], seen))).toEqual([
      'Expose look by west (local)',
      'Connect look by west (local)',
      'Connect look by east (path)',
      'Import window by west (local)',
      'Connect window by west (local)',
    ]);
  });

  it('at another site, by a Listener here', () => {
    const east = remoteSite('east', { connectors: [endpoint('far', 'skuprt-console'), endpoint('db', 'db')] });
    const seen = { network: network(east) };
    expect(waysOf(observed([site(), listener('far')], seen))).toEqual([
      'Import window by west (local)',
      'Connect window by west (local)',
    ]);
    expect(waysOf(observed([site(), listener('db')], seen))).toEqual([]);
  });
});

describe('a policy that cuts the console off', () => {
  const POLICY = {
    apiVersion: 'skuprt.io/v1alpha1',
    kind: 'AccessPolicy',
    metadata: { name: 'nobody' },
    spec: { rules: [{ action: 'Deny' }] },
  } as Resource;
  const MESSAGE = 'it cuts off the console, which is reached by service look of namespace';

  it('says so in its condition', () => {
    const made = connector({ host: '127.0.0.1', port: 8090 });
    const told = (seen: Partial<Observed>) =>
      planPolicies(observed([site(), made, POLICY], seen)).flatMap(({ findings }) =>
        findings.filter(({ type }) => type === 'Warnings'),
      );
    expect(told({ console: { host: '127.0.0.1', port: 8090 } })).toMatchObject([
      { status: 'True', message: expect.stringContaining(MESSAGE) },
    ]);
    expect(told({})).toMatchObject([{ status: 'False' }]);
  });

  it('of a whole cluster is seen beside the consoles of all of its sites', () => {
    const object = (made: Resource, namespace: string) =>
      ({ ...made, metadata: { ...made.metadata, namespace, uid: `uid-${namespace}` } }) as unknown as KubeObject;
    const status = { network: [{ id: 'id-east', name: 'east', services: [{ routingKey: 'look', listeners: ['x'] }] }] };
    const objects: Record<string, KubeObject[]> = {
      Site: [
        { ...object(site(SETTINGS), 'west'), status } as KubeObject,
        object(resource('Site', 'plain', {}), 'other'),
      ],
      Connector: [
        object(connector({ host: 'skuprt-console' }), 'west'),
        object(connector({ host: 'skuprt-console' }), 'other'),
      ],
    };
    const cache = new PolicyCache((kind) => ({
      list: (namespace?: string) =>
        (objects[kind] ?? []).filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace),
      get: () => undefined,
      isPresent: true,
    }));
    const ways = cache.clusterScope().world.consoles!;
    expect(ways.map(({ operation, client, service }) => [operation, client.siteName, service?.namespace])).toEqual([
      ['Expose', 'west', 'west'],
      ['Connect', 'east', 'west'],
    ]);
  });

  it('is warned of when it is applied to a local site whose console runs', async () => {
    const paths = sitePaths(dataHome, 'west');
    const store = new LocalStore(paths);
    await store.apply(newSite('west', { linkAccess: false }));
    await store.apply(connector({ host: 'localhost', port: 8090 }));
    const line = '-n west policy create nobody --action Deny --wait none'.split(' ');
    const apply = () => runHere(line, { env: { XDG_DATA_HOME: dataHome, SKUPRT_PLATFORM: 'local' } });
    expect((await apply()).err).not.toContain('console');
    await writeFileAtomic(paths.consoleAddress, 'http://127.0.0.1:8090/#token=secret\n', { mode: 0o600 });
    expect((await apply()).err).toContain(`Warning: AccessPolicy "nobody": ${MESSAGE}`);
  });
});

describe('the address that a console has written down', () => {
  it.each([
    ['http://127.0.0.1:8090/#token=x', { host: '127.0.0.1', port: 8090 }],
    ['https://[::1]:8443/', { host: '::1', port: 8443 }],
    ['https://a/', { host: 'a', port: 443 }],
    ['rubbish', undefined],
    [undefined, undefined],
  ])('%s is %j', async (text, address) => {
    const paths = sitePaths(dataHome, 'west');
    if (text !== undefined) await writeFileAtomic(paths.consoleAddress, `${text}\n`);
    expect(await readConsoleAddress(paths)).toEqual(address);
  });
});
