/**
 * Tells HTTP/2 with prior knowledge from HTTP/1 by the client's first octets, and hands the connection to the observer of that.
 * Nothing of the client is kept: as long as it is undecided, its octets are those of the preface. A server that speaks first is
 * waited for only if what it says may be HTTP/2 settings.
 */
import { HeldBytes } from './held-bytes.ts';
import { Http1Observer } from './http1-observer.ts';
import { Http2Observer } from './http2-observer.ts';
import { PREFACE } from './http2-reader.ts';
import { SERVER_BYTES_HELD_MAX } from './limits.ts';
import type { ExchangeSink, Observer } from './observer.ts';

export class AutoObserver implements Observer {
  private readonly sink: ExchangeSink;
  private inner: Observer | undefined;
  private failure: string | undefined;
  private over = false;
  /** Octets of the preface that have come. */
  private matched = 0;
  private readonly held = new HeldBytes(SERVER_BYTES_HELD_MAX);

  constructor(sink: ExchangeSink) {
    this.sink = sink;
  }

  get active(): boolean {
    return !this.over && this.gaveUp === undefined;
  }

  get protocol(): 'http1' | 'http2' | undefined {
    return this.inner?.protocol;
  }

  get gaveUp(): string | undefined {
    return this.failure ?? this.inner?.gaveUp;
  }

  client(bytes: Buffer, now: number): void {
    if (!this.active) return;
    if (this.inner) {
      this.inner.client(bytes, now);
      return;
    }
    const had = this.matched;
    const stop = Math.min(bytes.length, PREFACE.length - had);
    let at = 0;
    while (at < stop && bytes[at] === PREFACE[had + at]) at++;
    this.matched = had + at;
    if (this.matched === PREFACE.length) this.decide(new Http2Observer(this.sink), had, bytes, now);
    else if (at < stop) this.decide(new Http1Observer(this.sink), had, bytes, now);
  }

  server(bytes: Buffer, now: number): void {
    if (!this.active) return;
    if (this.inner) {
      this.inner.server(bytes, now);
      return;
    }
    const type = FRAME_TYPE_AT - this.held.length;
    if (type >= 0 && type < bytes.length && bytes[type] !== SETTINGS) this.failure = 'the server speaks first';
    else if (!this.held.add(bytes, 0, bytes.length)) this.failure = 'the server says too much before the client';
    if (this.failure !== undefined) this.held.take();
  }

  end(now: number): void {
    if (!this.active) return;
    this.over = true;
    this.inner?.end(now);
  }

  private decide(observer: Observer, had: number, bytes: Buffer, now: number): void {
    this.inner = observer;
    if (had > 0) observer.client(PREFACE.subarray(0, had), now);
    observer.client(bytes, now);
    const first = this.held.take();
    if (first.length > 0) observer.server(first, now);
  }
}

/** Of an HTTP/2 frame. */
const FRAME_TYPE_AT = 3;
const SETTINGS = 4;
