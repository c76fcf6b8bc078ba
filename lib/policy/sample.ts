/**
 * Clients that stand for all that policies can tell apart: one for each selector that they have, and strangers. What every one of them
 * that a rule means is refused, the rule cannot allow. Pure, and bounded.
 */
import type { ClientSelector, LabelSelector, PolicyClient, PolicyDocument } from './types.ts';

export const SAMPLES_MAX = 48;

/** A word that no policy names, for what a `*` stands for. */
const ANY = 'any-7f3a';

/** Those of `document` first. */
export function sampleClients(document: PolicyDocument, others: Iterable<PolicyDocument>): PolicyClient[] {
  const found = new Map<string, PolicyClient>();
  const add = (client: PolicyClient) => found.set(JSON.stringify(client), client);
  add({ ...STRANGER, verification: 'local' });
  add({ verification: 'none' });
  for (const { spec } of chained(document, others)) {
    for (const { from = [] } of spec.rules) {
      for (const selector of from) {
        for (const client of clientsOf(selector)) {
          if (found.size >= SAMPLES_MAX) return [...found.values()];
          add(client);
        }
      }
    }
  }
  return [...found.values()];
}

function* chained(document: PolicyDocument, others: Iterable<PolicyDocument>): Generator<PolicyDocument> {
  yield document;
  yield* others;
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
