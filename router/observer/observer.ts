/**
 * Observers: what HTTP exchanges pass over a TCP connection, told from its octets in both directions. They only look on: not an
 * octet is changed, held up or asked for, and what they cannot follow they leave alone for the rest of the connection.
 *
 * Invariants: each exchange begins once and ends once, `began` before `ended`; the fields of an exchange may be filled and changed
 * until it has ended; bodies are counted and never looked at; memory is bounded by `limits.ts`, whatever comes.
 * Wire reference 6.9 (`observer` of a tcpListener) and 10.5 (BIFLOW_APP).
 */
import { AutoObserver } from './auto-observer.ts';
import { mayBeRequestLine, parseRequestLine } from './http1-lines.ts';
import { Http1Observer } from './http1-observer.ts';
import { Http2Observer } from './http2-observer.ts';
import { PREFACE } from './http2-reader.ts';

export type ObserverKind = 'none' | 'auto' | 'http1' | 'http2';

export type HttpProtocol = 'http1' | 'http2';

/** A request and its response. Times are those of the calls of the observer, in ms. */
export interface HttpExchange {
  /** `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`; of a connection that was upgraded to HTTP/2, this one changes. */
  protocol: string;
  method?: string;
  /** Status code. */
  result?: string;
  reason?: string;
  streamId?: number;
  /** First address of the first X-Forwarded-For. */
  sourceHost?: string;
  startedAt: number;
  endedAt?: number;
  /** From the request's first octet to the response's first. */
  latencyMs?: number;
  /** Of the request's body; of an upgraded connection or a tunnel, all that follows too. */
  octets: number;
  /** Of the response's body. */
  octetsReverse: number;
}

export interface ExchangeSink {
  began(exchange: HttpExchange): void;
  ended(exchange: HttpExchange): void;
}

export interface Observer {
  /** Octets from the client. */
  client(bytes: Buffer, now: number): void;
  /** Octets from the server. */
  server(bytes: Buffer, now: number): void;
  /** The connection is over: so are the exchanges that are left. */
  end(now: number): void;
  /** False: it has given up, since this is not HTTP or a limit was met; what was open has ended. Feed no more. */
  readonly active: boolean;
  /** Undefined while it cannot tell, and when it has given up. */
  readonly protocol: HttpProtocol | undefined;
  /** Why it has given up, in words for a log. */
  readonly gaveUp: string | undefined;
}

/**
 * @param alpn what TLS agreed on with the client (`http/1.1`, `h2`), which spares `auto` the guess
 * @returns undefined for `none`
 */
export function makeObserver(kind: ObserverKind, sink: ExchangeSink, alpn?: string): Observer | undefined {
  if (kind === 'none') return undefined;
  if (kind === 'http1' || (kind === 'auto' && alpn === 'http/1.1')) return new Http1Observer(sink);
  if (kind === 'http2' || alpn === 'h2') return new Http2Observer(sink);
  return new AutoObserver(sink);
}

/**
 * What a client speaks that begins so, for those who only count connections: a look at one read, and nothing is kept.
 * @param first what was read first from the client
 */
export function guessProtocol(kind: ObserverKind, first: Buffer): HttpProtocol | undefined {
  if (kind === 'none') return undefined;
  const length = Math.min(first.length, PREFACE.length);
  if (length > 2 && first.compare(PREFACE, 0, length, 0, length) === 0) return kind === 'http1' ? undefined : 'http2';
  if (kind === 'http2') return undefined;
  const lf = first.indexOf(0x0a);
  if (lf < 0) return mayBeRequestLine(first, 0, first.length) ? 'http1' : undefined;
  const end = lf > 0 && first[lf - 1] === 0x0d ? lf - 1 : lf;
  return parseRequestLine(first, 0, end) === undefined ? undefined : 'http1';
}
