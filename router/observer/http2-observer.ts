/**
 * The HTTP/2 exchanges of a connection: one a stream that the client opens (RFC 9113 section 8.1). An exchange ends when both
 * directions of its stream have ended, when the stream is reset, or with the connection. What a server pushes is not told.
 */
import { HeaderDecoder, type HeaderFields } from './hpack.ts';
import { firstForwarded } from './http1-lines.ts';
import { type FrameHandler, Http2Reader } from './http2-reader.ts';
import { STREAM_COUNT_MAX } from './limits.ts';
import type { ExchangeSink, HttpExchange, Observer } from './observer.ts';

interface Stream {
  readonly exchange: HttpExchange;
  told: boolean;
  requestComplete: boolean;
  responseComplete: boolean;
}

/** What both directions share. */
interface Streams {
  /** @returns undefined when there are too many */
  open(streamId: number, now: number): Stream | undefined;
  get(streamId: number): Stream | undefined;
  tell(stream: Stream): void;
  /** Ends the exchange when both directions have ended. */
  check(streamId: number, stream: Stream, now: number): void;
  reset(streamId: number, now: number): void;
}

export class Http2Observer implements Observer, Streams {
  gaveUp: string | undefined;
  private readonly sink: ExchangeSink;
  private readonly streams = new Map<number, Stream>();
  private readonly requests: Http2Reader;
  private readonly responses: Http2Reader;
  private lastStreamId = 0;
  private observing = false;
  private over = false;

  constructor(sink: ExchangeSink) {
    this.sink = sink;
    this.requests = new Http2Reader(new RequestFrames(this), true);
    this.responses = new Http2Reader(new ResponseFrames(this), false);
  }

  get active(): boolean {
    return !this.over && this.gaveUp === undefined;
  }

  get protocol(): 'http2' | undefined {
    return this.active && this.observing ? 'http2' : undefined;
  }

  /** The connection was HTTP/1 until this exchange, whose request was told whole and which goes on as stream 1. */
  upgraded(exchange: HttpExchange): void {
    exchange.protocol = PROTOCOL;
    exchange.streamId = UPGRADED_STREAM;
    this.lastStreamId = UPGRADED_STREAM;
    this.observing = true;
    this.streams.set(UPGRADED_STREAM, { exchange, told: true, requestComplete: true, responseComplete: false });
  }

  client(bytes: Buffer, now: number): void {
    this.feed(this.requests, bytes, now);
  }

  server(bytes: Buffer, now: number): void {
    this.feed(this.responses, bytes, now);
  }

  end(now: number): void {
    if (!this.active) return;
    this.over = true;
    this.endAll(now);
  }

  private feed(reader: Http2Reader, bytes: Buffer, now: number): void {
    if (!this.active) return;
    reader.read(bytes, now);
    this.gaveUp ??= reader.failure;
    if (this.gaveUp !== undefined) this.endAll(now);
  }

  private endAll(now: number): void {
    for (const streamId of [...this.streams.keys()]) this.reset(streamId, now);
  }

  // ---- Streams

  open(streamId: number, now: number): Stream | undefined {
    // A stream that is over may still hear from its client; it does not begin again.
    if (streamId <= this.lastStreamId || streamId % 2 === 0) return undefined;
    this.lastStreamId = streamId;
    this.observing = true;
    if (this.streams.size === STREAM_COUNT_MAX) {
      this.gaveUp = 'too many streams at once';
      return undefined;
    }
    const exchange = { protocol: PROTOCOL, streamId, startedAt: now, octets: 0, octetsReverse: 0 };
    const stream = { exchange, told: false, requestComplete: false, responseComplete: false };
    this.streams.set(streamId, stream);
    return stream;
  }

  get(streamId: number): Stream | undefined {
    return this.streams.get(streamId);
  }

  tell(stream: Stream): void {
    if (stream.told) return;
    stream.told = true;
    this.sink.began(stream.exchange);
  }

  check(streamId: number, stream: Stream, now: number): void {
    if (stream.requestComplete && stream.responseComplete) this.reset(streamId, now);
  }

  reset(streamId: number, now: number): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    this.streams.delete(streamId);
    this.tell(stream);
    stream.exchange.endedAt = now;
    this.sink.ended(stream.exchange);
  }
}

class RequestFrames implements FrameHandler {
  private readonly streams: Streams;
  private readonly decoder = new HeaderDecoder();

  constructor(streams: Streams) {
    this.streams = streams;
  }

  headersBegin(streamId: number, now: number): void {
    if (this.streams.get(streamId) === undefined) this.streams.open(streamId, now);
  }

  headers(streamId: number, block: Buffer, start: number, end: number, isLast: boolean, now: number): boolean {
    const fields = this.decoder.decode(block, start, end);
    const stream = this.streams.get(streamId);
    if (fields && stream) {
      // Trailers have no method.
      stream.exchange.method ??= fields.method;
      noteForwarded(stream.exchange, fields);
      this.streams.tell(stream);
      if (isLast) this.streamEnd(streamId, now);
    }
    return fields !== undefined;
  }

  promised(): boolean {
    return false;
  }

  data(streamId: number, octets: number): void {
    const stream = this.streams.get(streamId);
    if (stream) stream.exchange.octets += octets;
  }

  streamEnd(streamId: number, now: number): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    stream.requestComplete = true;
    this.streams.check(streamId, stream, now);
  }

  streamReset(streamId: number, now: number): void {
    this.streams.reset(streamId, now);
  }
}

class ResponseFrames implements FrameHandler {
  private readonly streams: Streams;
  private readonly decoder = new HeaderDecoder();

  constructor(streams: Streams) {
    this.streams = streams;
  }

  headersBegin(streamId: number, now: number): void {
    const exchange = this.streams.get(streamId)?.exchange;
    if (exchange && exchange.latencyMs === undefined) exchange.latencyMs = now - exchange.startedAt;
  }

  headers(streamId: number, block: Buffer, start: number, end: number, isLast: boolean, now: number): boolean {
    const fields = this.decoder.decode(block, start, end);
    const stream = this.streams.get(streamId);
    if (fields && stream) {
      // An interim response is not the result; trailers have no status.
      if (fields.status !== undefined && !fields.status.startsWith('1')) stream.exchange.result = fields.status;
      if (isLast) this.streamEnd(streamId, now);
    }
    return fields !== undefined;
  }

  promised(block: Buffer, start: number, end: number): boolean {
    return this.decoder.decode(block, start, end) !== undefined;
  }

  data(streamId: number, octets: number): void {
    const stream = this.streams.get(streamId);
    if (stream) stream.exchange.octetsReverse += octets;
  }

  streamEnd(streamId: number, now: number): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    stream.responseComplete = true;
    this.streams.check(streamId, stream, now);
  }

  streamReset(streamId: number, now: number): void {
    this.streams.reset(streamId, now);
  }
}

function noteForwarded(exchange: HttpExchange, { forwardedFor }: HeaderFields): void {
  if (forwardedFor === undefined || exchange.sourceHost !== undefined) return;
  const host = firstForwarded(forwardedFor);
  if (host !== '') exchange.sourceHost = host;
}

const PROTOCOL = 'HTTP/2';
const UPGRADED_STREAM = 1;
