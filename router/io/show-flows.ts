/** The open TCP flows of the router with what management tells of each: its way, its address and its socket. */
import type { Flow } from '../bridge/flow.ts';
import type { FlowSocket } from './flow-socket.ts';
import type { Shown } from './show.ts';

export interface ShownFlow {
  readonly flow: Flow;
  /** `in`: a client of a tcpListener; `out`: a backend of a tcpConnector. */
  readonly direction: 'in' | 'out';
  /** None where a listener has several. */
  readonly address: string | undefined;
  readonly socket: FlowSocket | undefined;
}

export function* shownFlows({ router, driver }: Shown): Iterable<ShownFlow> {
  for (const { flows, options } of router.bridge.listeners.values()) {
    for (const flow of flows) {
      yield { flow, direction: 'in', address: options.address, socket: driver?.flows.get(flow.id) };
    }
  }
  for (const { flows, address } of router.bridge.connectors.values()) {
    for (const flow of flows) yield { flow, direction: 'out', address, socket: driver?.flows.get(flow.id) };
  }
}
