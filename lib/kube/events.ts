/**
 * Tells users what happened, as Events of Kubernetes: written in the background, few, and never at the cost of the caller.
 *
 * The same thing again counts up the Event that is there, at most once a minute. One object gets a burst and then one in five minutes.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { linkedTo, pause } from './abort.ts';
import type { KubeClient, ResourceType } from './client.ts';
import { isApiError } from './errors.ts';
import type { KubeObject } from './object.ts';

export interface EventNote {
  about: { apiVersion: string; kind: string; metadata: { name: string; namespace?: string; uid?: string } };
  type: 'Normal' | 'Warning';
  /** CamelCase, as Kubernetes has them. */
  reason: string;
  message: string;
}

export interface EventRecorderParts {
  client: Pick<KubeClient, 'create' | 'patch'>;
  clock: Clock;
  log: Logger;
  /** Who tells: `skuprt-site-controller`. */
  component: string;
  /** The pod or host it runs on. */
  instance: string;
  /** Told of each that was not written because there were too many. */
  onDropped: () => void;
}

const EVENT: ResourceType = { apiVersion: 'v1', kind: 'Event', plural: 'events' };
/** A repetition later than this is a new Event. */
const SAME_MS = 600_000;
const COUNT_EVERY_MS = 60_000;
const BURST = 25;
const REFILL_MS = 300_000;
const WAITING_MAX = 500;
const KNOWN_MAX = 4096;
const MESSAGE_LENGTH_MAX = 1024;
const STOP_PATIENCE_MS = 2000;

interface Known {
  note: EventNote;
  /** Of the Event. */
  name: string;
  count: number;
  firstAt: number;
  lastAt: number;
  /** When the server was last told; undefined: never. */
  toldAt: number | undefined;
  isWaiting: boolean;
}

export class EventRecorder {
  private readonly parts: EventRecorderParts;
  private readonly known = new Map<string, Known>();
  private readonly budgets = new Map<string, { left: number; at: number }>();
  private readonly waiting: Known[] = [];
  private readonly ended = new AbortController();
  private working: Promise<void> | undefined;
  private nameCount = 0;

  constructor(parts: EventRecorderParts) {
    this.parts = parts;
  }

  /** Returns at once; what goes wrong is logged and forgotten. */
  record(note: EventNote): void {
    const now = this.parts.clock.wall();
    const key = keyOf(note);
    const same = this.known.get(key);
    if (same !== undefined && now - same.lastAt < SAME_MS) {
      same.count += 1;
      same.lastAt = now;
      if (same.toldAt !== undefined && now - same.toldAt >= COUNT_EVERY_MS) this.enqueue(same);
      return;
    }
    if (!this.spend(note, now)) {
      this.parts.onDropped();
      return;
    }
    const fresh = {
      note,
      name: this.nameFor(note, now),
      count: 1,
      firstAt: now,
      lastAt: now,
      toldAt: undefined,
      isWaiting: false,
    };
    this.known.delete(key);
    this.known.set(key, fresh);
    if (this.known.size > KNOWN_MAX) this.known.delete(this.known.keys().next().value!);
    this.enqueue(fresh);
  }

  /** Resolves when all that was recorded is told or given up. */
  async flush(): Promise<void> {
    while (this.working !== undefined) await this.working;
  }

  /** Tells what is left, for a moment, and then no more. */
  async stop(): Promise<void> {
    const patience = linkedTo(undefined);
    await Promise.race([this.flush(), pause(STOP_PATIENCE_MS, patience.signal)]);
    patience.abort();
    this.ended.abort();
    this.waiting.length = 0;
    await this.flush();
  }

  private enqueue(known: Known): void {
    if (known.isWaiting || this.ended.signal.aborted) return;
    if (this.waiting.length >= WAITING_MAX) {
      this.parts.onDropped();
      return;
    }
    known.isWaiting = true;
    this.waiting.push(known);
    this.working ??= this.work();
  }

  private async work(): Promise<void> {
    // Not within the call that records.
    await Promise.resolve();
    for (let known = this.waiting.shift(); known !== undefined; known = this.waiting.shift()) {
      known.isWaiting = false;
      await this.tell(known).catch((err: unknown) => {
        if (!this.ended.signal.aborted) this.parts.log.debug({ err, reason: known.note.reason }, 'event not written');
      });
    }
    this.working = undefined;
  }

  private async tell(known: Known): Promise<void> {
    const { client } = this.parts;
    const options = { signal: this.ended.signal };
    const isNew = known.toldAt === undefined;
    known.toldAt = this.parts.clock.wall();
    if (!isNew) {
      const patch = { count: known.count, lastTimestamp: timeOf(known.lastAt), message: messageOf(known.note) };
      try {
        await client.patch(EVENT, namespaceOf(known.note), known.name, patch, options);
        return;
      } catch (error) {
        // Events live for an hour.
        if (!isApiError(error, 'isNotFound')) throw error;
      }
    }
    await client.create(EVENT, this.eventOf(known), options);
  }

  private eventOf({ note, name, count, firstAt, lastAt }: Known): KubeObject {
    const { component, instance } = this.parts;
    const { apiVersion, kind, metadata } = note.about;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace: namespaceOf(note) },
      involvedObject: { apiVersion, kind, name: metadata.name, namespace: metadata.namespace, uid: metadata.uid },
      type: note.type,
      reason: note.reason,
      message: messageOf(note),
      count,
      firstTimestamp: timeOf(firstAt),
      lastTimestamp: timeOf(lastAt),
      source: { component, host: instance },
      reportingComponent: component,
      reportingInstance: instance,
    };
  }

  /** A token bucket for each object, so that one that is out of its mind drowns nobody. */
  private spend({ about }: EventNote, now: number): boolean {
    const key = `${about.kind}/${about.metadata.namespace ?? ''}/${about.metadata.name}`;
    const budget = this.budgets.get(key) ?? { left: BURST, at: now };
    const refill = Math.floor((now - budget.at) / REFILL_MS);
    if (refill > 0) {
      budget.left = Math.min(BURST, budget.left + refill);
      budget.at += refill * REFILL_MS;
    }
    this.budgets.delete(key);
    this.budgets.set(key, budget);
    if (this.budgets.size > KNOWN_MAX) this.budgets.delete(this.budgets.keys().next().value!);
    if (budget.left === 0) return false;
    budget.left -= 1;
    return true;
  }

  private nameFor({ about }: EventNote, now: number): string {
    this.nameCount += 1;
    const unique = createHash('sha256')
      .update(`${this.parts.instance} ${now} ${this.nameCount}`)
      .digest('hex')
      .slice(0, 16);
    return `${about.metadata.name.slice(0, 230)}.${unique}`;
  }
}

function keyOf({ about, type, reason, message }: EventNote): string {
  return JSON.stringify([
    about.kind,
    about.metadata.namespace,
    about.metadata.name,
    about.metadata.uid,
    type,
    reason,
    message,
  ]);
}

function namespaceOf({ about }: EventNote): string {
  return about.metadata.namespace || 'default';
}

function messageOf({ message }: EventNote): string {
  return message.length <= MESSAGE_LENGTH_MAX ? message : `${message.slice(0, MESSAGE_LENGTH_MAX - 1)}…`;
}

/** Whole seconds: what the API keeps. */
function timeOf(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
