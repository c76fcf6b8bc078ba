/**
 * What is known of a tcpConnector's backend: whether it takes connections, and when to look again. Pure.
 *
 * Two things count. A flow that did not reach it ejects it at once, for a time that doubles with each failure; when the time
 * is over the router itself looks, so that no client waits to find out. And a health check, where one is configured, looks
 * all the time and counts results in a row. Either makes the backend unfit, which is for when there is no other: nothing here
 * keeps a flow from the last one. A flow that reaches it makes up for flows that did not.
 */
import { isDeepStrictEqual } from 'node:util';
import { CONNECTOR_PENALTY_MAX_MS, CONNECTOR_PENALTY_MS, DIAL_PATIENCE_MS } from '../core/limits.ts';

export interface HealthCheck {
  /** What is asked of it over HTTP; undefined: that it accepts a connection. */
  readonly path: string | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Results in a row that change its state. */
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

/** An ejection of the first time is not worth telling the network. */
const WITHDRAWN_FAILURES = 2;
/** Checks of many connectors made at once are spread over this share of the interval. */
const JITTER = 0.2;

export class BackendHealth {
  check: HealthCheck | undefined;
  /** Why it was not reached the last time; undefined when it was. */
  problem: string | undefined;
  private failureCount = 0;
  private ejectedUntil = 0;
  private unhealthy = false;
  /** Results of the check in a row that speak against its state. */
  private againstCount = 0;
  private checkAt = Number.POSITIVE_INFINITY;
  private looking = false;

  constructor(check: HealthCheck | undefined, now: number, random: number) {
    this.watch(check, now, random);
  }

  /** From now on it is looked at so; what a check of before has found is forgotten where there is none any more. */
  watch(check: HealthCheck | undefined, now: number, random: number): void {
    if (isDeepStrictEqual(check, this.check)) return;
    this.check = check;
    this.againstCount = 0;
    if (check === undefined) this.unhealthy = false;
    if (!this.unfit) this.problem = undefined;
    this.checkAt = check === undefined ? Infinity : now + random * Math.min(check.intervalMs, DIAL_PATIENCE_MS);
  }

  /** It gets flows only when there is no other. */
  get unfit(): boolean {
    return this.failureCount > 0 || this.unhealthy;
  }

  /** It has been so for long enough that other routers should know. */
  get unfitForLong(): boolean {
    return this.failureCount >= WITHDRAWN_FAILURES || this.unhealthy;
  }

  /** When to look; Infinity while somebody looks, and when nobody need. */
  get probeAt(): number {
    if (this.looking) return Number.POSITIVE_INFINITY;
    return this.failureCount > 0 ? Math.min(this.ejectedUntil, this.checkAt) : this.checkAt;
  }

  /** How long the answer may take, ms. */
  get probeWithinMs(): number {
    return this.check?.timeoutMs ?? DIAL_PATIENCE_MS;
  }

  probing(): void {
    this.looking = true;
  }

  /** A flow has reached it. @returns whether that is news */
  reached(): boolean {
    if (!this.unhealthy) this.problem = undefined;
    const wasEjected = this.failureCount > 0;
    this.failureCount = 0;
    return wasEjected && !this.unfit;
  }

  /**
   * A flow has not reached it.
   * @param dialledAt ms; flows that were dialled side by side are one failure
   * @returns for how long it is ejected; undefined when nothing has changed
   */
  refused(reason: string, dialledAt: number, now: number): number | undefined {
    this.problem = reason;
    return dialledAt < this.ejectedUntil ? undefined : this.eject(now);
  }

  /**
   * What came of looking.
   * @param problem why it is not well; undefined when it is
   * @param random uniform in [0, 1)
   * @returns whether it has become fit or unfit
   */
  probed(problem: string | undefined, now: number, random: number): boolean {
    this.looking = false;
    const wasUnfit = this.unfit;
    if (this.check !== undefined) this.count(this.check, problem !== undefined, now, random);
    if (problem === undefined) this.failureCount = 0;
    else if (this.failureCount > 0 && now >= this.ejectedUntil) this.eject(now);
    if (!this.unfit) this.problem = undefined;
    else this.problem = problem ?? this.problem;
    return this.unfit !== wasUnfit;
  }

  private eject(now: number): number {
    const forMs = Math.min(CONNECTOR_PENALTY_MS * 2 ** this.failureCount, CONNECTOR_PENALTY_MAX_MS);
    this.failureCount++;
    this.ejectedUntil = now + forMs;
    return forMs;
  }

  private count(check: HealthCheck, failed: boolean, now: number, random: number): void {
    this.checkAt = now + check.intervalMs * (1 + (random - 0.5) * JITTER);
    if (failed === this.unhealthy) {
      this.againstCount = 0;
      return;
    }
    this.againstCount++;
    if (this.againstCount < (failed ? check.unhealthyThreshold : check.healthyThreshold)) return;
    this.unhealthy = failed;
    this.againstCount = 0;
  }
}
