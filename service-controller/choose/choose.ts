/**
 * Where traffic to a service goes from this cluster: tiers of clusters with weights. The first tier of which a cluster can be reached
 * is used, by weight among those that can be; the router finds that out at each connection, without any API server. Pure.
 *
 * Invariants: each candidate is in exactly one tier, no tier is empty, each weight is at least 1, and the order of the candidates has
 * no say. A cluster without a ready endpoint stays: what is known here may be old, and its key is out of reach when it is right.
 */

import { compareText } from '../../lib/text.ts';
import type { ClusterSelector } from '../records.ts';
import { type SelectorResult, selectClusters } from './selectors.ts';

/** A cluster that exports the service and was heard within its lease. */
export interface Candidate {
  cluster: string;
  /** Endpoints that are ready. */
  ready: number;
  properties: Readonly<Record<string, string>>;
  /** Lower is tried first. */
  priority: number;
  weight: number;
}

export interface Choice {
  tiers: readonly (readonly { cluster: string; weight: number }[])[];
  /** Traffic stays with the endpoints of this cluster, without a router. */
  isLocalDirect: boolean;
  /** By cluster, one sentence: why it is (not) chosen. */
  reasons: ReadonlyMap<string, string>;
}

export interface ChooseInput {
  /** The cluster that imports; among the candidates when it exports too. */
  self: { cluster: string; properties: Readonly<Record<string, string>> };
  /** One a cluster. */
  candidates: readonly Candidate[];
  clusterSelectors?: ClusterSelector[];
  locality: 'local-first' | 'none';
  localMinimum: number;
}

interface Place {
  candidate: Candidate;
  weight: number;
  why: string;
}

export function choose(input: ChooseInput): Choice {
  const candidates = [...input.candidates].sort((a, b) => compareText(a.cluster, b.cluster));
  const tiers = (input.clusterSelectors?.length ? bySelectors : byPriority)({ ...input, candidates }).filter(
    (tier) => tier.length > 0,
  );
  const needed = neededLocally(input);
  const [first] = tiers;
  const isLocalDirect =
    first?.length === 1 && first[0]!.candidate.cluster === input.self.cluster && first[0]!.candidate.ready >= needed;
  const reasons = tiers.flatMap((tier, index) =>
    tier.map((place): [string, string] => [
      place.candidate.cluster,
      sentence(place, index, tier, isLocalDirect && index === 0),
    ]),
  );
  return {
    tiers: tiers.map((tier) => tier.map(({ candidate, weight }) => ({ cluster: candidate.cluster, weight }))),
    isLocalDirect,
    reasons: new Map(reasons),
  };
}

/** Traffic does not stay with nothing, even when nothing is asked for. */
function neededLocally({ localMinimum }: ChooseInput): number {
  return Math.max(1, localMinimum);
}

/**
 * KEP-5939: the n-th tier is the n-th result, without what an earlier one has, and all others come last. The KEP's last resort is all
 * clusters; those of earlier tiers are out of reach by then. Health moves no cluster between tiers here, which the KEP asks for.
 */
function bySelectors({ self, candidates, clusterSelectors = [] }: ChooseInput): Place[][] {
  const results = selectClusters(clusterSelectors, self, candidates);
  const taken = new Set<string>();
  const tiers = results.map((result, index) =>
    candidates
      .filter(({ cluster }) => result.clusters.includes(cluster) && !taken.has(cluster))
      .map((candidate) => {
        taken.add(candidate.cluster);
        return { candidate, weight: whole(candidate.weight), why: `cluster selector ${index + 1} matches it` };
      }),
  );
  const why = ['no cluster selector matches it', ...faultsOf(results)].join('; ');
  const rest = candidates.filter(({ cluster }) => !taken.has(cluster));
  return [...tiers, rest.map((candidate) => ({ candidate, weight: whole(candidate.weight), why }))];
}

function faultsOf(results: readonly SelectorResult[]): string[] {
  return results.flatMap(({ fault }, index) =>
    fault === undefined ? [] : [`cluster selector ${index + 1} cannot be used: ${fault}`],
  );
}

/** Within a priority, the own cluster first as long as enough of it is ready; with less, a share that grows with what is. */
function byPriority(input: ChooseInput): Place[][] {
  const { self, candidates, locality } = input;
  const needed = neededLocally(input);
  const priorities = [...new Set(candidates.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.flatMap((priority) => {
    const equal = candidates.filter((candidate) => candidate.priority === priority);
    const own = equal.find(({ cluster }) => cluster === self.cluster);
    const others = equal
      .filter((candidate) => candidate !== own)
      .map((candidate) => ({ candidate, weight: whole(candidate.weight), why: `its priority is ${priority}` }));
    if (!own) return [others];
    const weight = whole(own.weight);
    if (locality === 'none') return [[...others, { candidate: own, weight, why: 'locality is none' }].sort(byCluster)];
    const ready = `${own.ready} of its endpoints here ${own.ready === 1 ? 'is' : 'are'} ready, ${needed} needed`;
    if (own.ready >= needed) {
      return [[{ candidate: own, weight, why: `this cluster comes first, ${ready}` }], others];
    }
    const share = whole((weight * own.ready) / needed);
    return [
      [...others, { candidate: own, weight: share, why: `this cluster shares, for only ${ready}` }].sort(byCluster),
    ];
  });
}

function byCluster(a: Place, b: Place): number {
  return compareText(a.candidate.cluster, b.candidate.cluster);
}

/** A weight that a router takes. */
function whole(weight: number): number {
  return Math.max(1, Math.round(weight));
}

function sentence({ candidate, weight, why }: Place, index: number, tier: readonly Place[], isDirect: boolean): string {
  const total = tier.reduce((sum, place) => sum + place.weight, 0);
  const share = tier.length === 1 ? '' : `, with ${weight} of ${total} parts of the tier`;
  const when =
    index === 0
      ? 'Chosen first'
      : `Used when no cluster of the ${index} earlier tier${index > 1 ? 's' : ''} can be reached`;
  const how = isDirect ? ', directly to its endpoints' : '';
  const ready = candidate.ready === 0 ? '; it has no ready endpoint now, so the others of its tier take its part' : '';
  const alone = candidate.ready === 0 && tier.length === 1 ? '; it has no ready endpoint now' : ready;
  return `${when}${how}${share}: ${why}${alone}.`;
}
