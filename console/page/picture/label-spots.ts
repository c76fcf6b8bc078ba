/** Where on its line each label stands: in the middle, or off it where another label is near. Pure. */
import type { Point } from './layout.ts';

export interface Span {
  readonly from: Point;
  readonly to: Point;
}

/** What a label takes, about. */
const WIDTH = 150;
const HEIGHT = 40;
const SHARES = [0.5, 0.34, 0.66] as const;

/** For each line in turn, where its label stands. */
export function labelSpots(lines: readonly Span[]): Point[] {
  const taken: Point[] = [];
  for (const line of lines) {
    const spots = SHARES.map((share) => pointOn(line, share));
    taken.push(spots.find((spot) => taken.every((other) => !overlaps(spot, other))) ?? spots[0]!);
  }
  return taken;
}

function pointOn({ from, to }: Span, share: number): Point {
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

function overlaps(a: Point, b: Point): boolean {
  return Math.abs(a.x - b.x) < WIDTH && Math.abs(a.y - b.y) < HEIGHT;
}
