/** What an import says of the cluster selectors of its exports. */
import { describe, expect, it } from 'vitest';
import type { Observed } from '../../service-controller/reconcile/observed.ts';
import type { ClusterSelector } from '../../service-controller/records.ts';
import { cluster, record } from '../support/services/observed-service.ts';
import { type ServiceWorld, world } from '../support/services/service-world.ts';

const SAME_REGION: ClusterSelector = { propertySelector: { matchProperties: { region: '@SameAsImporter@' } } };
const TEST: ClusterSelector = { propertySelector: { matchExpressions: [{ key: 'test', operator: 'Exists' }] } };
/** Of a version that nobody knows yet. */
const UNKNOWN = {
  propertySelector: { matchExpressions: [{ key: 'test', operator: 'Near' }] },
} as unknown as ClusterSelector;

function exporters(clusterSelectors: ClusterSelector[] | undefined, ready = 1): Pick<Observed, 'clusters'> {
  const made = record({ clusterSelectors, ready });
  return {
    clusters: [
      cluster('west', made, { properties: { region: 'eu', test: 'yes' } }),
      cluster('north', made, { properties: { region: 'eu' } }),
      cluster('south', made, { properties: { region: 'us' } }),
    ],
  };
}

function importer(clusterSelectors: ClusterSelector[]): ServiceWorld {
  return world({ properties: { region: 'eu' }, ...exporters(clusterSelectors) });
}

function statusOf(made: ServiceWorld): Record<string, unknown> {
  return made.import?.status as Record<string, unknown>;
}

function resultsOf(made: ServiceWorld): unknown {
  return (statusOf(made).clusterSelectorResults as { clusters: string[] }[] | undefined)?.map(
    ({ clusters }) => clusters,
  );
}

describe('results of cluster selectors', () => {
  it('are the clusters of each, in the order of the selectors, as this cluster sees them', () => {
    const made = importer([TEST, SAME_REGION]);
    expect(resultsOf(made)).toEqual([['west'], ['north', 'west']]);
    expect(statusOf(made).observedGeneration).toBe(made.import!.metadata.generation);
    made.view = { ...made.view, properties: { region: 'us' } };
    made.rest();
    expect(resultsOf(made)).toEqual([['west'], ['south']]);
  });

  it('have a place for a selector that means nobody', () => {
    const made = world({ ...exporters([SAME_REGION, TEST]), properties: {} });
    expect(resultsOf(made)).toEqual([[], ['west']]);
  });

  it('are none without selectors, also after there were some', () => {
    const made = importer([TEST]);
    made.view = { ...made.view, ...exporters(undefined) };
    made.rest();
    expect(statusOf(made)).not.toHaveProperty('clusterSelectorResults');
    expect(statusOf(made)).not.toHaveProperty('observedGeneration');
  });

  it('are none of a headless service', () => {
    const made = world({ clusters: [cluster('west', record({ type: 'Headless', clusterSelectors: [TEST] }))] });
    expect(statusOf(made)).not.toHaveProperty('clusterSelectorResults');
  });

  it('stay as they were, whole, while a selector cannot be evaluated', () => {
    const made = importer([TEST, SAME_REGION]);
    made.view = { ...made.view, ...exporters([SAME_REGION, UNKNOWN]) };
    made.rest();
    expect(resultsOf(made)).toEqual([['west'], ['north', 'west']]);
    made.view = { ...made.view, ...exporters([SAME_REGION]) };
    made.rest();
    expect(resultsOf(made)).toEqual([['north', 'west']]);
  });

  it('stay as they were until all exporters were heard', () => {
    const made = importer([TEST]);
    made.view = { ...made.view, isSettled: false, startedAt: made.now, clusters: [exporters([TEST]).clusters[1]!] };
    made.rest();
    expect(resultsOf(made)).toEqual([['west']]);
  });

  it('are not written again when nothing changed, and do not look at endpoints', () => {
    const made = importer([TEST, SAME_REGION]);
    made.writes = [];
    made.now += 60_000;
    made.view = { ...made.view, ...exporters([TEST, SAME_REGION], 0) };
    made.rest();
    expect(made.writes.filter((write) => write.startsWith('status ServiceImport'))).toEqual([]);
    expect(resultsOf(made)).toEqual([['west'], ['north', 'west']]);
  });
});
