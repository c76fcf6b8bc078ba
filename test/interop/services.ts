/** The workloads behind an interop network, one server for each behaviour of TCP that has to cross it. */
import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import { patternAt } from '../support/pattern.ts';
import {
  echoServer,
  type Listening,
  listen,
  readAll,
  receivePattern,
  reset,
  sendPattern,
  unusedPort,
} from '../support/tcp.ts';
import { isFullVolume } from './volume.ts';

export const BULK_BYTES = (isFullVolume ? 64 : 8) * 1024 * 1024;
export const COUNT_BYTES = 10_000;
export const LATE_BYTES = 1_000_000;
/** More than a flow's window and the buffers of its sockets hold, little enough for a hundred flows on one machine. */
export const STILL_BYTES = 8 * 1024 * 1024;

/**
 * echo: gives back what it gets. bulk: sends a pattern and takes one, both at once. count: answers how many bytes came,
 * but only after the client's FIN. late: ends its own side first and takes a pattern after that. refused: nobody there.
 * flood: sends without end, and reads nothing. still: takes a pattern once it is told to go on. source: sends it.
 *
 * No client ends its side before it knows that all its bytes have come: the original cuts some flows short whose client
 * ends right after it has written (wire reference 15). So each service says so one way or another.
 */
export const SERVICES = ['echo', 'bulk', 'count', 'late', 'refused', 'flood', 'still', 'source'] as const;
export type Service = (typeof SERVICES)[number];

/** What the other end of a `late` connection sees. */
export interface LateServer {
  /** All of LATE_BYTES have come. */
  readonly taken: Promise<void>;
  /** The client's FIN has come; answers how many bytes came between. */
  readonly ended: Promise<number>;
}

export class Workloads {
  readonly ports: Readonly<Record<Service, number>>;
  private readonly servers: readonly Listening[];
  private readonly lateEvents: EventEmitter;

  private readonly stillEvents: EventEmitter;
  private readonly sources: ReadonlySet<Socket>;

  private constructor(
    ports: Record<Service, number>,
    servers: readonly Listening[],
    seen: { late: EventEmitter; still: EventEmitter; sources: ReadonlySet<Socket> },
  ) {
    this.ports = ports;
    this.servers = servers;
    this.lateEvents = seen.late;
    this.stillEvents = seen.still;
    this.sources = seen.sources;
  }

  static async start(): Promise<Workloads> {
    const lateEvents = new EventEmitter();
    const stillEvents = new EventEmitter().setMaxListeners(0);
    const late = async (socket: Socket): Promise<void> => {
      socket.end('bye');
      await receivePattern(socket, LATE_BYTES);
      lateEvents.emit('taken');
      lateEvents.emit('ended', (await readAll(socket)).length);
    };
    const still = async (socket: Socket): Promise<void> => {
      socket.pause();
      await once(stillEvents, 'go on');
      await receivePattern(socket, STILL_BYTES);
      socket.write('.');
      await endAfter(socket);
    };
    const sources = new Set<Socket>();
    const source = async (socket: Socket): Promise<void> => {
      sources.add(socket);
      await sendPattern(socket, STILL_BYTES);
      await endAfter(socket);
    };
    const echo = await echoServer();
    const [bulkServer, countServer, lateServer, floodServer, stillServer, sourceServer] = [
      await listen(orReset(bulk)),
      await listen(orReset(count)),
      await listen(orReset(late)),
      await listen(orReset(flood)),
      await listen(orReset(still)),
      await listen(orReset(source)),
    ];
    const ports = {
      echo: echo.port,
      bulk: bulkServer.port,
      count: countServer.port,
      late: lateServer.port,
      refused: await unusedPort(),
      flood: floodServer.port,
      still: stillServer.port,
      source: sourceServer.port,
    };
    const servers = [echo, bulkServer, countServer, lateServer, floodServer, stillServer, sourceServer];
    return new Workloads(ports, servers, { late: lateEvents, still: stillEvents, sources });
  }

  /** Octets that `source` connections have got rid of, in all. */
  get sourceBytes(): number {
    let bytes = 0;
    for (const { bytesWritten, writableLength } of this.sources) bytes += bytesWritten - writableLength;
    return bytes;
  }

  /** Lets every `still` connection there is read. */
  goOn(): void {
    this.stillEvents.emit('go on');
  }

  nextLate(): LateServer {
    return {
      taken: once(this.lateEvents, 'taken').then(() => undefined),
      ended: once(this.lateEvents, 'ended').then(([byteCount]) => byteCount),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
  }
}

/** The pattern goes on by one byte when all has come. */
async function bulk(socket: Socket): Promise<void> {
  await Promise.all([receivePattern(socket, BULK_BYTES), sendPattern(socket, BULK_BYTES)]);
  socket.write(patternAt(BULK_BYTES, 1));
  await endAfter(socket);
}

async function count(socket: Socket): Promise<void> {
  const byteCount = await receivePattern(socket, COUNT_BYTES);
  socket.write('.');
  await endAfter(socket, String(byteCount));
}

async function flood(socket: Socket): Promise<void> {
  socket.pause();
  await sendPattern(socket);
}

/** Ends with the client, who must have nothing more to say. */
async function endAfter(socket: Socket, lastWords = ''): Promise<void> {
  const { length } = await readAll(socket);
  if (length > 0) throw new Error(`${length} bytes more came`);
  socket.end(lastWords);
}

/** A server that finds a fault resets its client, so that the test sees it. */
function orReset(serve: (socket: Socket) => Promise<void>): (socket: Socket) => void {
  return (socket) => {
    serve(socket).catch(() => reset(socket));
  };
}
