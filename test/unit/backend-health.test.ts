/** When a backend is passed over, when it is looked at, and when it is well again. */
import { describe, expect, it } from 'vitest';
import { BackendHealth } from '../../router/bridge/backend-health.ts';
import { CONNECTOR_PENALTY_MAX_MS, CONNECTOR_PENALTY_MS } from '../../router/core/limits.ts';

const CHECK = { path: undefined, intervalMs: 5000, timeoutMs: 2000, healthyThreshold: 2, unhealthyThreshold: 3 };

/** Looks when it is due, until `until`; the backend is well at the times that `isWell` says. */
function look(health: BackendHealth, until: number, isWell: (now: number) => boolean): number[] {
  const at: number[] = [];
  for (let now = health.probeAt; now <= until; now = health.probeAt) {
    at.push(now);
    health.probing();
    health.probed(isWell(now) ? undefined : 'refused', now, 0.5);
  }
  return at;
}

describe('a backend that flows do not reach', () => {
  it('is unfit at once, and looked at after 2, 4, 8 and then each 16 s', () => {
    const health = new BackendHealth(undefined, 0, 0);
    expect([health.unfit, health.probeAt]).toEqual([false, Number.POSITIVE_INFINITY]);
    expect(health.refused('no', 100, 100)).toBe(CONNECTOR_PENALTY_MS);
    expect([health.unfit, health.unfitForLong, health.problem]).toEqual([true, false, 'no']);
    expect(look(health, 80_000, () => false)).toEqual([2100, 6100, 14_100, 30_100, 46_100, 62_100, 78_100]);
    expect(health.unfitForLong).toBe(true);
  });

  it('is fit when it is found well, and begins anew', () => {
    const health = new BackendHealth(undefined, 0, 0);
    health.refused('no', 0, 0);
    look(health, 10_000, (now) => now > 5000);
    expect([health.unfit, health.problem, health.probeAt]).toEqual([false, undefined, Number.POSITIVE_INFINITY]);
    expect(health.refused('no', 20_000, 20_000)).toBe(CONNECTOR_PENALTY_MS);
  });

  it('is fit when a flow has reached it', () => {
    const health = new BackendHealth(undefined, 0, 0);
    expect(health.reached()).toBe(false);
    health.refused('no', 0, 0);
    expect(health.reached()).toBe(true);
    expect([health.unfit, health.problem]).toEqual([false, undefined]);
  });

  it('has failed once when flows that were dialled side by side fail', () => {
    const health = new BackendHealth(undefined, 0, 0);
    health.refused('no', 0, 1000);
    for (let i = 0; i < 50; i++) expect(health.refused('no', 500, 1500)).toBeUndefined();
    expect(health.refused('no', 3000, 3000)).toBe(2 * CONNECTOR_PENALTY_MS);
    for (let now = 10_000; now < 1e6; now += 50_000) health.refused('no', now, now);
    expect(health.refused('no', 1e6, 1e6)).toBe(CONNECTOR_PENALTY_MAX_MS);
  });

  it('is not looked at twice at a time', () => {
    const health = new BackendHealth(undefined, 0, 0);
    health.refused('no', 0, 0);
    health.probing();
    expect(health.probeAt).toBe(Number.POSITIVE_INFINITY);
    health.probed('no', 3000, 0.5);
    expect(health.probeAt).toBe(3000 + 2 * CONNECTOR_PENALTY_MS);
  });
});

describe('a health check', () => {
  it('looks each interval, from the start', () => {
    const health = new BackendHealth(CHECK, 1000, 0.5);
    expect(look(health, 20_000, () => true)).toEqual([1500, 6500, 11_500, 16_500]);
    expect(health.unfit).toBe(false);
  });

  it('is spread over time for many', () => {
    const starts = [0, 0.3, 0.9].map((random) => new BackendHealth(CHECK, 0, random).probeAt);
    expect(new Set(starts).size).toBe(3);
  });

  it('finds a backend unfit after three failures in a row, not after two', () => {
    const health = new BackendHealth(CHECK, 0, 0);
    const failing = new Set([5000, 10_000, 20_000, 25_000, 30_000]);
    look(health, 25_000, (now) => !failing.has(now));
    expect([health.unfit, health.problem]).toEqual([false, undefined]);
    look(health, 30_000, (now) => !failing.has(now));
    expect([health.unfit, health.unfitForLong, health.problem]).toEqual([true, true, 'refused']);
  });

  it('finds it fit after two successes in a row', () => {
    const health = new BackendHealth(CHECK, 0, 0);
    look(health, 10_000, () => false);
    look(health, 15_000, () => true);
    expect(health.unfit).toBe(true);
    look(health, 20_000, () => false);
    look(health, 25_000, () => true);
    expect(health.unfit).toBe(true);
    look(health, 30_000, () => true);
    expect([health.unfit, health.problem]).toEqual([false, undefined]);
  });

  it('holds against a flow that has reached an unhealthy one', () => {
    const health = new BackendHealth(CHECK, 0, 0);
    look(health, 10_000, () => false);
    expect(health.reached()).toBe(false);
    expect([health.unfit, health.problem]).toEqual([true, 'refused']);
  });

  it('ends an ejection by the first success', () => {
    const health = new BackendHealth(CHECK, 0, 0);
    look(health, 5000, () => true);
    health.refused('no', 6000, 6000);
    expect(health.probeAt).toBe(8000);
    look(health, 8000, () => true);
    expect(health.unfit).toBe(false);
  });
});
