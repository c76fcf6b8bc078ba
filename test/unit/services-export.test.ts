/** The export of a service in its own cluster: what the others are told, and what its status says. */
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../lib/kube/object.ts';
import { checkService } from '../../service-controller/exchange/record.ts';
import { type Exporter, mergeExports } from '../../service-controller/merge/merge.ts';
import { PODS_PER_CLUSTER_MAX } from '../../service-controller/reconcile/limits.ts';
import type { Observed } from '../../service-controller/reconcile/observed.ts';
import { exportStatus, ownExport } from '../../service-controller/reconcile/serviceexport/own-record.ts';
import type { ClusterView, ServiceRecord } from '../../service-controller/records.ts';
import { exporter, serviceRecord } from '../support/service-records.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const CREATED = '2026-03-01T11:00:00Z';
const CREATED_MS = Date.parse(CREATED);
const SINCE = { 'skuprt.io/since': '2026-03-01T11:00:00.000Z' };

function service(spec: object = {}, parts: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'be-svc', namespace: 'backend', uid: 'uid-service' },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.7',
      clusterIPs: ['10.96.0.7'],
      ipFamilies: ['IPv4'],
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ...spec,
    },
    ...parts,
  };
}

function madeExport(spec: object = {}, metadata: object = {}, status: object = {}): KubeObject {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceExport',
    metadata: {
      name: 'be-svc',
      namespace: 'backend',
      uid: 'uid-export',
      generation: 3,
      creationTimestamp: CREATED,
      annotations: SINCE,
      ...metadata,
    },
    spec,
    status,
  };
}

const annotated = (annotations: Record<string, string>) =>
  madeExport({}, { annotations: { ...SINCE, ...annotations } });

type Endpoint = { addresses: string[]; conditions?: object; hostname?: string; targetRef?: object };

function slice(endpoints: Endpoint[], addressType = 'IPv4'): KubeObject {
  const metadata = { name: `slice-${addressType}`, namespace: 'backend' };
  return { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, addressType, endpoints, ports: [] };
}

const pod = (uid: string, address: string, ready?: boolean, hostname?: string): Endpoint => ({
  addresses: [address],
  ...(ready !== undefined && { conditions: { ready } }),
  ...(hostname !== undefined && { hostname }),
  targetRef: { kind: 'Pod', namespace: 'backend', name: uid, uid },
});

function observed(parts: Partial<Observed> = {}): Observed {
  return {
    namespace: 'backend',
    name: 'be-svc',
    clusterId: 'east',
    clusterSet: 'supercluster',
    properties: {},
    carrier: { namespace: 'skupper', siteId: 'site-east', ipFamilies: ['IPv4'], routers: [], ports: new Map() },
    carrierFault: undefined,
    isSettled: true,
    startedAt: 0,
    clusters: [],
    hasNamespace: true,
    service: service(),
    export: madeExport(),
    slices: [],
    import: undefined,
    derived: [],
    madeSlices: [],
    connectors: [],
    listeners: [],
    ...parts,
  };
}

const record = (parts: Partial<Observed> = {}): ServiceRecord => ownExport(observed(parts))!.record!;
const valid = (parts: Partial<Observed> = {}) => ownExport(observed(parts))!.valid;

function cluster(id: string, exported: ServiceRecord, state: ClusterView['state'] = 'live'): ClusterView {
  const services = new Map([[`${exported.namespace}/${exported.name}`, exported]]);
  const info = { properties: {}, version: '1' };
  return { id, siteId: `site-${id}`, state, heardAt: NOW, info, services, ingresses: new Map() };
}

describe('what others are told of an exported Service', () => {
  it('is what it is, and nothing of its endpoints but how many are ready', () => {
    const slices = [slice([pod('a', '10.0.0.1', true), pod('b', '10.0.0.2', false), pod('c', '10.0.0.3')])];
    const exported = record({ slices });
    expect(exported).toEqual({
      namespace: 'backend',
      name: 'be-svc',
      uid: 'uid-export',
      since: CREATED_MS,
      type: 'ClusterSetIP',
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
      ipFamilies: ['IPv4'],
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ready: 2,
    });
    expect(checkService(exported)).toEqual({ value: exported });
  });

  it('is nothing without a ServiceExport, or with one that goes away', () => {
    expect(ownExport(observed({ export: undefined }))).toBeUndefined();
    expect(ownExport(observed({ export: madeExport({}, { deletionTimestamp: CREATED }) }))).toBeUndefined();
    expect(ownExport(observed({ hasNamespace: false }))).toBeUndefined();
  });

  it.each(['NodePort', 'LoadBalancer'])('of type %s is its cluster IP', (type) => {
    expect(record({ service: service({ type }) }).type).toBe('ClusterSetIP');
  });

  it('has the properties that a merge compares', () => {
    const spec = {
      ports: [{ port: 53 }, { name: 'udp', protocol: 'UDP', port: 53, appProtocol: 'kubernetes.io/h2c' }],
      ipFamilies: ['IPv6', 'IPv4'],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
      internalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferClose',
    };
    expect(record({ service: service(spec) })).toMatchObject({
      ports: [
        { name: '', protocol: 'TCP', port: 53 },
        { name: 'udp', protocol: 'UDP', port: 53, appProtocol: 'kubernetes.io/h2c' },
      ],
      ipFamilies: ['IPv6', 'IPv4'],
      sessionAffinity: 'ClientIP',
      sessionAffinityTimeoutSeconds: 10,
      internalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferClose',
    });
  });

  it('has no port twice, which others would refuse as a whole', () => {
    const ports = [
      { name: 'a', port: 80 },
      { name: 'a', port: 81 },
      { name: 'b', port: 80 },
      { name: 'b', port: 80, protocol: 'UDP' },
    ];
    const exported = record({ service: service({ ports }) });
    expect(exported.ports.map(({ name, protocol, port }) => `${name} ${port}/${protocol}`)).toEqual([
      'a 80/TCP',
      'b 80/UDP',
    ]);
    expect(checkService(exported)).toEqual({ value: exported });
  });

  it('has the exported labels and annotations, and none of the metadata', () => {
    const metadata = { ...service().metadata, labels: { own: 'x' }, annotations: { own: 'x' } };
    const spec = { exportedLabels: { team: 'a' }, exportedAnnotations: { 'example.com/owner': 'me, or you' } };
    const exported = record({ service: service({}, { metadata }), export: madeExport(spec) });
    expect([exported.labels, exported.annotations]).toEqual([{ team: 'a' }, { 'example.com/owner': 'me, or you' }]);
  });

  it('leaves out labels that would keep the import from being made, and says so', () => {
    const exportedLabels = { good: 'x', 'bad key': 'x', bad: 'a value', 'skuprt.io/service': 'x' };
    const exportedAnnotations = { 'multicluster.kubernetes.io/derived-service': 'mine' };
    const parts = { export: madeExport({ exportedLabels, exportedAnnotations }) };
    expect([record(parts).labels, record(parts).annotations]).toEqual([{ good: 'x' }, undefined]);
    expect(valid(parts)).toMatchObject({ status: 'True', reason: 'Valid' });
    expect(valid(parts).message).toContain('exportedLabels: bad, bad key, skuprt.io/service cannot be exported');
    expect(valid(parts).message).toContain('exportedAnnotations: multicluster.kubernetes.io/derived-service cannot');
  });

  it('leaves out maps that are too large together', () => {
    const exportedAnnotations = Object.fromEntries(['a', 'b', 'c'].map((key) => [key, 'x'.repeat(12_000)]));
    const parts = { export: madeExport({ exportedLabels: { a: 'b' }, exportedAnnotations }) };
    expect([record(parts).labels, record(parts).annotations]).toEqual([undefined, undefined]);
    expect(valid(parts).message).toContain('more than 32768');
  });

  it('says where a load balancer can be reached', () => {
    const ingress = [{ ip: '192.0.2.1' }, { hostname: 'LB.example.com.' }, { hostname: 'not a host' }, {}];
    const status = { loadBalancer: { ingress } };
    expect(record({ service: service({ type: 'LoadBalancer' }, { status }) }).external).toEqual([
      { ip: '192.0.2.1' },
      { hostname: 'lb.example.com' },
    ]);
    expect(record({ service: service({ type: 'ClusterIP' }, { status }) }).external).toBeUndefined();
  });
});

describe('ready endpoints', () => {
  it('are counted once for both families', () => {
    const slices = [
      slice([pod('a', '10.0.0.1'), pod('b', '10.0.0.2')]),
      slice([pod('a', 'fd00::1'), pod('b', 'fd00::2')], 'IPv6'),
    ];
    expect(record({ slices }).ready).toBe(2);
  });

  it('without pods behind them are those of the larger family', () => {
    const by = (...addresses: string[]) => slice(addresses.map((address) => ({ addresses: [address] })));
    expect(record({ slices: [by('10.0.0.1', '10.0.0.2', '10.0.0.2'), by('fd00::1')] }).ready).toBe(2);
  });

  it('of names instead of addresses are none, nor are those of a slice that goes away', () => {
    const gone = slice([pod('a', '10.0.0.1')]);
    gone.metadata.deletionTimestamp = CREATED;
    expect(record({ slices: [slice([{ addresses: ['db.example.com'] }], 'FQDN'), gone] }).ready).toBe(0);
  });
});

describe('a headless service', () => {
  const headless = service({ clusterIP: 'None', clusterIPs: ['None'] });

  it('tells its pods, sorted, by hostname or dashed address, with their readiness', () => {
    const slices = [
      slice([pod('b', '10.0.0.2', true, 'web-1'), pod('a', '10.0.0.1', false, 'web-0'), pod('c', '10.0.0.3')]),
    ];
    const exported = record({ service: headless, slices });
    expect([exported.type, exported.pods, exported.ready]).toEqual([
      'Headless',
      [
        { hostname: '10-0-0-3', ready: true },
        { hostname: 'web-0', ready: false },
        { hostname: 'web-1', ready: true },
      ],
      2,
    ]);
    expect(checkService(exported)).toEqual({ value: exported });
  });

  it('names a pod of two families by the first family of the Service', () => {
    const slices = [slice([pod('a', '10.0.0.1')]), slice([pod('a', 'fd00::1')], 'IPv6')];
    const hostnames = (ipFamilies: string[]) =>
      record({ service: service({ clusterIP: 'None', ipFamilies }), slices }).pods!.map(({ hostname }) => hostname);
    expect(hostnames(['IPv4', 'IPv6'])).toEqual(['10-0-0-1']);
    expect(hostnames(['IPv6', 'IPv4'])).toEqual(['fd00--1']);
  });

  it('makes labels of addresses that begin or end with a colon', () => {
    const slices = [slice([pod('a', '::1'), pod('b', 'fd00::')], 'IPv6')];
    expect(record({ service: headless, slices }).pods!.map(({ hostname }) => hostname)).toEqual(['0--1', 'fd00--0']);
  });

  it('has one pod for one hostname, which is ready when one of them is', () => {
    const slices = [slice([pod('a', '10.0.0.1', false, 'same'), pod('b', '10.0.0.2', true, 'same')])];
    expect(record({ service: headless, slices }).pods).toEqual([{ hostname: 'same', ready: true }]);
  });

  it('is bounded, and says so', () => {
    const many = Array.from({ length: PODS_PER_CLUSTER_MAX + 1 }, (_, index) =>
      pod(`p${index}`, `10.0.${index >> 8}.${index & 255}`),
    );
    const parts = { service: headless, slices: [slice(many)] };
    expect(record(parts).pods).toHaveLength(PODS_PER_CLUSTER_MAX);
    expect(valid(parts).message).toContain(`it has ${PODS_PER_CLUSTER_MAX + 1} pods`);
  });

  it('names pods that nobody can ask for', () => {
    const long = (letter: string) => letter.repeat(63);
    const slices = [slice([pod('a', '10.0.0.1', true, long('h'))])];
    const parts = { service: headless, slices, namespace: long('n'), name: long('s'), clusterId: long('c') };
    expect(valid(parts).message).toContain('the names of 1 pods are longer than 253 characters');
  });

  it('cannot have cluster selectors', () => {
    const clusterSelectors = [{ propertySelector: { matchProperties: { a: 'b' } } }];
    const parts = { service: headless, export: madeExport({ clusterSelectors }) };
    expect(valid(parts)).toMatchObject({ status: 'False', reason: 'InvalidServiceType' });
  });
});

describe('an export that is not valid', () => {
  it.each<[string, string, Partial<Observed>]>([
    ['there is no Service', 'NoService', { service: undefined }],
    [
      'its Service goes away',
      'NoService',
      { service: service({}, { metadata: { name: 'be-svc', deletionTimestamp: CREATED } }) },
    ],
    ['its Service is a name', 'InvalidServiceType', { service: service({ type: 'ExternalName', clusterIP: '' }) }],
    [
      'a selector is empty',
      'InvalidClusterSelector',
      { export: madeExport({ clusterSelectors: [{ propertySelector: {} }] }) },
    ],
    ['it is of the control plane', 'NotExportable', { namespace: 'kube-system' }],
    ['it is the API server', 'NotExportable', { namespace: 'default', name: 'kubernetes' }],
  ])('when %s: %s, and tells nothing', (_title, reason, parts) => {
    const own = ownExport(observed(parts))!;
    expect(own.valid).toMatchObject({ status: 'False', reason });
    expect([own.record, own.sinceAnnotation]).toEqual([undefined, undefined]);
  });

  it('is valid in the default namespace, when it is not kubernetes', () => {
    expect(valid({ namespace: 'default' }).status).toBe('True');
  });
});

describe('annotations of an export', () => {
  it('say how its cluster is chosen', () => {
    const made = annotated({
      'skuprt.io/priority': '3',
      'skuprt.io/weight': '7',
      'skuprt.io/locality': 'none',
      'skuprt.io/local-minimum': '2',
    });
    expect(record({ export: made })).toMatchObject({ priority: 3, weight: 7, locality: 'none', localMinimum: 2 });
  });

  it.each([
    ['skuprt.io/weight', '0', 'no whole number from 1 to 1000, 100 is used'],
    ['skuprt.io/weight', '1001', 'no whole number from 1 to 1000, 100 is used'],
    ['skuprt.io/priority', '-1', 'no whole number from 0 to 1000, 0 is used'],
    ['skuprt.io/priority', 'high', 'no whole number from 0 to 1000, 0 is used'],
    ['skuprt.io/local-minimum', '1.5', 'no whole number from 0 to 1000000, 1 is used'],
    ['skuprt.io/locality', 'near', 'neither local-first nor none, local-first is used'],
  ])('that cannot be used keep the default, and are named: %s %s', (name, text, fault) => {
    const parts = { export: annotated({ [name]: text }) };
    expect(record(parts)).toEqual(record());
    expect(valid(parts)).toMatchObject({ status: 'True', reason: 'Valid' });
    expect(valid(parts).message).toContain(`${name} is "${text}" and ${fault}`);
  });
});

describe('the age of an export', () => {
  const fresh = madeExport({}, { annotations: {} });
  const running = cluster('west', serviceRecord({ since: CREATED_MS + 5000 }));

  it('is its creation, and is written down all the same', () => {
    const own = ownExport(observed({ export: fresh }))!;
    expect([own.record!.since, own.sinceAnnotation]).toEqual([CREATED_MS, '2026-03-01T11:00:00.000Z']);
  });

  it('is later than those that run, also than those that fell silent', () => {
    for (const state of ['live', 'lost'] as const) {
      const own = ownExport(observed({ export: fresh, clusters: [{ ...running, state }] }))!;
      expect([own.record!.since, own.sinceAnnotation]).toEqual([CREATED_MS + 5001, '2026-03-01T11:00:05.001Z']);
    }
  });

  it('stays what is written, whoever came since', () => {
    const own = ownExport(observed({ clusters: [running] }))!;
    expect([own.record!.since, own.sinceAnnotation]).toEqual([CREATED_MS, undefined]);
  });

  it('is not told before all others were heard', () => {
    const own = ownExport(observed({ export: fresh, isSettled: false }))!;
    expect([own.record, own.valid.status, own.sinceAnnotation]).toEqual([undefined, 'True', undefined]);
    expect(record({ isSettled: false }).since).toBe(CREATED_MS);
  });

  it('is not decided without a mesh', () => {
    const own = ownExport(observed({ export: fresh, carrier: undefined, isSettled: false }))!;
    expect([own.record!.since, own.sinceAnnotation]).toEqual([CREATED_MS, undefined]);
  });

  it('copied from an older export does not count', () => {
    const copied = annotated({ 'skuprt.io/since': '2020-01-01T00:00:00.000Z' });
    const own = ownExport(observed({ export: copied, clusters: [running] }))!;
    expect([own.record!.since, own.sinceAnnotation]).toEqual([CREATED_MS + 5001, '2026-03-01T11:00:05.001Z']);
  });

  it('that is no time is decided anew, and named', () => {
    const own = ownExport(observed({ export: annotated({ 'skuprt.io/since': 'yesterday' }) }))!;
    expect([own.record!.since, own.sinceAnnotation]).toEqual([CREATED_MS, '2026-03-01T11:00:00.000Z']);
    expect(own.valid.message).toContain('skuprt.io/since is no time');
  });
});

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

function conditions(parts: Partial<Observed> = {}, others: Exporter[] = [], now = NOW): Record<string, Condition> {
  const state = observed(parts);
  const own = ownExport(state)!;
  const all = own.record ? [{ cluster: 'east', record: own.record }, ...others] : others;
  const status = exportStatus(state, own, mergeExports(all), now) as { conditions: Condition[] };
  return Object.fromEntries(status.conditions.map((condition) => [condition.type, condition]));
}

const brief = (made: Record<string, Condition>) =>
  Object.fromEntries(Object.values(made).map(({ type, status, reason }) => [type, `${status} ${reason}`]));

describe('the status of an export', () => {
  it('is valid, ready and without conflicts', () => {
    const made = conditions();
    expect(brief(made)).toEqual({ Valid: 'True Valid', Ready: 'True Exported', Conflict: 'False NoConflicts' });
    expect(Object.values(made).every(({ observedGeneration }) => observedGeneration === 3)).toBe(true);
    expect(made.Ready!.lastTransitionTime).toBe('2026-03-01T12:00:00Z');
  });

  it('has the conflict also at the winner, with all reasons', () => {
    const odd = exporter('west', -1000, { labels: { a: 'b' }, sessionAffinity: 'ClientIP' });
    const winner = conditions({}, [odd]);
    expect(brief(winner).Conflict).toBe('True SessionAffinityConflict,LabelsConflict');
    expect(winner.Conflict!.message).toBe(
      'sessionAffinity: None of cluster east, the oldest export, wins; 1/2 clusters disagree. ' +
        'exportedLabels: that of cluster east, the oldest export, wins; 1/2 clusters disagree.',
    );
    const older = exporter('west', 7200, { labels: { a: 'b' } });
    expect(conditions({}, [older]).Conflict!.message).toContain('that of cluster west');
  });

  it('is failed when it is not valid, and has no conflict then', () => {
    const former = {
      conditions: [
        { type: 'Conflict', status: 'True', reason: 'PortConflict', message: 'x', lastTransitionTime: CREATED },
      ],
    };
    const made = conditions({ service: undefined, export: madeExport({}, {}, former) }, [exporter('west', 1)]);
    expect(brief(made)).toEqual({ Valid: 'False NoService', Ready: 'False Failed' });
    expect(made.Ready!.message).toContain('There is no Service backend/be-svc');
  });

  it('is pending without a carrier, and says why', () => {
    const made = conditions({ carrier: undefined, carrierFault: 'there are two Sites, label one of them' });
    expect(made.Ready).toMatchObject({
      status: 'False',
      reason: 'Pending',
      message: 'there are two Sites, label one of them',
    });
  });

  it('is failed when the carrier has a fault', () => {
    expect(brief(conditions({ carrierFault: 'the router refuses us' })).Ready).toBe('False Failed');
  });

  it('is pending until the others were heard', () => {
    expect(brief(conditions({ isSettled: false })).Ready).toBe('False Pending');
  });

  it('does not change because a controller began anew', () => {
    const odd = exporter('west', -1000, { labels: { a: 'b' } });
    const state = observed();
    const own = ownExport(state)!;
    const merged = mergeExports([{ cluster: 'east', record: own.record! }, odd]);
    const status = exportStatus(state, own, merged, NOW);
    const restarted = observed({ isSettled: false, export: madeExport({}, {}, status) });
    const alone = mergeExports([{ cluster: 'east', record: own.record! }]);
    expect(exportStatus(restarted, ownExport(restarted)!, alone, NOW + 60_000)).toEqual(status);
  });

  it('keeps its times while nothing changes, and moves only that of what changed', () => {
    const first = exportStatus(observed(), ownExport(observed())!, mergeExports([exporter('east', 1)]), NOW);
    const again = { export: madeExport({}, {}, first) };
    const odd = exporter('west', -9999, { labels: { a: 'b' } });
    const times = (made: Record<string, Condition>) =>
      Object.fromEntries(
        Object.values(made).map(({ type, lastTransitionTime }) => [type, lastTransitionTime.slice(11, 19)]),
      );
    expect(times(conditions(again, [], NOW + 60_000))).toEqual({
      Valid: '12:00:00',
      Ready: '12:00:00',
      Conflict: '12:00:00',
    });
    expect(times(conditions(again, [odd], NOW + 60_000))).toEqual({
      Valid: '12:00:00',
      Ready: '12:00:00',
      Conflict: '12:01:00',
    });
  });

  it('leaves conditions of others alone', () => {
    const foreign = {
      type: 'example.com/Seen',
      status: 'True',
      reason: 'Seen',
      message: '',
      lastTransitionTime: CREATED,
    };
    const made = conditions({ export: madeExport({}, {}, { conditions: [foreign] }) });
    expect(made['example.com/Seen']).toEqual(foreign);
  });
});
