/**
 * A management client that sees the AMQP types of answers, which ordinary client libraries hide: our own engine over a socket,
 * asking one question at a time through an anonymous sender.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { amqp, type Typed, toPlain } from '../../router/amqp/codec/value.ts';
import { Connection } from '../../router/amqp/engine/connection.ts';
import type { ConnectionEvent } from '../../router/amqp/engine/events.ts';
import type { ReceiverLink } from '../../router/amqp/engine/receiver-link.ts';
import type { SenderLink } from '../../router/amqp/engine/sender-link.ts';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import { type Head, parseHead } from '../../router/amqp/message/head.ts';
import { SocketDriver } from './amqp-socket.ts';
import { eventually } from './eventually.ts';

export interface TypedAnswer {
  readonly status: unknown;
  readonly description: string;
  readonly correlationId: Typed | undefined;
  readonly body: Typed;
}

/** Attributes by name, in the order of the answer. */
export type TypedRow = ReadonlyMap<string, Typed>;

export class TypedManagement {
  private readonly driver: SocketDriver;
  private readonly requests: SenderLink;
  private readonly answers: ReceiverLink;
  private pieces: Buffer[] = [];
  private readonly arrived: Head[] = [];

  private constructor(socket: ReturnType<typeof connect>) {
    const connection = new Connection(
      { role: 'initiator', containerId: 'typed-management', idleTimeOutMs: 60_000 },
      performance.now(),
    );
    this.driver = new SocketDriver(socket, connection, (event) => this.on(event));
    connection.open();
    const session = connection.begin();
    this.requests = session.attachSender({ name: 'requests', target: {} });
    this.answers = session.attachReceiver({ name: 'answers', source: { dynamic: true }, target: {}, credit: 100 });
    this.driver.flush();
  }

  static async connect(port: number): Promise<TypedManagement> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const client = new TypedManagement(socket);
    await eventually('links to the agent', () => client.requests.credit > 0 && client.replyTo !== undefined);
    return client;
  }

  async ask(
    properties: Readonly<Record<string, Typed | string>>,
    body: Typed = amqp.map([]),
    { to = '$management', correlationId = amqp.ulong(1) }: { to?: string; correlationId?: Typed } = {},
  ): Promise<TypedAnswer> {
    const typed = Object.entries(properties).map(
      ([name, value]) => [name, typeof value === 'string' ? amqp.string(value) : value] as const,
    );
    const delivery = this.requests.deliver({ settled: true });
    delivery.write(
      composeMessage({
        properties: { to, replyTo: this.replyTo, correlationId },
        applicationProperties: new Map(typed),
        body,
      }),
    );
    delivery.end(true);
    this.driver.flush();
    await eventually('an answer', () => this.arrived.length > 0);
    const head = this.arrived.shift()!;
    return {
      status: head.applicationProperties?.get('statusCode')?.value,
      description: String(head.applicationProperties?.get('statusDescription')?.value),
      correlationId: head.properties?.correlationId,
      body: head.body!,
    };
  }

  /** All entities of a type, by its full name. */
  async query(entityType: string, to?: string): Promise<TypedRow[]> {
    const body = amqp.map([[amqp.string('attributeNames'), amqp.list([])]]);
    const { status, description, body: found } = await this.ask({ operation: 'QUERY', entityType }, body, { to });
    if (status !== 200 || found.type !== 'map') throw new Error(`${entityType}: ${status} ${description}`);
    const part = (name: string) => found.value.find(([key]) => toPlain(key) === name)?.[1];
    const names = toPlain(part('attributeNames')!) as string[];
    return (part('results')!.value as Typed[]).map(
      (row) => new Map(names.map((name, at) => [name, (row.value as Typed[])[at]!] as const)),
    );
  }

  close(): void {
    this.driver.connection.close();
    this.driver.flush();
  }

  private get replyTo(): string | undefined {
    return this.answers.state === 'attached' ? this.answers.source?.address : undefined;
  }

  private on(event: ConnectionEvent): void {
    if (event.type !== 'transfer') return;
    this.pieces.push(Buffer.from(event.payload));
    if (!event.last) return;
    const head = parseHead(Buffer.concat(this.pieces), 'body', true);
    this.pieces = [];
    if (head) this.arrived.push(head);
  }
}
