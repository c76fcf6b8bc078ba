/**
 * The router as a source of events of Skupper's protocol: what it is, has and does, told to whoever collects (wire reference 10).
 *
 * Nothing is said while nobody listens. Then it makes itself known by beacons, shows by heartbeats that it is there, tells
 * what changes in steps of 200 ms, and everything when it is asked. Pure: time comes in, messages go out by the router.
 *
 * Bounded: a flow costs one small record while it lives; what is over and not told yet is limited (`limits.ts`), and so are
 * the records told in one turn, so that traffic passes in between.
 */
import {
  ATTRIBUTE,
  BEACON_ADDRESS,
  CO_RECORD_PREFIX,
  DIRECT_PREFIX,
  EVENT_PREFIX,
  FLOWS_SUFFIX,
  LOG_SEVERITY,
  LOGS_SUFFIX,
  RECORD_TYPE,
} from '../../../lib/vanflow.ts';
import type { ConnectorNote, CountedFlow, ListenerNote, ListenerSide } from '../../bridge/recorder.ts';
import type { Recorder } from '../../core/recorder.ts';
import type { Router } from '../../core/router.ts';
import type { LogEntry } from '../log-book.ts';
import { Channel } from './channel.ts';
import { CoOutbox } from './co-outbox.ts';
import { isFlush, parseIdentity, readCoRecords } from './co-records.ts';
import { FlowBook } from './flow-book.ts';
import { type Configured, Inventory, type Surroundings } from './inventory.ts';
import { KeptLogs } from './kept-logs.ts';
import {
  BEACON_MS,
  BEACON_MS_MIN,
  HEARTBEAT_MS,
  LOG_PENDING_COUNT_MAX,
  LOOK_STEPS,
  LOOKED_AT_OFTEN_COUNT_MAX,
  NEXT_TURN_MS,
  RECORDS_PER_MESSAGE,
  RECORDS_PER_TURN,
  RETELL_MS_MIN,
  SLOT_COUNT,
  STEP_MS,
} from './limits.ts';
import { Messages } from './messages.ts';
import { TableRecord } from './told.ts';

export interface VanflowParts {
  router: Router;
  mode: string;
  /** 5 characters, unlike those of any other router of the network. */
  source: string;
  configured: Configured;
  surroundings: Surroundings;
  /** Milliseconds since 1970 of a time on the router's clock. */
  wall(ms: number): number;
}

const FLOW_LOG_MODULE = 'FLOW_LOG';

export class Vanflow implements Recorder {
  /** Log entries that were left out, since too many waited. */
  logsLeftOutCount = 0;
  private readonly parts: VanflowParts;
  private readonly id: string;
  private readonly messages: Messages;
  private readonly inventory: Inventory;
  private readonly book: FlowBook;
  private readonly coOutbox: CoOutbox;
  private readonly beacons: Channel;
  private readonly records: Channel;
  private readonly flows: Channel;
  private readonly logs: Channel;
  private readonly keptLogs = new KeptLogs();
  private readonly ends: (() => void)[] = [];
  private nextNumber = 1;
  private step = 0;
  private stepAt = Number.POSITIVE_INFINITY;
  private turnAt = Number.POSITIVE_INFINITY;
  private beaconAt = Number.POSITIVE_INFINITY;
  private heartbeatAt = Number.POSITIVE_INFINITY;
  private beaconedAt = Number.NEGATIVE_INFINITY;
  private retoldAt = Number.NEGATIVE_INFINITY;
  private isAsked = false;
  /** Somebody has asked for everything while nobody listened to the log. */
  private owesLogs = false;

  constructor(parts: VanflowParts) {
    this.parts = parts;
    this.id = `${parts.source}:0`;
    this.messages = new Messages(this.id);
    const nextId = (): string => `${parts.source}:${this.nextNumber++}`;
    this.inventory = new Inventory({ ...parts, id: this.id, nextId });
    this.coOutbox = new CoOutbox(() => this.wake());
    const { addresses } = parts.router;
    const channel = (suffix: string): Channel => new Channel(EVENT_PREFIX + this.id + suffix, addresses, this);
    this.beacons = new Channel(BEACON_ADDRESS, addresses, this);
    this.records = channel('');
    this.flows = channel(FLOWS_SUFFIX);
    this.logs = channel(LOGS_SUFFIX);
    this.book = new FlowBook({ source: parts.source, owner: this, nextNumber: () => this.nextNumber++ });
  }

  /** Begins to listen for who asks, and to tell. */
  start(): void {
    const { router, source } = this.parts;
    this.ends.push(
      router.subscribe(DIRECT_PREFIX + this.id, (message) => this.asked(message)),
      router.subscribe(CO_RECORD_PREFIX + this.id, (message) =>
        readCoRecords(message, source, (number, code, value) => this.book.find(number)?.told(code, value)),
      ),
    );
    for (const channel of this.channels) channel.watch();
    this.inventory.look(this.micros(this.now));
    router.record(this);
  }

  /** Nothing is told afterwards; the last words are those that wait, and that the router ends. */
  stop(now: number): void {
    this.parts.router.bridge.now = now;
    for (const end of this.ends) end();
    if (this.records.isHeard) {
      for (const record of this.inventory.records()) {
        record.end(this.micros(now));
        this.records.offer(record);
      }
    }
    for (const flow of this.book.all()) this.flows.offer(flow);
    this.tellAll(Number.POSITIVE_INFINITY);
    for (const channel of this.channels) channel.unwatch();
    this.parts.router.record(undefined);
  }

  get leftOutCount(): number {
    return this.counts().leftOut + this.logsLeftOutCount;
  }

  /** Flows and requests with records, and those that were not told of since too many waited. */
  counts(): { flows: number; leftOut: number } {
    return { flows: this.book.count, leftOut: this.book.leftOutCount + this.coOutbox.leftOutCount };
  }

  // ---- Recorder

  deadline(): number {
    return Math.min(this.stepAt, this.turnAt, this.beaconAt, this.heartbeatAt);
  }

  tick(now: number): void {
    if (now >= this.beaconAt) this.beacon();
    if (now >= this.heartbeatAt) {
      this.heartbeatAt = now + HEARTBEAT_MS;
      this.send(this.records.address, this.messages.heartbeat(this.parts.wall(now)));
    }
    if (now >= this.stepAt) this.nextStep();
    if (now >= this.turnAt) this.tellAll(RECORDS_PER_TURN);
  }

  accessId(name: string): string {
    return this.inventory.accessId(name);
  }

  accepted(flow: ListenerSide): ListenerNote | undefined {
    this.wake();
    return this.book.accepted(flow);
  }

  taken(flow: CountedFlow, connector: object, identity: string, trace: readonly string[]): ConnectorNote | undefined {
    if (parseIdentity(identity) === undefined) return undefined;
    return this.coOutbox.add(identity, this.inventory.idOf(connector), trace, flow);
  }

  // ---- of the log

  /** @returns whether it will be told */
  logged(entry: LogEntry): boolean {
    const { level, module } = entry;
    const severity = LOG_SEVERITY[level];
    if (severity < LOG_SEVERITY.warning || module === FLOW_LOG_MODULE) return false;
    const at = Math.round(entry.at * 1000);
    const record = new TableRecord(RECORD_TYPE.log, `${this.parts.source}:${this.nextNumber++}`, at);
    record.set(ATTRIBUTE.parent, this.id);
    record.set(ATTRIBUTE.logSeverity, severity);
    record.set(ATTRIBUTE.logText, `LOG_${module}: ${entry.text}`);
    record.end(at);
    this.keptLogs.keep(module, record, this.now);
    if (!this.logs.isHeard) return false;
    if (this.logs.waitingCount >= LOG_PENDING_COUNT_MAX) {
      this.logsLeftOutCount++;
      return false;
    }
    this.logs.offer(record);
    this.wake();
    return true;
  }

  // ---- for the parts

  /** Time of the router's turn, ms. */
  get now(): number {
    return this.parts.router.bridge.now;
  }

  micros(ms: number): number {
    return Math.round(this.parts.wall(ms) * 1000);
  }

  idOf(entity: object): string {
    return this.inventory.idOf(entity);
  }

  get areFlowsHeard(): boolean {
    return this.flows.isHeard;
  }

  listenersChanged(channel: Channel): void {
    if (channel === this.beacons) {
      // One who has just come shall not wait for the next turn of the others.
      this.beaconAt = channel.isHeard ? Math.max(this.now, this.beaconedAt + BEACON_MS_MIN) : Number.POSITIVE_INFINITY;
    } else if (channel === this.flows) {
      this.book.tellRefused(channel);
    } else if (channel === this.logs) {
      if (this.owesLogs && channel.isHeard) this.tellKeptLogs();
    } else if (channel === this.records) {
      if (!channel.isHeard) this.heartbeatAt = Number.POSITIVE_INFINITY;
      else if (this.heartbeatAt === Number.POSITIVE_INFINITY) this.heartbeatAt = this.now;
    }
    if (channel.isHeard) this.wake();
    else channel.clear();
  }

  private get channels(): readonly Channel[] {
    return [this.beacons, this.records, this.flows, this.logs];
  }

  private asked(message: Buffer): boolean {
    if (!isFlush(message)) return true;
    this.isAsked = true;
    this.wake();
    return true;
  }

  /** Something may have to be told: there are steps until nobody listens. */
  private wake(): void {
    if (this.stepAt === Number.POSITIVE_INFINITY) this.stepAt = this.now + STEP_MS;
  }

  private nextStep(): void {
    const isAnyHeard = this.records.isHeard || this.flows.isHeard || this.logs.isHeard;
    if (this.isAsked && this.now - this.retoldAt >= RETELL_MS_MIN) this.retell();
    const lookSteps = this.inventory.count > LOOKED_AT_OFTEN_COUNT_MAX ? SLOT_COUNT : LOOK_STEPS;
    if (this.records.isHeard && this.step % lookSteps === 0) this.look();
    this.coOutbox.handOver(this.parts.source, (number) => this.book.find(number));
    this.book.step(this.step % SLOT_COUNT, this.flows);
    this.step++;
    this.stepAt = isAnyHeard || this.book.isWaiting ? this.now + STEP_MS : Number.POSITIVE_INFINITY;
    this.turnAt = this.now;
  }

  private look(): void {
    for (const ended of this.inventory.look(this.micros(this.now))) this.records.offer(ended);
    for (const record of this.inventory.records()) this.records.offer(record);
  }

  private retell(): void {
    this.isAsked = false;
    this.retoldAt = this.now;
    for (const record of this.inventory.records()) record.forget();
    for (const flow of this.book.all()) flow.forget();
    this.book.tellRefused(this.flows);
    this.tellKeptLogs();
    if (this.records.isHeard) this.look();
  }

  /** To who has asked for everything, and is heard of only now too: after the records that the entries are about. */
  private tellKeptLogs(): void {
    this.owesLogs = !this.logs.isHeard;
    if (!this.owesLogs) this.keptLogs.tell(this.logs, this.now);
  }

  /** Tells what waits, about `recordCount` records of it. */
  private tellAll(recordCount: number): void {
    let left = recordCount;
    for (const channel of [this.records, this.flows, this.logs]) {
      for (; left > 0; left -= RECORDS_PER_MESSAGE) {
        const message = channel.next(this.messages);
        if (message === undefined) break;
        this.send(channel.address, message);
      }
    }
    for (; left > 0; left -= RECORDS_PER_MESSAGE) {
      const told = this.coOutbox.next(this.messages);
      if (told === undefined) break;
      this.send(told.to, told.message);
    }
    this.turnAt = left > 0 ? Number.POSITIVE_INFINITY : this.now + NEXT_TURN_MS;
  }

  private beacon(): void {
    this.beaconedAt = this.now;
    this.beaconAt = this.now + BEACON_MS;
    this.send(BEACON_ADDRESS, this.messages.beacon());
  }

  private send(to: string, message: Buffer): void {
    this.parts.router.send(to, message, this.now);
  }
}
