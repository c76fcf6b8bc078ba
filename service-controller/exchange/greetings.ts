/**
 * When this cluster asks who is there, and until when the greetings after a connection are answered. No clock. Pure.
 *
 * Several after each connection, for addresses spread after routers do and messages are lost; one more for whoever comes into reach
 * behind them. Never two within `repeatMs`, but for the first after a connection.
 */
import type { ServiceExchangeOptions } from './options.ts';

type GreetingsOptions = Pick<ServiceExchangeOptions, 'repeatMs' | 'greetingCount' | 'requestMs' | 'leaseMs' | 'random'>;

export class Greetings {
  /** When the last of those after the connection is answered. */
  answeredAt = -Infinity;
  private readonly options: GreetingsOptions;
  private connectedAt = -Infinity;
  private greetedAt = -Infinity;
  /** Of those after the connection. */
  private nextAt = Infinity;
  private extraAt = Infinity;
  private sites: ReadonlySet<string> = new Set();

  constructor(options: GreetingsOptions) {
    this.options = options;
  }

  connected(now: number): void {
    this.connectedAt = now;
    this.nextAt = now;
    this.extraAt = Infinity;
    this.answeredAt = now + this.options.greetingCount * this.options.repeatMs;
  }

  disconnected(): void {
    this.nextAt = Infinity;
    this.extraAt = Infinity;
    this.answeredAt = -Infinity;
  }

  deadline(): number {
    return Math.min(this.nextAt, this.extraAt);
  }

  /** True when one is due, which is made then. */
  take(now: number): boolean {
    if (now < this.deadline()) return false;
    if (now >= this.nextAt) {
      const next = this.nextAt + this.options.repeatMs;
      this.nextAt = next + this.options.repeatMs <= this.answeredAt ? next : Infinity;
    }
    this.extraAt = Infinity;
    this.greetedAt = now;
    return true;
  }

  /** The network is whole again: the others need not wait for each other's next digest either. */
  extra(now: number): void {
    this.extraAt = Math.min(this.extraAt, this.soonest(now));
  }

  /**
   * Other sites whose routers are known. One that came into reach while answers are waited for, as behind a link that came up, may have
   * heard no greeting: it gets one, and its time to answer.
   */
  reach(sites: ReadonlySet<string>, now: number): void {
    const isNew = [...sites].some((site) => !this.sites.has(site));
    this.sites = sites;
    if (!isNew || now >= this.answeredAt || this.nextAt !== Infinity) return;
    const { repeatMs, leaseMs } = this.options;
    this.nextAt = this.soonest(now);
    this.answeredAt = Math.min(Math.max(this.answeredAt, this.connectedAt + leaseMs), this.nextAt + repeatMs);
  }

  private soonest(now: number): number {
    const { repeatMs, requestMs, random } = this.options;
    return Math.max(now, this.greetedAt + repeatMs) + requestMs * random.next();
  }
}
