/** Drives a `ReflectorCore` with a client and a clock: one list or watch at a time, until its signal aborts. Never throws. */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Random } from '../random.ts';
import { linkedTo, pause } from './abort.ts';
import type { KubeClient, ResourceType } from './client.ts';
import type { KubeObject } from './object.ts';
import { ReflectorCore, type ReflectorStep } from './reflector-core.ts';

export interface ReflectorParts {
  client: Pick<KubeClient, 'listPage' | 'watch'>;
  clock: Clock;
  random: Random;
  log: Logger;
}

export interface ReflectorOptions {
  type: ResourceType;
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** The kind may be missing from the API server: it is looked for each 30 s. */
  isOptional?: boolean;
  /** What is kept of each object. */
  transform?: (object: KubeObject) => KubeObject;
  /** Told of each change, also of those of the first list. Must not throw. */
  onChange?: (before: KubeObject | undefined, after: KubeObject | undefined) => void;
}

export class Reflector {
  readonly type: ResourceType;
  /** Everything was seen once, or the kind is known to be missing. Never rejects; stays pending when stopped before. */
  readonly synced: Promise<void>;
  private readonly parts: ReflectorParts;
  private readonly options: ReflectorOptions;
  private readonly core: ReflectorCore;
  private markSynced!: () => void;
  private waiting: AbortController | undefined;
  private isTroubled = false;

  constructor(parts: ReflectorParts, options: ReflectorOptions) {
    this.parts = parts;
    this.options = options;
    this.type = options.type;
    const { isOptional, transform, onChange } = options;
    this.core = new ReflectorCore({ random: parts.random, isOptional, transform, onChange });
    this.synced = new Promise((resolve) => {
      this.markSynced = resolve;
    });
  }

  get isSynced(): boolean {
    return this.core.isSynced;
  }

  /** The API server has this kind. */
  get isPresent(): boolean {
    return this.core.isPresent;
  }

  get size(): number {
    return this.core.store.size;
  }

  get(namespace: string | undefined, name: string): KubeObject | undefined {
    return this.core.store.get(namespace, name);
  }

  /** Of one namespace, or of all. Valid until the next turn of the event loop. */
  list(namespace?: string): Iterable<KubeObject> {
    return this.core.store.list(namespace);
  }

  /** How long the server has said nothing; at most about a minute while all is well. Infinity before its first word. */
  lastEventAgeMs(): number {
    return this.parts.clock.now() - this.core.heardAtMs;
  }

  /** A missing kind is looked for at once: something speaks for its being there now. */
  hurry(): void {
    this.core.hurry();
    this.waiting?.abort();
  }

  /** Lists and watches until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const step = this.core.next(this.now());
      if (step.do === 'wait') await this.wait(step.untilMs, signal);
      else if (step.do === 'list') await this.list_(step.continue, signal);
      else await this.watch(step, signal);
      if (this.core.isSynced) this.markSynced();
    }
  }

  private async wait(untilMs: number, signal: AbortSignal): Promise<void> {
    const linked = linkedTo(signal);
    this.waiting = new AbortController();
    this.waiting.signal.addEventListener('abort', () => linked.abort(), { once: true });
    await pause(Math.max(0, untilMs - this.now()), linked.signal);
    this.waiting = undefined;
    linked.unlink();
  }

  private async list_(token: string | undefined, signal: AbortSignal): Promise<void> {
    const { type, namespace, labelSelector, fieldSelector } = this.options;
    const query = { namespace, labelSelector, fieldSelector, continue: token };
    // Back-off is the core's.
    const page = await this.attempt(
      () => this.parts.client.listPage(type, query, { signal, retryCountMax: 0 }),
      signal,
    );
    if (page !== undefined) this.core.listed(page, this.now());
  }

  private async watch(step: Extract<ReflectorStep, { do: 'watch' }>, signal: AbortSignal): Promise<void> {
    const { type, namespace, labelSelector, fieldSelector } = this.options;
    const { resourceVersion, timeoutSeconds } = step;
    const linked = linkedTo(signal);
    let isSilent = false;
    const timer = setTimeout(() => {
      isSilent = true;
      linked.abort();
    }, this.core.silentAtMs - this.now());
    const query = { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds };
    const events = this.parts.client.watch(type, query, linked.signal);
    for (;;) {
      const batch = await this.attempt(() => events.next(), linked.signal);
      if (batch?.value === undefined) {
        if (batch?.done) this.core.ended(this.now());
        break;
      }
      timer.refresh();
      this.recovered();
      this.core.watched(batch.value, this.now());
    }
    clearTimeout(timer);
    linked.unlink();
    if (isSilent) {
      this.parts.log.warn({ kind: type.kind }, 'watch was silent and is begun anew');
      this.core.silent();
    }
  }

  /** Undefined when it failed, which the core then knows, or was stopped. */
  private async attempt<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) return undefined;
      this.core.failed(error, this.now());
      this.troubled(error);
      return undefined;
    }
  }

  /** One line when it begins and one when it is over; a server that is away is not worth one each second. */
  private troubled(err: unknown): void {
    if (this.core.failureCount < TROUBLE_FAILURES_MIN || this.isTroubled) return;
    this.isTroubled = true;
    this.parts.log.warn({ kind: this.type.kind, err }, 'list or watch fails and is tried again');
  }

  private recovered(): void {
    if (!this.isTroubled) return;
    this.isTroubled = false;
    this.parts.log.info({ kind: this.type.kind }, 'watch works again');
  }

  private now(): number {
    return this.parts.clock.now();
  }
}

/** A single failure is part of the day. */
const TROUBLE_FAILURES_MIN = 2;
