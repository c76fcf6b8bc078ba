/** Names of the external domain: DNSEndpoints from what all clusters say. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../lib/kube/object.ts';
import { ingressRecord } from '../../service-controller/reconcile/dnsendpoint/ingress-record.ts';
import { type ExternalObserved, planDnsEndpoints } from '../../service-controller/reconcile/dnsendpoint/plan.ts';
import type { ClusterView, ExternalAddress, IngressRecord, ServiceRecord } from '../../service-controller/records.ts';

interface Given {
  external?: ExternalAddress[];
  ready?: number;
  weight?: number;
}

const ip = (address: string): ExternalAddress => ({ ip: address });
const host = (hostname: string): ExternalAddress => ({ hostname });

function service({ external = [], ready = 1, weight }: Given): ServiceRecord {
  return {
    namespace: 'shop',
    name: 'web',
    uid: 'u',
    since: 0,
    type: 'ClusterSetIP',
    ports: [],
    ipFamilies: ['IPv4'],
    sessionAffinity: 'None',
    ready,
    external,
    ...(weight !== undefined && { weight }),
  };
}

function ingress(hosts: string[], given: Partial<IngressRecord> = {}): IngressRecord {
  return { namespace: 'shop', name: 'front', hosts, addresses: [ip('192.0.2.1')], isHealthy: true, ...given };
}

interface ClusterGiven {
  state?: 'live' | 'lost';
  web?: Given;
  ingresses?: IngressRecord[];
}

function recordsOf({ web, ingresses = [] }: ClusterGiven) {
  return {
    services: new Map(web === undefined ? [] : [['shop/web', service(web)]]),
    ingresses: new Map(ingresses.map((one) => [`${one.namespace}/${one.name}`, one])),
  };
}

function cluster(id: string, given: ClusterGiven): ClusterView {
  const info = { properties: {}, version: '' };
  return { id, siteId: id, state: given.state ?? 'live', heardAt: 0, info, ...recordsOf(given) };
}

function observed(
  own: ClusterGiven,
  others: Record<string, ClusterGiven> = {},
  more: Partial<ExternalObserved> = {},
): ExternalObserved {
  return {
    domain: 'apps.example.com',
    namespace: 'skupper',
    own: { clusterId: 'east', ...recordsOf(own) },
    clusters: Object.entries(others).map(([id, given]) => cluster(id, given)),
    isSettled: true,
    present: [],
    ...more,
  };
}

/** `type targets`, with `set/weight` where there are alternatives. */
function shown(objects: readonly KubeObject[]): string[] {
  return objects.flatMap(({ spec }) =>
    (
      spec as {
        endpoints: {
          dnsName: string;
          recordType: string;
          targets: string[];
          setIdentifier?: string;
          providerSpecific?: { name: string; value: string }[];
        }[];
      }
    ).endpoints.map(({ dnsName, recordType, targets, setIdentifier, providerSpecific }) => {
      const set = setIdentifier === undefined ? '' : ` ${setIdentifier}/${providerSpecific![0]!.value}`;
      return `${dnsName} ${recordType} ${targets.join(',')}${set}`;
    }),
  );
}

const plan = (...args: Parameters<typeof observed>) => planDnsEndpoints(observed(...args));
const NAME = 'web.shop.apps.example.com';

describe('a service of type LoadBalancer', () => {
  it('is reached at the addresses of every cluster that exports it, by family', () => {
    const { apply, faults } = plan(
      { web: { external: [ip('192.0.2.1'), ip('2001:db8::1')] } },
      { west: { web: { external: [ip('192.0.2.2')] } }, north: {} },
    );
    expect(shown(apply)).toEqual([`${NAME} A 192.0.2.1,192.0.2.2`, `${NAME} AAAA 2001:db8::1`]);
    expect(faults).toEqual([]);
    expect(apply[0]).toMatchObject({
      apiVersion: 'externaldns.k8s.io/v1alpha1',
      metadata: { namespace: 'skupper', labels: { 'app.kubernetes.io/managed-by': 'skuprt-service-controller' } },
      spec: { endpoints: [{ recordTTL: 30 }, { recordTTL: 30 }] },
    });
  });

  it('is not there without an address outside', () => {
    expect(plan({ web: {} }, { west: { web: {} } }).apply).toEqual([]);
  });

  it('leaves out clusters without ready endpoints, and those that are lost', () => {
    const { apply } = plan(
      { web: { external: [ip('192.0.2.1')], ready: 0 } },
      {
        west: { web: { external: [ip('192.0.2.2')] } },
        north: { state: 'lost', web: { external: [ip('192.0.2.3')] } },
      },
    );
    expect(shown(apply)).toEqual([`${NAME} A 192.0.2.2`]);
  });

  it('keeps all clusters when none of them can serve', () => {
    const { apply } = plan(
      { web: { external: [ip('192.0.2.1')], ready: 0 } },
      { north: { state: 'lost', web: { external: [ip('192.0.2.3')] } } },
    );
    expect(shown(apply)).toEqual([`${NAME} A 192.0.2.1,192.0.2.3`]);
  });
});

describe('weights', () => {
  it('make one endpoint a cluster, 100 where none is set', () => {
    const { apply } = plan(
      { web: { external: [ip('192.0.2.1'), ip('2001:db8::1')], weight: 30 } },
      { west: { web: { external: [ip('192.0.2.2')] } } },
    );
    expect(shown(apply)).toEqual([
      `${NAME} A 192.0.2.1 east/30`,
      `${NAME} AAAA 2001:db8::1 east/30`,
      `${NAME} A 192.0.2.2 west/100`,
    ]);
    expect(JSON.stringify(apply)).toContain('{"name":"aws/weight","value":"30"}');
  });

  it('above those that providers take keep their shares', () => {
    const { apply } = plan(
      { web: { external: [ip('192.0.2.1')], weight: 1000 } },
      {
        west: { web: { external: [ip('192.0.2.2')], weight: 500 } },
        far: { web: { external: [ip('192.0.2.3')], weight: 1 } },
      },
    );
    expect(shown(apply)).toEqual([
      `${NAME} A 192.0.2.1 east/255`,
      `${NAME} A 192.0.2.3 far/1`,
      `${NAME} A 192.0.2.2 west/128`,
    ]);
  });
});

describe('host names of load balancers', () => {
  it('are an alias when there is one, alternatives when there are several', () => {
    expect(shown(plan({ web: { external: [host('lb.east.example')] } }).apply)).toEqual([
      `${NAME} CNAME lb.east.example`,
    ]);
    const { apply } = plan(
      { web: { external: [host('lb.east.example'), host('lb2.east.example')] } },
      { west: { web: { external: [host('lb.west.example')] } } },
    );
    expect(shown(apply)).toEqual([`${NAME} CNAME lb.east.example east/100`, `${NAME} CNAME lb.west.example west/100`]);
  });

  it('beside addresses of other clusters are left out, and that is said', () => {
    const { apply, faults } = plan(
      { web: { external: [host('lb.east.example')] } },
      { west: { web: { external: [ip('192.0.2.2')] } } },
    );
    expect(shown(apply)).toEqual([`${NAME} A 192.0.2.2`]);
    expect(faults).toEqual([{ dnsName: NAME, message: expect.stringContaining('cluster east') }]);
  });
});

describe('an ingress', () => {
  const name = 'front.apps.example.com';

  it('is reached at the clusters where something behind it is ready, under each host below the domain', () => {
    const { apply, faults } = plan(
      { ingresses: [ingress([name, 'other.example.net', 'apps.example.com', '*.wild.apps.example.com'])] },
      {
        west: { ingresses: [ingress([name], { addresses: [ip('192.0.2.2')] })] },
        north: { ingresses: [ingress([name], { addresses: [ip('192.0.2.3')], isHealthy: false })] },
      },
    );
    expect(shown(apply)).toEqual(['*.wild.apps.example.com A 192.0.2.1', `${name} A 192.0.2.1,192.0.2.2`]);
    expect(faults.map(({ dnsName }) => dnsName)).toEqual(['apps.example.com', 'other.example.net']);
  });

  it('of another namespace does not take a host over, nor the name of a service', () => {
    const thief = ingress([name, NAME], { namespace: 'zzz', addresses: [ip('203.0.113.1')] });
    const { apply, faults } = plan(
      { web: { external: [ip('192.0.2.9')] }, ingresses: [ingress([name])] },
      { evil: { ingresses: [thief] } },
    );
    expect(shown(apply)).toEqual([`${name} A 192.0.2.1`, `${NAME} A 192.0.2.9`]);
    expect(faults.map(({ dnsName }) => dnsName)).toEqual([name, NAME]);
  });
});

it('a host stays with the namespace that had it first, as long as that one claims it', () => {
  const name = 'front.apps.example.com';
  const first = ingress([name], { namespace: 'mmm' });
  const thief = ingress([name], { namespace: 'aaa', addresses: [ip('203.0.113.1')] });
  const present = plan({ ingresses: [first] }).apply;
  const contested = plan({ ingresses: [first] }, { evil: { ingresses: [thief] } }, { present });
  expect(contested).toMatchObject({ apply: [], prune: [], faults: [{ dnsName: name }] });
  const left = plan({}, { evil: { ingresses: [thief] } }, { present });
  expect(shown(left.apply)).toEqual([`${name} A 203.0.113.1`]);
});

describe('writes', () => {
  const given: ClusterGiven = { web: { external: [ip('192.0.2.1')] } };
  const present = plan(given).apply.map((object) => ({
    ...object,
    metadata: { ...object.metadata, uid: 'u', resourceVersion: '1' },
  }));

  it('are none when nothing changed', () => {
    expect(plan(given, {}, { present })).toEqual({ apply: [], prune: [], faults: [] });
  });

  it('are none before the other clusters had the time to speak', () => {
    expect(plan({}, {}, { present, isSettled: false })).toEqual({ apply: [], prune: [], faults: [] });
  });

  it('take away a name whose last export went', () => {
    expect(plan({}, {}, { present }).prune).toEqual(present);
  });

  it('do not depend on the order of clusters', () => {
    const ids = ['a', 'b', 'c', 'd'];
    fc.assert(
      fc.property(fc.shuffledSubarray(ids, { minLength: 4 }), (order) => {
        const others = Object.fromEntries(
          order.map((id) => [id, { web: { external: [ip(`192.0.2.${ids.indexOf(id) + 10}`)], weight: 10 } }]),
        );
        const sorted = Object.fromEntries(ids.map((id) => [id, others[id]!]));
        expect(plan(given, others)).toEqual(plan(given, sorted));
      }),
      { seed: 3 },
    );
  });
});

describe('the record of an ingress', () => {
  const object = (
    more: object = {},
    annotations: Record<string, string> = { 'skuprt.io/export': 'true' },
  ): KubeObject => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'front', namespace: 'shop', annotations },
    spec: {
      rules: [
        { host: 'B.apps.example.com', http: { paths: [{ backend: { service: { name: 'web' } } }] } },
        { host: 'a.apps.example.com', http: { paths: [{ backend: { service: { name: 'api' } } }] } },
        { http: { paths: [{ backend: { resource: {} } }] } },
      ],
    },
    status: { loadBalancer: { ingress: [{ hostname: 'LB.example' }, { ip: '192.0.2.1' }, { ip: '192.0.2.1' }, {}] } },
    ...more,
  });

  it('has its hosts, its addresses, and whether anything behind it is ready', () => {
    expect(ingressRecord(object(), (name) => name === 'api')).toEqual({
      namespace: 'shop',
      name: 'front',
      hosts: ['a.apps.example.com', 'b.apps.example.com'],
      addresses: [{ hostname: 'lb.example' }, { ip: '192.0.2.1' }],
      isHealthy: true,
    });
    expect(ingressRecord(object(), () => false)?.isHealthy).toBe(false);
  });

  it('is there only when it is exported, has a host and is not going away', () => {
    const ready = () => true;
    expect(ingressRecord(object({}, {}), ready)).toBeUndefined();
    expect(ingressRecord(object({}, { 'skuprt.io/export': 'false' }), ready)).toBeUndefined();
    expect(ingressRecord(object({ spec: { defaultBackend: { service: { name: 'web' } } } }), ready)).toBeUndefined();
    const going = object();
    going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(ingressRecord(going, ready)).toBeUndefined();
  });

  it('takes a weight from 1 to 1000', () => {
    const weights = ['30', '0', '1001', 'x', ''].map(
      (weight) =>
        ingressRecord(object({}, { 'skuprt.io/export': 'true', 'skuprt.io/weight': weight }), () => true)?.weight,
    );
    expect(weights).toEqual([30, undefined, undefined, undefined, undefined]);
  });
});
