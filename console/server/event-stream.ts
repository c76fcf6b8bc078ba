/**
 * Server-sent events to one browser. A reader that takes what it is sent gets every event; while one is behind nothing more is queued for
 * it: what it misses waits as changes, once each, and is sent when it has caught up. Whoever takes nothing for long is cut off, so a reader
 * costs at most one picture of the network.
 */
import type { ServerResponse } from 'node:http';
import { LIMITS } from './limits.ts';
import { type Change, PendingChanges } from './pending-changes.ts';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // Proxies that gather answers would hold events back.
  'x-accel-buffering': 'no',
};

export interface EventStreamParts {
  response: ServerResponse;
  /** Further headers. */
  headers: Readonly<Record<string, string>>;
  /** What a change that waited is sent as. */
  changesText: (changes: readonly Change[]) => string;
  onEnd: () => void;
}

export class EventStream {
  readonly #parts: EventStreamParts;
  readonly #pending = new PendingChanges();
  #isBehind = false;
  /** When it last took something, and what waited then. */
  #tookAt: number;
  #waitingBytes = 0;
  #isOver = false;

  constructor(parts: EventStreamParts, now: number) {
    this.#parts = parts;
    this.#tookAt = now;
    const { response, headers } = parts;
    response.writeHead(200, { ...headers, ...HEADERS });
    response.on('drain', () => this.#drained());
    response.once('close', () => this.#over());
    response.once('error', () => this.#over());
    this.write(`retry: ${LIMITS.retryMs}\n\n`);
  }

  /** An event, whether the reader is behind or not: the first of a stream. */
  write(text: string): void {
    if (this.#isOver) return;
    if (!this.#parts.response.write(text)) this.#isBehind = true;
  }

  /** `text` says these changes; it is the same text for all readers that keep up. */
  changed(text: string, changes: readonly Change[]): void {
    if (this.#isBehind) this.#pending.add(changes);
    else this.write(text);
    if (this.#pending.count > LIMITS.streamPendingMax) this.cut();
  }

  /** Says that the connection lives; false when the reader has taken nothing for too long and was cut off. */
  heartbeat(now: number): boolean {
    if (this.#isOver) return true;
    const { writableLength } = this.#parts.response;
    const hasTaken = !this.#isBehind || writableLength < this.#waitingBytes;
    this.#waitingBytes = writableLength;
    if (hasTaken) this.#tookAt = now;
    if (!this.#isBehind) this.write(': \n\n');
    if (now - this.#tookAt < LIMITS.streamStalledMs) return true;
    this.cut();
    return false;
  }

  /** Ends it in order: the browser opens another one. */
  end(): void {
    this.#parts.response.end();
    this.#over();
  }

  /** Ends it at once: what was not taken is dropped. */
  cut(): void {
    this.#parts.response.destroy();
    this.#over();
  }

  #drained(): void {
    this.#isBehind = false;
    if (this.#pending.count > 0) this.write(this.#parts.changesText(this.#pending.take()));
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pending.take();
    this.#parts.onEnd();
  }
}

/** One event: its name and a value as JSON, which has no line breaks. */
export function eventText(name: string, json: string): string {
  return `event: ${name}\ndata: ${json}\n\n`;
}
