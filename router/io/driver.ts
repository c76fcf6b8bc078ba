/**
 * Drives a `Router`: sockets, timers, and the turns in which what was read is answered.
 *
 * All that the event loop delivers in one poll phase is fed to the router; at the phase's end one flush carries out
 * the effects and writes to each socket once. This file owns the only timer of the data path.
 */
import type { Clock } from '../../lib/clock.ts';
import { SkuprtError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { SocketEnd } from '../bridge/flow-owner.ts';
import type { DialFailure } from '../bridge/refusals.ts';
import type { Effect } from '../core/effects.ts';
import type { LogModule } from '../core/log-modules.ts';
import type { Router } from '../core/router.ts';
import type { Backend } from './backend.ts';
import { FlowSocket } from './flow-socket.ts';
import { Probes } from './probes.ts';
import type { ProtocolTrace } from './protocol-trace.ts';
import { SlabPool } from './slab-pool.ts';
import type { Transport } from './transport.ts';
import { YoungGarbage } from './young-garbage.ts';

export interface DriverParts {
  router: Router;
  clock: Clock;
  log: Logger;
  /** The log of a module; `log` when absent. */
  logOf?(module: LogModule): Logger;
  /** Where a tcpConnector dials; undefined when it is gone. Throws SkuprtError when it cannot be dialled. */
  backendOf(connector: string): Backend | undefined;
  listen(tcpListener: string, on: boolean): void;
}

export class Driver {
  readonly router: Router;
  readonly transports = new Map<number, Transport>();
  readonly flows = new Map<number, FlowSocket>();
  readonly slabs = new SlabPool();
  protocolTrace: ProtocolTrace | undefined = undefined;
  private readonly young = new YoungGarbage();
  private readonly parts: DriverParts;
  private readonly probes: Probes;
  private readonly dirty: FlowSocket[] = [];
  private scheduled = false;
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Number.POSITIVE_INFINITY;
  private stopped = false;

  constructor(parts: DriverParts) {
    this.parts = parts;
    this.router = parts.router;
    this.probes = new Probes({
      backendOf: (connector) => parts.backendOf(connector),
      probed: (connector, problem) => {
        this.router.probed(connector, problem, this.now());
        this.schedule();
      },
    });
  }

  now(): number {
    return this.parts.clock.now();
  }

  /** Something happened: a flush is due when the event loop has delivered all it has. */
  schedule(): void {
    if (this.scheduled || this.stopped) return;
    this.scheduled = true;
    setImmediate(this.flush);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.probes.stop();
    for (const flow of this.flows.values()) flow.reset();
    for (const transport of this.transports.values()) transport.destroy();
  }

  // ---- AMQP connections

  connectionReceived(id: number, bytes: Buffer): void {
    this.young.read(bytes.length);
    this.router.receive(id, bytes, this.now());
    this.schedule();
  }

  connectionGone(id: number): void {
    this.transports.delete(id);
    this.protocolTrace?.gone(id);
    this.router.disconnected(id, this.now());
    this.schedule();
  }

  // ---- flows

  /** @param local this router's end of the connection */
  flowConnected(id: number, local?: SocketEnd): void {
    this.router.flowConnected(id, this.now(), local);
    this.schedule();
  }

  flowConnectFailed(id: number, reason: string, failure: DialFailure): void {
    this.flows.delete(id);
    this.router.flowConnectFailed(id, reason, this.now(), failure);
    this.schedule();
  }

  /** @returns false when the socket is to stop reading at once */
  flowReceived(id: number, bytes: Buffer): boolean {
    this.young.read(bytes.length);
    this.schedule();
    return this.router.flowReceived(id, bytes, this.now());
  }

  flowReceivedEnd(id: number): void {
    this.router.flowReceivedEnd(id, this.now());
    this.schedule();
  }

  flowWritten(id: number, total: number): void {
    this.router.flowWritten(id, total, this.now());
    this.schedule();
  }

  /** One that had been connected: the others have `flowConnectFailed`. */
  flowGone(id: number, reason?: string): void {
    this.flows.delete(id);
    this.router.flowLost(id, this.now(), reason);
    this.schedule();
  }

  touched(flow: FlowSocket): void {
    this.dirty.push(flow);
  }

  // ---- turns

  private readonly flush = (): void => {
    this.scheduled = false;
    for (let effects = this.router.effects(); effects.length > 0; effects = this.router.effects()) {
      for (const effect of effects) this.carryOut(effect);
    }
    for (const transport of this.transports.values()) transport.flush();
    for (let i = 0; i < this.dirty.length; i++) this.dirty[i]!.flush();
    this.dirty.length = 0;
    this.young.sweep(this.router.bridge.budget.usedBytes);
    this.arm();
  };

  private carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'flow-write':
        this.flows.get(effect.flow)?.write(effect.bytes);
        break;
      case 'flow-end':
        this.flows.get(effect.flow)?.end();
        break;
      case 'flow-reset':
        this.flows.get(effect.flow)?.reset();
        this.flows.delete(effect.flow);
        break;
      case 'flow-pause':
        this.flows.get(effect.flow)?.pause();
        break;
      case 'flow-resume':
        this.flows.get(effect.flow)?.resume();
        break;
      case 'flow-connect':
        this.dial(effect.flow, effect.connector, effect);
        break;
      case 'probe':
        this.probes.look(effect);
        break;
      case 'connection-close':
        this.transports.get(effect.connection)?.close(effect.vanished === true);
        break;
      case 'link-up':
        this.transports.get(effect.connection)?.onUp?.();
        break;
      case 'listen':
        this.parts.listen(effect.listener, effect.on);
        break;
      case 'log':
        this.logOf(effect.module)[effect.level](effect.fields, effect.message);
        break;
    }
  }

  private logOf(module: LogModule = 'ROUTER_CORE'): Logger {
    return this.parts.logOf?.(module) ?? this.parts.log;
  }

  private dial(flow: number, connector: string, options: Parameters<typeof FlowSocket.dial>[3]): void {
    try {
      const backend = this.parts.backendOf(connector);
      if (backend) this.flows.set(flow, FlowSocket.dial(flow, backend, this, options));
      else this.router.flowConnectFailed(flow, `tcpConnector ${connector} is gone`, this.now());
    } catch (error) {
      if (!(error instanceof SkuprtError) || error.fault === 'ours') throw error;
      this.router.flowConnectFailed(flow, error.message, this.now());
    }
  }

  /** Keeps one timer at the router's deadline; it is moved only to come earlier, a late one just looks again. */
  private arm(): void {
    if (this.stopped) return;
    const at = this.router.deadline();
    if (this.timer !== undefined && this.timerAt <= at) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(this.onTimer, Math.max(0, Math.ceil(at - this.now())));
  }

  private readonly onTimer = (): void => {
    this.timer = undefined;
    this.timerAt = Number.POSITIVE_INFINITY;
    this.router.tick(this.now());
    this.schedule();
  };
}
