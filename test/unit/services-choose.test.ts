/** Where traffic to a service goes from one cluster: tiers, weights, locality, and cluster selectors (KEP-5939). */
import { describe, expect, it } from 'vitest';
import { type Candidate, type ChooseInput, choose } from '../../service-controller/choose/choose.ts';
import { selectClusters, selectorsFault } from '../../service-controller/choose/selectors.ts';
import type { ClusterSelector } from '../../service-controller/records.ts';

const self = { cluster: 'east', properties: { 'region.example.com': 'eu' } };
const candidate = (cluster: string, parts: Partial<Candidate> = {}): Candidate => ({
  cluster,
  ready: 2,
  properties: {},
  priority: 0,
  weight: 100,
  ...parts,
});
const chosen = (candidates: Candidate[], parts: Partial<ChooseInput> = {}) =>
  choose({ self, candidates, locality: 'local-first', localMinimum: 1, ...parts });
/** `east:100` of each tier. */
const tiers = (candidates: Candidate[], parts: Partial<ChooseInput> = {}) =>
  chosen(candidates, parts).tiers.map((tier) => tier.map(({ cluster, weight }) => `${cluster}:${weight}`).join(' '));

describe('traffic with locality first', () => {
  it('stays in its cluster, and the others come next', () => {
    const choice = chosen([candidate('west'), candidate('east'), candidate('north')]);
    expect(choice.tiers.map((tier) => tier.map(({ cluster }) => cluster))).toEqual([['east'], ['north', 'west']]);
    expect(choice.isLocalDirect).toBe(true);
    expect(choice.reasons.get('east')).toBe(
      'Chosen first, directly to its endpoints: this cluster comes first, 2 of its endpoints here are ready, 1 needed.',
    );
    expect(choice.reasons.get('west')).toBe(
      'Used when no cluster of the 1 earlier tier can be reached, with 100 of 200 parts of the tier: its priority is 0.',
    );
  });

  it('is shared while fewer local endpoints are ready than it needs, in their proportion', () => {
    const choice = [candidate('east', { ready: 1 }), candidate('west')];
    expect(tiers(choice, { localMinimum: 4 })).toEqual(['east:25 west:100']);
    expect(chosen(choice, { localMinimum: 4 }).isLocalDirect).toBe(false);
    expect(chosen(choice, { localMinimum: 4 }).reasons.get('east')).toContain(
      'shares, for only 1 of its endpoints here is ready, 4 needed',
    );
  });

  it('stays from the moment on at which enough are ready', () => {
    const ready = (count: number) =>
      chosen([candidate('east', { ready: count }), candidate('west')], { localMinimum: 3 });
    expect([2, 3, 4].map((count) => ready(count).isLocalDirect)).toEqual([false, true, true]);
  });

  it('goes elsewhere when no local endpoint is ready, and never stays with nothing', () => {
    for (const localMinimum of [0, 1]) {
      const choice = chosen([candidate('east', { ready: 0 }), candidate('west')], { localMinimum });
      expect(choice.tiers).toEqual([
        [
          { cluster: 'east', weight: 1 },
          { cluster: 'west', weight: 100 },
        ],
      ]);
      expect(choice.isLocalDirect).toBe(false);
      expect(choice.reasons.get('east')).toContain('it has no ready endpoint now');
    }
    expect(chosen([candidate('east', { ready: 0 })], { localMinimum: 0 }).isLocalDirect).toBe(false);
  });

  it('goes to the others when this cluster does not export', () => {
    const choice = chosen([candidate('west'), candidate('north')]);
    expect([choice.tiers.length, choice.isLocalDirect]).toEqual([1, false]);
  });
});

describe('traffic without locality', () => {
  it('is shared by weight', () => {
    const candidates = [candidate('east', { weight: 10 }), candidate('west', { weight: 30 })];
    expect(tiers(candidates, { locality: 'none' })).toEqual(['east:10 west:30']);
    expect(chosen(candidates, { locality: 'none' }).isLocalDirect).toBe(false);
  });

  it('stays when there is no other cluster', () => {
    expect(chosen([candidate('east')], { locality: 'none' }).isLocalDirect).toBe(true);
  });
});

describe('priority', () => {
  it('goes before locality, the lower first', () => {
    const candidates = [
      candidate('east', { priority: 2 }),
      candidate('west', { priority: 1 }),
      candidate('north', { priority: 2 }),
    ];
    expect(tiers(candidates)).toEqual(['west:100', 'east:100', 'north:100']);
    expect(chosen(candidates).isLocalDirect).toBe(false);
  });

  it('keeps a cluster without ready endpoints where it is: the router finds out', () => {
    expect(tiers([candidate('west', { priority: 0, ready: 0 }), candidate('north', { priority: 1 })])).toEqual([
      'west:100',
      'north:100',
    ]);
  });
});

describe('cluster selectors', () => {
  const region = (name: string) => ({ properties: { 'region.example.com': name } });
  const clusters = [
    candidate('east', region('eu')),
    candidate('north', region('eu')),
    candidate('west', region('us')),
    candidate('south'),
  ];
  const sameCluster: ClusterSelector = {
    propertySelector: { matchExpressions: [expression('cluster.clusterset.k8s.io', 'In', ['@SameAsImporter@'])] },
  };
  const sameRegion: ClusterSelector = {
    propertySelector: { matchProperties: { 'region.example.com': '@SameAsImporter@' } },
  };

  it('make one tier each, and one of all others', () => {
    const clusterSelectors = [sameCluster, sameRegion];
    expect(tiers(clusters, { clusterSelectors })).toEqual(['east:100', 'north:100', 'south:100 west:100']);
    const { isLocalDirect, reasons } = chosen(clusters, { clusterSelectors });
    expect(isLocalDirect).toBe(true);
    expect(reasons.get('north')).toContain('cluster selector 2 matches it');
    expect(reasons.get('west')).toContain('no cluster selector matches it');
  });

  it('go before priority and locality, whatever is ready', () => {
    const candidates = [candidate('east', { ready: 9 }), candidate('west', { ...region('eu'), priority: 7, ready: 0 })];
    expect(tiers(candidates, { clusterSelectors: [sameRegion] })).toEqual(['west:100', 'east:100']);
  });

  it('that match nothing leave all in one tier', () => {
    const clusterSelectors: ClusterSelector[] = [
      { propertySelector: { matchProperties: { 'region.example.com': 'mars' } } },
    ];
    expect(tiers(clusters, { clusterSelectors })).toHaveLength(1);
  });

  it('that are an empty list are none', () => {
    expect(tiers(clusters, { clusterSelectors: [] })[0]).toBe('east:100');
  });

  it('that cannot be evaluated match nothing, and each reason says so', () => {
    const clusterSelectors = [
      { propertySelector: { matchExpressions: [expression('a', 'Near' as 'In')] } },
      sameCluster,
    ];
    expect(tiers(clusters, { clusterSelectors })[0]).toBe('east:100');
    expect(chosen(clusters, { clusterSelectors }).reasons.get('west')).toContain(
      'cluster selector 1 cannot be used: the operator of a is "Near"',
    );
  });

  const matching = (propertySelector: ClusterSelector['propertySelector'], importer: ChooseInput['self'] = self) =>
    selectClusters([{ propertySelector }], importer, clusters)[0]!.clusters;

  it.each<[string, ClusterSelector['propertySelector'], string[]]>([
    ['In', { matchExpressions: [expression('region.example.com', 'In', ['us', 'eu'])] }, ['east', 'north', 'west']],
    [
      'NotIn, also without the property',
      { matchExpressions: [expression('region.example.com', 'NotIn', ['us'])] },
      ['east', 'north', 'south'],
    ],
    ['Exists', { matchExpressions: [expression('region.example.com', 'Exists')] }, ['east', 'north', 'west']],
    ['DoesNotExist', { matchExpressions: [expression('region.example.com', 'DoesNotExist')] }, ['south']],
    [
      'not the region of the importer',
      { matchExpressions: [expression('region.example.com', 'NotIn', ['@SameAsImporter@'])] },
      ['south', 'west'],
    ],
    [
      'its own region or another',
      { matchExpressions: [expression('region.example.com', 'In', ['@SameAsImporter@', 'us'])] },
      ['east', 'north', 'west'],
    ],
    [
      'both of two',
      {
        matchProperties: { 'region.example.com': 'eu' },
        matchExpressions: [expression('cluster.clusterset.k8s.io', 'NotIn', ['east'])],
      },
      ['north'],
    ],
    ['nothing in particular', {}, ['east', 'north', 'south', 'west']],
  ])('match: %s', (_title, propertySelector, expected) => {
    expect(matching(propertySelector)).toEqual(expected);
  });

  it('that ask for a value which the importer does not have match nothing, also with NotIn', () => {
    const nobody = { cluster: 'east', properties: {} };
    for (const operator of ['In', 'NotIn'] as const) {
      expect(
        matching({ matchExpressions: [expression('region.example.com', operator, ['@SameAsImporter@'])] }, nobody),
      ).toEqual([]);
    }
  });

  it('keep their place among the results, also without a cluster', () => {
    const none: ClusterSelector = { propertySelector: { matchProperties: { a: 'b' } } };
    expect(selectClusters([none, sameCluster], self, clusters)).toEqual([
      { clusters: [], fault: undefined },
      { clusters: ['east'], fault: undefined },
    ]);
  });

  it.each<[unknown, string | undefined]>([
    [[], undefined],
    [[sameCluster, sameRegion], undefined],
    ['text', 'is no list'],
    [Array.from({ length: 17 }, () => sameCluster), '16 are allowed'],
    [[{}], 'clusterSelectors[0]: it has no propertySelector'],
    [[null], 'has no propertySelector'],
    [[{ propertySelector: {} }], 'propertySelector is empty'],
    [[{ propertySelector: { matchProperties: {}, matchExpressions: [] } }], 'propertySelector is empty'],
    [[{ ...sameCluster, expression: 'true' }], 'expression is not known'],
    [[{ propertySelector: { matchLabels: { a: 'b' } } }], 'matchLabels is not known'],
    [[{ propertySelector: { matchProperties: { a: 1 } } }], 'is no text'],
    [[{ propertySelector: { matchProperties: { 'Not A Name': 'b' } } }], 'no name of a ClusterProperty'],
    [[{ propertySelector: { matchExpressions: [null] } }], 'no name of a ClusterProperty'],
    [[{ propertySelector: { matchExpressions: [expression('a', 'In')] } }], 'In of a has no values'],
    [[{ propertySelector: { matchExpressions: [expression('a', 'Exists', ['b'])] } }], 'Exists of a has values'],
    [
      [sameCluster, { propertySelector: { matchExpressions: [{ key: 'a', operator: 'Gt' }] } }],
      'clusterSelectors[1]: the operator of a is "Gt"',
    ],
    [[{ propertySelector: { matchProperties: { a: 'x'.repeat(1025) } } }], 'more than 1024 characters'],
    [
      [{ propertySelector: { matchExpressions: Array.from({ length: 17 }, () => expression('a', 'Exists')) } }],
      '16 are allowed',
    ],
  ])('are checked when they are given %#', (value, fault) => {
    if (fault === undefined) expect(selectorsFault(value)).toBeUndefined();
    else expect(selectorsFault(value)).toContain(fault);
  });
});

type Expression = NonNullable<ClusterSelector['propertySelector']['matchExpressions']>[number];

function expression(key: string, operator: Expression['operator'], values?: string[]): Expression {
  return values ? { key, operator, values } : { key, operator };
}
