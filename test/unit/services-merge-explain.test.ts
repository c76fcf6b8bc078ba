/** Why traffic goes where it goes, as it is told to people and to programs. */
import { describe, expect, it } from 'vitest';
import { choose } from '../../service-controller/choose/choose.ts';
import { type ExplainInput, explain, explanationLines, type PortFact } from '../../service-controller/merge/explain.ts';
import { type Exporter, mergeExports } from '../../service-controller/merge/merge.ts';
import { exporter, HTTP } from '../support/service-records.ts';

const listening = (cluster: string, parts: Partial<PortFact> = {}): PortFact => ({
  cluster,
  protocol: 'TCP',
  port: 80,
  routerPort: 1025,
  readyRouterCount: 2,
  listeningRouterCount: 2,
  ...parts,
});

/** Seen from cluster `east`. */
function input(exporters: Exporter[], parts: Partial<ExplainInput> = {}): ExplainInput {
  const self = 'east';
  const merged = mergeExports(exporters);
  const candidates = exporters.map(({ cluster, record }) => ({
    cluster,
    ready: record.ready,
    properties: {},
    priority: record.priority ?? 0,
    weight: record.weight ?? 100,
  }));
  const choice = (clusters: string[]) =>
    choose({
      self: { cluster: self, properties: {} },
      candidates: candidates.filter(({ cluster }) => clusters.includes(cluster)),
      locality: 'local-first',
      localMinimum: 1,
    });
  return {
    namespace: 'backend',
    name: 'be-svc',
    self,
    exporters: exporters.map((one) => ({ ...one, state: one.cluster === self ? 'own' : 'live' })),
    merged,
    choices: (merged?.ports ?? []).map((port) => ({ port, choice: choice(port.clusters) })),
    facts: exporters.filter(({ cluster }) => cluster !== self).map(({ cluster }) => listening(cluster)),
    ...parts,
  };
}

describe('an explanation', () => {
  it('reads like this', () => {
    const odd = exporter('west', 5, { labels: { a: 'b' }, ready: 1 });
    expect(explanationLines(explain(input([exporter('east', 10), odd])))).toEqual([
      'Traffic from cluster east to backend/be-svc stays there.',
      '',
      'Exported by',
      '  east (the oldest, this cluster): ClusterSetIP http 80/TCP, since 2026-03-01T11:59:50.000Z',
      '  west: ClusterSetIP http 80/TCP, since 2026-03-01T11:59:55.000Z',
      '',
      'Conflicts',
      '  LabelsConflict: exportedLabels: that of cluster east, the oldest export, wins; 1/2 clusters disagree',
      '',
      'Endpoints',
      '  east: 2 ready',
      '    http 80/TCP: in this cluster',
      '  west: 1 ready',
      '    http 80/TCP: 2 of 2 routers listen on port 1025',
      '',
      'Choice',
      '  http 80/TCP',
      '    tier 1, weight 100: east. Chosen first, directly to its endpoints: this cluster comes first, 2 of its endpoints here are ready, 1 needed.',
      '    tier 2, weight 100: west. Used when no cluster of the 1 earlier tier can be reached: its priority is 0.',
    ]);
  });

  it('survives JSON', () => {
    const made = explain(input([exporter('east', 10), exporter('west', 5)]));
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  });

  it('of what nobody exports says so', () => {
    expect(explanationLines(explain(input([])))).toEqual(['No cluster exports backend/be-svc.']);
  });

  it('goes to the first tier of which a cluster is in reach', () => {
    const list = [
      exporter('north', 3, { priority: 0 }),
      exporter('west', 2, { priority: 1 }),
      exporter('south', 1, { priority: 1 }),
    ];
    const facts = [listening('north', { listeningRouterCount: 0 }), listening('west'), listening('south')];
    const made = explain(input(list, { facts }));
    expect(made.choices[0]!.goesTo).toEqual(['south', 'west']);
    expect(made.summary).toBe('Traffic from cluster east to backend/be-svc goes to south, west.');
  });

  it('says when no cluster is in reach', () => {
    expect(explain(input([exporter('west', 2)], { facts: [] })).summary).toContain('goes nowhere');
  });

  it.each<[string, PortFact[], string]>([
    ['there is no listener', [], 'this cluster has no listener for it'],
    [
      'its listener has no port yet',
      [listening('west', { routerPort: undefined })],
      'this cluster has no listener for it',
    ],
    [
      'no router is ready',
      [listening('west', { readyRouterCount: 0, listeningRouterCount: 0 })],
      'no router of this cluster is ready',
    ],
    [
      'its cluster is out of reach',
      [listening('west', { listeningRouterCount: 0 })],
      'routers of this cluster see no endpoint of it',
    ],
    ['one router listens', [listening('west', { listeningRouterCount: 1 })], '1 of 2 routers listen on port 1025'],
  ])('says of the endpoints of a cluster when %s', (_title, facts, text) => {
    const { endpoints } = explain(input([exporter('west', 2)], { facts }));
    expect(endpoints.map(({ cluster, ports }) => [cluster, ports.map((port) => port.text)])).toEqual([
      ['west', [text]],
    ]);
  });

  it('says of each port where it goes when they differ', () => {
    const dns = { name: 'dns', protocol: 'UDP', port: 53 } as const;
    const made = explain(input([exporter('west', 2, { ports: [HTTP, dns] })]));
    expect(made.summary).toBe(
      'Traffic from cluster east to backend/be-svc: port http 80/TCP goes to west; port dns 53/UDP goes nowhere: no cluster that serves it is in reach.',
    );
    expect(made.endpoints[0]!.ports[1]!.text).toBe('UDP is not carried between clusters');
  });

  it('says why the endpoints of an exporter are not used', () => {
    const list = [exporter('north', 4), exporter('west', 3, { type: 'Headless' }), exporter('south', 2, { ready: 0 })];
    const given = input(list);
    const exporters = given.exporters.map((one) =>
      one.cluster === 'north' ? { ...one, state: 'lost' as const } : one,
    );
    expect(explain({ ...given, exporters }).exporters.map(({ cluster, serves }) => [cluster, serves])).toEqual([
      ['north', 'its cluster fell silent'],
      ['west', 'it is Headless, the service is ClusterSetIP'],
      ['south', 'none of its endpoints is ready'],
    ]);
  });

  it('of a headless service leaves the choice to whoever asks', () => {
    const { summary, endpoints } = explain(input([exporter('west', 3, { type: 'Headless' })]));
    expect(summary).toContain('is headless');
    expect(endpoints[0]!.ports[0]!.text).toBe('one router port for each pod');
  });
});
