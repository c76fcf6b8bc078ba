/**
 * What a case costs beside no policy, of turns that alternate between pairs of routers. Pure.
 *
 * Turns are compared within their round alone, where the machine is much the same, as logarithms of ratios: one that was disturbed moves an
 * average no more up than down, and the outermost tenths are left out. In a generation each pair has each case once, so what makes one
 * pair of processes faster than another is on both sides. Generations have new processes: they are drawn anew for the interval, and the
 * rounds in them, so that it holds for processes to come too.
 */
import type { Random } from '../../../lib/random.ts';
import { percentile } from '../net/statistics.ts';
import type { Case } from './cases.ts';

export interface Turn {
  readonly generation: number;
  /** In which each pair has one case. */
  readonly phase: number;
  readonly round: number;
  readonly name: Case;
  readonly perSecond: number;
  /** Processor time of both routers for each connection. */
  readonly cpuMs: number;
}

/** In percent, with the 95 % interval. */
export interface Change {
  readonly percent: number;
  readonly low: number;
  readonly high: number;
}

/** Logarithms of ratios, by generation and phase. */
type Ratios = readonly (readonly (readonly number[])[])[];

const TRIMMED = 0.1;
/** Of the interval. */
const DRAWS = 2000;

export function changeOf(
  turns: readonly Turn[],
  { name, value, draws = DRAWS }: { name: Case; value: (turn: Turn) => number; draws?: number },
  random: Random,
): Change {
  const ratios = ratiosOf(turns, name, value);
  const drawn = Array.from({ length: draws }, () =>
    estimate(draw(ratios, random).map((phases) => phases.map((phase) => draw(phase, random)))),
  );
  return {
    percent: percentOf(estimate(ratios)),
    low: percentOf(percentile(drawn, 2.5)),
    high: percentOf(percentile(drawn, 97.5)),
  };
}

function ratiosOf(turns: readonly Turn[], name: Case, value: (turn: Turn) => number): Ratios {
  const key = ({ generation, phase, round }: Turn) => `${generation} ${phase} ${round}`;
  const beside = new Map(turns.filter((turn) => turn.name === 'none').map((turn) => [key(turn), turn]));
  const found = new Map<number, Map<number, number[]>>();
  for (const turn of turns) {
    const none = beside.get(key(turn));
    if (turn.name !== name || none === undefined) continue;
    const phases = found.get(turn.generation) ?? new Map<number, number[]>();
    const ratios = phases.get(turn.phase) ?? [];
    ratios.push(Math.log(value(turn) / value(none)));
    found.set(turn.generation, phases.set(turn.phase, ratios));
  }
  return [...found.values()].map((phases) => [...phases.values()]);
}

function estimate(ratios: Ratios): number {
  return mean(ratios.map((phases) => mean(phases.map(trimmedMean))));
}

function trimmedMean(values: readonly number[]): number {
  const left = Math.floor(values.length * TRIMMED);
  return mean([...values].sort((a, b) => a - b).slice(left, values.length - left));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}

function draw<T>(values: readonly T[], random: Random): T[] {
  return values.map(() => values[Math.floor(random.next() * values.length)]!);
}

function percentOf(logarithm: number): number {
  return (Math.exp(logarithm) - 1) * 100;
}
