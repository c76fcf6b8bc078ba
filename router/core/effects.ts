/**
 * What the router wants done outside itself. `Router` queues effects while it works; its driver (`router/io`, or a
 * simulation) takes them when a turn ends and carries them out in order. AMQP octets are not effects: the driver asks
 * `Router.transmit` for them whenever a connection's socket has room.
 */
import type { ClientEnds } from './client-ends.ts';
import type { LogModule } from './log-modules.ts';

export type Effect =
  /** Write what `transmit` still yields, then end the transport; soon, when nobody seems to be there. */
  | { type: 'connection-close'; connection: number; vanished?: boolean }
  /**
   * Dial the backend of a tcpConnector for a flow; answer with `flowConnected` or `flowConnectFailed`. `withinMs`: the flow
   * has another way and is to be given up when the backend has not answered by then. `alpn`: what the client's TLS handshake has
   * agreed on, for the backend's. `client`: who it is, as far as that came with the stream.
   */
  | { type: 'flow-connect'; flow: number; connector: string; withinMs?: number; alpn?: string; client?: ClientEnds }
  /** The connection leads to a neighbour, or to the interior, from now on. */
  | { type: 'link-up'; connection: number }
  /** Look whether a tcpConnector's backend is well, by HTTP GET of `path` if it is given; answer with `probed`. */
  | { type: 'probe'; connector: string; withinMs: number; path?: string }
  | { type: 'flow-write'; flow: number; bytes: Buffer }
  /** FIN after what was written. */
  | { type: 'flow-end'; flow: number }
  /** RST, whatever is unwritten. */
  | { type: 'flow-reset'; flow: number }
  /** Stop or go on reading from the flow's socket. */
  | { type: 'flow-pause'; flow: number }
  | { type: 'flow-resume'; flow: number }
  /** Open or close the listening socket of a tcpListener. */
  | { type: 'listen'; listener: string; on: boolean }
  | { type: 'log'; level: LogLevel; message: string; fields: Record<string, unknown>; module?: LogModule };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export class Effects {
  private queue: Effect[] = [];

  push(effect: Effect): void {
    this.queue.push(effect);
  }

  /** @param module whose level decides whether it is written */
  log(level: LogLevel, message: string, fields: Record<string, unknown> = {}, module: LogModule = 'ROUTER_CORE'): void {
    this.queue.push({ type: 'log', level, message, fields, module });
  }

  /** All effects since the last call, in order. */
  take(): readonly Effect[] {
    if (this.queue.length === 0) return NONE;
    const taken = this.queue;
    this.queue = [];
    return taken;
  }
}

const NONE: readonly Effect[] = [];
