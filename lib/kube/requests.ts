/** Requests to an API server: timed, counted, a bounded number at once, tried again where that is safe. */

import type { WebSocket } from 'ws';
import { Backoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { SkuprtError } from '../errors.ts';
import type { Random } from '../random.ts';
import { linkedTo, pause } from './abort.ts';
import {
  ApiAnswerError,
  ApiError,
  ApiForbiddenError,
  type ApiStatus,
  ApiTimedOutError,
  ApiUnauthorizedError,
  ApiUnreachableError,
  connectionError,
} from './errors.ts';
import { Limiter } from './limiter.ts';
import { PortForwardError } from './port-forward.ts';
import type { HttpAnswer, Transport } from './transport.ts';
import { type WatchEvent, WatchLines } from './watch-lines.ts';

export interface CallOptions {
  signal?: AbortSignal;
  /** For each try, until the last byte of the answer. */
  timeoutMs?: number;
  /** How often a call that may be repeated is tried again. */
  retryCountMax?: number;
  /** Doing it twice is doing it once; known for each verb. */
  isIdempotent?: boolean;
}

export interface Call {
  /** As rights name it: get list watch create update patch delete; and apply. */
  verb: string;
  kind: string;
  method: string;
  /** With the query. */
  path: string;
  /** For messages: `apply Service backend in namespace west`. */
  what: string;
  /** The right that it takes: `list pods in namespace west`. */
  right?: string;
  body?: object;
  contentType?: string;
}

/** Told of each answer, and of each call that got none (code 0). */
export interface ApiObserver {
  request(verb: string, kind: string, code: number, durationMs: number): void;
}

export interface RequestsParts {
  transport: Transport;
  clock: Clock;
  random: Random;
  observer?: ApiObserver;
  /** Calls at once beside watches; 32 when absent. */
  inFlightMax?: number;
  userAgent?: string;
}

const IN_FLIGHT_MAX = 32;
const TIMEOUT_MS = 30_000;
const RETRY_COUNT_MAX = 4;
const RETRY_INITIAL_MS = 100;
const RETRY_MAX_MS = 2000;
/** A server that wants to be left alone for longer gets an error to the caller instead. */
const RETRY_AFTER_MAX_MS = 10_000;
/** More than any list page or log that is asked for. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

export class Requests {
  private readonly parts: RequestsParts;
  private readonly limiter: Limiter;

  constructor(parts: RequestsParts) {
    this.parts = parts;
    this.limiter = new Limiter(parts.inFlightMax ?? IN_FLIGHT_MAX);
  }

  get server(): string {
    return this.parts.transport.server;
  }

  /** An open WebSocket. @throws PortForwardError, ApiUnreachableError */
  async webSocket(path: string, protocol: string): Promise<WebSocket> {
    const { transport } = this.parts;
    if (transport.webSocket === undefined) throw new PortForwardError('there are no WebSockets this way');
    return await transport.webSocket(path, protocol);
  }

  async json(call: Call, options?: CallOptions): Promise<unknown> {
    const text = await this.text(call, options);
    try {
      return JSON.parse(text);
    } catch {
      throw new ApiAnswerError(call.what, 'it is not JSON');
    }
  }

  /** The body of a successful answer. */
  async text(call: Call, options: CallOptions = {}): Promise<string> {
    const { clock, random, transport } = this.parts;
    const { signal, retryCountMax = RETRY_COUNT_MAX } = options;
    const backoff = new Backoff(random, { initialMs: RETRY_INITIAL_MS, maxMs: RETRY_MAX_MS });
    let isRenewed = false;
    for (;;) {
      const startMs = clock.now();
      try {
        return await this.limiter.run(() => this.attempt(call, options));
      } catch (error) {
        this.count(call, error instanceof ApiError ? error.status : 0, startMs);
        signal?.throwIfAborted();
        if (error instanceof ApiUnauthorizedError && !isRenewed) {
          isRenewed = true;
          transport.renew();
          continue;
        }
        if (backoff.attemptCount >= retryCountMax || !mayRetry(call, options, error)) throw error;
        const askedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
        if (askedMs > RETRY_AFTER_MAX_MS) throw error;
        await pause(Math.max(askedMs, backoff.nextMs()), signal);
        signal?.throwIfAborted();
      }
    }
  }

  /** Batches of events as they come. `timeoutMs` is for the head of the answer. */
  async *watch(call: Call, options: CallOptions & { signal: AbortSignal }): AsyncGenerator<WatchEvent[]> {
    const { clock } = this.parts;
    const startMs = clock.now();
    const linked = linkedTo(options.signal);
    let code = 0;
    try {
      const answer = await this.head(call, linked, options.timeoutMs ?? TIMEOUT_MS);
      code = answer.status;
      this.count(call, code, startMs);
      if (answer.status >= 300) throw await this.refusal(call, answer);
      const lines = new WatchLines(call.what);
      for await (const chunk of answer.body) {
        const events = lines.read(chunk);
        if (events.length > 0) yield events;
      }
    } catch (error) {
      if (code === 0) this.count(call, code, startMs);
      throw error;
    } finally {
      linked.abort();
      linked.unlink();
    }
  }

  close(): void {
    this.parts.transport.close();
  }

  private async attempt(call: Call, options: CallOptions): Promise<string> {
    const startMs = this.parts.clock.now();
    const { timeoutMs = TIMEOUT_MS } = options;
    const linked = linkedTo(options.signal);
    const timer = setTimeout(() => linked.abort(new ApiTimedOutError(this.server, call.what, timeoutMs)), timeoutMs);
    try {
      const answer = await this.send(call, linked.signal);
      if (answer.status >= 300) throw await this.refusal(call, answer);
      const text = await readText(answer, call);
      this.count(call, answer.status, startMs);
      return text;
    } catch (error) {
      // What a socket says of its end is less than why we ended it.
      throw linked.signal.aborted ? (linked.signal.reason as unknown) : error;
    } finally {
      clearTimeout(timer);
      linked.unlink();
    }
  }

  private async head(call: Call, linked: ReturnType<typeof linkedTo>, timeoutMs: number): Promise<HttpAnswer> {
    const timer = setTimeout(() => linked.abort(new ApiTimedOutError(this.server, call.what, timeoutMs)), timeoutMs);
    try {
      return await this.send(call, linked.signal);
    } catch (error) {
      throw linked.signal.aborted ? (linked.signal.reason as unknown) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  private async send({ method, path, body, contentType }: Call, signal: AbortSignal): Promise<HttpAnswer> {
    const { transport, userAgent = 'skuprt' } = this.parts;
    const headers: Record<string, string> = { accept: 'application/json', 'user-agent': userAgent };
    if (body !== undefined) headers['content-type'] = contentType ?? 'application/json';
    try {
      return await transport.send({
        method,
        path,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
      });
    } catch (error) {
      throw error instanceof SkuprtError || signal.aborted ? error : connectionError(this.server, error);
    }
  }

  private async refusal(call: Call, answer: HttpAnswer): Promise<ApiError> {
    const text = await readText(answer, call);
    const body = statusOf(text) ?? { message: text.slice(0, 200).trim() };
    const { status } = answer;
    if (status === 401) {
      return new ApiUnauthorizedError(
        call.what,
        status,
        body,
        undefined,
        'log in to the cluster again, or use another context',
      );
    }
    if (status === 403) {
      const next = `ask an administrator of the cluster for the right to ${call.right ?? call.what}`;
      return new ApiForbiddenError(call.what, status, body, undefined, next);
    }
    return new ApiError(call.what, status, body, retryAfterMsOf(answer, body));
  }

  private count({ verb, kind }: Call, code: number, startMs: number): void {
    this.parts.observer?.request(verb, kind, code, this.parts.clock.now() - startMs);
  }
}

const REPEATABLE = new Set(['get', 'list', 'update', 'patch', 'apply', 'delete']);

function mayRetry(call: Call, options: CallOptions, error: unknown): boolean {
  const isIdempotent = options.isIdempotent ?? REPEATABLE.has(call.verb);
  if (error instanceof ApiError)
    return error.isTooManyRequests || (isIdempotent && error.isServerFault && error.status !== 501);
  if (error instanceof ApiUnreachableError) return isIdempotent || error.isUnsent;
  return false;
}

function statusOf(text: string): ApiStatus | undefined {
  try {
    const body = JSON.parse(text) as ApiStatus & { kind?: string };
    return body?.kind === 'Status' ? body : undefined;
  } catch {
    return undefined;
  }
}

function retryAfterMsOf({ headers }: HttpAnswer, body: ApiStatus): number | undefined {
  const seconds = Number(headers['retry-after'] ?? body.details?.retryAfterSeconds);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

async function readText({ body }: HttpAnswer, { what }: Call): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX) throw new ApiAnswerError(what, 'it does not end');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
