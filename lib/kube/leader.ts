/**
 * Leader election with a Lease, by client-go's rules: one of several replicas leads, another takes over when it falls silent.
 *
 * Clocks are not compared: a lease has run out when it did not change for its duration by our own clock. A leader that could not
 * renew in time stops leading before anyone else may begin.
 */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Random } from '../random.ts';
import { linkedTo, pause } from './abort.ts';
import type { CallOptions, KubeClient, ResourceType } from './client.ts';
import { isApiError } from './errors.ts';
import type { KubeObject, ObjectMeta } from './object.ts';

export interface LeaderElectionParts {
  client: Pick<KubeClient, 'find' | 'create' | 'replace'>;
  clock: Clock;
  random: Random;
  log: Logger;
}

export interface LeaderElectionOptions {
  namespace: string;
  /** Of the Lease. */
  name: string;
  /** Of this replica: unique, such as the pod's name. */
  identity: string;
  /** Others wait that long for a silent leader; 15 s when absent. */
  leaseDurationMs?: number;
  /** A leader that cannot renew for that long stops; 10 s when absent. Must be less than `leaseDurationMs`. */
  renewDeadlineMs?: number;
  /** Between tries; 2 s when absent. */
  retryPeriodMs?: number;
  labels?: Record<string, string>;
  /** Of the one that leads, on the Lease: asked at each renewal. */
  annotations?: () => Record<string, string>;
}

const RELEASE_TRIES = 3;
export const LEASE: ResourceType = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' };

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

export class LeaderElection {
  private readonly parts: LeaderElectionParts;
  private readonly options: LeaderElectionOptions;
  private readonly leaseDurationMs: number;
  private readonly renewDeadlineMs: number;
  private readonly retryPeriodMs: number;
  /** The lease as last seen, and since when it has looked like that. */
  private observed: { lease: KubeObject; key: string; sinceMs: number } | undefined;
  private leads = false;
  /** Before the request that last took or renewed the lease: the server may have counted from any time since. */
  private renewedMs = 0;

  constructor(parts: LeaderElectionParts, options: LeaderElectionOptions) {
    this.parts = parts;
    this.options = options;
    this.leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.retryPeriodMs = options.retryPeriodMs ?? 2000;
  }

  get isLeader(): boolean {
    return this.leads;
  }

  /** Who leads as far as is known. */
  get holder(): string | undefined {
    return this.observed && (specOf(this.observed.lease).holderIdentity || undefined);
  }

  /**
   * Competes until `signal` aborts. `onStarted` runs while this replica leads; its signal aborts when leadership is lost or given up,
   * and only when it has returned is the lease released, or competed for again. @throws what `onStarted` throws
   */
  async run(signal: AbortSignal, onStarted: (signal: AbortSignal) => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      await this.acquire(signal);
      if (!this.leads) return;
      await this.lead(signal, onStarted);
    }
  }

  private async acquire(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await this.attempt(signal, this.renewDeadlineMs)) {
        this.leads = true;
        return;
      }
      await pause(this.jittered(), signal);
    }
  }

  private async lead(signal: AbortSignal, onStarted: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { log } = this.parts;
    const { name, identity } = this.options;
    const term = linkedTo(signal);
    log.info({ name, identity }, 'leading');
    const work = onStarted(term.signal);
    // Rejected work ends the term; it is thrown below.
    const over = work.then(
      () => term.abort(),
      () => term.abort(),
    );
    const isLost = await this.renewUntilLost(term.signal);
    this.leads = false;
    if (isLost) log.warn({ name, identity, holder: this.holder }, 'leadership lost');
    term.abort();
    term.unlink();
    await over;
    if (!isLost) await this.release();
    await work;
  }

  /** True when leadership was lost, false when it is to be given up. */
  private async renewUntilLost(signal: AbortSignal): Promise<boolean> {
    const { clock, log } = this.parts;
    while (!signal.aborted) {
      await pause(this.retryPeriodMs, signal);
      if (signal.aborted) return false;
      const leftMs = this.renewedMs + this.renewDeadlineMs - clock.now();
      if (leftMs <= 0) return true;
      if (await this.attempt(signal, leftMs)) continue;
      if (this.holder !== undefined && this.holder !== this.options.identity) return true;
      if (!signal.aborted) log.debug({ name: this.options.name }, 'lease not renewed yet');
    }
    return false;
  }

  /** Takes or renews the lease. False when another has it, or the API server did not play along in time. */
  private async attempt(signal: AbortSignal, timeoutMs: number): Promise<boolean> {
    const { clock, log } = this.parts;
    const startMs = clock.now();
    const linked = linkedTo(signal);
    const timer = setTimeout(() => linked.abort(new Error(`no answer within ${Math.round(timeoutMs)} ms`)), timeoutMs);
    try {
      const isTaken = await this.take({ signal: linked.signal, retryCountMax: 0 });
      if (isTaken) this.renewedMs = startMs;
      return isTaken;
    } catch (err) {
      // A conflict is another replica that was faster.
      if (!signal.aborted && !isApiError(err, 'isConflict') && !isApiError(err, 'isAlreadyExists')) {
        log.warn({ err, name: this.options.name }, 'lease cannot be read or written');
      }
      return false;
    } finally {
      clearTimeout(timer);
      linked.unlink();
    }
  }

  private async take(call: CallOptions): Promise<boolean> {
    const { client } = this.parts;
    const { namespace, name, identity } = this.options;
    const lease = await client.find(LEASE, namespace, name, call);
    if (lease === undefined) {
      const made = await client.create(LEASE, this.leaseFor(undefined), call);
      this.observe(made);
      return true;
    }
    this.observe(lease);
    const { holderIdentity, leaseDurationSeconds } = specOf(lease);
    const heldMs = (leaseDurationSeconds ?? this.leaseDurationMs / 1000) * 1000;
    const isFree = !holderIdentity || holderIdentity === identity;
    if (!isFree && this.parts.clock.now() < this.observed!.sinceMs + heldMs) return false;
    this.observe(await client.replace(LEASE, this.leaseFor(lease), call));
    return true;
  }

  /** Read anew: others may have written into it, or a renewal that was cut off came through after all. */
  private async release(): Promise<void> {
    const { client, clock, log } = this.parts;
    const { namespace, name, identity } = this.options;
    const call: CallOptions = { timeoutMs: this.retryPeriodMs, retryCountMax: 0 };
    for (let tries = 0; tries < RELEASE_TRIES; tries += 1) {
      try {
        const lease = await client.find(LEASE, namespace, name, call);
        if (lease === undefined || specOf(lease).holderIdentity !== identity) return;
        const now = microTime(clock.wall());
        const spec = {
          ...specOf(lease),
          holderIdentity: '',
          leaseDurationSeconds: 1,
          renewTime: now,
          acquireTime: now,
        };
        await client.replace(LEASE, { ...lease, spec }, call);
        return;
      } catch (err) {
        // At the worst it runs out by itself.
        log.debug({ err, name }, 'lease not released');
        if (!isApiError(err, 'isConflict')) return;
      }
    }
  }

  private leaseFor(lease: KubeObject | undefined): KubeObject {
    const { namespace, name, identity, labels, annotations } = this.options;
    const before = lease === undefined ? {} : specOf(lease);
    const now = microTime(this.parts.clock.wall());
    const isOurs = before.holderIdentity === identity;
    const spec: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.leaseDurationMs / 1000),
      acquireTime: isOurs ? (before.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (before.leaseTransitions ?? 0) + (lease === undefined || isOurs ? 0 : 1),
    };
    const fresh = {
      apiVersion: LEASE.apiVersion,
      kind: LEASE.kind,
      metadata: { name, namespace, ...(labels && { labels }) },
    };
    const { metadata, ...rest } = lease ?? fresh;
    const own = annotations && { annotations: { ...(metadata as ObjectMeta).annotations, ...annotations() } };
    return { ...rest, metadata: { ...metadata, ...own }, spec };
  }

  private observe(lease: KubeObject): void {
    const key = JSON.stringify(lease.spec ?? null);
    if (this.observed?.key === key) this.observed.lease = lease;
    else this.observed = { lease, key, sinceMs: this.parts.clock.now() };
  }

  /** Replicas that started together do not ask together. */
  private jittered(): number {
    return this.retryPeriodMs * (1 + 0.2 * this.parts.random.next());
  }
}

function specOf(lease: KubeObject): LeaseSpec {
  return (lease.spec ?? {}) as LeaseSpec;
}

/** As the API writes times of leases: microseconds. */
function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z');
}
