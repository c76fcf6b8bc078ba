/** How much of a flow is under way between two of ours, on paths that are modelled: a rate, a delay, a reader. */
import { describe, expect, it } from 'vitest';
import { FlowBudget } from '../../router/bridge/flow-budget.ts';
import { SendWindow } from '../../router/bridge/send-window.ts';
import {
  FLOW_SHARE_BYTES_MIN,
  FLOW_WINDOW_BYTES,
  FLOW_WINDOW_BYTES_LOW,
  FLOW_WINDOW_BYTES_MAX,
} from '../../router/core/limits.ts';

const MIB = 1024 * 1024;
const CHUNK = 64 * 1024;
const REPORT = 128 * 1024;

/** A pipe with a bottleneck: octets leave it at a rate, and are reported half a round trip later. */
class Path {
  now = 0;
  bytesPerMs: number;
  roundTripMs: number;
  /** Octets written at the other end. */
  written = 0;
  /** The most that waited before the bottleneck. */
  queuedBytesMax = 0;
  readonly window: SendWindow;
  private offerKib = 0;
  private freeAt = 0;
  private reported = 0;
  private readonly reports: { at: number; offset: number }[] = [];

  constructor(window: SendWindow, bytesPerMs: number, roundTripMs: number) {
    this.window = window;
    this.bytesPerMs = bytesPerMs;
    this.roundTripMs = roundTripMs;
  }

  offer(bytes: number): void {
    this.offerKib = bytes / 1024;
  }

  /** A sender that always has something. @param chunkBytes what it reads at once */
  run(ms: number, chunkBytes = CHUNK): number {
    const end = this.now + ms;
    const before = this.window.acknowledgedBytes;
    while (this.now < end) {
      for (let report = this.reports[0]; report !== undefined && report.at <= this.now; report = this.reports[0]) {
        this.reports.shift();
        this.window.acknowledged(report.offset, this.offerKib, this.now);
      }
      if (!this.window.full) this.send(chunkBytes);
      else this.now = Math.max(this.now, this.reports[0]?.at ?? end);
    }
    return (this.window.acknowledgedBytes - before) / ms;
  }

  /** All that is under way arrives. */
  drain(): void {
    for (const { at, offset } of this.reports.splice(0)) {
      this.now = at;
      this.window.acknowledged(offset, this.offerKib, at);
    }
    this.window.acknowledged(this.written, this.offerKib, this.now);
  }

  private send(chunkBytes: number): void {
    const { window } = this;
    window.sent(window.sentBytes + chunkBytes, this.now);
    this.freeAt = Math.max(this.freeAt, this.now + this.roundTripMs / 2) + chunkBytes / this.bytesPerMs;
    this.queuedBytesMax = Math.max(
      this.queuedBytesMax,
      (this.freeAt - this.now - this.roundTripMs / 2) * this.bytesPerMs,
    );
    this.written += chunkBytes;
    this.now += 0.001;
    if (this.written - this.reported < REPORT) return;
    this.reported = this.written;
    this.reports.push({ at: this.freeAt + this.roundTripMs / 2, offset: this.written });
  }
}

function tuned(limitBytes = 512 * MIB, offerBytes = 0): { window: SendWindow; budget: FlowBudget } {
  const window = new SendWindow();
  const budget = new FlowBudget(limitBytes);
  window.tune(budget, offerBytes);
  return { window, budget };
}

/** 1 Gbit/s. */
const GIGABIT = 125_000;

describe('the window of a flow', () => {
  it('is the constant of the original where nothing else was agreed', () => {
    const window = new SendWindow();
    expect(new Path(window, GIGABIT, 100).run(3000)).toBeLessThan((1.1 * FLOW_WINDOW_BYTES) / 100);
    window.sent(window.sentBytes + 2 * FLOW_WINDOW_BYTES, 3000);
    window.acknowledged(window.sentBytes - FLOW_WINDOW_BYTES + 1, 1, 3001);
    expect(window.full).toBe(false);
    window.sent(window.sentBytes + 1, 3001);
    expect(window.full).toBe(true);
  });

  it.each([50, 100, 200])('fills a path of 1 Gbit/s and %i ms within two seconds', (roundTripMs) => {
    const { window } = tuned();
    const path = new Path(window, GIGABIT, roundTripMs);
    path.run(2000);
    expect(path.run(5000)).toBeGreaterThan(0.97 * GIGABIT);
  });

  it('keeps no more waiting before the bottleneck than the path itself holds', () => {
    const { window } = tuned();
    const path = new Path(window, GIGABIT, 100);
    path.run(5000);
    path.queuedBytesMax = 0;
    path.run(5000);
    expect(path.queuedBytesMax).toBeLessThan(1.1 * GIGABIT * 100);
  });

  it('is short where the path is', () => {
    const { window } = tuned();
    new Path(window, 500_000, 0.3).run(500);
    expect(window.bytes).toBeLessThan(2.1 * MIB);
    const slow = tuned().window;
    new Path(slow, 50_000, 0.3).run(500);
    expect(slow.bytes).toBeLessThan(1.2 * FLOW_WINDOW_BYTES_LOW);
  });

  it('follows a path that becomes wider, and one that becomes narrower', () => {
    const { window } = tuned();
    const path = new Path(window, GIGABIT / 10, 100);
    path.run(5000);
    const narrow = window.bytes;
    expect(narrow).toBeLessThan(2.5 * (GIGABIT / 10) * 100);
    path.bytesPerMs = GIGABIT;
    path.run(5000);
    expect(path.run(2000)).toBeGreaterThan(0.9 * GIGABIT);
    path.bytesPerMs = GIGABIT / 10;
    path.run(60_000);
    expect(window.bytes).toBeLessThan(1.5 * narrow);
  });

  it('does not grow without end while what it measures is its own queue', () => {
    const { window } = tuned();
    const path = new Path(window, GIGABIT / 10, 20);
    path.run(120_000);
    // A report is 10 ms of this path.
    expect(window.bytes).toBeLessThan(4 * (GIGABIT / 10) * 20);
    expect(path.run(10_000)).toBeGreaterThan(0.95 * (GIGABIT / 10));
  });

  it('learns that the round trip of the path has become longer', () => {
    const { window } = tuned();
    const path = new Path(window, GIGABIT, 10);
    path.run(3000);
    path.roundTripMs = 60;
    path.run(60_000);
    expect(path.run(5000)).toBeGreaterThan(0.9 * GIGABIT);
  });

  it('becomes small for a reader that is slow', () => {
    const { window } = tuned();
    const path = new Path(window, GIGABIT, 1);
    path.run(500);
    path.bytesPerMs = 100;
    path.run(300_000);
    expect(window.bytes).toBeLessThanOrEqual(2 * FLOW_WINDOW_BYTES_LOW);
  });

  it('is left alone by a sender that has little to send', () => {
    const { window } = tuned();
    const path = new Path(window, GIGABIT, 50);
    path.run(5000);
    path.drain();
    const before = window.bytes;
    for (let i = 0; i < 1000; i++) {
      window.sent(window.sentBytes + 100, path.now);
      path.now += 50;
      window.acknowledged(window.sentBytes, 0, path.now);
    }
    expect(window.bytes).toBe(before);
  });

  it('is no more than the other end offers', () => {
    const { window } = tuned(512 * MIB, 300_000);
    expect(window.bytes).toBe(300_000);
    const path = new Path(window, GIGABIT, 100);
    path.offer(2 * MIB);
    path.run(3000);
    expect(window.bytes).toBe(2 * MIB);
    path.offer(100 * 1024);
    path.run(1000);
    expect(window.bytes).toBe(100 * 1024);
  });

  it('is never so small that a flow could not go on', () => {
    const { window, budget } = tuned(MIB, 1024);
    budget.take(100 * MIB);
    expect(window.bytes).toBe(FLOW_SHARE_BYTES_MIN);
    expect(window.full).toBe(false);
    window.sent(1, 0);
    expect(window.full).toBe(false);
  });

  it('is never above its limit', () => {
    const { window } = tuned(100 * 1024 * MIB);
    new Path(window, 100 * GIGABIT, 1000).run(20_000, MIB);
    expect(window.bytes).toBe(FLOW_WINDOW_BYTES_MAX);
  });

  it('hears nothing of what was not sent, or of what it knows', () => {
    const { window, budget } = tuned();
    window.sent(1000, 0);
    expect(window.acknowledged(1001, 0, 1)).toBe(false);
    expect(window.acknowledged(600, 0, 1)).toBe(true);
    expect(window.acknowledged(600, 0, 2)).toBe(false);
    expect(window.acknowledged(Number.NaN, 0, 2)).toBe(false);
    expect(window.unacknowledgedBytes).toBe(400);
    expect(budget.usedBytes).toBe(400);
  });

  it('begins to measure again on another path', () => {
    const { window } = tuned();
    const path = new Path(window, 500_000, 0.3);
    path.run(500);
    window.restart();
    path.bytesPerMs = GIGABIT;
    path.roundTripMs = 100;
    path.run(3000);
    expect(path.run(3000)).toBeGreaterThan(0.95 * GIGABIT);
  });
});

describe('the memory for flows', () => {
  it('is shared by those that stand still, and some is left for those that do not', () => {
    const budget = new FlowBudget(64 * MIB);
    const windows = Array.from({ length: 1000 }, () => {
      const window = new SendWindow();
      window.tune(budget, 0);
      return window;
    });
    for (let round = 0; round < 100; round++) {
      for (const window of windows) if (!window.full) window.sent(window.sentBytes + 4096, round);
    }
    expect(budget.usedBytes).toBeLessThanOrEqual(budget.limitBytes);
    expect(windows.every(({ unacknowledgedBytes }) => unacknowledgedBytes >= FLOW_SHARE_BYTES_MIN)).toBe(true);
  });

  it('has all back when flows are over, and is not asked for what came after', () => {
    const { window, budget } = tuned();
    window.sent(5000, 0);
    window.acknowledged(2000, 0, 1);
    window.close();
    window.close();
    expect(budget.usedBytes).toBe(0);
    window.sent(9000, 2);
    window.close();
    expect(budget.usedBytes).toBe(0);
    expect(budget.peakBytes).toBe(5000);
  });

  it('counts what was sent before the other end was known', () => {
    const window = new SendWindow();
    const budget = new FlowBudget();
    window.sent(700, 0);
    window.tune(budget, 0);
    window.tune(budget, 0);
    expect(budget.usedBytes).toBe(700);
  });
});
