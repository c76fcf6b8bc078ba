/** Counters of a tcpListener or tcpConnector. The hot path adds to them. */
import type { FlowCounters } from './flow-owner.ts';

export function newCounters(): FlowCounters {
  return {
    bytesIn: 0,
    bytesOut: 0,
    connectionsOpened: 0,
    connectionsClosed: 0,
    connectionsRefused: 0,
    connectionsReset: 0,
  };
}

export function addCounters(total: FlowCounters, more: FlowCounters): void {
  for (const name of Object.keys(total) as (keyof FlowCounters)[]) total[name] += more[name];
}
