/** What becomes of several exports of one service: who wins, what is added up, and which conflicts are told. */
import { describe, expect, it } from 'vitest';
import { MERGED_PORTS_MAX } from '../../service-controller/merge/limits.ts';
import { type Exporter, mergeExports } from '../../service-controller/merge/merge.ts';
import { sinceOf } from '../../service-controller/merge/since.ts';
import type { PortRecord, Protocol, ServiceRecord } from '../../service-controller/records.ts';
import { exporter, HTTP, serviceRecord } from '../support/service-records.ts';

const port = (name: string, number: number, protocol: Protocol = 'TCP'): PortRecord => ({
  name,
  protocol,
  port: number,
});
const merged = (...exporters: Exporter[]) => mergeExports(exporters)!;
const reasons = (...exporters: Exporter[]) => merged(...exporters).conflicts.map(({ reason }) => reason);
/** The oldest, in cluster `c1`, and a younger one in `c2`. */
const pair = (older: Partial<ServiceRecord>, younger: Partial<ServiceRecord>): [Exporter, Exporter] => [
  exporter('c1', 10, older),
  exporter('c2', 5, younger),
];

describe('exports of one service', () => {
  it('that nobody has are none', () => {
    expect(mergeExports([])).toBeUndefined();
  });

  it('that agree are one service of all their clusters, without conflicts', () => {
    const result = merged(exporter('west', 1), exporter('east', 2), exporter('north', 3));
    expect(result).toEqual({
      type: 'ClusterSetIP',
      ports: [{ ...HTTP, clusters: ['east', 'north', 'west'] }],
      ipFamilies: ['IPv4'],
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      labels: {},
      annotations: {},
      locality: 'local-first',
      localMinimum: 1,
      oldest: 'north',
      clusters: ['east', 'north', 'west'],
      conflicts: [],
    });
  });

  it('of equal age are decided by the id of the cluster', () => {
    expect(merged(exporter('west', 5, { uid: 'a' }), exporter('east', 5, { uid: 'b' })).oldest).toBe('east');
  });

  it('share nothing with the records they came from', () => {
    const one = exporter('c1', 1, { labels: { a: '1' }, clusterSelectors: [selector('region')] });
    const result = merged(one);
    result.labels.a = '2';
    result.ports[0]!.clusters.push('x');
    result.clusterSelectors![0]!.propertySelector.matchProperties!.region = 'changed';
    expect(merged(one).labels).toEqual({ a: '1' });
    expect(merged(one).clusterSelectors).toEqual([selector('region')]);
  });
});

describe('ports', () => {
  it('are the union, each served by the clusters that have it [conformance 10]', () => {
    const result = merged(
      ...pair(
        { ports: [port('tcp', 42), port('udp', 42, 'UDP')] },
        { ports: [port('tcp', 42), port('stcp', 142, 'SCTP')] },
      ),
    );
    expect(result.ports).toEqual([
      { ...port('tcp', 42), clusters: ['c1', 'c2'] },
      { ...port('udp', 42, 'UDP'), clusters: ['c1'] },
      { ...port('stcp', 142, 'SCTP'), clusters: ['c2'] },
    ]);
    expect(result.conflicts.map(({ reason }) => reason)).toEqual(['PortConflict']);
  });

  it('of one name and two numbers are the older one, which the younger cluster does not serve [conformance 11, 20]', () => {
    const result = merged(...pair({ ports: [port('tcp', 42)] }, { ports: [port('tcp', 4242)] }));
    expect(result.ports).toEqual([{ ...port('tcp', 42), clusters: ['c1'] }]);
    expect(result.conflicts.map(({ reason }) => reason)).toEqual(['PortConflict']);
  });

  it('of two names and two numbers each lead to their own cluster [conformance 21]', () => {
    const result = merged(...pair({ ports: [port('tcp', 42)] }, { ports: [port('tcp2', 4242)] }));
    expect(result.ports.map(({ name, clusters }) => [name, clusters])).toEqual([
      ['tcp', ['c1']],
      ['tcp2', ['c2']],
    ]);
  });

  it('of one number and two names have the older name and are served by both', () => {
    const result = merged(...pair({ ports: [port('web', 80)] }, { ports: [port('http', 80)] }));
    expect(result.ports).toEqual([{ ...port('web', 80), clusters: ['c1', 'c2'] }]);
    expect(result.conflicts).toHaveLength(1);
  });

  it('that swapped their names are not mixed', () => {
    const result = merged(
      ...pair({ ports: [port('web', 80), port('admin', 8080)] }, { ports: [port('web', 8080), port('admin', 80)] }),
    );
    expect(result.ports.map(({ clusters }) => clusters)).toEqual([['c1'], ['c1']]);
  });

  it('without a name count as one name', () => {
    const result = merged(...pair({ ports: [port('', 80)] }, { ports: [port('', 81)] }));
    expect(result.ports).toEqual([{ ...port('', 80), clusters: ['c1'] }]);
  });

  it('of one number and two protocols are two', () => {
    const result = merged(...pair({ ports: [port('a', 53)] }, { ports: [port('b', 53, 'UDP')] }));
    expect(result.ports).toHaveLength(2);
  });

  it('that differ in appProtocol only have the older one and are served by both', () => {
    const result = merged(...pair({ ports: [{ ...HTTP, appProtocol: 'h2c' }] }, { ports: [HTTP] }));
    expect(result.ports).toEqual([{ ...HTTP, appProtocol: 'h2c', clusters: ['c1', 'c2'] }]);
    expect(result.conflicts.map(({ reason }) => reason)).toEqual(['PortConflict']);
  });

  it('in another order are no conflict', () => {
    const [a, b] = [port('a', 1), port('b', 2)];
    expect(reasons(...pair({ ports: [a, b] }, { ports: [b, a] }))).toEqual([]);
  });

  it('are bounded, and those of the oldest export stay', () => {
    const many = (name: string, from: number) =>
      Array.from({ length: MERGED_PORTS_MAX }, (_, index) => port(`${name}-${index}`, from + index));
    const { ports } = merged(...pair({ ports: many('a', 1) }, { ports: many('b', 10_000) }));
    expect(ports).toHaveLength(MERGED_PORTS_MAX);
    expect(ports.every(({ clusters }) => clusters[0] === 'c1')).toBe(true);
  });
});

describe('an export of another type', () => {
  const vip = { ports: [port('tcp', 42)] };
  const headless: Partial<ServiceRecord> = {
    type: 'Headless',
    ports: [port('tcp', 42), port('other', 43)],
    sessionAffinity: 'ClientIP',
  };

  it('keeps its place among the clusters, adds no ports, and shows one conflict [conformance 15]', () => {
    const result = merged(...pair(vip, headless));
    expect(result.type).toBe('ClusterSetIP');
    expect(result.clusters).toEqual(['c1', 'c2']);
    expect(result.ports).toEqual([{ ...port('tcp', 42), clusters: ['c1'] }]);
    expect(result.conflicts).toEqual([
      {
        reason: 'TypeConflict',
        winner: 'c1',
        clusters: ['c2'],
        message: 'type: ClusterSetIP of cluster c1, the oldest export, wins; 1/2 clusters disagree',
      },
    ]);
  });

  it('wins when it is the oldest', () => {
    const result = merged(...pair(headless, vip));
    expect([result.type, result.ports.map(({ clusters }) => clusters)]).toEqual(['Headless', [['c1'], ['c1']]]);
  });
});

describe('properties with one value', () => {
  it.each<[string, Partial<ServiceRecord>, Partial<ServiceRecord>, string]>([
    ['sessionAffinity', { sessionAffinity: 'None' }, { sessionAffinity: 'ClientIP' }, 'SessionAffinityConflict'],
    ['internalTrafficPolicy', { internalTrafficPolicy: 'Local' }, {}, 'InternalTrafficPolicyConflict'],
    ['trafficDistribution', { trafficDistribution: 'PreferClose' }, {}, 'TrafficDistributionConflict'],
    ['trafficDistribution', {}, { trafficDistribution: 'PreferClose' }, 'TrafficDistributionConflict'],
    ['ipFamilies', { ipFamilies: ['IPv4', 'IPv6'] }, {}, 'IPFamilyConflict'],
    ['ipFamilies', { ipFamilies: ['IPv4'] }, { ipFamilies: ['IPv6'] }, 'IPFamilyConflict'],
    ['labels', { labels: { a: '1' } }, { labels: { a: '2' } }, 'LabelsConflict'],
    ['annotations', {}, { annotations: { a: '2' } }, 'AnnotationsConflict'],
    ['clusterSelectors', { clusterSelectors: [selector('region')] }, {}, 'ClusterSelectorsConflict'],
  ])('%s is the oldest one, and a conflict %#', (field, older, younger, reason) => {
    const exporters = pair(older, younger);
    const result = merged(...exporters);
    const alone = merged(exporters[0]);
    expect(result[field as 'labels']).toEqual(alone[field as 'labels']);
    expect(result.conflicts.map((conflict) => [conflict.reason, conflict.winner, conflict.clusters])).toEqual([
      [reason, 'c1', ['c2']],
    ]);
  });

  it.each<[string, Partial<ServiceRecord>, Partial<ServiceRecord>]>([
    [
      'the policy of Kubernetes when none is said',
      { internalTrafficPolicy: 'Cluster' },
      { internalTrafficPolicy: undefined },
    ],
    ['more families than the oldest', { ipFamilies: ['IPv4'] }, { ipFamilies: ['IPv6', 'IPv4'] }],
    ['no labels and empty labels', {}, { labels: {} }],
    ['labels in another order', { labels: { a: '1', b: '2' } }, { labels: { b: '2', a: '1' } }],
    ['another locality', { locality: 'none', localMinimum: 4 }, {}],
    ['the timeout of Kubernetes when none is said', clientIp(10_800), clientIp(undefined)],
    ['affinity of headless services', { type: 'Headless' }, { type: 'Headless', ...clientIp(10) }],
  ])('differ without a conflict: %s', (_title, older, younger) => {
    expect(reasons(...pair(older, younger))).toEqual([]);
  });

  it('of affinity with two timeouts have the oldest one', () => {
    const result = merged(...pair(clientIp(10), clientIp(20)));
    expect(result.sessionAffinityTimeoutSeconds).toBe(10);
    expect(result.conflicts.map(({ reason }) => reason)).toEqual(['SessionAffinityConfigConflict']);
  });

  it('of affinity have no timeout beside None', () => {
    expect(
      merged(exporter('c1', 1, { sessionAffinityTimeoutSeconds: 5 })).sessionAffinityTimeoutSeconds,
    ).toBeUndefined();
    expect(reasons(...pair({}, clientIp(20)))).toEqual(['SessionAffinityConflict']);
  });

  it('labels are not mixed key by key', () => {
    expect(merged(...pair({ labels: { a: '1' } }, { labels: { b: '2' } })).labels).toEqual({ a: '1' });
  });

  it('locality and the local minimum are those of the oldest', () => {
    const { locality, localMinimum } = merged(...pair({ locality: 'none', localMinimum: 4 }, { localMinimum: 9 }));
    expect([locality, localMinimum]).toEqual(['none', 4]);
  });

  it('families keep the order of the oldest', () => {
    expect(merged(...pair({ ipFamilies: ['IPv6', 'IPv4'] }, {})).ipFamilies).toEqual(['IPv6', 'IPv4']);
  });
});

describe('a conflict', () => {
  it('says the field, the winner, and how many disagree', () => {
    const odd = { sessionAffinity: 'ClientIP' } as const;
    const list = [exporter('a', 5), exporter('b', 4, odd), exporter('c', 3), exporter('d', 2, odd), exporter('e', 1)];
    const { conflicts } = merged(...list);
    expect(conflicts[0]!.clusters).toEqual(['b', 'd']);
    expect(conflicts[0]!.message).toBe(
      'sessionAffinity: None of cluster a, the oldest export, wins; 2/5 clusters disagree',
    );
  });

  it('is told beside others', () => {
    const all = { type: 'ClusterSetIP', labels: { a: '1' }, trafficDistribution: 'PreferClose' } as const;
    expect(reasons(...pair({}, all))).toEqual(['TrafficDistributionConflict', 'LabelsConflict']);
  });
});

describe('the time an export counts as made', () => {
  const made = Date.parse('2026-03-01T12:00:00Z');

  it('is its creation when nobody else has one', () => {
    expect(sinceOf(made, [])).toBe(made);
  });

  it('is its creation when it is younger than the others', () => {
    expect(sinceOf(made, [serviceRecord({ since: made - 1 })])).toBe(made);
  });

  it('is later than all others when its clock is slow, so that it does not displace them', () => {
    const others = [serviceRecord({ since: made + 60_000 }), serviceRecord({ since: made + 5000 })];
    expect(sinceOf(made, others)).toBe(made + 60_001);
  });

  it('is never equal to that of a running one: the id of its cluster would decide', () => {
    const running = exporter('z', 0);
    const since = sinceOf(running.record.since, [running.record]);
    expect(merged(running, { cluster: 'a', record: serviceRecord({ since }) }).oldest).toBe('z');
  });
});

function selector(key: string) {
  return { propertySelector: { matchProperties: { [key]: '@SameAsImporter@' } } };
}

function clientIp(sessionAffinityTimeoutSeconds: number | undefined): Partial<ServiceRecord> {
  return { sessionAffinity: 'ClientIP', sessionAffinityTimeoutSeconds };
}
