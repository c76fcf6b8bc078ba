/** How hard a picture is to read: lines that cross, and lines that run through what they do not lead to. Pure. */
import type { Point } from './layout.ts';

export interface Disc extends Point {
  readonly id: string;
  readonly reach: number;
}

export interface Pair {
  readonly from: string;
  readonly to: string;
}

export function clutter(discs: readonly Disc[], pairs: readonly Pair[]): number {
  const byId = new Map(discs.map((disc) => [disc.id, disc]));
  const lines = pairs.flatMap(({ from, to }) => {
    const [a, b] = [byId.get(from), byId.get(to)];
    return a && b ? [{ a, b }] : [];
  });
  let count = 0;
  for (const [index, one] of lines.entries()) {
    for (const other of lines.slice(index + 1)) if (cross(one.a, one.b, other.a, other.b)) count += 1;
    for (const disc of discs) if (disc !== one.a && disc !== one.b && isNear(disc, one.a, one.b)) count += 2;
  }
  return count;
}

/** Lines that share an end do not cross. */
function cross(a: Disc, b: Disc, c: Disc, d: Disc): boolean {
  if (a === c || a === d || b === c || b === d) return false;
  return side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b);
}

const side = (a: Point, b: Point, p: Point) => (b.x - a.x) * (p.y - a.y) > (b.y - a.y) * (p.x - a.x);

function isNear(disc: Disc, a: Point, b: Point): boolean {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const share = Math.max(0, Math.min(1, ((disc.x - a.x) * dx + (disc.y - a.y) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(disc.x - a.x - share * dx, disc.y - a.y - share * dy) < disc.reach * 0.8;
}
