/**
 * Traces of AMQP frames in the log: of all connections while module PROTOCOL is at debug, of one while its `enableProtocolTrace` is set.
 *
 * It may begin in the midst of a connection: what comes in is shown from the next frame that begins with a read. While nothing is traced a
 * connection pays one comparison a read and a write.
 */
import { FrameTrace } from '../telemetry/frame-trace.ts';
import type { RouterLog } from './router-log.ts';
import type { Transport } from './transport.ts';

export interface ConnectionTrace {
  received(bytes: Buffer): void;
  sent(bytes: Buffer): void;
}

export interface ProtocolTraceParts {
  logs: RouterLog;
  transports: ReadonlyMap<number, Transport>;
  /** Whether what is read next of a connection begins a frame. */
  betweenFrames(connection: number): boolean;
}

export class ProtocolTrace {
  private readonly parts: ProtocolTraceParts;
  private all = false;
  private readonly chosen = new Set<number>();

  constructor(parts: ProtocolTraceParts) {
    this.parts = parts;
    parts.logs.changed = () => this.setAll(parts.logs.isEnabled('PROTOCOL', 'debug'));
    parts.logs.changed();
  }

  /** Of a connection that has just been made. */
  made(connection: number): ConnectionTrace | undefined {
    return this.all ? this.traceOf(connection, true) : undefined;
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
    this.show(connection, transport);
  }

  private setAll(on: boolean): void {
    if (on === this.all) return;
    this.all = on;
    for (const [id, transport] of this.parts.transports) this.show(id, transport);
  }

  private show(connection: number, transport: Transport): void {
    if (!this.all && !this.chosen.has(connection)) transport.trace = undefined;
    else transport.trace ??= this.traceOf(connection, false);
  }

  private traceOf(connection: number, fresh: boolean): ConnectionTrace {
    const { logs, betweenFrames } = this.parts;
    const teller = (arrow: '<-' | '->') =>
      new FrameTrace((channel, frame) =>
        logs.trace({ connection, channel }, `[C${connection}]:${channel} ${arrow} ${frame}`),
      );
    const received = teller('<-');
    const sent = teller('->');
    let inStep = fresh;
    return {
      received: (bytes) => {
        inStep ||= betweenFrames(connection);
        if (inStep) received.push(bytes);
      },
      sent: (bytes) => sent.push(bytes),
    };
  }
}
