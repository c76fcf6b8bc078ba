/**
 * A controller's one AMQP connection to its router: management requests, and one multicast address to send to and hear from.
 * An ordinary client (rhea); reconnects for ever, reading the certificates again each time. Without TLS only over loopback.
 *
 * Wire reference 9.1 for the requests.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import rhea, {
  type Connection,
  type ConnectionOptions,
  type EventContext,
  type Message,
  type Receiver,
  type ReceiverOptions,
  type Sender,
  type Source,
} from 'rhea';
import { SkuprtError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type Attributes, type RouterState, routerStateOf, WATCHED_TYPES, type WatchedType } from './state.ts';

const TYPE_PREFIX = 'io.skupper.router.';
const INGRESS_CAPABILITY = 'skuprt.ingress';
const INGRESS_ANNOTATION = 'x-opt-skuprt-ingress';
/** Routers' ids are preceded by their area, of which there is one. */
const AREA = '0/';
const RETRY_MS = { first: 30, max: 1000 };
/** Some ten seconds. */
const FAILURES_TOLD = 15;
const CONNECT_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 5000;
const IDLE_TIME_OUT_MS = 8000;

export class RouterRequestError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_REQUEST';
  readonly fault = 'environment';
  /** As HTTP's, of a router that answered. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** The router is there and says no to a change. */
export class RouterRefusedError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_REFUSED';
  readonly fault = 'caller';
  /** As HTTP's: 400, 403, 404, 429, 501. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** Without a `ca` the connection is plain and anonymous: the router's port for its own machine. */
export interface RouterEndpoint extends Pick<TlsOptions, 'ca' | 'cert' | 'key'> {
  host: string;
  port: number;
}

export interface RouterClientParts {
  /** What the router knows this client by. */
  containerId: string;
  /** Where and with which certificates to connect, asked at each attempt. */
  endpoint: () => Promise<RouterEndpoint>;
  /** The address to hear and to send to, where there is one. */
  multicastAddress?: string;
  onUp: () => void;
  onDown: () => void;
  /**
   * `ingress`: id of the router where the message entered the network. The router at hand says it and not the sender;
   * undefined when it cannot vouch for it, or is none of ours.
   */
  onMessage?: (text: string, ingress: string | undefined) => void;
  /** A message to one of the addresses of `listen`, whatever it says of where it goes. */
  onHeard?: (message: Message, address: string, ingress: string | undefined) => void;
  log: Logger;
}

/** What a router is told of the pods of its cluster. Messages of one revision belong together. */
export interface WorkloadChange {
  revision: number;
  /** What is set by none of this revision is gone. */
  replace: boolean;
  /** By address. */
  set: ReadonlyMap<string, object>;
  gone: readonly string[];
}

interface Pending {
  resolve: (message: Message) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

interface Channel {
  connection: Connection;
  requests: Sender;
  replies: Receiver;
  outgoing: Sender | undefined;
  /** To any address: each message says where it goes. */
  anywhere: Sender;
  /** By address. */
  listening: Map<string, Receiver>;
}

export class RouterClient {
  private readonly parts: RouterClientParts;
  private readonly pending = new Map<number, Pending>();
  private channel: Channel | undefined;
  private addresses: ReadonlySet<string> = new Set();
  private requestCount = 0;
  private lastError: unknown;

  constructor(parts: RouterClientParts) {
    this.parts = parts;
  }

  get isUp(): boolean {
    return this.channel !== undefined;
  }

  /** Hears from these addresses and no others from now on, and again after each reconnection. */
  listen(addresses: ReadonlySet<string>): void {
    this.addresses = addresses;
    const { connection, listening } = this.channel ?? {};
    if (connection === undefined || listening === undefined) return;
    for (const [address, receiver] of listening) {
      if (addresses.has(address)) continue;
      listening.delete(address);
      receiver.close();
    }
    for (const address of addresses) {
      if (listening.has(address)) continue;
      const receiver = connection.open_receiver(heardFrom(address));
      receiver.on('message', ({ message }: EventContext) => {
        if (message !== undefined) this.parts.onHeard?.(message, address, ingressOf(message, receiver));
      });
      listening.set(address, receiver);
    }
  }

  /** Sends where the message says; false when it could not go now. */
  sendTo(message: Message & { to: string }): boolean {
    if (this.channel === undefined || !this.channel.anywhere.sendable()) return false;
    this.channel.anywhere.send(message);
    return true;
  }

  /** Stays connected until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let waitMs = RETRY_MS.first;
    let failureCount = 0;
    while (!signal.aborted) {
      const wasUp = await this.connectOnce(signal);
      failureCount = wasUp ? 0 : failureCount + 1;
      // Once for each time that it is away for long: routers restart.
      if (failureCount === FAILURES_TOLD && !signal.aborted) {
        this.parts.log.warn({ err: this.lastError }, 'the router cannot be reached, and is tried again');
      }
      waitMs = wasUp ? RETRY_MS.first : Math.min(waitMs * 2, RETRY_MS.max);
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** The state of everything watched. @throws RouterRequestError */
  async state(): Promise<RouterState> {
    const answers = await Promise.all(WATCHED_TYPES.map((type) => this.query(type)));
    const entities = Object.fromEntries(WATCHED_TYPES.map((type, index) => [type, answers[index]!]));
    return routerStateOf(entities as Record<WatchedType, Attributes[]>);
  }

  /**
   * All entities of a type, which is without its prefix.
   * @param attributeNames all that they have unless given
   * @throws RouterRequestError
   */
  async query(type: string, attributeNames: readonly string[] = []): Promise<Attributes[]> {
    const entityType = `${TYPE_PREFIX}${type}`;
    const { body, application_properties: properties } = await this.request({
      // Our routers leave out the TCP flows then, which may be many; the original knows no such property.
      application_properties: {
        operation: 'QUERY',
        type: 'org.amqp.management',
        entityType,
        name: 'self',
        ...(type === 'connection' && { protocol: 'amqp' }),
      },
      body: { attributeNames },
    });
    const { statusCode, statusDescription } = properties ?? {};
    if (statusCode !== 200) {
      const message = `router answered ${statusCode} (${statusDescription}) to QUERY ${type}`;
      throw new RouterRequestError(message, Number(statusCode));
    }
    const { attributeNames: names, results } = body as { attributeNames: string[]; results: unknown[][] };
    return results.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]])));
  }

  /** @throws RouterRefusedError, RouterRequestError when there is no answer */
  async create(type: string, name: string, attributes: Attributes): Promise<void> {
    await this.change({ operation: 'CREATE', type: `${TYPE_PREFIX}${type}`, name }, attributes, 201);
  }

  /** Changes these attributes and no other. @throws RouterRefusedError, RouterRequestError when there is no answer */
  async update(type: string, identity: string, attributes: Attributes): Promise<void> {
    await this.change({ operation: 'UPDATE', type: `${TYPE_PREFIX}${type}`, identity }, attributes, 200);
  }

  /** @throws RouterRefusedError, RouterRequestError when there is no answer */
  async delete(type: string, identity: string): Promise<void> {
    await this.change({ operation: 'DELETE', type: `${TYPE_PREFIX}${type}`, identity }, {}, 204);
  }

  /** Which pod has which address. @throws RouterRefusedError, RouterRequestError when there is no answer */
  async setWorkloads({ revision, replace, set, gone }: WorkloadChange): Promise<void> {
    const body = { revision: rhea.types.wrap_ulong(revision), replace, set: Object.fromEntries(set), gone: [...gone] };
    await this.change({ operation: 'SET-WORKLOADS', type: 'workloads', name: 'self' }, body, 200);
  }

  /**
   * Asks another router of the network for what it answers everybody.
   * @throws RouterRefusedError, RouterRequestError when there is no answer in time
   */
  async askOther(router: string, properties: Record<string, string>, body: object, withinMs: number): Promise<unknown> {
    const message = { application_properties: properties, body };
    // Which of the two a router has, only those beside it know: the other goes nowhere.
    const to = [`amqp:/_topo/0/${router}/$management`, `amqp:/_edge/${router}/$management`];
    const answer = await this.request(message, withinMs, to);
    const { statusCode, statusDescription } = answer.application_properties ?? {};
    if (statusCode === 200) return answer.body;
    throw new RouterRefusedError(String(statusDescription), Number(statusCode));
  }

  private async change(properties: Record<string, string>, attributes: object, expected: number): Promise<void> {
    const answer = await this.request({ application_properties: properties, body: attributes });
    const { statusCode, statusDescription } = answer.application_properties ?? {};
    if (statusCode === expected) return;
    const { operation, type, name, identity } = properties;
    const what = `${operation} of ${type} ${name ?? identity}`;
    throw new RouterRefusedError(`router answered ${statusCode} (${statusDescription}) to ${what}`, Number(statusCode));
  }

  /** Sends to the multicast address; false when the message could not go now. */
  send(text: string): boolean {
    const { outgoing } = this.channel ?? {};
    if (outgoing === undefined || !outgoing.sendable()) return false;
    outgoing.send({ content_type: 'application/json', body: text });
    return true;
  }

  /** Resolves when the last messages have left. */
  async close(): Promise<void> {
    const connection = this.channel?.connection;
    if (connection === undefined) return;
    const closed = new Promise<void>((resolve) => connection.once('disconnected', () => resolve()));
    connection.close();
    await Promise.race([closed, sleep(500, undefined, { ref: false })]);
  }

  /** One connection from its attempt to its end; whether it was ever of use. */
  private async connectOnce(signal: AbortSignal): Promise<boolean> {
    let connection: Connection;
    try {
      const options = optionsOf(await this.parts.endpoint());
      connection = rhea.create_container({ id: this.parts.containerId }).create_connection(options);
    } catch (err) {
      this.lastError = err;
      this.parts.log.debug({ err }, 'router cannot be reached yet');
      return false;
    }
    let wasUp = false;
    await new Promise<void>((resolve) => {
      const end = () => resolve();
      const timer = setTimeout(() => {
        // Whoever is there says nothing: closing politely would wait for ever.
        connection.socket.destroy();
        end();
      }, CONNECT_TIMEOUT_MS);
      const onAbort = () => connection.close();
      signal.addEventListener('abort', onAbort, { once: true });
      connection.on('disconnected', end);
      connection.on('connection_close', end);
      connection.on('error', end);
      for (const event of ['connection_error', 'session_error', 'sender_error', 'receiver_error', 'protocol_error']) {
        connection.on(event, (context: EventContext) => {
          this.lastError = context.error ?? context.connection?.error;
          this.parts.log.debug({ err: this.lastError, event }, 'router connection failed');
        });
      }
      this.open(connection, () => {
        clearTimeout(timer);
        wasUp = true;
        this.parts.onUp();
      });
      connection.connect();
      connection.once('disconnected', () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      });
    });
    connection.close();
    this.lost();
    return wasUp;
  }

  private open(connection: Connection, onReady: () => void): void {
    connection.once('connection_open', () => {
      const replies = connection.open_receiver({ source: { dynamic: true } as Source, credit_window: 100 });
      const requests = connection.open_sender({ target: { address: '$management' }, snd_settle_mode: 1 });
      const { incoming, outgoing } = this.openMulticast(connection);
      replies.on('message', ({ message }: EventContext) => this.answered(message));
      const anywhere = connection.open_sender({ target: {}, snd_settle_mode: 1 });
      const waiting = new Set<string>(['replies', 'requests', ...(outgoing ? ['incoming', 'outgoing'] : [])]);
      const opened = (name: string) => () => {
        if (!waiting.delete(name) || waiting.size > 0) return;
        this.channel = { connection, requests, replies, outgoing, anywhere, listening: new Map() };
        this.listen(this.addresses);
        onReady();
      };
      replies.once('receiver_open', opened('replies'));
      incoming?.once('receiver_open', opened('incoming'));
      requests.once('sendable', opened('requests'));
      outgoing?.once('sendable', opened('outgoing'));
    });
  }

  private openMulticast(connection: Connection): { incoming?: Receiver; outgoing?: Sender } {
    const { multicastAddress } = this.parts;
    if (multicastAddress === undefined) return {};
    const incoming = connection.open_receiver(heardFrom(multicastAddress));
    incoming.on('message', ({ message }: EventContext) => {
      if (typeof message?.body !== 'string') return;
      this.parts.onMessage?.(message.body, ingressOf(message, incoming));
    });
    const outgoing = connection.open_sender({ target: { address: multicastAddress }, snd_settle_mode: 1 });
    return { incoming, outgoing };
  }

  /** @param to other routers, of whose answers the first counts */
  private request(message: Message, withinMs = REQUEST_TIMEOUT_MS, to: readonly string[] = []): Promise<Message> {
    const channel = this.channel;
    if (channel === undefined) return Promise.reject(new RouterRequestError('not connected to the router'));
    this.requestCount += 1;
    const id = this.requestCount;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(new RouterRequestError('the router does not answer'));
      }, withinMs);
      this.pending.set(id, { resolve, reject, timer });
      const request = { ...message, reply_to: channel.replies.source.address, correlation_id: id };
      if (to.length === 0) channel.requests.send(request);
      for (const each of to) channel.anywhere.send({ ...request, to: each });
    });
  }

  private answered(message: Message | undefined): void {
    const id = Number(message?.correlation_id);
    const pending = this.pending.get(id);
    if (message === undefined || pending === undefined) return;
    this.pending.delete(id);
    clearTimeout(pending.timer);
    pending.resolve(message);
  }

  private lost(): void {
    const wasUp = this.channel !== undefined;
    this.channel = undefined;
    for (const { reject, timer } of this.pending.values()) {
      clearTimeout(timer);
      reject(new RouterRequestError('the connection to the router was lost'));
    }
    this.pending.clear();
    if (wasUp) this.parts.onDown();
  }
}

/** Our routers tell such a receiver where its messages entered the network (docs/adr/0019); others take no notice. */
function heardFrom(address: string): ReceiverOptions {
  // rhea passes it on, its types do not know it.
  const capabilities = { desired_capabilities: [INGRESS_CAPABILITY] };
  return { source: { address }, credit_window: 100, ...capabilities };
}

/** The id of the router; only from one that has offered it, since any other passes on what the sender wrote there. */
function ingressOf(message: Message, receiver: Receiver): string | undefined {
  const { remote } = receiver as unknown as { remote?: { attach?: { offered_capabilities?: unknown } } };
  const offered = remote?.attach?.offered_capabilities;
  const isServed = Array.isArray(offered) ? offered.includes(INGRESS_CAPABILITY) : offered === INGRESS_CAPABILITY;
  const node: unknown = isServed ? message.delivery_annotations?.[INGRESS_ANNOTATION] : undefined;
  return typeof node === 'string' && node.startsWith(AREA) ? node.slice(AREA.length) : undefined;
}

function optionsOf(endpoint: RouterEndpoint): ConnectionOptions {
  const common = { reconnect: false, idle_time_out: IDLE_TIME_OUT_MS };
  if (endpoint.ca === undefined) {
    return { host: endpoint.host, port: endpoint.port, username: 'anonymous', ...common };
  }
  const external: ConnectionOptions & { enable_sasl_external: boolean } = {
    ...endpoint,
    ...common,
    transport: 'tls',
    // A name, because TLS has none for addresses; the local certificate holds it.
    servername: 'localhost',
    enable_sasl_external: true,
  };
  return external;
}
