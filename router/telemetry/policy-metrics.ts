/** What access policies have decided, in all and of each policy; names of ours, see docs/metrics.md. */
import { labelled, type Metric, metric } from './metric-table.ts';

export interface PolicyCounters {
  readonly policyCount: number;
  /** Since the start, by result. */
  readonly results: Readonly<Record<string, number>>;
  /** Those that have decided anything; beyond a limit the others together, with no name. */
  readonly policies: readonly { readonly policy: string; readonly results: Readonly<Record<string, number>> }[];
  /** Connections that wait for a place within limits now, and that are within some. */
  readonly waiting: number;
  readonly withinLimits: number;
}

export const POLICY_METRICS: readonly Metric[] = [
  metric('gauge', 'skuprt_router_policies', 'Access policies now', ({ policies }) => policies.policyCount),
  labelled(
    'counter',
    'skuprt_router_policy_results_total',
    'Connections and links that access policies have not simply allowed, by what became of them',
    ({ policies: { results } }) => Object.entries(results).map(([result, value]) => ({ labels: { result }, value })),
  ),
  labelled(
    'counter',
    'skuprt_router_policy_decisions_total',
    'The same of each policy of this router',
    ({ policies: { policies } }) =>
      policies.flatMap(({ policy, results }) =>
        Object.entries(results).map(([result, value]) => ({ labels: { policy, result }, value })),
      ),
  ),
  metric(
    'gauge',
    'skuprt_router_policy_connections_waiting',
    'Connections that wait for a place within limits of policies now',
    ({ policies }) => policies.waiting,
  ),
  metric(
    'gauge',
    'skuprt_router_policy_connections_limited',
    'Connections within limits of policies now, one for each limit',
    ({ policies }) => policies.withinLimits,
  ),
];
