/** What our routers do beyond the original's protocol, with an original between two of ours, and at the end. */
import { connect as dial } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { originalRouter } from '../support/original-router.ts';
import { type Inbox, RheaClient } from '../support/rhea-client.ts';
import {
  type Entity,
  linkEntities,
  RouterProcesses,
  routerConfig,
  tcpConnectorEntity,
  tcpListenerEntity,
} from '../support/router-process.ts';
import {
  connect,
  echoServer,
  type Listening,
  listen,
  readAll,
  receivePattern,
  sendPattern,
  unusedPort,
} from '../support/tcp.ts';

const CLIENTS = Array.from({ length: 16 }, (_, i) => `127.0.0.${i + 2}`);
const READY_MS_MAX = 60_000;
const ECHO_BYTES = 2_000_000;
const IDS = ['first', 'middle', 'last', 'edge'] as const;

describe.runIf(originalRouter)('an original between two of ours', () => {
  const routers = new RouterProcesses();
  const backends: Listening[] = [];
  const clients: RheaClient[] = [];
  const ports: Record<string, number> = {};

  beforeAll(async () => {
    const entities: Record<(typeof IDS)[number], Entity[]> = { first: [], middle: [], last: [], edge: [] };
    for (const id of IDS) {
      const port = await unusedPort();
      ports[id] = port;
      entities[id].push(['listener', { name: 'amqp', host: '127.0.0.1', port, saslMechanisms: 'ANONYMOUS' }]);
      entities[id].push(['address', { name: 'mc', prefix: 'mc', distribution: 'multicast' }]);
    }
    for (const [from, to] of [
      ['first', 'middle'],
      ['middle', 'last'],
      ['edge', 'middle'],
    ] as const) {
      const port = await unusedPort();
      const more = { role: from === 'edge' ? 'edge' : 'inter-router' };
      entities[to].push(...linkEntities({ role: 'accept', port, more }));
      entities[from].push(...linkEntities({ role: 'dial', port, more }));
    }
    for (const name of ['b1', 'b2', 'b3']) {
      const backend = await listen((socket) => socket.end(name));
      backends.push(backend);
      const [type, attributes] = tcpConnectorEntity('bound', backend.port);
      entities.last.push([type, { ...attributes, name }]);
    }
    const echo = await echoServer();
    backends.push(echo);
    entities.middle.push(tcpConnectorEntity('echo', echo.port));
    for (const service of ['bound', 'echo']) {
      ports[service] = await unusedPort();
      const [type, attributes] = tcpListenerEntity(service, ports[service]);
      entities.first.push([type, { ...attributes, sessionAffinity: 'clientIP' }]);
    }
    for (const id of IDS) {
      const mode = id === 'edge' ? 'edge' : 'interior';
      routers.startWith(id === 'middle' ? 'original' : 'ours', id, routerConfig(id, entities[id], mode));
    }
    for (const service of ['bound', 'echo']) {
      await eventually(
        `${service} can be reached`,
        async () => (await reached(ports[service]!).catch(() => '?')) !== '?',
        READY_MS_MAX,
      );
    }
  }, READY_MS_MAX);
  afterAll(async () => {
    for (const client of clients) client.close();
    await routers.stop();
    for (const backend of backends) await backend.close();
  });

  async function reached(port: number, localAddress = '127.0.0.1'): Promise<string> {
    const socket = dial({ host: '127.0.0.1', port, localAddress, allowHalfOpen: true });
    socket.end();
    return await text(socket);
  }

  test('passes on what a client is bound by: it reaches the same backend each time', async () => {
    const all = async (): Promise<string[]> =>
      await Promise.all(CLIENTS.map((client) => reached(ports.bound!, client)));
    const first = await all();
    expect(new Set(first)).toEqual(new Set(['b1', 'b2', 'b3']));
    for (let round = 0; round < 5; round++) expect(await all()).toEqual(first);
  });

  test('takes the stream of a client that is bound as any other', async () => {
    const socket = await connect(ports.echo!);
    const [byteCount] = await Promise.all([receivePattern(socket, ECHO_BYTES), sendPattern(socket, ECHO_BYTES)]);
    expect(byteCount).toBe(ECHO_BYTES);
    socket.end();
    expect((await readAll(socket)).length).toBe(0);
  });

  async function clientAt(id: string): Promise<RheaClient> {
    const client = await RheaClient.connect(ports[id]!);
    clients.push(client);
    return client;
  }

  test('passes on where messages entered, and serves its own clients nothing of it', async () => {
    const options = { source: 'mc/where', desired_capabilities: ['skuprt.ingress'] };
    const inboxes = await Promise.all(IDS.map(async (id) => await (await clientAt(id)).receiver(options)));
    const offered = ({ receiver }: Inbox): unknown =>
      (receiver as unknown as { remote: { attach: { offered_capabilities: unknown } } }).remote.attach
        .offered_capabilities;
    expect(inboxes.map((inbox) => offered(inbox) === 'skuprt.ingress')).toEqual([true, false, true, true]);
    const senders = await Promise.all(IDS.map(async (id) => await (await clientAt(id)).sender('mc/where')));
    await eventually('all hear all', async () => {
      senders.forEach((sender, at) => void sender.send({ body: IDS[at]! }));
      return inboxes.every(({ messages }) => new Set(messages.map(({ message }) => message.body)).size === IDS.length);
    });
    for (const inbox of [inboxes[0]!, inboxes[2]!, inboxes[3]!]) {
      for (const { message } of inbox.messages) {
        expect(message.delivery_annotations).toEqual({ 'x-opt-skuprt-ingress': `0/${message.body}` });
      }
    }
  });
});
