/** A router between clients and backends that speak HTTP/1, HTTP/2 and neither, for what it tells of them. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server, connect as http2Connect } from 'node:http2';
import type { Socket } from 'node:net';
import { eventually } from './eventually.ts';
import { LiveNetwork, type LiveRouter } from './live-network.ts';
import type { Kind } from './router-process.ts';
import { connect, type Listening, listen } from './tcp.ts';

export interface HttpServices {
  readonly network: LiveNetwork;
  readonly router: LiveRouter;
  readonly amqpPort: number;
  /** Opens a connection of each kind, and keeps it; each has been answered. */
  openAll(): Promise<void>;
  closeAll(): void;
  stop(): Promise<void>;
}

/** One router of this kind with a tcpListener and a tcpConnector for each of three services. */
export async function startHttpServices(kind: Kind): Promise<HttpServices> {
  const network = new LiveNetwork();
  const router = await network.router('A', 'interior', kind);
  const servers = [
    createServer({ keepAliveTimeout: 60_000 }, (_, response) => response.end('hello')),
    createHttp2Server((_, response) => response.end('hello')),
  ] as const;
  const backends: Listening[] = [];
  const ports: number[] = [];
  const answer = [
    (socket: Socket) => servers[0].emit('connection', socket),
    (socket: Socket) => servers[1].emit('connection', socket),
    (socket: Socket) => socket.pipe(socket),
  ];
  for (const [index, each] of answer.entries()) {
    const backend = await listen(each);
    backends.push(backend);
    ports.push(await network.publish(router, `service-${index}`));
    network.offer(router, `service-${index}`, backend.port);
  }
  const amqpPort = await network.amqp(router);
  await network.start();
  for (const port of ports) await network.accepting(port);
  const closers: (() => void)[] = [];
  return {
    network,
    router,
    amqpPort,
    openAll: async () => {
      for (const [port, first] of [
        [ports[0]!, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
        [ports[2]!, 'neither\r\n'],
      ] as const) {
        const socket = await connect(port);
        closers.push(() => socket.destroy());
        socket.write(first);
        await once(socket, 'data');
      }
      const session = http2Connect(`http://127.0.0.1:${ports[1]}`);
      closers.push(() => session.destroy());
      const request = session.request({ ':path': '/' });
      request.resume();
      await once(request, 'end');
    },
    closeAll: () => {
      for (const close of closers.splice(0)) close();
    },
    stop: async () => {
      for (const close of closers.splice(0)) close();
      await network.stop();
      for (const backend of backends) await backend.close();
    },
  };
}

/** Waits until a metric has a value. */
export async function metricIs({ network, router }: HttpServices, name: string, value: number): Promise<void> {
  const what = async () => (await network.metrics(router))(name);
  await eventually(`${name} is ${value}`, async () => (await what()) === value, 15_000);
}
