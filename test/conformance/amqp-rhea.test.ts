/** Our engine and rhea, another implementation of AMQP 1.0, over loopback sockets, in both roles. */
import { once } from 'node:events';
import net from 'node:net';
import rhea from 'rhea';
import { afterEach, describe, expect, it } from 'vitest';
import { amqp, toPlain } from '../../router/amqp/codec/value.ts';
import { Connection } from '../../router/amqp/engine/connection.ts';
import type { ConnectionEvent, TransferEvent } from '../../router/amqp/engine/events.ts';
import type { ConnectionOptions } from '../../router/amqp/engine/options.ts';
import type { ReceiverLink } from '../../router/amqp/engine/receiver-link.ts';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import { parseHead } from '../../router/amqp/message/head.ts';
import { SocketDriver } from '../support/amqp-socket.ts';

const sasl = { mechanisms: ['ANONYMOUS'], required: false } as const;
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0).reverse()) stop();
});

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

async function listen(onSocket: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer(onSocket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

/** An engine that accepts every link, and hands each whole message to `onMessage`. */
function serve(onMessage: (payload: Buffer, event: TransferEvent) => void): (socket: net.Socket) => void {
  return (socket) => {
    const connection = new Connection({ role: 'acceptor', containerId: 'engine', sasl }, performance.now());
    connection.open();
    const pieces: Buffer[] = [];
    const driver = new SocketDriver(socket, connection, (event) => {
      if (event.type === 'attach') event.link.accept({ credit: 50 });
      if (event.type === 'transfer') pieces.push(event.payload);
      if (event.type === 'transfer' && event.last) onMessage(Buffer.concat(pieces.splice(0)), event);
    });
    driver.flush();
  };
}

/** A rhea connection to a port; rhea reports over TCP only. */
function rheaTo(port: number, options: { username?: string } = {}): rhea.Connection {
  const connection = rhea.create_container().connect({ host: '127.0.0.1', port, reconnect: false, ...options });
  stops.push(() => connection.close());
  return connection;
}

describe('rhea as client', () => {
  it('comes in by SASL ANONYMOUS, sends a message larger than its frames, and sees it accepted', async () => {
    let body: unknown;
    const port = await listen(
      serve((payload, event) => {
        const head = parseHead(payload, 'body', true);
        body = head?.body === undefined ? undefined : toPlain(head.body);
        event.delivery.update({ state: 'accepted' }, true);
      }),
    );
    const connection = rheaTo(port, { username: 'anonymous' });
    const sender = connection.open_sender('q');
    await once(sender, 'sendable');
    sender.send({ to: 'q', body: 'x'.repeat(200_000) });
    await once(sender, 'accepted');
    expect(body).toBe('x'.repeat(200_000));
  });

  it('receives what we stream piece by piece, and accepts', async () => {
    let outcome: ConnectionEvent | undefined;
    const port = await listen((socket) => {
      const connection = new Connection({ role: 'acceptor', containerId: 'engine', sasl }, performance.now());
      connection.open();
      const driver = new SocketDriver(socket, connection, (event) => {
        if (event.type === 'attach') event.link.accept();
        if (event.type === 'flow' && event.link.role === 'sender' && outcome === undefined && 'deliver' in event.link) {
          if (event.link.head !== undefined || event.link.deliveryCount > 0) return;
          const delivery = event.link.deliver();
          const message = composeMessage({ properties: { to: 'q' }, body: amqp.string('y'.repeat(100_000)) });
          for (let pos = 0; pos < message.length; pos += 3333) delivery.write(message.subarray(pos, pos + 3333));
          delivery.end();
        }
        if (event.type === 'disposition') outcome = event;
      });
      driver.flush();
    });
    const receiver = rheaTo(port).open_receiver('q');
    const [context] = (await once(receiver, 'message')) as [rhea.EventContext];
    expect(context.message?.body).toBe('y'.repeat(100_000));
    receiver.close();
    await once(receiver, 'receiver_close');
    expect(outcome).toMatchObject({ settled: true, state: { state: 'accepted' } });
  });

  it('asks for a dynamic address and is answered, request by request', async () => {
    let driverReply: ((to: string, id: unknown) => void) | undefined;
    const port = await listen((socket) => {
      const connection = new Connection({ role: 'acceptor', containerId: 'engine', sasl }, performance.now());
      connection.open();
      const driver = new SocketDriver(socket, connection, (event) => {
        if (event.type === 'attach' && 'deliver' in event.link) {
          const { link } = event;
          link.accept({ source: { ...link.source, address: 'temp.1', dynamic: true } });
          driverReply = (to, id) => {
            const delivery = link.deliver({ settled: true });
            delivery.write(
              composeMessage({ properties: { to, correlationId: amqp.ulong(id as number) }, body: amqp.map([]) }),
            );
            delivery.end();
          };
        } else if (event.type === 'attach') event.link.accept({ credit: 10 });
        if (event.type === 'transfer' && event.last) {
          const head = parseHead(event.payload, 'body', true);
          const id = head?.properties?.correlationId;
          driverReply?.(head?.properties?.replyTo ?? '', id === undefined ? undefined : toPlain(id));
          event.delivery.update({ state: 'accepted' }, true);
        }
      });
      driver.flush();
    });
    const connection = rheaTo(port);
    const receiver = connection.open_receiver({ source: { address: '', dynamic: true } });
    await once(receiver, 'receiver_open');
    const replyTo = receiver.source.address;
    expect(replyTo).toBe('temp.1');
    const sender = connection.open_sender('$management');
    await once(sender, 'sendable');
    for (const id of [1, 2, 3]) {
      const answer = once(receiver, 'message') as Promise<[rhea.EventContext]>;
      sender.send({ reply_to: replyTo, correlation_id: id, body: {} });
      expect((await answer)[0].message?.correlation_id).toBe(id);
    }
  });

  it('is drained: gives its credit back', async () => {
    const drained = deferred<void>();
    const port = await listen((socket) => {
      const connection = new Connection({ role: 'acceptor', containerId: 'engine', sasl }, performance.now());
      connection.open();
      const driver = new SocketDriver(socket, connection, (event) => {
        if (event.type === 'attach') {
          event.link.accept({ credit: 10 });
          (event.link as ReceiverLink).requestDrain();
        }
        if (event.type === 'flow' && event.link.credit === 0) drained.resolve();
      });
      driver.flush();
    });
    const sender = rheaTo(port).open_sender('q');
    sender.on('sender_draining', () => sender.set_drained(true));
    await drained.promise;
  });

  it('is closed with framing-error when it sends frames above our max-frame-size', async () => {
    const port = await listen((socket) => {
      const connection = new Connection(
        { role: 'acceptor', containerId: 'engine', sasl, maxFrameSizeBytes: 512 },
        performance.now(),
      );
      connection.open();
      const driver = new SocketDriver(socket, connection, (event) => {
        if (event.type === 'attach') event.link.accept({ credit: 10 });
      });
      driver.flush();
    });
    const connection = rheaTo(port);
    const sender = connection.open_sender({ target: { address: 'a'.repeat(600) } });
    sender.on('sender_error', () => undefined);
    const [context] = (await once(connection, 'connection_error')) as [rhea.EventContext];
    expect((context.connection.error as { condition: string }).condition).toBe('amqp:connection:framing-error');
  });
});

describe('rhea as server', () => {
  async function rheaServer(container: rhea.Container): Promise<number> {
    container.on('disconnected', () => undefined);
    const server = container.listen({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    stops.push(() => server.close());
    return (server.address() as net.AddressInfo).port;
  }

  async function connect(
    port: number,
    onEvent: (event: ConnectionEvent) => void,
    options: Partial<ConnectionOptions> = {},
  ): Promise<SocketDriver> {
    const socket = net.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    stops.push(() => socket.destroy());
    const connection = new Connection(
      { role: 'initiator', containerId: 'engine', sasl, ...options },
      performance.now(),
    );
    connection.open();
    return new SocketDriver(socket, connection, onEvent);
  }

  it('takes a streamed message and settles it', async () => {
    const container = rhea.create_container();
    container.sasl_server_mechanisms.enable_anonymous();
    const port = await rheaServer(container);
    const message = once(container, 'message') as Promise<[rhea.EventContext]>;
    const settled = deferred<ConnectionEvent>();
    const driver = await connect(port, (event) => {
      if (event.type === 'disposition') settled.resolve(event);
    });
    const sender = driver.connection.begin().attachSender({ name: 'l', target: { address: 'q' } });
    const delivery = sender.deliver();
    const octets = composeMessage({ body: amqp.string('z'.repeat(300_000)) });
    delivery.write(octets.subarray(0, 100));
    driver.flush();
    delivery.write(octets.subarray(100));
    delivery.end();
    driver.flush();
    expect((await message)[0].message?.body).toBe('z'.repeat(300_000));
    expect(await settled.promise).toMatchObject({ settled: true, state: { state: 'accepted' } });
  });

  it('closes, and we answer', async () => {
    const container = rhea.create_container();
    container.on('connection_open', (context: rhea.EventContext) =>
      context.connection.close({ condition: 'amqp:connection:forced', description: 'bye' }),
    );
    const port = await rheaServer(container);
    const closed = deferred<ConnectionEvent>();
    const answered = once(container, 'connection_close');
    const driver = await connect(
      port,
      (event) => {
        if (event.type === 'closed') closed.resolve(event);
      },
      { sasl: undefined },
    );
    driver.flush();
    expect(await closed.promise).toMatchObject({ by: 'remote', error: { condition: 'amqp:connection:forced' } });
    await answered;
  });
});
