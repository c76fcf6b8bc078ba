/**
 * The octets of one connection, against the measures of all rules that it is within. It stands still while one of them says so. Whether a
 * measure counts octets is asked each time: rules change while connections last. Pure.
 */
import type { Paced } from './byte-pace.ts';
import type { Measure } from './measure.ts';

/** What stands still: its socket is not read, and the other end is not told what was written here, so that it stops too. */
export interface Metered {
  /** It stands still from now on, or goes on. */
  meterChanged(): void;
}

export class ByteMeter {
  private readonly flow: Metered;
  private readonly turns: readonly Turn[];
  private standingCount = 0;

  /** @param waits told of a measure where somebody waits now */
  constructor(flow: Metered, client: string, measures: readonly Measure[], waits: (measure: Measure) => void) {
    this.flow = flow;
    const told = (by: 1 | -1): void => this.stands(by);
    this.turns = measures.map((measure) => new Turn(client, measure, told, waits));
  }

  get isHeld(): boolean {
    return this.standingCount > 0;
  }

  carried(bytes: number, now: number): void {
    for (const turn of this.turns) turn.carried(bytes, now);
  }

  leave(): void {
    for (const turn of this.turns) turn.leave();
  }

  private stands(by: 1 | -1): void {
    const was = this.isHeld;
    this.standingCount += by;
    if (was !== this.isHeld) this.flow.meterChanged();
  }
}

class Turn implements Paced {
  readonly client: string;
  private readonly measure: Measure;
  private readonly told: (by: 1 | -1) => void;
  private readonly waits: (measure: Measure) => void;
  private stands = false;

  constructor(client: string, measure: Measure, told: (by: 1 | -1) => void, waits: (measure: Measure) => void) {
    this.client = client;
    this.measure = measure;
    this.told = told;
    this.waits = waits;
  }

  carried(bytes: number, now: number): void {
    if (this.measure.pace?.carried(this, bytes, now) !== false) return;
    this.waits(this.measure);
    if (this.stands) return;
    this.stands = true;
    this.told(1);
  }

  goOn(): void {
    this.stands = false;
    this.told(-1);
  }

  leave(): void {
    this.measure.pace?.gone(this);
  }
}
