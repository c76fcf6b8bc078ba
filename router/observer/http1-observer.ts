/**
 * The HTTP/1 exchanges of a connection: requests and responses are paired in order, so pipelined ones too (RFC 9112 section 9.3).
 *
 * Interim responses (100, 103) end nothing; a response without a length lasts to the end of the connection; after 101, and after
 * CONNECT with 2xx, the exchange lasts as long as the connection and counts all its octets. An upgrade to `h2c` hands both
 * directions and the exchange to an HTTP/2 observer, as stream 1 (RFC 7540 section 3.2).
 */
import { type Conversation, type Pending, RequestSide, ResponseSide } from './http1-messages.ts';
import { FAILED, Http1Reader, SWITCHED } from './http1-reader.ts';
import { Http2Observer } from './http2-observer.ts';
import type { ExchangeSink, HttpExchange, Observer } from './observer.ts';

export class Http1Observer implements Observer, Conversation {
  gaveUp: string | undefined;
  readonly pending: Pending[] = [];
  private readonly sink: ExchangeSink;
  private readonly requests: Http1Reader;
  private readonly responses: Http1Reader;
  private observing = false;
  private over = false;
  /** After an upgrade. */
  private inner: Http2Observer | undefined;
  private tunnel: HttpExchange | undefined;

  constructor(sink: ExchangeSink) {
    this.sink = sink;
    this.requests = new Http1Reader(new RequestSide(this));
    this.responses = new Http1Reader(new ResponseSide(this));
  }

  get active(): boolean {
    return !this.over && this.gaveUp === undefined;
  }

  get protocol(): 'http1' | 'http2' | undefined {
    if (!this.active) return undefined;
    if (this.inner) return this.inner.protocol;
    return this.observing ? 'http1' : undefined;
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
    this.inner?.end(now);
    this.endAll(now);
  }

  private feed(reader: Http1Reader, bytes: Buffer, now: number): void {
    if (!this.active) return;
    reader.read(bytes, now);
    const failure = reader.failure ?? this.inner?.gaveUp;
    if (failure === undefined) return;
    this.gaveUp = failure;
    this.endAll(now);
  }

  private endAll(now: number): void {
    for (const pending of this.pending.splice(0)) this.endExchange(pending, now);
  }

  private endExchange(pending: Pending, now: number): void {
    this.tell(pending);
    pending.exchange.endedAt = now;
    this.sink.ended(pending.exchange);
  }

  // ---- Conversation

  requested(pending: Pending): void {
    this.observing = true;
    this.pending.push(pending);
  }

  tell(pending: Pending): void {
    if (pending.told) return;
    pending.told = true;
    this.sink.began(pending.exchange);
  }

  checkComplete(now: number): void {
    const first = this.pending[0];
    if (!first?.requestComplete || !first.responseComplete) return;
    this.pending.shift();
    this.endExchange(first, now);
  }

  /** Only a request that is complete, and the last, can have asked for another protocol. */
  switch(pending: Pending, toHttp2: boolean): number {
    if (!pending.requestComplete || !this.requests.idle || this.pending.length > 1) return FAILED;
    this.requests.switch();
    if (toHttp2) {
      this.pending.length = 0;
      this.inner = new Http2Observer(this.sink);
      this.inner.upgraded(pending.exchange);
    } else this.tunnel = pending.exchange;
    return SWITCHED;
  }

  switchedClient(bytes: Buffer, now: number): void {
    this.inner?.client(bytes, now);
    if (this.tunnel) this.tunnel.octets += bytes.length;
  }

  switchedServer(bytes: Buffer, now: number): void {
    this.inner?.server(bytes, now);
    if (this.tunnel) this.tunnel.octetsReverse += bytes.length;
  }
}
