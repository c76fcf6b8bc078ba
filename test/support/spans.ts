/** Spans of one process as its tracer has made them, for tests. */
import { systemClock } from '../../lib/clock.ts';
import { SeededRandom } from '../../lib/random.ts';
import type { SpanRecord } from '../../lib/trace/span.ts';
import { Tracer } from '../../lib/trace/tracer.ts';

export class MadeSpans {
  readonly all: SpanRecord[] = [];
  readonly tracer: Tracer;

  /** @param seed another one for each process of a test @param ratio of what begins there */
  constructor(seed = 1, ratio = 1) {
    const emit = (span: SpanRecord): void => void this.all.push(span);
    this.tracer = new Tracer({ clock: systemClock, random: new SeededRandom(seed), ratio, emit });
  }

  get names(): string[] {
    return this.all.map(({ name }) => name);
  }

  /** The last one of that name. @throws Error when there is none */
  one(name: string): SpanRecord {
    const found = this.all.findLast((span) => span.name === name);
    if (found === undefined) throw new Error(`no span ${name} among ${this.names.join(', ')}`);
    return found;
  }
}
