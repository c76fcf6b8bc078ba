/**
 * Spans of links: one from the first try to reach the other router, after the start or a loss, until the link is up; each try that
 * failed is an event of it. Pure.
 */
import { isSampled, newSpanId, newTraceId } from '../../../lib/trace/context.ts';
import { OpenSpan, type SpanParts } from './open-span.ts';

/** Of one that is tried again and again, the first ones tell. */
const TRIES_TOLD_MAX = 16;

export interface LinkSpansParts extends SpanParts {
  /** Share of the links' ways up that are traced, 0 to 1. */
  ratio: number;
}

export interface LinkPlace {
  readonly host: string;
  readonly port: number | string;
}

export interface LinkUp extends LinkPlace {
  /** Id of the other router. */
  readonly peer: string;
  readonly cost: number;
}

export class LinkSpans {
  private readonly parts: LinkSpansParts;

  constructor(parts: LinkSpansParts) {
    this.parts = parts;
  }

  /** @returns undefined when it is not to be traced */
  begin(link: string): LinkSpan | undefined {
    const { random, ratio } = this.parts;
    const traceId = newTraceId(random);
    if (!isSampled(traceId, ratio)) return undefined;
    const span = new OpenSpan('link', 'client', { traceId }, newSpanId(random), this.parts);
    span.set({ 'skuprt.link': link });
    return new LinkSpan(span, this.parts.now);
  }
}

export class LinkSpan {
  private readonly span: OpenSpan;
  private readonly now: () => number;
  private failedCount = 0;
  private reason = '';

  constructor(span: OpenSpan, now: () => number) {
    this.span = span;
    this.now = now;
  }

  failed(reason: string): void {
    this.failedCount++;
    this.reason = reason;
    if (this.failedCount <= TRIES_TOLD_MAX) this.span.event(reason, this.now());
  }

  up({ host, port, peer, cost }: LinkUp): void {
    const place = { 'server.address': host, 'server.port': Number(port) };
    this.span.end({ ...place, 'skuprt.peer': peer, 'skuprt.cost': cost, 'skuprt.failed_tries': this.failedCount });
  }

  /** It is not wanted any more, and was never up. */
  givenUp(): void {
    const why = this.reason === '' ? 'taken away before it was up' : this.reason;
    this.span.end({ 'skuprt.failed_tries': this.failedCount }, why);
  }
}
