/**
 * Which trace something belongs to: the W3C Trace Context as one text (`traceparent`), as it travels in the heads of streams, in
 * environments and in logs. Pure.
 */

export interface TraceContext {
  /** 32 hexadecimal digits, not all 0. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all 0: the span in which what follows happens. */
  readonly spanId: string;
  /** Who began the trace keeps it, and asks the others to do so. */
  readonly sampled: boolean;
  /** The span is one of another process. */
  readonly isRemote?: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;
/** Longer than any version known needs. */
const LENGTH_MAX = 128;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);

/** Undefined when it is none. A later version may say more behind what is known of this one. */
export function parseTraceparent(text: string): TraceContext | undefined {
  if (text.length > LENGTH_MAX) return undefined;
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  return { traceId: traceId!, spanId: spanId!, sampled: (Number.parseInt(flags!, 16) & SAMPLED) !== 0 };
}

export function traceparentOf({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

/** @param random uniform in [0, 1) */
export function newTraceId(random: () => number): string {
  return newSpanId(random) + newSpanId(random);
}

/** Never all 0. @param random uniform in [0, 1) */
export function newSpanId(random: () => number): string {
  const high = Math.floor(random() * 2 ** 32);
  const low = 1 + Math.floor(random() * (2 ** 32 - 1));
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

/**
 * Whether a new trace is kept, by its id alone, as OpenTelemetry's TraceIdRatioBased does it: all that see the trace agree.
 * @param ratio from 0 to 1
 */
export function isSampled(traceId: string, ratio: number): boolean {
  if (ratio >= 1) return true;
  if (!(ratio > 0)) return false;
  let folded = 0;
  for (let at = 0; at < traceId.length; at += 8) folded ^= Number.parseInt(traceId.slice(at, at + 8), 16);
  return folded >>> 0 < Math.floor(ratio * 0xffffffff);
}
