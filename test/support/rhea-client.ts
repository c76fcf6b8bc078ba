/** rhea as an ordinary AMQP client of a router: events as promises, messages as queues. */
import { once } from 'node:events';
import rhea from 'rhea';

export type { Connection, Delivery, Message, Receiver, Sender } from 'rhea';

export class RheaClient {
  readonly connection: rhea.Connection;

  private constructor(connection: rhea.Connection) {
    this.connection = connection;
  }

  static async connect(port: number, options: Partial<rhea.ConnectionOptions> = {}): Promise<RheaClient> {
    const connection = rhea.create_container().connect({
      host: '127.0.0.1',
      port,
      reconnect: false,
      username: 'anonymous',
      ...options,
    } as rhea.ConnectionOptions);
    // Losing the connection is the subject of some tests: what waits for it hears of it by its own event.
    connection.on('disconnected', () => {});
    await once(connection, 'connection_open');
    return new RheaClient(connection);
  }

  /** A sender that has credit; without an address each message names its own. */
  async sender(address?: string, options: Partial<rhea.SenderOptions> = {}): Promise<Outbox> {
    const sender = this.connection.open_sender({ target: { address }, ...options } as rhea.SenderOptions);
    if (!sender.sendable()) await once(sender, 'sendable');
    return new Outbox(sender);
  }

  async receiver(options: rhea.ReceiverOptions): Promise<Inbox> {
    const receiver = this.connection.open_receiver(options);
    const inbox = new Inbox(receiver);
    await once(receiver, 'receiver_open');
    return inbox;
  }

  close(): void {
    this.connection.close();
  }
}

export type Outcome = 'accepted' | 'rejected' | 'released' | 'modified';

/** rhea tells states apart by a field of their classes. */
function nameOf(state: object | undefined): Outcome | undefined {
  return (state?.constructor as { composite_type?: Outcome } | undefined)?.composite_type;
}

/** A sender whose deliveries can be waited for. */
export class Outbox {
  readonly sender: rhea.Sender;
  private readonly waiting = new Map<rhea.Delivery, (outcome: Outcome) => void>();

  constructor(sender: rhea.Sender) {
    this.sender = sender;
    sender.on('settled', ({ delivery }: rhea.EventContext) => {
      const outcome = nameOf(delivery!.remote_state);
      if (outcome) this.waiting.get(delivery!)?.(outcome);
      this.waiting.delete(delivery!);
    });
  }

  /** Answers the outcome once the delivery is settled. */
  send(message: rhea.Message): Promise<Outcome> {
    const delivery = this.sender.send(message);
    return new Promise((resolve) => this.waiting.set(delivery, resolve));
  }

  /** Waits for nothing. */
  post(message: rhea.Message): rhea.Delivery {
    return this.sender.send(message);
  }
}

interface Arrived {
  readonly message: rhea.Message;
  readonly delivery: rhea.Delivery;
}

/** The messages that a receiver gets. */
export class Inbox {
  readonly receiver: rhea.Receiver;
  readonly messages: Arrived[] = [];

  constructor(receiver: rhea.Receiver) {
    this.receiver = receiver;
    receiver.on('message', ({ message, delivery }: rhea.EventContext) => {
      this.messages.push({ message: message!, delivery: delivery! });
    });
  }

  /** The address that the router gave to a dynamic source. */
  get address(): string {
    return this.receiver.source.address;
  }

  /** The oldest message not yet taken. */
  async next(): Promise<Arrived> {
    if (this.messages.length === 0) await once(this.receiver, 'message');
    return this.messages.shift()!;
  }
}
