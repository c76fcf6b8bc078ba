/**
 * Traces of AMQP in the log. Frames: of all connections while module PROTOCOL is at debug, of one while its `enableProtocolTrace` is set.
 * Messages: while module MESSAGE is at debug, of connections whose listener or connector has `messageLoggingComponents`.
 *
 * A trace may begin in the midst of a connection: what comes in is shown from the next frame that begins with a read. While nothing is traced
 * a connection pays one comparison a read and a write.
 */
import type { Attach } from '../amqp/codec/performatives.ts';
import { MessageError } from '../amqp/message/errors.ts';
import { parseHead } from '../amqp/message/head.ts';
import { FrameTrace } from '../telemetry/frame-trace.ts';
import { messageComponents, messageText } from '../telemetry/message-text.ts';
import type { RouterLog } from './router-log.ts';
import type { Transport } from './transport.ts';

export interface ProtocolTraceParts {
  logs: RouterLog;
  transports: ReadonlyMap<number, Transport>;
  /** Whether what is read next of a connection begins a frame. */
  betweenFrames(connection: number): boolean;
  /** `messageLoggingComponents` of its listener or connector. */
  components(connection: number): string;
}

type Components = ReturnType<typeof messageComponents>;

const NO_COMPONENTS: Components = new Set();
/** Links of a connection that are known by name. */
const LINKS_NAMED_MAX = 10_000;

export class ProtocolTrace {
  private readonly parts: ProtocolTraceParts;
  private frames = false;
  private messages = false;
  private readonly chosen = new Set<number>();

  constructor(parts: ProtocolTraceParts) {
    this.parts = parts;
    parts.logs.changed = () => this.levelsChanged();
    this.levelsChanged();
  }

  /** Of a connection that has just been made. */
  made(connection: number): ConnectionTrace | undefined {
    return this.traceOf(connection, undefined, true);
  }

  gone(connection: number): void {
    this.chosen.delete(connection);
  }

  /** Whether this one is asked for, beside all of them. */
  isChosen(connection: number): boolean {
    return this.chosen.has(connection);
  }

  setOne(connection: number, on: boolean): void {
    const transport = this.parts.transports.get(connection);
    if (transport === undefined) return;
    if (on) this.chosen.add(connection);
    else this.chosen.delete(connection);
    transport.trace = this.traceOf(connection, transport.trace, false);
  }

  private levelsChanged(): void {
    const { logs, transports } = this.parts;
    this.frames = logs.isEnabled('PROTOCOL', 'debug');
    this.messages = logs.isEnabled('MESSAGE', 'debug');
    for (const [id, transport] of transports) transport.trace = this.traceOf(id, transport.trace, false);
  }

  private traceOf(connection: number, known: ConnectionTrace | undefined, fresh: boolean): ConnectionTrace | undefined {
    const frames = this.frames || this.chosen.has(connection);
    const components = this.messages ? messageComponents(this.parts.components(connection)) : NO_COMPONENTS;
    if (!frames && components.size === 0) return undefined;
    const trace = known ?? new ConnectionTrace(connection, this.parts, fresh);
    trace.frames = frames;
    trace.components = components;
    return trace;
  }
}

export class ConnectionTrace {
  frames = false;
  components: Components = NO_COMPONENTS;
  private readonly connection: number;
  private readonly parts: ProtocolTraceParts;
  private readonly incoming: FrameTrace;
  private readonly outgoing: FrameTrace;
  private inStep: boolean;

  constructor(connection: number, parts: ProtocolTraceParts, fresh: boolean) {
    this.connection = connection;
    this.parts = parts;
    this.inStep = fresh;
    this.incoming = this.traceOf('<-', 'Received');
    this.outgoing = this.traceOf('->', 'Sent');
  }

  received(bytes: Buffer): void {
    this.inStep ||= this.parts.betweenFrames(this.connection);
    if (this.inStep) this.incoming.push(bytes);
  }

  sent(bytes: Buffer): void {
    this.outgoing.push(bytes);
  }

  private traceOf(arrow: '<-' | '->', verb: 'Received' | 'Sent'): FrameTrace {
    const { connection } = this;
    const { logs } = this.parts;
    const links = new Map<string, string>();
    return new FrameTrace({
      frame: (channel, frame) => {
        if (this.frames) logs.trace({ connection, channel }, `[C${connection}]:${channel} ${arrow} ${frame}`);
      },
      attach: (channel, attach) => {
        if (links.size === LINKS_NAMED_MAX) links.clear();
        links.set(`${channel}/${attach.handle}`, linkText(attach));
      },
      delivery: (channel, handle, start) => {
        const text = this.components.size === 0 ? undefined : textOf(start, this.components);
        const link = links.get(`${channel}/${handle}`) ?? `of handle ${handle}`;
        if (text !== undefined) {
          logs.of('MESSAGE').debug({ connection }, `[C${connection}]: ${verb} ${text} on link ${link}`);
        }
      },
    });
  }
}

function linkText({ name, source, target }: Attach): string {
  return `'${name}' (${source?.address ?? ''} -> ${target?.address ?? ''})`;
}

/** Undefined for a message whose head is malformed or does not come with its first frame. */
function textOf(start: Buffer, components: Components): string | undefined {
  try {
    const head = parseHead(start, 'application-properties') ?? parseHead(start, 'application-properties', true);
    return head && messageText(head, components);
  } catch (error) {
    if (error instanceof MessageError) return undefined;
    throw error;
  }
}
