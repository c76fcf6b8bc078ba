/**
 * How a router leaves the network, to stop or for as long as it is told to (`adminStatus` of the router entity): others
 * learn first, then its services' sockets close, then it waits for what is open.
 *
 * At once it is not ready any more (`/readyz`), its connectors are withdrawn and ways lead round it. Its sockets go on to accept
 * for a grace time: load balancers take a moment. They close when nobody has come for a while, and nobody waits at them: a
 * connection in the kernel's queue when a socket closes is lost. Not here: what the core does meanwhile (`core/drain.ts`), nor the end of the process.
 *
 * Invariants: services' sockets are open while it serves and during the grace time, and closed from then on; AMQP sockets close
 * only when it stops, since it may be told to go on. Whatever comes, it has stopped within the time it was given.
 */
import type { Logger } from '../../lib/log.ts';
import { drainRouter, openCountOf } from '../core/drain.ts';
import type { Router } from '../core/router.ts';

export interface DrainParts {
  readonly router: Router;
  /** Lets the router's effects happen. */
  schedule(): void;
  /** Opens the sockets of services, or closes them when nobody waits at them. */
  setServing(on: boolean): void;
  /** Whether one of them is open. */
  accepts(): boolean;
  now(): number;
  log: Logger;
}

export interface DrainTimes {
  /** From the beginning until open connections are broken off, ms. */
  readonly drainMs: number;
  /** For how long services' sockets are open at least, ms. */
  readonly graceMs: number;
}

export type DrainState = 'up' | 'draining' | 'drained';

const POLL_MS = 25;
/** Nobody has come for so long: whoever leads clients here knows. */
const QUIET_MS = 250;
/** Clients that come without end and know no better are left out after this. */
const ACCEPT_MS_MAX = 2500;

export class Drain {
  private readonly parts: DrainParts;
  private timer: NodeJS.Timeout | undefined;
  private startedAt: number | undefined;
  private graceMs = 0;
  private accepting = true;
  private openedCount = 0;
  private quietSince = 0;
  private toldDrained = false;
  private onLook: () => void = () => {};

  constructor(parts: DrainParts) {
    this.parts = parts;
  }

  get state(): DrainState {
    if (this.startedAt === undefined) return 'up';
    const { router, accepts } = this.parts;
    return !this.accepting && !accepts() && openCountOf(router) === 0 ? 'drained' : 'draining';
  }

  /** @param graceMs of two that begin it the longer one counts */
  begin(graceMs = 0): void {
    this.graceMs = Math.max(this.graceMs, graceMs);
    if (this.startedAt !== undefined) return;
    const { router, log, now, schedule } = this.parts;
    this.startedAt = now();
    this.openedCount = this.opened();
    this.quietSince = this.startedAt;
    this.toldDrained = false;
    log.info({ flowCount: router.bridge.flows.size, openCount: openCountOf(router) }, 'router draining');
    drainRouter(router, true, now());
    schedule();
    this.timer = setInterval(() => this.look(), POLL_MS);
    this.timer.unref();
  }

  /** It serves again as if nothing had been. */
  cancel(): void {
    if (this.startedAt === undefined) return;
    const { router, log, now, schedule } = this.parts;
    clearInterval(this.timer);
    this.startedAt = undefined;
    this.graceMs = 0;
    this.accepting = true;
    this.parts.setServing(true);
    drainRouter(router, false, now());
    schedule();
    log.info({}, 'router serves again');
  }

  /** Drains before the end. @returns when nothing is open any more or the time is over */
  async finish({ drainMs, graceMs }: DrainTimes): Promise<void> {
    this.begin(Math.min(graceMs, drainMs));
    const until = this.parts.now() + drainMs;
    await new Promise<void>((resolve) => {
      this.onLook = () => {
        if (this.state === 'drained' || this.parts.now() >= until) resolve();
      };
      this.timer?.ref();
      this.look();
    });
    clearInterval(this.timer);
    this.close();
  }

  private look(): void {
    if (this.accepting && this.mayClose()) this.close();
    if (this.state === 'drained' && !this.toldDrained) {
      this.toldDrained = true;
      this.parts.log.info({}, 'router drained: nothing is open');
    }
    this.onLook();
  }

  private mayClose(): boolean {
    const now = this.parts.now();
    const count = this.opened();
    if (count !== this.openedCount) this.quietSince = now;
    this.openedCount = count;
    const forMs = now - this.startedAt!;
    if (forMs < this.graceMs) return false;
    return !this.isKnown() || now - this.quietSince >= QUIET_MS || forMs >= Math.max(this.graceMs, ACCEPT_MS_MAX);
  }

  private close(): void {
    if (!this.accepting) return;
    this.accepting = false;
    this.parts.setServing(false);
    this.parts.schedule();
  }

  /** There is somebody who has to learn of it. */
  private isKnown(): boolean {
    const { bridge, peers } = this.parts.router;
    for (const { listening } of bridge.listeners.values()) if (listening) return true;
    for (const { role } of peers.values()) if (role !== 'normal') return true;
    return false;
  }

  private opened(): number {
    return this.parts.router.bridge.totals().connectionsOpened;
  }
}
