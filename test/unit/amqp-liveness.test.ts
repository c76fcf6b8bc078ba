/** When a silent peer is given up, and how often a silent end speaks: alone, in a group, in a network that loses packets. */
import { describe, expect, it } from 'vitest';
import { Liveness, LivenessGroup, type Pace } from '../../router/amqp/engine/liveness.ts';

const PACE: Pace = {
  heartbeatMs: 400,
  troubledHeartbeatMs: 200,
  troubledForMs: 60_000,
  silenceMsMax: 1600,
  loneSilenceMsMax: 6000,
  memberSilenceMsMax: 8000,
};

function watched(group?: LivenessGroup): Liveness {
  const liveness = new Liveness(16_000, 0);
  liveness.hurry(PACE);
  if (group) liveness.join(group);
  return liveness;
}

/** When it gives the peer up, looking whenever it asks to be looked at. */
function givenUpAt(liveness: Liveness): number {
  for (;;) {
    const now = liveness.deadline();
    if (liveness.isSilent(now)) return now;
    if (liveness.isHeartbeatDue(now)) liveness.transmitted(now);
  }
}

describe('a silent peer', () => {
  it('is given up at the idle time-out, after a second look', () => {
    expect(givenUpAt(new Liveness(16_000, 0))).toBe(16_020);
    expect(givenUpAt(watched())).toBe(1620);
  });

  it('is not given up by the first look, however late that is', () => {
    const liveness = watched();
    expect(liveness.isSilent(9000)).toBe(false);
    liveness.received(9001);
    expect(liveness.isSilent(9020)).toBe(false);
    expect(liveness.deadline()).toBeLessThanOrEqual(9400);
  });

  it('is never given up where the configuration has no idle time-out', () => {
    const liveness = new Liveness(Number.POSITIVE_INFINITY, 0);
    liveness.hurry({ ...PACE, silenceMsMax: Number.POSITIVE_INFINITY });
    expect(liveness.isSilent(1e9)).toBe(false);
    expect(liveness.isSilent(1e9 + 100)).toBe(false);
  });

  it('on one of two connections is heard on the other, and that one alone is given up in the end', () => {
    const group = new LivenessGroup();
    const [one, other] = [watched(group), watched(group)];
    for (let now = 100; now <= 7900; now += 100) {
      other.received(now);
      expect(one.isSilent(now)).toBe(false);
    }
    expect(one.isSilent(8000)).toBe(false);
    expect(one.isSilent(8020)).toBe(true);
    expect(other.isSilent(8020)).toBe(false);
  });

  it('on all connections of a group is given up on all at once', () => {
    const group = new LivenessGroup();
    const [one, other] = [watched(group), watched(group)];
    other.received(500);
    expect([givenUpAt(one), givenUpAt(other)]).toEqual([2120, 2120]);
  });

  it('is borne for longer on a lone connection that has lost packets, not on one of a group', () => {
    const group = new LivenessGroup();
    const [lone, one, other] = [watched(), watched(group), watched(group)];
    for (const each of [lone, one, other]) {
      each.received(1000);
      expect(each.isTroubled).toBe(true);
    }
    expect([givenUpAt(lone), givenUpAt(one), givenUpAt(other)]).toEqual([7020, 2620, 2620]);
  });

  it('is looked at alone again when the others of its group have gone', () => {
    const group = new LivenessGroup();
    const [one, other] = [watched(group), watched(group)];
    one.received(1000);
    other.leave();
    expect(group.memberCount).toBe(1);
    expect(givenUpAt(one)).toBe(7020);
  });
});

describe('heartbeats', () => {
  /** When it speaks until then, saying nothing else. */
  function times(liveness: Liveness, untilMs: number): number[] {
    const all: number[] = [];
    for (let now = 1; now <= untilMs; now++) {
      if (now % 100 === 0) liveness.received(now);
      if (!liveness.isHeartbeatDue(now)) continue;
      liveness.transmitted(now);
      all.push(now);
    }
    return all;
  }

  it('are sent at half of what an original advertises', () => {
    const liveness = new Liveness(16_000, 0);
    liveness.remoteIdleTimeOut(8000);
    expect(times(liveness, 9000)).toEqual([4000, 8000]);
  });

  it('of the connections of a group take turns', () => {
    const group = new LivenessGroup();
    const [one, other] = [watched(group), watched(group)];
    expect(times(one, 1300)).toEqual([400, 800, 1200]);
    expect(times(other, 1500)).toEqual([200, 600, 1000, 1400]);
  });

  it('are sent twice as often for a minute after something came late', () => {
    const liveness = watched();
    liveness.received(900);
    const all = times(liveness, 65_000).filter((time) => time > 900);
    expect(all.filter((time) => time <= 60_900)).toHaveLength(300);
    expect(all.filter((time) => time > 61_000)).toHaveLength(10);
  });
});
