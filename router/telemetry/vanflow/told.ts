/**
 * Something that is told of: a record, and what of it has been told. Collectors keep what they have heard, so a record
 * is told whole once and then what has changed of it; `forget` makes it whole again for those who have just come.
 */
import { ATTRIBUTE } from '../../../lib/vanflow.ts';
import type { RecordMessage } from './messages.ts';

export interface Told {
  /** It waits to be written. */
  queued: boolean;
  /** There is something that has not been told. */
  readonly isNews: boolean;
  /** Appends the record with what is news; from then on it is told. */
  write(message: RecordMessage): void;
  forget(): void;
}

export type Value = string | number;

/** A record that is kept as a table of values: of all but flows, of which there are many. */
export class TableRecord implements Told {
  readonly type: number;
  readonly id: string;
  queued = false;
  private readonly values = new Map<number, Value>();
  private readonly news = new Set<number>();
  private isNew = true;

  /** @param startTime microseconds since 1970 */
  constructor(type: number, id: string, startTime: number) {
    this.type = type;
    this.id = id;
    this.set(ATTRIBUTE.startTime, startTime);
  }

  get isNews(): boolean {
    return this.isNew || this.news.size > 0;
  }

  get(code: number): Value | undefined {
    return this.values.get(code);
  }

  /** Undefined says nothing: what was said stays. */
  set(code: number, value: Value | undefined): void {
    if (value === undefined || this.values.get(code) === value) return;
    this.values.set(code, value);
    this.news.add(code);
  }

  /** @param time microseconds since 1970 */
  end(time: number): void {
    this.set(ATTRIBUTE.endTime, time);
  }

  write(message: RecordMessage): void {
    message.begin(this.type, this.id);
    const codes = [...(this.isNew ? this.values.keys() : this.news)].sort((one, other) => one - other);
    for (const code of codes) message.value(code, this.values.get(code)!);
    message.end();
    this.isNew = false;
    this.news.clear();
  }

  forget(): void {
    this.isNew = true;
  }
}
