/**
 * The octets of one flow whose rate a policy limits: while its meter stands, its socket is not read, and what has come for it waits here, so that
 * the other end's window closes. Pure.
 */
import type { Effects } from '../core/effects.ts';
import { ByteMeter, type Metered } from '../policy/byte-meter.ts';
import type { Measure } from '../policy/measure.ts';

export interface MeteredFlow {
  readonly id: number;
  /** Whether the socket is read follows. */
  adjustReading(): void;
}

export class FlowMeter implements Metered {
  private readonly flow: MeteredFlow;
  private readonly owner: { readonly effects: Effects; readonly now: number };
  private readonly meter: ByteMeter;
  /** For the socket, in order. */
  private waiting: Buffer[] = [];
  private ended = false;

  constructor(
    flow: MeteredFlow,
    owner: FlowMeter['owner'],
    client: string,
    measures: readonly Measure[],
    waits: (measure: Measure) => void,
  ) {
    this.flow = flow;
    this.owner = owner;
    this.meter = new ByteMeter(this, client, measures, waits);
  }

  get isHeld(): boolean {
    return this.meter.isHeld;
  }

  /** Octets were read from the socket. */
  read(bytes: number): void {
    this.meter.carried(bytes, this.owner.now);
  }

  write(bytes: Buffer): void {
    this.waiting.push(bytes);
    this.flush();
  }

  /** FIN after what was written. */
  end(): void {
    this.ended = true;
    this.flush();
  }

  meterChanged(): void {
    this.flow.adjustReading();
    if (!this.isHeld) this.flush();
  }

  leave(): void {
    this.waiting = [];
    this.meter.leave();
  }

  private flush(): void {
    const { effects } = this.owner;
    const { id: flow } = this.flow;
    let count = 0;
    while (!this.isHeld && count < this.waiting.length) {
      const bytes = this.waiting[count++]!;
      effects.push({ type: 'flow-write', flow, bytes });
      this.meter.carried(bytes.length, this.owner.now);
    }
    this.waiting.splice(0, count);
    if (!this.ended || this.waiting.length > 0) return;
    this.ended = false;
    effects.push({ type: 'flow-end', flow });
  }
}
