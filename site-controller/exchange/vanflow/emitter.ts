/**
 * The state machine that tells of this site to collectors of Skupper's event protocol: no sockets, no clock (`now` in milliseconds comes in).
 *
 * It says nothing while nobody collects. Then it makes itself known by beacons, shows by heartbeats that it is there, tells everything when it is
 * asked and when collecting begins, and what changes when it changes.
 */
import { isDeepStrictEqual } from 'node:util';
import { beaconOf, type FlowMessage, heartbeatsOf, recordsOf } from './message.ts';
import { ATTRIBUTE, type FlowRecord } from './records.ts';

const DEFAULTS = {
  beaconMs: 10_000,
  heartbeatMs: 2000,
  /** Several who ask, and several changes, are answered together. */
  batchMs: 100,
  recordsPerMessage: 50,
};

export class FlowEmitter {
  private readonly options: typeof DEFAULTS;
  private readonly outbox: FlowMessage[] = [];
  private id: string | undefined;
  private wanted = new Map<string, FlowRecord>();
  private told = new Map<string, FlowRecord>();
  private isHeard = false;
  private isAsked = false;
  private beaconAt = Infinity;
  private heartbeatAt = Infinity;
  private tellAt = Infinity;

  constructor(options: Partial<typeof DEFAULTS> = {}) {
    this.options = { ...DEFAULTS, ...options };
  }

  /** The id of this source while somebody may ask it: the site's. */
  get source(): string | undefined {
    return this.isHeard ? this.id : undefined;
  }

  /** What there is to tell of site `id`; nothing is told without one. */
  setRecords(id: string | undefined, records: readonly FlowRecord[], now: number): void {
    if (id !== this.id) {
      this.id = id;
      this.told = new Map();
      this.begin(now);
    }
    this.wanted = new Map(records.map((record) => [record.id, record]));
    if (this.id !== undefined && this.isHeard && !isDeepStrictEqual(this.wanted, this.told)) this.tellSoon(now);
  }

  /** Whether somebody collects, as far as the router knows. */
  setHeard(isHeard: boolean, now: number): void {
    if (isHeard === this.isHeard) return;
    this.isHeard = isHeard;
    this.begin(now);
  }

  /** Somebody wants everything. */
  asked(now: number): void {
    this.isAsked = true;
    this.tellSoon(now);
  }

  /** `wall` is in wall-clock milliseconds. */
  tick(now: number, wall: number): void {
    const { id, options } = this;
    if (id === undefined || !this.isHeard) return;
    if (now >= this.beaconAt) {
      this.outbox.push(beaconOf(id));
      this.beaconAt = now + options.beaconMs;
    }
    if (now >= this.heartbeatAt) {
      this.outbox.push(...heartbeatsOf(id, wall));
      this.heartbeatAt = now + options.heartbeatMs;
    }
    if (now >= this.tellAt) this.tell(id, wall);
  }

  /** When `tick` has to be called next. */
  deadline(): number {
    if (this.id === undefined || !this.isHeard) return Infinity;
    return Math.min(this.beaconAt, this.heartbeatAt, this.tellAt);
  }

  nextMessage(): FlowMessage | undefined {
    return this.outbox.shift();
  }

  /** The site ends: all that was told is over. Nothing is said afterwards. */
  leave(wall: number): void {
    this.wanted = new Map();
    this.isAsked = false;
    if (this.id !== undefined && this.isHeard) this.tell(this.id, wall);
    this.id = undefined;
  }

  private begin(now: number): void {
    const isSpeaking = this.id !== undefined && this.isHeard;
    this.outbox.length = 0;
    this.isAsked = true;
    this.beaconAt = isSpeaking ? now : Infinity;
    this.heartbeatAt = isSpeaking ? now : Infinity;
    this.tellAt = isSpeaking ? now + this.options.batchMs : Infinity;
  }

  private tellSoon(now: number): void {
    this.tellAt = Math.min(this.tellAt, now + this.options.batchMs);
  }

  private tell(id: string, wall: number): void {
    const ended = [...this.told.values()]
      .filter((record) => !this.wanted.has(record.id))
      .map((one) => endOf(one, wall));
    const due = [...this.wanted.values()].filter(
      (record) => this.isAsked || !isDeepStrictEqual(record, this.told.get(record.id)),
    );
    const records = [...ended, ...due];
    const size = this.options.recordsPerMessage;
    for (let start = 0; start < records.length; start += size) {
      this.outbox.push(recordsOf(id, records.slice(start, start + size)));
    }
    this.told = this.wanted;
    this.isAsked = false;
    this.tellAt = Infinity;
  }
}

function endOf({ type, id, attributes }: FlowRecord, wall: number): FlowRecord {
  const startTime = attributes.get(ATTRIBUTE.startTime) ?? 0;
  return {
    type,
    id,
    attributes: new Map([
      [ATTRIBUTE.startTime, startTime],
      [ATTRIBUTE.endTime, Math.round(wall * 1000)],
    ]),
  };
}
