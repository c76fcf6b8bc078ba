/** What access policies have decided, as metrics tell it. */
import type { Bridge } from '../bridge/bridge.ts';
import { POLICIES_TOLD_MAX } from '../policy/limits.ts';
import type { PolicyCounts } from '../policy/policy-table.ts';
import type { PolicyCounters } from '../telemetry/policy-metrics.ts';

export function policyCounters({ policies: { table, measures }, refusals }: Bridge): PolicyCounters {
  const { policy, policyLimit, policyDryRun, policyRemote, policyReset, policyLink } = refusals;
  const told: { policy: string; results: Record<string, number> }[] = [];
  let policyCount = 0;
  for (const reference of table.references) {
    policyCount++;
    const counts = table.countsOf(reference);
    if (counts === undefined) continue;
    if (told.length < POLICIES_TOLD_MAX) told.push({ policy: reference, results: resultsOf(counts) });
    else addTo(told, resultsOf(counts));
  }
  const { queued, inUse } = measures.counts;
  return {
    policyCount,
    results: {
      refused: policy,
      limited: policyLimit,
      would_refuse: policyDryRun,
      refused_elsewhere: policyRemote,
      reset: policyReset,
      link_refused: policyLink,
    },
    policies: told,
    waiting: queued,
    withinLimits: inUse,
  };
}

function resultsOf({ refused, limited, wouldRefuse, waited }: PolicyCounts): Record<string, number> {
  return { refused, limited, would_refuse: wouldRefuse, waited };
}

/** Those that are too many to be told one by one have no name. */
function addTo(told: { policy: string; results: Record<string, number> }[], results: Record<string, number>): void {
  let rest = told.find(({ policy }) => policy === '');
  if (rest === undefined) {
    rest = { policy: '', results: {} };
    told.push(rest);
  }
  for (const [result, value] of Object.entries(results)) rest.results[result] = (rest.results[result] ?? 0) + value;
}
