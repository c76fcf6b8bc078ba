/** The workloads behind an interop network, one server for each behaviour of TCP that has to cross it. */
import type { Socket } from 'node:net';
import { echoServer, listen, readAll, receivePattern, reset, sendPattern, unusedPort } from '../support/tcp.ts';

export const BULK_BYTES = 64 * 1024 * 1024;

/**
 * echo: gives back what it gets. bulk: sends a pattern and takes one, both at once. count: answers how many bytes came,
 * but only after the client's FIN. late: ends its own side first and takes a pattern after that. refused: nobody there.
 */
export const SERVICES = ['echo', 'bulk', 'count', 'late', 'refused'] as const;
export type Service = (typeof SERVICES)[number];

export interface Workloads {
  readonly ports: Readonly<Record<Service, number>>;
  /** Resolves with what the next `late` connection has taken. */
  nextLate(): Promise<number>;
  close(): Promise<void>;
}

export async function startWorkloads(): Promise<Workloads> {
  let lateDone: (byteCount: number) => void = () => undefined;
  const late = async (socket: Socket): Promise<void> => {
    socket.end('bye');
    lateDone(await receivePattern(socket));
  };
  const servers = {
    echo: await echoServer(),
    bulk: await listen(orReset(bulk)),
    count: await listen(orReset(count)),
    late: await listen(orReset(late)),
  };
  return {
    ports: {
      echo: servers.echo.port,
      bulk: servers.bulk.port,
      count: servers.count.port,
      late: servers.late.port,
      refused: await unusedPort(),
    },
    nextLate: () =>
      new Promise((resolve) => {
        lateDone = resolve;
      }),
    close: async () => {
      await Promise.all(Object.values(servers).map((server) => server.close()));
    },
  };
}

async function bulk(socket: Socket): Promise<void> {
  const [byteCount] = await Promise.all([receivePattern(socket), sendPattern(socket, BULK_BYTES)]);
  if (byteCount !== BULK_BYTES) throw new Error(`${byteCount} bytes came`);
  socket.end();
}

async function count(socket: Socket): Promise<void> {
  socket.end(String((await readAll(socket)).length));
}

/** A server that finds a fault resets its client, so that the test sees it. */
function orReset(serve: (socket: Socket) => Promise<void>): (socket: Socket) => void {
  return (socket) => {
    serve(socket).catch(() => reset(socket));
  };
}
