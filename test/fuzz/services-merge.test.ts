/** What holds for any exports of a service: the order in which they come, who comes and who goes, and where traffic is sent. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../lib/kube/object.ts';
import { type Candidate, type ChooseInput, choose } from '../../service-controller/choose/choose.ts';
import { selectorsFault } from '../../service-controller/choose/selectors.ts';
import { checkService } from '../../service-controller/exchange/record.ts';
import { type Exporter, type Merged, mergeExports } from '../../service-controller/merge/merge.ts';
import { byAge } from '../../service-controller/merge/order.ts';
import { sinceOf } from '../../service-controller/merge/since.ts';
import type { Observed } from '../../service-controller/reconcile/observed.ts';
import { exportStatus, ownExport } from '../../service-controller/reconcile/serviceexport/own-record.ts';
import type { ClusterSelector, IpFamily, PortRecord, ServiceRecord } from '../../service-controller/records.ts';
import { serviceRecord } from '../support/service-records.ts';

const SEED = 20_300_601;
const RUNS = { seed: SEED, numRuns: 500 };

const clusterId = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
/** Few names and numbers, so that they clash often. */
const port: fc.Arbitrary<PortRecord> = fc.record(
  {
    name: fc.constantFrom('', 'http', 'web', 'admin'),
    protocol: fc.constantFrom('TCP', 'UDP'),
    port: fc.integer({ min: 80, max: 83 }),
    appProtocol: fc.constantFrom('h2c', 'ws'),
  },
  { requiredKeys: ['name', 'protocol', 'port'] },
);
/** As a Service has them. */
const ports = fc
  .array(port, { maxLength: 4 })
  .map((list) =>
    list.filter(
      ({ name, protocol, port: number }, index) =>
        !list
          .slice(0, index)
          .some((other) => other.name === name || (other.protocol === protocol && other.port === number)),
    ),
  );
const map = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2'));
const key = fc.constantFrom('region', 'zone', 'cluster.clusterset.k8s.io');
const values = fc.array(fc.constantFrom('eu', 'us', 'a', 'b', '@SameAsImporter@'), { maxLength: 3 });
const operator = fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist', 'Near' as 'In');
const selector: fc.Arbitrary<ClusterSelector> = fc.record({
  propertySelector: fc.record(
    {
      matchProperties: fc.dictionary(key, fc.constantFrom('eu', 'us', '@SameAsImporter@')),
      matchExpressions: fc.array(fc.record({ key, operator, values }, { requiredKeys: ['key', 'operator'] }), {
        maxLength: 3,
      }),
    },
    { requiredKeys: [] },
  ),
});
const record: fc.Arbitrary<ServiceRecord> = fc
  .record({
    // Few, so that ages are often equal.
    since: fc.integer({ min: 0, max: 4 }),
    type: fc.constantFrom('ClusterSetIP', 'ClusterSetIP', 'ClusterSetIP', 'Headless'),
    ports,
    ipFamilies: fc.constantFrom<IpFamily[]>(['IPv4'], ['IPv6'], ['IPv4', 'IPv6'], ['IPv6', 'IPv4']),
    sessionAffinity: fc.constantFrom('None', 'ClientIP'),
    sessionAffinityTimeoutSeconds: fc.constantFrom(undefined, 10, 20),
    internalTrafficPolicy: fc.constantFrom(undefined, 'Cluster', 'Local'),
    trafficDistribution: fc.constantFrom(undefined, 'PreferClose'),
    labels: fc.option(map, { nil: undefined }),
    annotations: fc.option(map, { nil: undefined }),
    clusterSelectors: fc.option(fc.array(selector, { maxLength: 2 }), { nil: undefined }),
    locality: fc.constantFrom(undefined, 'local-first', 'none'),
    localMinimum: fc.constantFrom(undefined, 1, 3),
    uid: fc.uuid(),
  })
  .map((parts) => serviceRecord(parts));
/** Some clusters are there twice: their records differ. */
const exporters = fc.array(fc.record({ cluster: clusterId, record }), { minLength: 1, maxLength: 8 });

const check = (run: (list: Exporter[], other: Exporter, seed: number) => void) =>
  fc.assert(fc.property(exporters, fc.record({ cluster: clusterId, record }), fc.nat(), run), RUNS);

/** The same for each seed. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  return items
    .map((item, index) => ({ item, rank: Math.imul(index + 1, 2_654_435_761 ^ seed) >>> 0 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/** Without what a cluster that comes or goes may change: what it serves, and what it disagrees with. */
function winnersFields({ ports: _ports, clusters: _clusters, conflicts: _conflicts, ...fields }: Merged) {
  return fields;
}

const identity = ({ clusters: _clusters, ...fields }: Merged['ports'][number]) => fields;

describe('a merge', () => {
  it('does not depend on the order of the exports', () => {
    check((list, _other, seed) => {
      expect(mergeExports(shuffled(list, seed))).toEqual(mergeExports(list));
      expect(mergeExports([...list].reverse())).toEqual(mergeExports(list));
    });
  });

  it('is the same when exports are there twice, and changes none of them', () => {
    check((list) => {
      const before = structuredClone(list);
      expect(mergeExports([...list, ...structuredClone(list)])).toEqual(mergeExports(list));
      expect(list).toEqual(before);
    });
  });

  it('has unique ports, each served by exporters of its type that have this protocol and number', () => {
    check((list) => {
      const merged = mergeExports(list)!;
      const names = merged.ports.map(({ name }) => name);
      const numbers = merged.ports.map(({ protocol, port: number }) => `${protocol}/${number}`);
      expect(new Set(names).size).toBe(names.length);
      expect(new Set(numbers).size).toBe(numbers.length);
      const records = new Map(byAge(list).map((exporter) => [exporter.cluster, exporter.record]));
      expect(merged.clusters).toEqual([...records.keys()].sort());
      for (const { protocol, port: number, clusters } of merged.ports) {
        expect(clusters.length).toBeGreaterThan(0);
        expect(clusters).toEqual([...new Set(clusters)].sort());
        for (const cluster of clusters) {
          const { type, ports: own } = records.get(cluster)!;
          expect(type).toBe(merged.type);
          expect(own.some((one) => one.protocol === protocol && one.port === number)).toBe(true);
        }
      }
    });
  });

  it('has all ports of the oldest export, and all its values', () => {
    check((list) => {
      const [oldest] = byAge(list);
      const alone = mergeExports([oldest!])!;
      const merged = mergeExports(list)!;
      expect(winnersFields(merged)).toEqual(winnersFields(alone));
      expect(merged.ports.slice(0, alone.ports.length).map(identity)).toEqual(alone.ports.map(identity));
      expect(alone.conflicts).toEqual([]);
    });
  });

  it('changes nothing that runs when an export is made, whatever the clock of its cluster says', () => {
    check((list, other) => {
      fc.pre(!list.some(({ cluster }) => cluster === other.cluster));
      const before = mergeExports(list)!;
      const since = sinceOf(
        other.record.since,
        list.map((exporter) => exporter.record),
      );
      const after = mergeExports([...list, { cluster: other.cluster, record: { ...other.record, since } }])!;
      expect(winnersFields(after)).toEqual(winnersFields(before));
      const kept = after.ports.slice(0, before.ports.length);
      expect(kept.map(identity)).toEqual(before.ports.map(identity));
      expect(kept.map(({ clusters }) => clusters.filter((id) => id !== other.cluster))).toEqual(
        before.ports.map(({ clusters }) => clusters),
      );
      for (const added of after.ports.slice(before.ports.length)) expect(added.clusters).toEqual([other.cluster]);
    });
  });

  it('loses only what the youngest export had when that goes', () => {
    check((list) => {
      const ordered = byAge(list);
      fc.pre(ordered.length > 1);
      const youngest = ordered.at(-1)!.cluster;
      const before = mergeExports(ordered)!;
      const after = mergeExports(ordered.slice(0, -1))!;
      expect(winnersFields(after)).toEqual(winnersFields(before));
      expect(after.ports).toEqual(
        before.ports
          .map((one) => ({ ...one, clusters: one.clusters.filter((id) => id !== youngest) }))
          .filter(({ clusters }) => clusters.length > 0),
      );
    });
  });

  it('keeps, when any but the oldest goes, the values, and the ports of those that are older than it', () => {
    check((list, _other, seed) => {
      const ordered = byAge(list);
      fc.pre(ordered.length > 1);
      const index = 1 + (seed % (ordered.length - 1));
      const gone = ordered[index]!.cluster;
      const older = new Set(ordered.slice(0, index).map(({ cluster }) => cluster));
      const before = mergeExports(ordered)!;
      const after = mergeExports(ordered.filter(({ cluster }) => cluster !== gone))!;
      expect(winnersFields(after)).toEqual(winnersFields(before));
      for (const one of before.ports.filter(({ clusters }) => clusters.some((id) => older.has(id)))) {
        const still = after.ports.find(({ name }) => name === one.name)!;
        expect(identity(still)).toEqual(identity(one));
        // Younger ones may come to serve it: what went may have been what their ports clashed with.
        expect(still.clusters).toEqual(expect.arrayContaining(one.clusters.filter((id) => id !== gone)));
      }
    });
  });

  it('names as conflicting only who differs, each reason once, and a winner who is the oldest', () => {
    check((list) => {
      const { conflicts, oldest, clusters } = mergeExports(list)!;
      expect(new Set(conflicts.map(({ reason }) => reason)).size).toBe(conflicts.length);
      for (const conflict of conflicts) {
        expect(conflict.winner).toBe(oldest);
        expect(conflict.clusters).not.toContain(oldest);
        expect(clusters).toEqual(expect.arrayContaining(conflict.clusters));
        expect(conflict.message).toContain(`${conflict.clusters.length}/${clusters.length} clusters disagree`);
      }
    });
  });

  it('drops no port of a cluster without a conflict that names it', () => {
    check((list) => {
      const { ports: merged, conflicts, type } = mergeExports(list)!;
      for (const { cluster, record: own } of byAge(list).filter((exporter) => exporter.record.type === type)) {
        const isServed = ({ name, protocol, port: number }: PortRecord) =>
          merged.some(
            (one) =>
              one.name === name && one.protocol === protocol && one.port === number && one.clusters.includes(cluster),
          );
        const conflict = conflicts.find(({ reason }) => reason === 'PortConflict');
        if (!own.ports.every(isServed)) expect(conflict?.clusters).toContain(cluster);
      }
    });
  });
});

describe('a choice', () => {
  const properties = fc.dictionary(fc.constantFrom('region', 'zone'), fc.constantFrom('eu', 'us'));
  const candidate: fc.Arbitrary<Candidate> = fc.record({
    cluster: clusterId,
    ready: fc.integer({ min: 0, max: 4 }),
    properties,
    priority: fc.integer({ min: 0, max: 2 }),
    weight: fc.integer({ min: 1, max: 1000 }),
  });
  const input: fc.Arbitrary<ChooseInput> = fc.record({
    self: fc.record({ cluster: clusterId, properties }),
    candidates: fc.uniqueArray(candidate, { maxLength: 6, selector: ({ cluster }) => cluster }),
    clusterSelectors: fc.option(fc.array(selector, { maxLength: 3 }), { nil: undefined }),
    locality: fc.constantFrom('local-first', 'none'),
    localMinimum: fc.integer({ min: 0, max: 4 }),
  });

  it('has each candidate in exactly one tier, with a weight of at least 1 and a reason', () => {
    fc.assert(
      fc.property(input, (given) => {
        const { tiers, reasons } = choose(given);
        const ids = given.candidates.map(({ cluster }) => cluster).sort();
        expect(
          tiers
            .flat()
            .map(({ cluster }) => cluster)
            .sort(),
        ).toEqual(ids);
        expect([...reasons.keys()].sort()).toEqual(ids);
        expect(tiers.every((tier) => tier.length > 0)).toBe(true);
        expect(tiers.flat().every(({ weight }) => Number.isInteger(weight) && weight >= 1)).toBe(true);
      }),
      RUNS,
    );
  });

  it('does not depend on the order of the candidates', () => {
    fc.assert(
      fc.property(input, fc.nat(), (given, seed) => {
        expect(choose({ ...given, candidates: shuffled(given.candidates, seed) })).toEqual(choose(given));
      }),
      RUNS,
    );
  });

  it('keeps traffic local only where it is first, alone, and has enough', () => {
    fc.assert(
      fc.property(input, (given) => {
        const { tiers, isLocalDirect } = choose(given);
        const ready = given.candidates.find(({ cluster }) => cluster === given.self.cluster)?.ready ?? 0;
        const isAlone = tiers[0]?.length === 1 && tiers[0][0]!.cluster === given.self.cluster;
        expect(isLocalDirect).toBe(isAlone && ready >= Math.max(1, given.localMinimum));
      }),
      RUNS,
    );
  });

  it('is not moved between tiers by health when there are selectors', () => {
    fc.assert(
      fc.property(input, (given) => {
        fc.pre((given.clusterSelectors ?? []).length > 0);
        const healthy = given.candidates.map((one) => ({ ...one, ready: 9 }));
        expect(choose({ ...given, candidates: healthy }).tiers).toEqual(choose(given).tiers);
      }),
      RUNS,
    );
  });

  it('takes any value for selectors without throwing, and what passes is taken by the exchange', () => {
    const any = fc.oneof(
      fc.anything(),
      fc.array(selector, { maxLength: 18 }),
      fc.array(fc.anything(), { maxLength: 3 }),
    );
    fc.assert(
      fc.property(any, (clusterSelectors) => {
        if (selectorsFault(clusterSelectors) !== undefined) return;
        const raw = JSON.parse(JSON.stringify({ ...serviceRecord(), clusterSelectors }));
        expect(checkService(raw)).toHaveProperty('value');
      }),
      RUNS,
    );
  });
});

describe('an export of whatever was written', () => {
  const word = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom('TCP', 'None', 'ClientIP', 'http', 'fd00::1', '10.0.0.1'),
  );
  const odd = fc.oneof(
    word,
    fc.integer(),
    fc.constant(null),
    fc.constant([]),
    fc.constant({}),
    fc.array(word, { maxLength: 3 }),
  );
  const number = fc.oneof(fc.integer({ min: 1, max: 70_000 }), odd);
  const list = <T>(item: fc.Arbitrary<T>) => fc.oneof(fc.array(fc.oneof(item, odd), { maxLength: 4 }), odd);
  const part = <T>(members: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
    fc.oneof(
      { weight: 9, arbitrary: fc.record<T, never>(members, { requiredKeys: [] }) },
      { weight: 1, arbitrary: odd },
    );
  const text = <T extends string>(...usual: T[]) => fc.oneof(fc.constantFrom(...usual), odd);
  const texts = fc.dictionary(fc.oneof(word, fc.constantFrom('a', 'example.com/a', 'skuprt.io/weight')), odd, {
    maxKeys: 4,
  });
  const service = part({
    type: text('ClusterIP', 'LoadBalancer'),
    clusterIP: text('None', '10.96.0.1'),
    clusterIPs: list(word),
    ipFamilies: list(fc.constantFrom('IPv4', 'IPv6')),
    ports: list(part({ name: word, protocol: text('TCP', 'UDP', 'SCTP'), port: number, appProtocol: word })),
    sessionAffinity: text('ClientIP', 'None'),
    sessionAffinityConfig: part({ clientIP: part({ timeoutSeconds: number }) }),
    internalTrafficPolicy: text('Local'),
    trafficDistribution: text('PreferClose'),
  });
  const endpoint = part({
    addresses: list(word),
    hostname: word,
    conditions: part({ ready: fc.boolean() }),
    targetRef: part({ uid: word, name: word }),
  });
  const spec = part({
    exportedLabels: texts,
    exportedAnnotations: texts,
    clusterSelectors: fc.oneof(fc.array(selector, { maxLength: 2 }), odd),
  });
  const status = part({ loadBalancer: part({ ingress: list(part({ ip: word, hostname: word })) }) });
  const annotations = fc.dictionary(
    fc.constantFrom(
      'skuprt.io/weight',
      'skuprt.io/priority',
      'skuprt.io/locality',
      'skuprt.io/local-minimum',
      'skuprt.io/since',
    ),
    fc.oneof(word, fc.nat().map(String), fc.constantFrom('none', '2026-03-01T12:00:00Z')),
  );

  it('throws nothing, and tells only what the exchange of the others takes', () => {
    let told = 0;
    const object = (kind: string, parts: object): KubeObject => ({
      apiVersion: 'v1',
      kind,
      metadata: { name: 'be-svc', namespace: 'backend', uid: 'uid-1', creationTimestamp: '2026-03-01T12:00:00Z' },
      ...parts,
    });
    fc.assert(
      fc.property(
        service,
        status,
        spec,
        annotations,
        list(endpoint),
        (serviceSpec, serviceStatus, exportSpec, given, endpoints) => {
          const made = object('ServiceExport', { spec: exportSpec, status: serviceStatus });
          made.metadata.annotations = given;
          const observed = {
            ...observedService(),
            service: object('Service', { spec: serviceSpec, status: serviceStatus }),
            export: made,
            slices: [object('EndpointSlice', { endpoints })],
          };
          const own = ownExport(observed)!;
          const status = exportStatus(
            observed,
            own,
            own.record && mergeExports([{ cluster: 'east', record: own.record }]),
            0,
          );
          expect(status).toHaveProperty('conditions.1.type', 'Ready');
          if (own.record === undefined) return;
          told += 1;
          expect(checkService(JSON.parse(JSON.stringify(own.record)))).toEqual({ value: own.record });
        },
      ),
      { ...RUNS, numRuns: 2000 },
    );
    expect(told).toBeGreaterThan(300);
  });
});

function observedService(): Observed {
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
    service: undefined,
    export: undefined,
    slices: [],
    import: undefined,
    derived: [],
    madeSlices: [],
    connectors: [],
    listeners: [],
  };
}
