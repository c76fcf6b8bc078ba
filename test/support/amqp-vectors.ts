/**
 * Frames captured between skupper-router processes: one protocol header or frame a line, heartbeats left out (vectors/*.jsonl).
 */
import { readFileSync } from 'node:fs';

export interface Capture {
  readonly file: string;
  readonly connection: number;
  readonly lines: readonly CapturedLine[];
}

export interface CapturedLine {
  readonly from: 'connector' | 'listener';
  readonly octets: Buffer;
}

/** One capture for each connection of each file. */
export function captures(): Capture[] {
  const found: Capture[] = [];
  for (const file of ['pair', 'chain', 'edge']) {
    const text = readFileSync(new URL(`vectors/${file}.jsonl`, import.meta.url), 'utf8');
    const byConnection = new Map<number, CapturedLine[]>();
    for (const line of text.trim().split('\n')) {
      const { conn, from, frame } = JSON.parse(line) as { conn: number; from: CapturedLine['from']; frame: string };
      const lines = byConnection.get(conn) ?? [];
      byConnection.set(conn, lines);
      lines.push({ from, octets: Buffer.from(frame, 'hex') });
    }
    for (const [connection, lines] of byConnection) found.push({ file, connection, lines });
  }
  return found;
}

/** The captured AMQP frames with a body. */
export function capturedFrames(): Buffer[] {
  return captures()
    .flatMap((capture) => capture.lines.map((line) => line.octets))
    .filter((octets) => octets.readUInt32BE(0) !== 0x414d5150 && octets.length > 8);
}
