/**
 * The state machine that listens to sources of Skupper's events, routers and site controllers: no sockets, no clock (`now` in
 * milliseconds comes in). Wire reference 10.2.
 *
 * Sources make themselves known by beacons. Each is asked once to tell all that it has; from then on it tells what changes, and shows by
 * heartbeats that it is there. What it tells of single connections is listened to only while somebody wants it.
 */
import { BEACON_ADDRESS, DIRECT_PREFIX, EVENT_PREFIX, FLOWS_SUFFIX, LOGS_SUFFIX } from '../../lib/vanflow.ts';
import { ASK_AGAIN_MS, FIRST_LEASE_MS, LEASE_MS, RETOLD_MS, SOURCE_COUNT_MAX } from './limits.ts';
import { isId, readRecords, type ToldRecord } from './records.ts';

/** A message that was received. */
export interface EventMessage {
  /** Where it was heard. */
  readonly address: string;
  readonly subject: unknown;
  readonly properties: unknown;
  readonly body: unknown;
}

export interface EventSink {
  /** It is there. */
  heard(source: string, now: number): void;
  /** @param isRetold the source has been asked, and tells what there was before too */
  told(source: string, records: readonly ToldRecord[], isRetold: boolean, now: number): void;
  /** It was asked at that time, and has told everything since. */
  toldAll(source: string, askedAt: number): void;
  /** It is not heard of any more. */
  gone(source: string, now: number): void;
}

/** Site controllers send their heartbeats there too; routers have an id that ends with the suffix. */
const HEARTBEATS_SUFFIX = '.heartbeats';
const ROUTER_SUFFIX = ':0';

interface Source {
  heardAt: number | undefined;
  readonly foundAt: number;
  askedAt: number;
  /** It was asked after something was heard, so that the answer is heard too. */
  isAsked: boolean;
  isTold: boolean;
}

export class EventSources {
  private readonly sink: EventSink;
  private readonly sources = new Map<string, Source>();
  private outbox: string[] = [];
  private isConnected = false;
  private wantsFlows = false;
  /** Grows whenever `addresses()` changes. */
  revision = 0;

  constructor(sink: EventSink) {
    this.sink = sink;
  }

  connected(now: number): void {
    this.isConnected = true;
    for (const [id] of this.sources) this.sources.set(id, newSource(now));
    for (const id of this.sources.keys()) this.ask(id, now);
  }

  disconnected(): void {
    this.isConnected = false;
    this.outbox = [];
  }

  /** Whether connections are to be told of. Those that are open are told anew. */
  wantFlows(wantsFlows: boolean, now: number): void {
    if (wantsFlows === this.wantsFlows) return;
    this.wantsFlows = wantsFlows;
    this.revision++;
    if (!wantsFlows || !this.isConnected) return;
    for (const [id, source] of this.sources) {
      Object.assign(source, { isAsked: source.heardAt !== undefined, isTold: false });
      this.ask(id, now);
    }
  }

  /** Known by other means, such as the router's table of addresses: `sfe.<id>`. */
  found(address: string, now: number): void {
    const id = address.slice(DIRECT_PREFIX.length);
    if (address.startsWith(DIRECT_PREFIX) && isId(id)) this.find(id, now);
  }

  /** There are some, and each has been heard of. */
  get haveAllTold(): boolean {
    return this.sources.size > 0 && [...this.sources.values()].every(({ heardAt }) => heardAt !== undefined);
  }

  /** Where to listen. */
  addresses(): Set<string> {
    const addresses = new Set([BEACON_ADDRESS]);
    for (const id of this.sources.keys()) {
      const address = EVENT_PREFIX + id;
      addresses.add(address);
      if (!id.endsWith(ROUTER_SUFFIX)) addresses.add(address + HEARTBEATS_SUFFIX);
      else addresses.add(address + LOGS_SUFFIX);
      if (this.wantsFlows) addresses.add(address + FLOWS_SUFFIX);
    }
    return addresses;
  }

  receive({ address, subject, properties, body }: EventMessage, now: number): void {
    if (!this.isConnected) return;
    const { id } = (properties ?? {}) as { id?: unknown };
    if (subject === 'BEACON' && isId(id)) this.find(id, now);
    else if (subject === 'HEARTBEAT' && isId(id)) this.heard(this.sources.get(id), id, now);
    else if (subject === 'RECORD') this.records(sourceAt(address), body, now);
  }

  tick(now: number): void {
    if (!this.isConnected) return;
    for (const [id, source] of this.sources) {
      if (now >= endOf(source)) {
        this.sources.delete(id);
        this.revision++;
        this.sink.gone(id, now);
      } else if (!source.isAsked && now >= source.askedAt + ASK_AGAIN_MS) this.ask(id, now);
      else if (source.isAsked && !source.isTold && now >= source.askedAt + RETOLD_MS) {
        source.isTold = true;
        this.sink.toldAll(id, source.askedAt);
      }
    }
  }

  /** When `tick` has to be called next. */
  deadline(): number {
    if (!this.isConnected) return Number.POSITIVE_INFINITY;
    let deadline = Number.POSITIVE_INFINITY;
    for (const source of this.sources.values()) {
      const { askedAt, isAsked, isTold } = source;
      if (!isAsked) deadline = Math.min(deadline, askedAt + ASK_AGAIN_MS);
      else if (!isTold) deadline = Math.min(deadline, askedAt + RETOLD_MS);
      deadline = Math.min(deadline, endOf(source));
    }
    return deadline;
  }

  /** Addresses to which a request for everything is to be sent. */
  takeRequests(): string[] {
    const { outbox } = this;
    this.outbox = [];
    return outbox;
  }

  private records(id: string, body: unknown, now: number): void {
    const source = this.sources.get(id);
    if (source === undefined) return;
    this.heard(source, id, now);
    this.sink.told(id, readRecords(body), !source.isTold, now);
  }

  private find(id: string, now: number): void {
    if (this.sources.has(id) || this.sources.size >= SOURCE_COUNT_MAX) return;
    this.sources.set(id, newSource(now));
    this.revision++;
    this.ask(id, now);
  }

  private heard(source: Source | undefined, id: string, now: number): void {
    if (source === undefined) return;
    source.heardAt = now;
    this.sink.heard(id, now);
    if (source.isAsked) return;
    source.isAsked = true;
    this.ask(id, now);
  }

  private ask(id: string, now: number): void {
    const source = this.sources.get(id);
    if (source !== undefined) source.askedAt = now;
    this.outbox.push(DIRECT_PREFIX + id);
  }
}

function newSource(now: number): Source {
  return { heardAt: undefined, foundAt: now, askedAt: now, isAsked: false, isTold: false };
}

function sourceAt(address: string): string {
  const id = address.startsWith(EVENT_PREFIX) ? address.slice(EVENT_PREFIX.length) : '';
  for (const suffix of [FLOWS_SUFFIX, LOGS_SUFFIX]) if (id.endsWith(suffix)) return id.slice(0, -suffix.length);
  return id;
}

function endOf({ heardAt, foundAt }: Source): number {
  return heardAt === undefined ? foundAt + FIRST_LEASE_MS : heardAt + LEASE_MS;
}
