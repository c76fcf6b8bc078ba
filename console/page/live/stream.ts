/**
 * A stream of server-sent events that is opened again whenever it ends. Read with `fetch`, since `EventSource` neither tells why a server
 * refuses nor notices a connection that has fallen silent.
 */
import { EventParser, type ServerEvent } from './event-parser.ts';

/** The server says something every 10 s. */
const SILENT_MS = 25_000;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 10_000;

export type StreamStatus = 'connecting' | 'live' | 'lost' | 'refused';

export interface StreamHandlers {
  onEvent(event: ServerEvent): void;
  onStatus(status: StreamStatus): void;
}

export class Stream {
  readonly #url: string;
  readonly #handlers: StreamHandlers;
  #abort: AbortController | undefined;
  #timer = 0;
  #retryMs = RETRY_MS_MIN;

  constructor(url: string, handlers: StreamHandlers) {
    this.#url = url;
    this.#handlers = handlers;
  }

  start(): void {
    if (this.#abort !== undefined) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.#handlers.onStatus('connecting');
    this.#read(abort).then(
      (isRefused) => this.#ended(abort, isRefused),
      () => this.#ended(abort, false),
    );
  }

  stop(): void {
    const abort = this.#abort;
    this.#abort = undefined;
    clearTimeout(this.#timer);
    abort?.abort();
  }

  #ended(abort: AbortController, isRefused: boolean): void {
    // Also when it was cut off because it fell silent.
    clearTimeout(this.#timer);
    abort.abort();
    if (this.#abort !== abort) return;
    this.#abort = undefined;
    this.#handlers.onStatus(isRefused ? 'refused' : 'lost');
    if (isRefused) return;
    this.#timer = window.setTimeout(() => this.start(), this.#retryMs);
    this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
  }

  /** True when the server wants to know first who asks. */
  async #read(abort: AbortController): Promise<boolean> {
    this.#watch(abort);
    const answer = await fetch(this.#url, { signal: abort.signal, headers: { accept: 'text/event-stream' } });
    if (answer.status === 401) return true;
    if (!answer.ok || answer.body === null) return false;
    const parser = new EventParser();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      if (this.#abort !== abort) return false;
      this.#watch(abort);
      for (const event of parser.receive(chunk.value)) {
        this.#retryMs = RETRY_MS_MIN;
        this.#handlers.onEvent(event);
        this.#handlers.onStatus('live');
      }
    }
    return false;
  }

  #watch(abort: AbortController): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => abort.abort(), SILENT_MS);
  }
}
