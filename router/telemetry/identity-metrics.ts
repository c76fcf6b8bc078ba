/** What is known of who others are; names of ours, see docs/metrics.md. */
import { labelled, type Metric, metric } from './metric-table.ts';

export interface IdentityCounters {
  /** Other routers, by how it is known whose they are. */
  readonly routers: Readonly<Record<string, number>>;
  /** Connections refused since their routers are not of the sites that they say. */
  readonly refused: number;
  /** Streams whose clients policies have asked for, by what is believed of these. */
  readonly clients: Readonly<Record<string, number>>;
  /** Signatures that were made and checked, by what became of them. */
  readonly signatures: Readonly<Record<string, number>>;
  readonly workloads: number;
}

export const IDENTITY_METRICS: readonly Metric[] = [
  labelled(
    'gauge',
    'skuprt_router_identities',
    'Other routers now, by how it is known whose they are',
    ({ identity: { routers } }) =>
      Object.entries(routers).map(([verification, value]) => ({ labels: { verification }, value })),
  ),
  metric(
    'counter',
    'skuprt_router_identity_refusals_total',
    'Connections refused since their routers are not of the sites that they say',
    ({ identity }) => identity.refused,
  ),
  labelled(
    'counter',
    'skuprt_router_identity_clients_total',
    'Streams whose clients policies have asked for, by what is believed of these',
    ({ identity: { clients } }) => Object.entries(clients).map(([result, value]) => ({ labels: { result }, value })),
  ),
  labelled(
    'counter',
    'skuprt_router_identity_signatures_total',
    'Signatures made and checked, by what became of them',
    ({ identity: { signatures } }) =>
      Object.entries(signatures).map(([result, value]) => ({ labels: { result }, value })),
  ),
  metric('gauge', 'skuprt_router_workloads', 'Addresses of workloads known now', ({ identity }) => identity.workloads),
];
