/**
 * A relay between two routers on a plain link that writes down the AMQP frames it passes on, as evidence when a test
 * fails. It decodes with our value codec but not with the engine, so a fault of the engine cannot hide itself.
 */
import { connect as connectSocket } from 'node:net';
import { descriptors } from '../../router/amqp/codec/performatives.ts';
import { decodeValue, Reader } from '../../router/amqp/codec/reader.ts';
import { type Typed, toPlain } from '../../router/amqp/codec/value.ts';
import { type Listening, listen } from './tcp.ts';

const HEADER_BYTES = 8;
const nameOf = new Map<number, string>(Object.entries(descriptors).map(([name, code]) => [code, name]));

export class FrameCapture {
  /**
   * `milliseconds connection direction channel performative[fields] +payload octets`, in the order of arrival within a
   * connection's direction. Heartbeats are left out; a run of equal frames is one line that says how many more came.
   */
  readonly lines: string[];
  readonly port: number;
  private readonly listening: Listening;

  private constructor(listening: Listening, lines: string[]) {
    this.listening = listening;
    this.port = listening.port;
    this.lines = lines;
  }

  /** Listens for the dialling router and dials the accepting one. */
  static async start(targetPort: number): Promise<FrameCapture> {
    const lines: string[] = [];
    const startMs = performance.now();
    let connectionCount = 0;
    const listening = await listen((dialled) => {
      const connection = ++connectionCount;
      const accepting = connectSocket({ host: '127.0.0.1', port: targetPort, noDelay: true });
      for (const [from, to, direction] of [
        [dialled, accepting, '>>'],
        [accepting, dialled, '<<'],
      ] as const) {
        let last = { text: '', index: -1, more: 0 };
        const note = (text: string): void => {
          if (text === last.text) last.more += 1;
          else last = { text, index: lines.length, more: 0 };
          const repeated = last.more === 0 ? '' : ` and ${last.more} more`;
          const atMs = last.more === 0 ? (performance.now() - startMs).toFixed(1) : lines[last.index]?.split(' ')[0];
          lines[last.index] = `${atMs} c${connection} ${direction} ${text}${repeated}`;
        };
        const splitter = new FrameSplitter(note);
        from.on('data', (chunk: Buffer) => splitter.accept(chunk));
        from.on('error', (error) => note(error.message));
        from.on('close', () => to.destroy());
        from.pipe(to);
      }
    });
    return new FrameCapture(listening, lines);
  }

  close(): Promise<void> {
    return this.listening.close();
  }
}

/** Cuts a stream into protocol headers and frames. */
class FrameSplitter {
  private pending = Buffer.alloc(0);
  private readonly note: (text: string) => void;

  constructor(note: (text: string) => void) {
    this.note = note;
  }

  accept(chunk: Buffer): void {
    this.pending = Buffer.concat([this.pending, chunk]);
    while (this.pending.length >= HEADER_BYTES) {
      const isHeader = this.pending.toString('latin1', 0, 4) === 'AMQP';
      const length = isHeader ? HEADER_BYTES : this.pending.readUInt32BE(0);
      if (this.pending.length < length || length < HEADER_BYTES) return;
      const frame = this.pending.subarray(0, length);
      if (isHeader) this.note(`header ${frame.toString('hex', 4)}`);
      else if (length > HEADER_BYTES) this.note(describeFrame(frame));
      this.pending = this.pending.subarray(length);
    }
  }
}

function describeFrame(frame: Buffer): string {
  const channel = `ch${frame.readUInt16BE(6)}`;
  const reader = new Reader(frame, frame.readUInt8(4) * 4);
  try {
    const performative = decodeValue(reader);
    const payload = reader.remaining > 0 ? ` +${reader.remaining}` : '';
    return `${channel} ${describeValue(performative)}${payload}`;
  } catch (error) {
    return `${channel} undecodable (${String(error)}) ${frame.toString('hex')}`;
  }
}

function describeValue(typed: Typed): string {
  if (typed.type === 'null') return '-';
  if (typed.type === 'list' || typed.type === 'array') return `[${typed.value.map(describeValue).join(' ')}]`;
  if (typed.type === 'map')
    return `{${typed.value.map(([k, v]) => `${describeValue(k)}=${describeValue(v)}`).join(' ')}}`;
  if (typed.type === 'described') {
    const code = Number(toPlain(typed.descriptor));
    return `${nameOf.get(code) ?? `0x${code.toString(16)}`}${describeValue(typed.value)}`;
  }
  const plain = toPlain(typed);
  return Buffer.isBuffer(plain) ? `x'${plain.toString('hex', 0, 16)}'` : String(plain);
}
