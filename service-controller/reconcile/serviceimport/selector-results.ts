/**
 * `clusterSelectorResults` of an import (KEP-5939, a draft): which exporters each selector of the exports means, seen from this cluster.
 * Whether they have endpoints has no say. Pure.
 *
 * What was found before stays while it cannot be found anew: a selector that cannot be evaluated, or a cluster that was not heard yet,
 * whose properties nobody knows.
 */
import { selectClusters } from '../../choose/selectors.ts';
import { fieldsOf } from '../fields.ts';
import type { Frame } from '../frame.ts';

interface SelectorResults {
  clusterSelectorResults?: unknown;
  observedGeneration?: unknown;
}

/** The part of the status that is about selectors; empty when there are none. */
export function selectorResults({ observed, merged, sources, owner }: Frame): SelectorResults {
  const { clusterSelectors = [], type } = merged;
  if (clusterSelectors.length === 0 || type === 'Headless') return {};
  const self = { cluster: observed.clusterId, properties: observed.properties };
  const results = selectClusters(clusterSelectors, self, sources);
  const isKnown = sources.every(({ state }) => state !== 'unseen') && results.every(({ fault }) => fault === undefined);
  if (!isKnown) return formerResults(owner?.status);
  return {
    clusterSelectorResults: results.map(({ clusters }) => ({ clusters })),
    observedGeneration: owner?.metadata.generation,
  };
}

function formerResults(status: unknown): SelectorResults {
  const { clusterSelectorResults, observedGeneration } = fieldsOf(status);
  return clusterSelectorResults === undefined ? {} : { clusterSelectorResults, observedGeneration };
}
