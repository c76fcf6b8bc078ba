/** What the two directions of an HTTP/1 connection make of their messages: requests begin exchanges, responses complete them. */
import {
  firstForwarded,
  headerValueStart,
  mayBeRequestLine,
  mayBeStatusLine,
  parseDigits,
  parseRequestLine,
  parseStatusLine,
  trimmedEnd,
} from './http1-lines.ts';
import { CHUNKED, FAILED, type MessageHandler, UNTIL_END } from './http1-reader.ts';
import { PIPELINED_REQUEST_COUNT_MAX } from './limits.ts';
import type { HttpExchange } from './observer.ts';

/** A request and what has come of it so far. */
export interface Pending {
  readonly exchange: HttpExchange;
  /** Its beginning has been told. */
  told: boolean;
  requestComplete: boolean;
  responseComplete: boolean;
  readonly isHead: boolean;
  readonly isConnect: boolean;
}

/** What both directions share. */
export interface Conversation {
  /** Requests that are not complete or not answered, the first one first. */
  readonly pending: readonly Pending[];
  requested(pending: Pending): void;
  tell(pending: Pending): void;
  checkComplete(now: number): void;
  /** The response to this request is the last message. @returns SWITCHED or FAILED */
  switch(pending: Pending, toHttp2: boolean): number;
  switchedClient(bytes: Buffer, now: number): void;
  switchedServer(bytes: Buffer, now: number): void;
}

export class RequestSide implements MessageHandler {
  readonly mayStart = mayBeRequestLine;
  private readonly conversation: Conversation;
  private readonly framing = new Framing();
  private startedAt = 0;
  private current: Pending | undefined;
  private forwarded = false;

  constructor(conversation: Conversation) {
    this.conversation = conversation;
  }

  begin(now: number): void {
    this.startedAt = now;
  }

  startLine(bytes: Buffer, start: number, end: number): boolean {
    const line = parseRequestLine(bytes, start, end);
    if (line === undefined || this.conversation.pending.length === PIPELINED_REQUEST_COUNT_MAX) return false;
    this.current = {
      exchange: {
        protocol: line.protocol,
        method: line.method,
        startedAt: this.startedAt,
        octets: 0,
        octetsReverse: 0,
      },
      told: false,
      requestComplete: false,
      responseComplete: false,
      isHead: line.method === 'HEAD',
      isConnect: line.method === 'CONNECT',
    };
    this.conversation.requested(this.current);
    this.forwarded = false;
    this.framing.reset();
    return true;
  }

  header(bytes: Buffer, start: number, end: number): boolean {
    if (!this.forwarded && firstLetter(bytes, start) === LETTER_X) {
      const value = headerValueStart(bytes, start, end, 'x-forwarded-for');
      if (value < 0) return true;
      this.forwarded = true;
      const host = firstForwarded(bytes.toString('latin1', value, end));
      if (host !== '' && this.current) this.current.exchange.sourceHost = host;
      return true;
    }
    return this.framing.read(bytes, start, end);
  }

  headEnd(): number {
    if (this.current) this.conversation.tell(this.current);
    if (this.framing.coded) return this.framing.chunked ? CHUNKED : FAILED;
    return this.framing.length ?? 0;
  }

  body(octets: number): void {
    if (this.current) this.current.exchange.octets += octets;
  }

  complete(now: number): void {
    if (this.current) this.current.requestComplete = true;
    this.current = undefined;
    this.conversation.checkComplete(now);
  }

  switched(bytes: Buffer, now: number): void {
    this.conversation.switchedClient(bytes, now);
  }
}

export class ResponseSide implements MessageHandler {
  readonly mayStart = mayBeStatusLine;
  private readonly conversation: Conversation;
  private readonly framing = new Framing();
  private current: Pending | undefined;
  private status = 0;
  private toHttp2 = false;

  constructor(conversation: Conversation) {
    this.conversation = conversation;
  }

  begin(now: number): void {
    this.current = this.conversation.pending[0];
    const exchange = this.current?.exchange;
    if (exchange && exchange.latencyMs === undefined) exchange.latencyMs = now - exchange.startedAt;
  }

  startLine(bytes: Buffer, start: number, end: number): boolean {
    const line = parseStatusLine(bytes, start, end);
    if (line === undefined || this.current === undefined || this.current.responseComplete) return false;
    this.conversation.tell(this.current);
    this.status = line.status;
    this.toHttp2 = false;
    if (line.status >= 200 || line.status === SWITCHING_PROTOCOLS) {
      this.current.exchange.result = String(line.status);
      this.current.exchange.reason = line.reason;
    }
    this.framing.reset();
    return true;
  }

  header(bytes: Buffer, start: number, end: number): boolean {
    if (this.status === SWITCHING_PROTOCOLS && firstLetter(bytes, start) === LETTER_U) {
      const value = headerValueStart(bytes, start, end, 'upgrade');
      if (value >= 0)
        this.toHttp2 = bytes.toString('latin1', value, trimmedEnd(bytes, value, end)).toLowerCase() === 'h2c';
      return true;
    }
    return this.framing.read(bytes, start, end);
  }

  headEnd(): number {
    const { current, status, framing } = this;
    if (current === undefined) return FAILED;
    const isTunnel = current.isConnect && status >= 200 && status < 300;
    if (isTunnel || status === SWITCHING_PROTOCOLS) return this.conversation.switch(current, this.toHttp2);
    if (status < 200 || status === 204 || status === 304 || current.isHead) return 0;
    if (framing.coded) return framing.chunked ? CHUNKED : UNTIL_END;
    return framing.length ?? UNTIL_END;
  }

  body(octets: number): void {
    if (this.current) this.current.exchange.octetsReverse += octets;
  }

  complete(now: number): void {
    // An interim response is not the last.
    if (this.current && this.status >= 200) this.current.responseComplete = true;
    this.current = undefined;
    this.conversation.checkComplete(now);
  }

  switched(bytes: Buffer, now: number): void {
    this.conversation.switchedServer(bytes, now);
  }
}

/** What headers say of the length of the body that follows (RFC 9112 section 6.3). */
class Framing {
  length: number | undefined;
  coded = false;
  chunked = false;

  reset(): void {
    this.length = undefined;
    this.coded = false;
    this.chunked = false;
  }

  /** Looks at the first letter first, where most headers end. @returns false when a length cannot be read */
  read(bytes: Buffer, start: number, end: number): boolean {
    const letter = firstLetter(bytes, start);
    if (letter === LETTER_C) {
      const at = headerValueStart(bytes, start, end, 'content-length');
      if (at < 0) return true;
      const length = parseDigits(bytes, at, trimmedEnd(bytes, at, end));
      if (length === undefined || (this.length !== undefined && this.length !== length)) return false;
      this.length = length;
    } else if (letter === LETTER_T) {
      const at = headerValueStart(bytes, start, end, 'transfer-encoding');
      if (at < 0) return true;
      this.coded = true;
      // The last coding decides.
      this.chunked = /(^|[,\s])chunked$/i.test(bytes.toString('latin1', at, trimmedEnd(bytes, at, end)));
    }
    return true;
  }
}

function firstLetter(bytes: Buffer, start: number): number {
  return (bytes[start] as number) | 0x20;
}

const SWITCHING_PROTOCOLS = 101;
const LETTER_C = 0x63;
const LETTER_T = 0x74;
const LETTER_U = 0x75;
const LETTER_X = 0x78;
