/**
 * Clients that stand for all that policies can tell apart: one for each selector that they have, and strangers. What every one of them
 * that a rule means is refused, the rule cannot allow. Pure, and bounded.
 */
import type { ClientSelector, LabelSelector, PolicyClient, PolicyDocument } from './types.ts';

export const SAMPLES_MAX = 48;

/** A word that no policy names, for what a `*` stands for. */
const ANY = 'any-7f3a';

type Samples = ReadonlyMap<string, PolicyClient>;

/** Those of `document` first. */
export function sampleClients(document: PolicyDocument, others: readonly PolicyDocument[]): PolicyClient[] {
  const found = new Map([...STRANGERS, ...samplesOf([document])]);
  // All that are missing are among as many of the others'.
  const more = ofOthers.get(others) ?? samplesOf(others);
  ofOthers.set(others, more);
  for (const [key, client] of more) {
    if (found.size >= SAMPLES_MAX) break;
    found.set(key, client);
  }
  return [...found.values()].slice(0, SAMPLES_MAX);
}

/** Each of them is looked at beside all. */
const ofOthers = new WeakMap<readonly PolicyDocument[], Samples>();

/** The first so many. */
function samplesOf(documents: readonly PolicyDocument[]): Samples {
  const found = new Map<string, PolicyClient>();
  for (const { spec } of documents) {
    for (const selector of spec.rules.flatMap(({ from = [] }) => from)) {
      for (const client of clientsOf(selector)) {
        if (found.size >= SAMPLES_MAX) return found;
        found.set(JSON.stringify(client), client);
      }
    }
  }
  return found;
}

/** Whom a selector means: somebody for each of its sites, with the first of whatever else it names. */
export function clientsOf({
  sites = [ANY],
  namespaces,
  workloads,
  serviceAccounts,
  selector,
}: ClientSelector): PolicyClient[] {
  const rest = {
    ...STRANGER,
    namespace: textLike(namespaces?.[0]),
    workload: textLike(workloads?.[0]),
    serviceAccount: textLike(serviceAccounts?.[0]),
    labels: labelsLike(selector ?? {}),
  };
  return sites.map((site) => ({ ...rest, siteId: textLike(site), siteName: textLike(site), verification: 'local' }));
}

const STRANGER = {
  siteId: ANY,
  siteName: ANY,
  namespace: ANY,
  workload: ANY,
  serviceAccount: ANY,
  labels: {},
};

const STRANGERS: Samples = new Map(
  [{ ...STRANGER, verification: 'local' } as const, { verification: 'none' } as const].map((client) => [
    JSON.stringify(client),
    client,
  ]),
);

function textLike(pattern: string | undefined): string {
  return pattern === undefined ? ANY : pattern.replaceAll('*', ANY);
}

function labelsLike({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Record<string, string> {
  const labels: Record<string, string> = { ...matchLabels };
  for (const { key, operator, values } of matchExpressions) {
    if (operator === 'In') labels[key] ??= values?.[0] ?? ANY;
    if (operator === 'Exists') labels[key] ??= ANY;
  }
  return labels;
}
