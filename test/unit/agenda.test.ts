/** When paused flows act: each at its time, in batches, by one deadline for all. */
import { describe, expect, it } from 'vitest';
import { Agenda, type Pausing } from '../../router/bridge/resume/agenda.ts';
import { RESUME_BATCH_MAX } from '../../router/bridge/resume/limits.ts';

class Paused implements Pausing {
  dueAt = Number.POSITIVE_INFINITY;
  isAsking = false;
  readonly actedAt: number[] = [];
  private readonly next: (now: number) => void;

  constructor(next: (now: number) => void = () => {}) {
    this.next = next;
  }

  act(now: number): void {
    this.actedAt.push(now);
    this.next(now);
  }
}

/** What acts is over. */
function once(agenda: Agenda): Paused {
  const paused: Paused = new Paused(() => agenda.delete(paused));
  return paused;
}

/** Until nothing is due. @returns how many turns it took */
function tickUntilQuiet(agenda: Agenda, now: number): number {
  let turns = 0;
  for (; agenda.deadline() <= now; turns++) agenda.tick(now);
  return turns;
}

describe('the agenda of paused flows', () => {
  it('has no deadline while none is paused', () => {
    const agenda = new Agenda();
    expect([agenda.count, agenda.deadline()]).toEqual([0, Number.POSITIVE_INFINITY]);
    const paused = once(agenda);
    agenda.set(paused, 100);
    agenda.delete(paused);
    expect([agenda.count, agenda.deadline()]).toEqual([0, Number.POSITIVE_INFINITY]);
  });

  it('lets each act at its time and not before, and one that was taken out never', () => {
    const agenda = new Agenda();
    const [early, late, gone] = [once(agenda), once(agenda), once(agenda)];
    agenda.set(late, 200);
    agenda.set(gone, 100);
    agenda.set(early, 100);
    agenda.delete(gone);
    for (const now of [95, 100, 195, 200, 300]) agenda.tick(now);
    expect([early.actedAt, late.actedAt, gone.actedAt]).toEqual([[100], [200], []]);
    expect(agenda.count).toBe(0);
  });

  it('moves one that is set again', () => {
    const agenda = new Agenda();
    const paused = once(agenda);
    agenda.set(paused, 500);
    agenda.set(paused, 50);
    expect(agenda.deadline()).toBe(50);
    agenda.set(paused, 400);
    tickUntilQuiet(agenda, 300);
    expect(paused.actedAt).toEqual([]);
    expect(agenda.deadline()).toBe(400);
  });

  it('keeps its deadline for those that set their next time as they act', () => {
    const agenda = new Agenda();
    const paused: Paused = new Paused((now) => agenda.set(paused, now + 50));
    agenda.set(paused, 10);
    agenda.tick(10);
    expect([agenda.count, agenda.deadline()]).toEqual([1, 60]);
    agenda.tick(60);
    expect(paused.actedAt).toEqual([10, 60]);
  });

  it('lets so many act in one turn, and the others in the next', () => {
    const agenda = new Agenda();
    const all = Array.from({ length: 2 * RESUME_BATCH_MAX + 1 }, () => once(agenda));
    for (const each of all) agenda.set(each, 10);
    agenda.tick(10);
    expect(all.filter(({ actedAt }) => actedAt.length > 0)).toHaveLength(RESUME_BATCH_MAX);
    expect(agenda.deadline()).toBeLessThanOrEqual(10);
    expect(tickUntilQuiet(agenda, 10)).toBe(2);
    expect(all.every(({ actedAt }) => actedAt.length === 1)).toBe(true);
    expect(agenda.count).toBe(0);
  });

  it('hastens those that wait for their next try, and not those that wait for an answer', () => {
    const agenda = new Agenda();
    const [waiting, asking] = [once(agenda), once(agenda)];
    asking.isAsking = true;
    agenda.set(waiting, 800);
    agenda.set(asking, 900);
    agenda.hasten(100);
    tickUntilQuiet(agenda, 100);
    expect([waiting.actedAt, asking.actedAt]).toEqual([[100], []]);
    expect(agenda.deadline()).toBe(900);
  });
});
