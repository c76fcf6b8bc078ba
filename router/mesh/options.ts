/** Timers of the control protocol, wire reference 3.10; the first six are attributes of the `router` entity. */
export interface MeshOptions {
  helloIntervalMs: number;
  /** A neighbour silent for this long is lost, even if its site link seems up. */
  helloMaxAgeMs: number;
  raIntervalMs: number;
  /** The interval of RA while the topology changes: for twice this long after a change. */
  raIntervalFluxMs: number;
  /** A router whose RA was not heard for this long has no known peers. */
  remoteLsMaxAgeMs: number;
  /** How long an unreachable router's addresses are kept. */
  unreachableHoldoffMs: number;
  /** How long a router is kept that nobody names as a peer. */
  keepAliveMs: number;
  /** Until an unanswered LSR or MAR is sent again; doubles up to `raIntervalFluxMs`. */
  requestRetryMs: number;
}

export const DEFAULT_MESH_OPTIONS: Readonly<MeshOptions> = {
  helloIntervalMs: 1000,
  helloMaxAgeMs: 3000,
  raIntervalMs: 30_000,
  raIntervalFluxMs: 4000,
  remoteLsMaxAgeMs: 60_000,
  unreachableHoldoffMs: 1000,
  keepAliveMs: 3000,
  requestRetryMs: 100,
};
