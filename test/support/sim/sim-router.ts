/**
 * One whole router on virtual time and sockets: the simulation's counterpart of `router/io/driver.ts`.
 *
 * Everything between sockets and the `Router` is here and follows the driver: inputs are fed as they come, a flush at the end
 * of the moment carries out effects and transmits.
 */
import type { Random } from '../../../lib/random.ts';
import type { Effect } from '../../../router/core/effects.ts';
import type { PeerOptions } from '../../../router/core/peer.ts';
import { Router } from '../../../router/core/router.ts';
import type { OwnSite } from '../../../router/identity/client.ts';
import { makeKeyring } from '../../../router/io/identity-keys.ts';
import { firstSequence } from '../../../router/mesh/mesh.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimSocket } from './sockets.ts';

const QUEUED_BYTES_MAX = 256 * 1024;
const CLOSE_TIMEOUT_MS = 2000;
/** As in `router/io/flow-socket.ts`. */
const CONNECT_TIMEOUT_MS = 10_000;

/** What a router may hold for flows: so little that many of them come to feel it. */
export const FLOW_MEMORY_BYTES = 16 * 1024 * 1024;

export interface SimRouterParts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly flowPauseLimitMs?: number | undefined;
  /** Of a router that has a key. */
  readonly site?: SimSite | undefined;
  /** Dials the backend of a tcpConnector; undefined when it refuses. */
  dialBackend(connector: string): SimSocket | undefined;
  /** Whether nothing answers to a dial, neither with yes nor with no. */
  swallows(connector: string): boolean;
  refuses?(connector: string): boolean;
  /** Told of each look at a backend. */
  probed?(connector: string): void;
  listening(tcpListener: string, on: boolean): void;
}

export type SimMode = 'interior' | 'edge';

export interface SimSite extends OwnSite {
  /** In its certificate; `siteId` when absent, none when null. */
  readonly certified?: string | null;
}

/** Milliseconds since 1970 at the simulation's beginning. */
const WALL_MS = 1_800_000_000_000;

interface Transport {
  readonly socket: SimSocket;
  closing: boolean;
}

export class SimRouter {
  readonly id: string;
  readonly router: Router;
  readonly transports = new Map<number, Transport>();
  readonly sockets = new Map<number, SimSocket>();
  readonly logs: string[] = [];
  /** Messages below errors, debug left out. */
  readonly notes: string[] = [];
  stopped = false;
  private readonly parts: SimRouterParts;
  private scheduled = false;
  private timerAt = Number.POSITIVE_INFINITY;
  /** What has come while it stands still. */
  private unread: (() => void)[] | undefined;
  /** Accepted by the system, and not by the process that stands still. */
  private readonly unadopted = new Set<SimSocket>();

  constructor(id: string, parts: SimRouterParts, mode: SimMode = 'interior') {
    this.id = id;
    this.parts = parts;
    const startedAt = WALL_MS + this.now;
    this.router = new Router(
      {
        id,
        // As in `router/main.ts`: who restarts within a second has the same one again.
        instance: Math.floor(startedAt / 1000),
        firstSequence: firstSequence(startedAt),
        version: '0',
        mode,
        defaultDistribution: 'balanced',
        random: () => parts.random.next(),
        flowMemoryBytes: FLOW_MEMORY_BYTES,
        flowPauseLimitMs: parts.flowPauseLimitMs,
        ...(parts.site && { identity: { keys: makeKeyring(), wall: (ms: number) => WALL_MS + ms } }),
      },
      this.now,
    );
    if (parts.site) this.router.site = parts.site;
    this.schedule();
  }

  get now(): number {
    return this.parts.scheduler.now;
  }

  /** The process is gone: its sockets break, nobody is told anything. */
  kill(): void {
    this.stopped = true;
    for (const { socket } of this.transports.values()) socket.reset();
    for (const socket of [...this.sockets.values(), ...this.unadopted]) socket.reset();
  }

  // ---- connections between routers

  /** @param onGone the socket is closed: a connector dials again */
  connect(
    socket: SimSocket,
    options: Pick<PeerOptions, 'role' | 'dir' | 'cost' | 'data' | 'groupCorrelator' | 'site'>,
    onGone: () => void,
  ): void {
    const id = this.router.connect(
      { ...options, entity: `${options.dir}`, host: 'sim', encrypted: false },
      {
        maxFrameSizeBytes: 16384,
        channelMax: 32767,
        idleTimeoutMs: 16_000,
        sasl: { mechanisms: ['ANONYMOUS'], required: false },
      },
      this.now,
    );
    this.transports.set(id, { socket, closing: false });
    socket.owner = {
      data: (bytes) => this.input(() => this.router.receive(id, bytes, this.now)),
      end: () => socket.end(),
      written: () => this.schedule(),
      close: () => {
        this.transports.delete(id);
        this.input(() => this.router.disconnected(id, this.now));
        if (!this.stopped) onGone();
      },
    };
    this.schedule();
  }

  // ---- flows

  /** A client's connection reached a tcpListener. */
  accept(tcpListener: string, socket: SimSocket, boundTo?: string): void {
    this.unadopted.add(socket);
    this.input(() => {
      this.unadopted.delete(socket);
      const flow = this.router.flowAccepted(tcpListener, this.now, boundTo);
      if (flow === undefined) socket.reset();
      else this.adopt(flow, socket);
    });
  }

  private adopt(flow: number, socket: SimSocket): void {
    socket.pause();
    this.sockets.set(flow, socket);
    socket.owner = {
      data: (bytes) => this.input(() => this.router.flowReceived(flow, bytes, this.now)),
      end: () => this.input(() => this.router.flowReceivedEnd(flow, this.now)),
      written: (total) => this.input(() => this.router.flowWritten(flow, total, this.now)),
      close: () => {
        this.sockets.delete(flow);
        this.input(() => this.router.flowLost(flow, this.now));
      },
    };
    // Who was accepted late may have gone before.
    if (socket.closed) this.parts.scheduler.after(0, () => socket.owner?.close(true));
  }

  /** Looks at a backend, as `router/io/probes.ts` does. */
  private probe(connector: string, withinMs: number): void {
    this.parts.probed?.(connector);
    const swallows = this.parts.swallows(connector);
    this.parts.scheduler.after(swallows ? withinMs : this.parts.random.next() * 2, () => {
      const problem = this.parts.refuses?.(connector) || this.parts.swallows(connector) ? 'no answer' : undefined;
      this.input(() => this.router.probed(connector, problem, this.now));
    });
  }

  private dial(flow: number, connector: string, withinMs = CONNECT_TIMEOUT_MS): void {
    const swallows = this.parts.swallows(connector);
    const socket = this.parts.dialBackend(connector);
    if (socket !== undefined) this.adopt(flow, socket);
    socket?.startConnecting();
    this.parts.scheduler.after(swallows ? withinMs : this.parts.random.next() * 2, () => {
      const isConnected = !swallows && socket !== undefined && !socket.closed;
      if (isConnected) socket.connected();
      this.input(() => {
        if (isConnected) this.router.flowConnected(flow, this.now);
        else
          this.router.flowConnectFailed(
            flow,
            swallows ? 'no answer' : 'the connector is gone',
            this.now,
            swallows ? 'timed-out' : 'refused',
          );
      });
    });
  }

  // ---- turns

  input(act: () => void): void {
    if (this.stopped) return;
    if (this.unread !== undefined) {
      this.unread.push(act);
      return;
    }
    act();
    this.schedule();
  }

  /** The process stands still; sockets go on taking in. Then timers that are due come before what waits to be read. */
  stall(forMs: number): void {
    if (this.stopped || this.unread !== undefined) return;
    this.unread = [];
    this.parts.scheduler.after(forMs, () => {
      const { unread = [] } = this;
      this.unread = undefined;
      this.input(() => this.router.tick(this.now));
      for (const act of unread) this.input(act);
    });
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.parts.scheduler.after(0, () => {
      this.scheduled = false;
      if (!this.stopped && this.unread === undefined) this.flush();
    });
  }

  private flush(): void {
    for (let effects = this.router.effects(); effects.length > 0; effects = this.router.effects()) {
      for (const effect of effects) this.carryOut(effect);
    }
    for (const [id, transport] of this.transports) this.transmit(id, transport);
    this.arm();
  }

  private transmit(id: number, transport: Transport): void {
    const { socket } = transport;
    const roomBytes = QUEUED_BYTES_MAX - socket.queuedBytes;
    if (roomBytes > 0 && this.router.wantsTransmit(id)) {
      const pieces: Buffer[] = [];
      this.router.transmit(id, roomBytes, pieces, this.now);
      socket.write(Buffer.concat(pieces));
    }
    if (transport.closing && !this.router.wantsTransmit(id)) socket.end();
  }

  private carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'flow-write':
        this.sockets.get(effect.flow)?.write(effect.bytes);
        break;
      case 'flow-end':
        this.sockets.get(effect.flow)?.end();
        break;
      case 'flow-reset':
        this.sockets.get(effect.flow)?.reset();
        this.sockets.delete(effect.flow);
        break;
      case 'flow-pause':
        this.sockets.get(effect.flow)?.pause();
        break;
      case 'flow-resume':
        this.sockets.get(effect.flow)?.resume();
        break;
      case 'flow-connect':
        this.dial(effect.flow, effect.connector, effect.withinMs);
        break;
      case 'probe':
        this.probe(effect.connector, effect.withinMs);
        break;
      case 'connection-close':
        this.closeTransport(effect.connection);
        break;
      case 'listen':
        this.parts.listening(effect.listener, effect.on);
        break;
      case 'log':
        if (effect.level === 'warn' || effect.level === 'info') this.notes.push(effect.message);
        if (effect.level === 'error') this.logs.push(`${effect.message} ${JSON.stringify(effect.fields)}`);
        break;
    }
  }

  private closeTransport(id: number): void {
    const transport = this.transports.get(id);
    if (transport === undefined) return;
    transport.closing = true;
    this.parts.scheduler.after(CLOSE_TIMEOUT_MS, () => {
      if (transport.socket.closed) return;
      transport.socket.reset();
      transport.socket.owner?.close(true);
    });
  }

  private arm(): void {
    const at = Math.max(this.router.deadline(), this.now);
    if (at >= this.timerAt) return;
    this.timerAt = at;
    this.parts.scheduler.at(at, () => {
      if (this.timerAt !== at) return;
      this.timerAt = Number.POSITIVE_INFINITY;
      this.input(() => this.router.tick(this.now));
    });
  }
}
