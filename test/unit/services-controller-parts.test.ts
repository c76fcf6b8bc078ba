/** The pure parts of the service-controller: how it is set up, which Site carries the services, what the cluster is called. */
import { describe, expect, it } from 'vitest';
import { SERVICE_FLAG_TEXTS } from '../../cli/definitions/service-controller.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { chooseCarrier } from '../../service-controller/platform/kubernetes/carrier.ts';
import { decideIdentity } from '../../service-controller/platform/kubernetes/identity.ts';
import {
  SERVICE_FLAGS,
  ServiceSettingsError,
  serviceSettings,
} from '../../service-controller/platform/kubernetes/settings.ts';
import { trimService, trimSlice } from '../../service-controller/platform/kubernetes/trim.ts';

describe('the settings of a service-controller', () => {
  it('have a flag each, with its variable', () => {
    const texts = Object.fromEntries(SERVICE_FLAG_TEXTS.map(([flag, , env]) => [flag, env]));
    const { namespace: _namespace, ...settings } = SERVICE_FLAGS;
    expect(texts).toEqual(Object.fromEntries(Object.entries(settings).map(([flag, { env }]) => [flag, env])));
  });

  it('take flags before variables before defaults', () => {
    const env = { NAMESPACE: 'skupper', SKUPRT_CLUSTER_ID: 'a', SKUPRT_ROUTER: '[::1]:5672', HOSTNAME: 'pod-1' };
    expect(serviceSettings({ 'cluster-id': 'b', 'router-addresses': '10.0.0.1, fd00::1' }, env)).toEqual({
      namespace: 'skupper',
      pod: 'pod-1',
      clusterId: 'b',
      clusterSet: 'supercluster',
      router: { host: '::1', port: 5672 },
      routerAddresses: [
        { family: 'IPv4', address: '10.0.0.1' },
        { family: 'IPv6', address: 'fd00::1' },
      ],
      leaveOnStop: false,
      externalDomain: '',
    });
  });

  it.each([
    [{}, 'NAMESPACE'],
    [{ 'cluster-id': 'two.labels' }, '--cluster-id'],
    [{ router: 'example.com:5672' }, '--router'],
    [{ router: '127.0.0.1' }, '--router'],
    [{ 'router-addresses': '10.0.0' }, '--router-addresses'],
    [{ 'leave-on-stop': 'maybe' }, '--leave-on-stop'],
    [{ 'external-domain': 'no domain' }, '--external-domain'],
  ])('refuse %o at %s', (flags, place) => {
    const env = place === 'NAMESPACE' ? {} : { NAMESPACE: 'skupper' };
    expect(() => serviceSettings(flags, env)).toThrowError(ServiceSettingsError);
    expect(() => serviceSettings(flags, env)).toThrowError(`  ${place}: `);
  });
});

function site(name: string, namespace: string, made: number, members: object = {}): KubeObject {
  const creationTimestamp = `2026-01-01T00:00:0${made}Z`;
  return {
    apiVersion: 'skupper.io/v2alpha1',
    kind: 'Site',
    metadata: { name, namespace, uid: `uid-${namespace}-${name}`, creationTimestamp, ...members },
  };
}
const label = { labels: { 'skuprt.io/cluster-set': '' } };
const taken = (sites: KubeObject[]) => chooseCarrier(sites, 'skupper').site?.metadata.name;

describe('the Site that carries the services', () => {
  it('is the only one', () => {
    expect(taken([site('a', 'x', 1)])).toBe('a');
  });

  it('is the labelled one, before the one beside the controller', () => {
    expect(taken([site('a', 'skupper', 1), site('b', 'x', 2, label)])).toBe('b');
  });

  it('is the one beside the controller when several have no label', () => {
    expect(taken([site('a', 'x', 1), site('b', 'skupper', 2)])).toBe('b');
  });

  it('is none when several could be, and the text names them', () => {
    const choice = chooseCarrier([site('a', 'x', 1), site('b', 'y', 2)], 'skupper');
    expect(choice).toEqual({ fault: expect.stringMatching(/x\/a, y\/b.*skuprt\.io\/cluster-set/) });
  });

  it('stays the older of two labelled ones, and the text says so', () => {
    const choice = chooseCarrier([site('b', 'y', 2, label), site('a', 'x', 1, label)], 'skupper');
    expect(choice).toMatchObject({ site: { metadata: { name: 'a' } }, fault: expect.stringContaining('x/a is taken') });
  });

  it('is not one that is being deleted, nor one that its namespace refuses', () => {
    const leaving = site('a', 'x', 1, { deletionTimestamp: '2026-01-01T00:00:09Z' });
    expect(taken([leaving, site('b', 'y', 2), site('c', 'y', 3)])).toBe('b');
    expect(chooseCarrier([leaving], 'skupper').site).toBeUndefined();
  });
});

function property(name: string, value: string): [string, KubeObject] {
  return [name, { apiVersion: 'about.k8s.io/v1beta1', kind: 'ClusterProperty', metadata: { name }, spec: { value } }];
}
const ID = 'cluster.clusterset.k8s.io';
const SET = 'clusterset.k8s.io';

describe('what a cluster is called', () => {
  const input = {
    properties: new Map<string, KubeObject>(),
    clusterId: '',
    clusterSet: 'supercluster',
    site: site('West.One', 'x', 1, { uid: 'abcdef12-3456-7890-abcd-ef1234567890' }),
    taken: new Set<string>(),
  };

  it('is what its ClusterProperties say', () => {
    const properties = new Map([property(ID, 'west'), property(SET, 'ours')]);
    expect(decideIdentity({ ...input, properties, clusterId: 'other' })).toEqual({
      clusterId: 'west',
      clusterSet: 'ours',
    });
  });

  it('is made from the setting, else from the name of the Site, else one that nobody has', () => {
    const make = (parts: object) => decideIdentity({ ...input, ...parts });
    expect(make({ clusterId: 'west' })).toEqual({ make: { name: ID, value: 'west' } });
    expect(make({})).toEqual({ make: { name: ID, value: 'west-one' } });
    expect(make({ taken: new Set(['west-one']) })).toEqual({ make: { name: ID, value: 'west-one-abcde' } });
    expect(make({ properties: new Map([property(ID, 'west')]) })).toEqual({
      make: { name: SET, value: 'supercluster' },
    });
  });

  it('is refused when it is no DNS label', () => {
    const properties = new Map([property(ID, 'a.b'), property(SET, 'ours')]);
    expect(decideIdentity({ ...input, properties })).toEqual({ fault: expect.stringContaining('"a.b"') });
  });
});

describe('what the cache keeps', () => {
  it('of a slice of somebody else is what endpoints are and where, and nothing else', () => {
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'web-1',
        namespace: 'shop',
        uid: 'u',
        resourceVersion: '7',
        labels: { 'kubernetes.io/service-name': 'web', other: 'x' },
        annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': 't' },
      },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: [
        { addresses: ['10.0.0.1'], conditions: { ready: true }, targetRef: { kind: 'Pod', name: 'p', uid: 'x' } },
      ],
    };
    expect(trimSlice(slice)).toEqual({
      ...slice,
      metadata: {
        name: 'web-1',
        namespace: 'shop',
        uid: 'u',
        resourceVersion: '7',
        labels: { 'kubernetes.io/service-name': 'web' },
      },
      endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true }, targetRef: { name: 'p' } }],
    });
  });

  it('of what the controller made is everything', () => {
    const metadata = {
      name: 'derived-1',
      labels: { 'app.kubernetes.io/managed-by': 'skuprt-service-controller', a: 'b' },
    };
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { clusterIP: '10.96.0.1', other: 1 },
      status: {},
    };
    expect(trimService(service)).toEqual(service);
  });
});
