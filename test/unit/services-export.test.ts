/** The export of a service in its own cluster: what the others are told. */
import { describe, expect, it } from 'vitest';
import { checkService } from '../../service-controller/exchange/record.ts';
import { PODS_PER_CLUSTER_MAX } from '../../service-controller/reconcile/limits.ts';
import type { Observed } from '../../service-controller/reconcile/observed.ts';
import { ownExport } from '../../service-controller/reconcile/serviceexport/own-record.ts';
import {
  annotated,
  CREATED,
  CREATED_MS,
  madeExport,
  observed,
  pod,
  record,
  service,
  slice,
  valid,
} from '../support/services/own-export.ts';

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

  it('has labels that Kubernetes recommends to users, but not the one that says who made the import', () => {
    const recommended = { 'app.kubernetes.io/name': 'web', 'app.kubernetes.io/version': '2' };
    const exportedLabels = { ...recommended, 'app.kubernetes.io/managed-by': 'Helm', 'kubernetes.io/name': 'x' };
    const parts = { export: madeExport({ exportedLabels }) };
    expect(record(parts).labels).toEqual(recommended);
    expect(valid(parts).message).toContain('app.kubernetes.io/managed-by, kubernetes.io/name cannot be exported');
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
        { hostname: '10-0-0-3', ready: true, family: 'IPv4' },
        { hostname: 'web-0', ready: false },
        { hostname: 'web-1', ready: true },
      ],
      2,
    ]);
    expect(checkService(exported)).toEqual({ value: exported });
  });

  it('has a name for each address of a pod without a hostname, the first family of the Service first', () => {
    const slices = [
      slice([pod('a', '10.0.0.1', false), pod('b', '10.0.0.2')]),
      slice([pod('a', 'fd00::1', false), pod('b', 'fd00::2')], 'IPv6'),
    ];
    const exported = (ipFamilies: string[]) => record({ service: service({ clusterIP: 'None', ipFamilies }), slices });
    const [four, six] = [exported(['IPv4', 'IPv6']), exported(['IPv6', 'IPv4'])];
    expect([four.pods, four.ready]).toEqual([
      [
        { hostname: '10-0-0-1', ready: false, family: 'IPv4' },
        { hostname: 'fd00--1', ready: false, family: 'IPv6' },
        { hostname: '10-0-0-2', ready: true, family: 'IPv4' },
        { hostname: 'fd00--2', ready: true, family: 'IPv6' },
      ],
      1,
    ]);
    expect(six.pods!.map(({ hostname }) => hostname)).toEqual(['fd00--1', '10-0-0-1', 'fd00--2', '10-0-0-2']);
    expect(checkService(four)).toEqual({ value: four });
  });

  it('has one name for a pod of two families that has a hostname', () => {
    const slices = [slice([pod('a', '10.0.0.1', true, 'web-0')]), slice([pod('a', 'fd00::1', true, 'web-0')], 'IPv6')];
    expect(record({ service: headless, slices }).pods).toEqual([{ hostname: 'web-0', ready: true }]);
  });

  it('has one name for pods that share an address, which is ready when one of them is', () => {
    const slices = [slice([pod('a', '10.0.0.1', true), pod('b', '10.0.0.1', false)])];
    expect(record({ service: headless, slices }).pods).toEqual([{ hostname: '10-0-0-1', ready: true, family: 'IPv4' }]);
  });

  it('is bounded by its pods, of which each may have two names', () => {
    const many = (prefix: string) =>
      Array.from({ length: PODS_PER_CLUSTER_MAX + 1 }, (_, index) => pod(`p${index}`, `${prefix}${100 + index}`));
    const kept = (count: number) => ({
      service: service({ clusterIP: 'None', ipFamilies: ['IPv4', 'IPv6'] }),
      slices: [slice(many('10.0.0.').slice(0, count)), slice(many('fd00::').slice(0, count), 'IPv6')],
    });
    const all = record(kept(PODS_PER_CLUSTER_MAX)).pods!;
    expect(all).toHaveLength(2 * PODS_PER_CLUSTER_MAX);
    expect(valid(kept(PODS_PER_CLUSTER_MAX)).message).not.toContain('pods');
    expect(record(kept(PODS_PER_CLUSTER_MAX + 1)).pods).toEqual(all);
    expect(valid(kept(PODS_PER_CLUSTER_MAX + 1)).message).toContain(`it has ${PODS_PER_CLUSTER_MAX + 1} pods`);
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
