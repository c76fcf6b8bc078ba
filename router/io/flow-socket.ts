/**
 * The socket of one flow: a client's accepted by a tcpListener, or one dialled to a tcpConnector's backend.
 *
 * It only moves octets and endings between the socket and the router; writes of one turn leave in one system call.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { DialFailure } from '../bridge/refusals.ts';
import type { ClientEnds } from '../core/client-ends.ts';
import { BACKEND_CONNECT_TIMEOUT_MS } from '../core/limits.ts';
import { type Backend, type Credentials, connectBackend } from './backend.ts';
import type { Driver } from './driver.ts';

/**
 * A TLS socket has no raw handle to reset: the peer sees its connection cut without a close notification.
 *
 * While a FIN is being handed to the system a socket can not be reset: node would forget it open, for ever, and the peer would not be
 * told. That takes no longer than to the next turn, so the reset comes then.
 */
export function resetSocket(socket: Socket): void {
  if ('encrypted' in socket) socket.destroy();
  // Octets and FIN may leave as soon as it is connected.
  else if (socket.connecting) socket.once('connect', () => resetSocket(socket));
  else if (isEnding(socket)) socket.once('finish', () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}

/** All was written, and its FIN is on the way to the system; octets that still wait would keep the FIN, and must not keep a reset. */
function isEnding({ writableEnded, writableFinished, writableLength }: Socket): boolean {
  return writableEnded && !writableFinished && writableLength === 0;
}

function endOf(address: string | undefined, port: number | undefined): string | undefined {
  return address === undefined ? undefined : `${address}:${port}`;
}

export class FlowSocket {
  readonly id: number;
  readonly credentials: Credentials | undefined;
  /** On the driver's clock, ms. */
  readonly openedAt: number;
  private readonly socket: Socket;
  private readonly driver: Driver;
  private writtenTotal = 0;
  private corked = false;
  private lost = false;
  /** Until its backend has answered. */
  private dial: Dial | undefined;

  constructor(id: number, socket: Socket, driver: Driver, credentials?: Credentials) {
    this.id = id;
    this.credentials = credentials;
    this.socket = socket;
    this.driver = driver;
    this.openedAt = driver.now();
    // Before anybody listens for octets: that alone would start it.
    socket.pause();
    socket.on('data', this.onData);
    socket.on('end', this.onEnd);
    socket.on('error', this.onLost);
    socket.on('close', this.onLost);
  }

  /**
   * Dials a backend and tells the router how it went.
   * @param withinMs when it is given up
   * @param alpn the application protocol to offer over TLS
   * @param client whose flow it is, for a backend that is to be told
   */
  static dial(
    id: number,
    backend: Backend,
    driver: Driver,
    {
      withinMs = BACKEND_CONNECT_TIMEOUT_MS,
      alpn,
      client,
    }: { withinMs?: number; alpn?: string; client?: ClientEnds } = {},
  ): FlowSocket {
    const socket = connectBackend(backend, alpn, client);
    const flow = new FlowSocket(id, socket, driver, backend.credentials);
    const dial = new Dial(socket, withinMs);
    flow.dial = dial;
    socket.once(backend.tls ? 'secureConnect' : 'connect', () => flow.dialled(dial));
    return flow;
  }

  /** Both ends as `address:port`, of a socket that is open. */
  get ends(): { local: string | undefined; remote: string | undefined } {
    const { localAddress, localPort, remoteAddress, remotePort } = this.socket;
    return { local: endOf(localAddress, localPort), remote: endOf(remoteAddress, remotePort) };
  }

  /** By what it is secured; undefined in the clear. */
  get tls(): { protocol: string | null; cipher: string } | undefined {
    if (!(this.socket instanceof TLSSocket)) return undefined;
    return { protocol: this.socket.getProtocol(), cipher: this.socket.getCipher()?.name };
  }

  /** Queued until `flush`, which the driver calls once a turn for each flow written to. */
  write(bytes: Buffer): void {
    if (!this.corked) {
      this.corked = true;
      this.socket.cork();
      this.driver.touched(this);
    }
    this.writtenTotal += bytes.length;
    this.socket.write(bytes, this.onWritten);
  }

  flush(): void {
    if (!this.corked) return;
    this.corked = false;
    this.socket.uncork();
  }

  end(): void {
    this.flush();
    this.socket.end();
  }

  reset(): void {
    this.lost = true;
    resetSocket(this.socket);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  private readonly onData = (bytes: Buffer): void => {
    // A socket may be read many times before the turn's end, when the effect would come.
    if (!this.driver.flowReceived(this.id, bytes)) this.socket.pause();
  };

  private readonly onEnd = (): void => {
    this.driver.flowReceivedEnd(this.id);
  };

  private readonly onWritten = (error?: Error | null): void => {
    if (!error && !this.lost) this.driver.flowWritten(this.id, this.writtenTotal - this.socket.writableLength);
  };

  private readonly onLost = (error?: Error | boolean): void => {
    if (this.dial !== undefined) this.dialLost(this.dial, error);
    if (this.lost) return;
    this.lost = true;
    if (this.dial !== undefined) return;
    const reason = error instanceof Error ? `connection-broken (${error.message})` : undefined;
    this.driver.flowGone(this.id, reason);
  };

  private dialled(dial: Dial): void {
    dial.stop();
    this.dial = undefined;
    const { localAddress: host, localPort: port } = this.socket;
    this.driver.flowConnected(this.id, host === undefined || port === undefined ? undefined : { host, port });
  }

  /** The socket says why, and then that it is closed. */
  private dialLost(dial: Dial, error?: Error | boolean): void {
    if (error instanceof Error) {
      dial.failed(error);
      return;
    }
    dial.stop();
    this.driver.flowConnectFailed(this.id, dial.failure, dial.kind);
  }
}

/** Of a dial that the system had no means for. */
const SHORTAGES_OF_SYSTEM: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** A backend that has not answered yet. Nothing of it is kept once it has. */
class Dial {
  failure = '';
  kind: DialFailure = 'refused';
  private stopped = false;
  private readonly timer: NodeJS.Timeout;

  /** @param withinMs when it is given up */
  constructor(socket: Socket, withinMs: number) {
    // Timers come before what sockets have to say: an answer that a busy turn has kept waiting still counts.
    this.timer = setTimeout(() => setImmediate(() => this.giveUp(socket, withinMs)), withinMs);
  }

  failed(error: NodeJS.ErrnoException): void {
    this.failure ||= error.message;
    if (SHORTAGES_OF_SYSTEM.has(error.code ?? '')) this.kind = 'own';
  }

  stop(): void {
    clearTimeout(this.timer);
    this.stopped = true;
  }

  private giveUp(socket: Socket, withinMs: number): void {
    if (this.stopped || socket.destroyed) return;
    this.kind = 'timed-out';
    socket.destroy(new Error(`no answer within ${withinMs / 1000} s`));
  }
}
