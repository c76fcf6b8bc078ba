/**
 * When something is next to be done for one of many tcpConnectors: probes, withdrawals, waits. Pure.
 *
 * Asking for the deadline costs nothing, coming nearer costs one comparison; all are searched only when one is due.
 */
import type { TcpConnector } from './tcp-connector.ts';

export class ConnectorClock {
  private readonly connectors: ReadonlyMap<string, TcpConnector>;
  /** Never later than the earliest of the connectors' deadlines. */
  deadline = Number.POSITIVE_INFINITY;

  constructor(connectors: ReadonlyMap<string, TcpConnector>) {
    this.connectors = connectors;
  }

  sooner({ deadline }: TcpConnector): void {
    if (deadline < this.deadline) this.deadline = deadline;
  }

  tick(now: number): void {
    if (now < this.deadline) return;
    this.deadline = Number.POSITIVE_INFINITY;
    for (const connector of this.connectors.values()) {
      if (connector.deadline <= now) connector.tick(now);
      this.sooner(connector);
    }
  }
}
