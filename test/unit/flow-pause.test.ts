/** For how long a flow may be without a way, by a router's environment. */
import { describe, expect, it } from 'vitest';
import { FLOW_PAUSE_LIMIT_MAX_MS, FLOW_PAUSE_LIMIT_MS } from '../../router/bridge/resume/limits.ts';
import { BridgeSurvivals } from '../../router/bridge/resume/shared.ts';
import { flowPauseLimitMs } from '../../router/io/flow-pause.ts';

describe('the longest pause of a flow', () => {
  it.each([undefined, '', '  '])('is ten seconds where %j is set', (text) => {
    expect(flowPauseLimitMs({ SKUPRT_FLOW_PAUSE_SECONDS: text })).toBe(FLOW_PAUSE_LIMIT_MS);
    expect(FLOW_PAUSE_LIMIT_MS).toBe(10_000);
  });

  it.each([
    ['0', 0],
    ['0.000', 0],
    ['2.5', 2500],
    [' 30 ', 30_000],
    ['0.001', 1],
    ['600', FLOW_PAUSE_LIMIT_MAX_MS],
  ])('is what SKUPRT_FLOW_PAUSE_SECONDS says: %j', (text, ms) => {
    expect(flowPauseLimitMs({ SKUPRT_FLOW_PAUSE_SECONDS: text })).toBe(ms);
  });

  it.each(['-1', '10s', '1e3', '600.001', '1000000', '.5', '1.', '1.0001', 'never', 'NaN'])('is not %j', (text) => {
    expect(() => flowPauseLimitMs({ SKUPRT_FLOW_PAUSE_SECONDS: text })).toThrow(
      `SKUPRT_FLOW_PAUSE_SECONDS is '${text}'`,
    );
  });

  it('is no longer than the most there may be, whoever says so', () => {
    const parts = {
      routerId: 'A',
      home: '',
      dispatcher: { forward: () => false, reroute: () => false },
      random: () => 0,
    };
    expect(new BridgeSurvivals({ now: 0 }, parts).limitMs).toBe(FLOW_PAUSE_LIMIT_MS);
    expect(new BridgeSurvivals({ now: 0 }, { ...parts, flowPauseLimitMs: 1e9 }).limitMs).toBe(FLOW_PAUSE_LIMIT_MAX_MS);
    expect(new BridgeSurvivals({ now: 0 }, { ...parts, flowPauseLimitMs: 0 }).limitMs).toBe(0);
  });
});
