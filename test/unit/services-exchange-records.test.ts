/** What another cluster says of its services becomes Kubernetes objects: nothing gets through that has no place in one. */
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../service-controller/exchange/limits.ts';
import { checkInfo, checkIngress, checkService } from '../../service-controller/exchange/record.ts';
import { serviceRecord } from '../support/sim/services-network.ts';

const many = <T>(count: number, item: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => item(index));
const map = (count: number) => Object.fromEntries(many(count, (index) => [`k${index}`, 'v']));
const port = (over: object) => ({ name: 'http', protocol: 'TCP', port: 80, ...over });

describe('a service', () => {
  it('with every member there is comes out as it is', () => {
    const full = serviceRecord('web-0', {
      uid: '3f0c-0',
      since: 0,
      type: 'Headless',
      ports: [
        { name: '', protocol: 'SCTP', port: 1, appProtocol: 'kubernetes.io/h2c' },
        { name: 'a1', protocol: 'UDP', port: 65_535 },
      ],
      ipFamilies: ['IPv6', 'IPv4'],
      sessionAffinity: 'ClientIP',
      sessionAffinityTimeoutSeconds: 86_400,
      internalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferSameZone',
      labels: { app: '', 'example.com/Part_of': 'A.b-c' },
      annotations: { 'example.com/note': 'two\nlines, ünïcode' },
      clusterSelectors: [
        { propertySelector: { matchProperties: { 'region.example.com': '@SameAsImporter@' } } },
        { propertySelector: { matchExpressions: [{ key: 'zone', operator: 'NotIn', values: [''] }] } },
        { propertySelector: { matchExpressions: [{ key: 'zone', operator: 'Exists' }] } },
      ],
      priority: 0,
      weight: 1000,
      locality: 'local-first',
      localMinimum: 3,
      ready: 0,
      pods: [
        { hostname: '10-0-0-1', ready: false, family: 'IPv4' },
        { hostname: 'fd00--1', ready: false, family: 'IPv6' },
        { hostname: 'web-0', ready: true },
      ],
      external: [{ ip: '::ffff:192.0.2.1' }, { hostname: 'a.example.com' }],
    });
    expect(checkService(full)).toEqual({ value: full });
  });

  it('loses members that are not known, everywhere', () => {
    const evil = {
      ...serviceRecord('web', {
        ports: [port({ nodePort: 1 })] as never,
        external: [{ ip: '::1', hostname: 'x y' }] as never,
      }),
      ownerReferences: [],
      pods: [{ hostname: 'a', ready: true, address: '10.0.0.1' }],
    };
    expect(checkService(evil)).toEqual({
      value: serviceRecord('web', {
        ports: [port({})] as never,
        external: [{ ip: '::1' }],
        pods: [{ hostname: 'a', ready: true }],
      }),
    });
  });

  it.each<[string, object]>([
    ['a namespace that is a path', { namespace: '../kube-system' }],
    ['a namespace with a dot', { namespace: 'a.b' }],
    ['no namespace', { namespace: '' }],
    ['a name in capitals', { name: 'Web' }],
    ['a name with a line end', { name: 'web\n' }],
    ['a name that is too long', { name: 'x'.repeat(64) }],
    ['a name that is none', { name: { toString: 'web' } }],
    ['a uid with a blank', { uid: 'a b' }],
    ['a time that is no number', { since: '2020' }],
    ['a time before time', { since: -1 }],
    ['a type that is not there', { type: 'ExternalName' }],
    ['a port 0', { ports: [port({ port: 0 })] }],
    ['a port 65536', { ports: [port({ port: 65_536 })] }],
    ['a protocol that is not there', { ports: [port({ protocol: 'ICMP' })] }],
    ['a name of a port with a slash', { ports: [port({ name: 'a/b' })] }],
    ['two ports of one name', { ports: [port({}), port({ port: 81 })] }],
    ['two ports of one number', { ports: [port({}), port({ name: 'other' })] }],
    [
      'too many ports',
      { ports: many(LIMITS.portCountMax + 1, (index) => port({ name: `p${index}`, port: index + 1 })) },
    ],
    ['an appProtocol with a blank', { ports: [port({ appProtocol: 'a b' })] }],
    ['a family twice', { ipFamilies: ['IPv4', 'IPv4'] }],
    ['a family that is not there', { ipFamilies: ['IPv5'] }],
    ['an affinity of no time', { sessionAffinityTimeoutSeconds: 0 }],
    ['a policy with a line end', { internalTrafficPolicy: 'Local\n' }],
    ['a label without a key', { labels: { '': 'v' } }],
    ['a label with a bad prefix', { labels: { 'Ex_ample/x': 'v' } }],
    ['a label with two slashes', { labels: { 'a/b/c': 'v' } }],
    ['a value of a label with a blank', { labels: { a: 'b c' } }],
    ['a value of a label that is too long', { labels: { a: 'x'.repeat(64) } }],
    ['too many labels', { labels: map(LIMITS.mapSizeMax + 1) }],
    ['labels as a list', { labels: ['a'] }],
    ['an annotation without a fit key', { annotations: { 'a b': 'c' } }],
    ['an annotation that is too long', { annotations: { a: 'x'.repeat(LIMITS.annotationLengthMax + 1) } }],
    ['half a character', { annotations: { a: '\ud800' } }],
    [
      'an operator that is not there',
      { clusterSelectors: [{ propertySelector: { matchExpressions: [{ key: 'a', operator: 'Gt' }] } }] },
    ],
    ['a selector with nothing in it', { clusterSelectors: [{}] }],
    ['too many selectors', { clusterSelectors: many(17, () => ({ propertySelector: {} })) }],
    ['a weight of 0', { weight: 0 }],
    ['a weight of a half', { weight: 0.5 }],
    ['a priority below 0', { priority: -1 }],
    ['a locality that is not there', { locality: 'far' }],
    ['less than nothing ready', { ready: -1 }],
    ['a pod of no family', { pods: [{ hostname: 'a', ready: true, family: 'IPv5' as never }] }],
    ['a pod with a dot', { pods: [{ hostname: 'a.b', ready: true }] }],
    [
      'a pod twice',
      {
        pods: [
          { hostname: 'a', ready: true },
          { hostname: 'a', ready: false },
        ],
      },
    ],
    ['too many pods', { pods: many(LIMITS.podCountMax + 1, (index) => ({ hostname: `p${index}`, ready: true })) }],
    ['an address that is none', { external: [{ ip: '300.0.0.1' }] }],
    ['an address with a zone', { external: [{ ip: 'fe80::1%eth0' }] }],
    ['an address with a mask', { external: [{ ip: '10.0.0.0/8' }] }],
    ['a host name with a blank', { external: [{ hostname: 'a b' }] }],
    ['a host name of 254 characters', { external: [{ hostname: `${'a.'.repeat(126)}ab` }] }],
    ['an external address of no kind', { external: [{}] }],
  ])('with %s is refused, and says why', (_, over) => {
    const result = checkService({ ...serviceRecord('web'), ...over });
    expect(result).toEqual({ fault: expect.stringMatching(/^\/\S* .+/) });
  });

  it('without a member that has to be there is refused', () => {
    for (const key of [
      'namespace',
      'name',
      'uid',
      'since',
      'type',
      'ports',
      'ipFamilies',
      'sessionAffinity',
      'ready',
    ]) {
      const without = Object.fromEntries(Object.entries(serviceRecord('web')).filter(([name]) => name !== key));
      expect(checkService(without), key).toHaveProperty('fault');
    }
  });
});

describe('an ingress', () => {
  const fine = {
    namespace: 'n',
    name: 'a.b',
    hosts: ['a.example.com', '*.b'],
    addresses: [],
    weight: 2,
    isHealthy: false,
  };

  it('comes out as it is, without what is not known', () => {
    expect(checkIngress({ ...fine, more: 1 })).toEqual({ value: fine });
  });

  it.each<[string, object]>([
    ['a host with a path', { hosts: ['a/b'] }],
    ['a host with a wildcard inside', { hosts: ['a.*.b'] }],
    ['too many hosts', { hosts: many(LIMITS.hostCountMax + 1, (index) => `h${index}`) }],
    ['a health that is no truth', { isHealthy: 1 }],
    ['a name with a slash', { name: 'a/b' }],
  ])('with %s is refused', (_, over) => {
    expect(checkIngress({ ...fine, ...over })).toHaveProperty('fault');
  });
});

describe('a cluster', () => {
  it('has properties with qualified names and printable values', () => {
    const fine = { properties: { 'zone.example.com': 'z 1' }, version: '0.1.0' };
    expect(checkInfo(fine)).toEqual({ value: fine });
    for (const properties of [{ 'a b': 'c' }, { a: 'b\nc' }, { a: 1 }, map(65), []]) {
      expect(checkInfo({ ...fine, properties })).toHaveProperty('fault');
    }
  });
});
