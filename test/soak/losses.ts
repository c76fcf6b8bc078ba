/**
 * The links of the soak are lost at random, one way or another, and come back soon: cut, silent, or with their router. Whatever was open
 * then has to be over at both ends as soon as its routers can know; what is not is told.
 */
import { type Random, randomInt } from '../../lib/random.ts';
import type { Flows } from './flows.ts';
import type { Line, LinkName } from './line.ts';

/** From the end of one loss to the next. */
const PAUSE_MS_MIN = 8000;
const PAUSE_MS_MAX = 20_000;
const CUT_MS_MAX = 3000;
/** Silence is a loss after 4 s. */
const SILENT_MS_MIN = 5000;
const SILENT_MS_MAX = 9000;
/** Silence is noticed, readers that stall read on, and a machine that has much to do finds the time. */
const ENDING_MS_MAX = 30_000;
const TOLD_MAX = 10;

interface Loss {
  readonly name: string;
  readonly lasts: readonly [number, number];
  begin(): void;
  end(): void;
}

/** What was open when links were lost. */
interface Check {
  readonly name: string;
  readonly dueMs: number;
  readonly before: readonly object[];
}

export class Losses {
  /** By what happened, how often. */
  readonly counts = new Map<string, number>();
  /** What was not over in time, in words; only so many are kept. */
  readonly late: string[] = [];
  lateCount = 0;
  private readonly random: Random;
  private readonly flows: Flows;
  private readonly choice: readonly Loss[];
  private current: Loss | undefined;
  private changeMs: number;
  private checks: Check[] = [];

  constructor(random: Random, line: Line, flows: Flows, nowMs: number) {
    this.random = random;
    this.flows = flows;
    this.choice = lossesOf(line);
    this.changeMs = nowMs + this.between(PAUSE_MS_MIN, PAUSE_MS_MAX);
  }

  /** To be called often. */
  tick(nowMs: number): void {
    this.checkDue(nowMs);
    if (nowMs < this.changeMs) return;
    if (this.current !== undefined) {
      this.current.end();
      this.current = undefined;
      this.changeMs = nowMs + this.between(PAUSE_MS_MIN, PAUSE_MS_MAX);
      return;
    }
    const loss = this.choice[randomInt(this.random, this.choice.length)]!;
    const { name } = loss;
    this.current = loss;
    this.changeMs = nowMs + this.between(...loss.lasts);
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    this.checks.push({ name, dueMs: nowMs + ENDING_MS_MAX, before: [...this.flows.ends.keys()] });
    loss.begin();
  }

  /** All links are to come back. */
  finish(): void {
    this.current?.end();
    this.current = undefined;
    this.changeMs = Number.POSITIVE_INFINITY;
  }

  private checkDue(nowMs: number): void {
    for (const { name, dueMs, before } of this.checks) {
      if (nowMs < dueMs) continue;
      for (const end of before) {
        const told = this.flows.ends.get(end);
        if (told === undefined) continue;
        this.lateCount++;
        if (this.late.length < TOLD_MAX) this.late.push(`${told} is not over ${ENDING_MS_MAX / 1000} s after: ${name}`);
      }
    }
    this.checks = this.checks.filter(({ dueMs }) => nowMs < dueMs);
  }

  private between(least: number, most: number): number {
    return least + randomInt(this.random, most - least);
  }
}

function lossesOf(line: Line): Loss[] {
  const cut = (...links: LinkName[]): Loss => ({
    name: `links cut: ${links.join(', ')}`,
    lasts: [1, CUT_MS_MAX],
    begin: () => line.cut(links),
    end: () => line.mend(links),
  });
  const silence = (...links: LinkName[]): Loss => ({
    name: `links silent: ${links.join(', ')}`,
    lasts: [SILENT_MS_MIN, SILENT_MS_MAX],
    begin: () => line.silence(links, true),
    end: () => line.silence(links, false),
  });
  const frozen: Loss = {
    name: 'router B frozen',
    lasts: [SILENT_MS_MIN, SILENT_MS_MAX],
    begin: () => line.freeze(true),
    end: () => line.freeze(false),
  };
  const killed: Loss = {
    name: 'router B killed',
    lasts: [1, CUT_MS_MAX],
    begin: () => line.kill(),
    end: () => line.restart(),
  };
  return [
    cut('A-B'),
    cut('C-B'),
    cut('A-B', 'C-B'),
    silence('A-B'),
    silence('C-B'),
    silence('A-B', 'C-B'),
    frozen,
    killed,
  ];
}
