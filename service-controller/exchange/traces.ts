/**
 * What led to changes of services, as it goes along with an update: `traces`, the W3C traceparent by service. It is for who exports spans, and
 * no part of what is told: not in the set or its hash, not told again to who asks, and of no effect when it is not as it should be. Pure.
 */
import { LIMITS } from './limits.ts';

/** By `serviceKey`. */
export type Traces = ReadonlyMap<string, string>;

/** Until they are taken; those that are too many are left out. */
export class TraceNotes {
  private notes = new Map<string, string>();

  add(traces: Iterable<readonly [key: string, trace: string]>): void {
    for (const [key, trace] of traces) {
      if (this.notes.has(key) || this.notes.size < LIMITS.traceCountMax) this.notes.set(key, trace);
    }
  }

  take(): Traces {
    const taken = this.notes;
    this.notes = new Map();
    return taken;
  }
}

/** Those of an update of another cluster that are of the agreed form. */
export function tracesOf(update: object): Traces {
  const traces: unknown = 'traces' in update ? update.traces : undefined;
  if (typeof traces !== 'object' || traces === null) return new Map();
  return new Map(Object.entries(traces).slice(0, LIMITS.traceCountMax).filter(isTrace));
}

function isTrace(entry: [string, unknown]): entry is [string, string] {
  const [, value] = entry;
  return typeof value === 'string' && value.length <= LIMITS.traceLengthMax;
}
