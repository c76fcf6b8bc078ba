/**
 * Where the nodes of the picture stand. The same graph always gives the same places, and what has its place keeps it: a site that joins finds
 * room beside the others, one that leaves moves nobody. Only a new line that tangles the picture moves all, where that helps. Pure.
 */
import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type SimulationNodeDatum,
} from 'd3-force';
import { clutter, type Pair } from './clutter.ts';

export interface Box {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

interface Body extends SimulationNodeDatum {
  id: string;
  reach: number;
}

const TICKS = 300;
const TICKS_OF_NEW = 120;
/** So many beginnings are tried, with no more nodes than that. */
const STARTS = 6;
const TRIED_AGAIN_MAX = 48;

export interface Arrangement {
  /** The width of the place for it, divided by its height. */
  readonly aspect: number;
  /** What a line between two boxes needs. */
  readonly gap: number;
  readonly before: ReadonlyMap<string, Point>;
  /** Whether a line has come since the places of before were given; none has, when absent. */
  readonly isNew?: (edge: Pair) => boolean;
}

export function arrange(
  boxes: readonly Box[],
  edges: readonly Pair[],
  { aspect, gap, before, isNew = () => false }: Arrangement,
): Map<string, Point> {
  const kept = boxes.filter(({ id }) => before.has(id)).length;
  if (boxes.length > 0 && kept === boxes.length) {
    const bodies = boxes.map((box) => bodyOf(box, before.get(box.id)));
    const tangle = edges.some(isNew) ? clutterOf(bodies, edges) : 0;
    const found = tangle > 0 ? best(boxes, edges, gap, aspect) : bodies;
    return placed(tangle > 0 && clutterOf(found, edges) < tangle ? found : bodies);
  }
  // Where most are new, the others are no reason to stay.
  if (kept < boxes.length / 2) return placed(best(boxes, edges, gap, aspect));
  const bodies = boxes.map((box, index) => bodyOf(box, before.get(box.id) ?? near(box.id, index, edges, before)));
  for (const body of bodies) if (before.has(body.id)) Object.assign(body, { fx: body.x, fy: body.y });
  simulate(bodies, edges, gap, aspect, TICKS_OF_NEW);
  return placed(bodies);
}

const placed = (bodies: readonly Body[]) =>
  new Map(bodies.map(({ id, x = 0, y = 0 }) => [id, { x: Math.round(x), y: Math.round(y) }]));

/** From several beginnings, the one that is easiest to read: forces alone do not get out of every tangle. */
function best(boxes: readonly Box[], edges: readonly Pair[], gap: number, aspect: number): Body[] {
  const starts = boxes.length <= TRIED_AGAIN_MAX ? STARTS : 1;
  let found: { bodies: Body[]; clutter: number } | undefined;
  for (let start = 0; start < starts && found?.clutter !== 0; start += 1) {
    const order = start === 0 ? undefined : inDepth(boxes, edges, start - 1);
    const bodies = boxes.map((box) => bodyOf(box, order && onCircle(order.indexOf(box.id), boxes.length, gap)));
    simulate(bodies, edges, gap, aspect, TICKS);
    lieAlong(bodies, aspect);
    const count = clutterOf(bodies, edges);
    if (found === undefined || count < found.clutter) found = { bodies, clutter: count };
  }
  return found?.bodies ?? [];
}

const clutterOf = (bodies: readonly Body[], edges: readonly Pair[]) =>
  clutter(
    bodies.map(({ id, reach, x = 0, y = 0 }) => ({ id, reach, x, y })),
    edges,
  );

/** All in the order of a walk along the lines, from the one that has the most lines, or from the next such. */
function inDepth(boxes: readonly Box[], edges: readonly Pair[], skipped: number): string[] {
  const next = new Map<string, string[]>(boxes.map(({ id }) => [id, []]));
  for (const { from, to } of edges) {
    next.get(from)?.push(to);
    next.get(to)?.push(from);
  }
  const degree = (id: string) => next.get(id)?.length ?? 0;
  const roots = boxes.map(({ id }) => id).sort((a, b) => degree(b) - degree(a) || (a < b ? -1 : 1));
  const order = new Set<string>();
  const walk = (id: string): void => {
    if (order.has(id) || !next.has(id)) return;
    order.add(id);
    for (const other of (next.get(id) ?? []).sort((a, b) => degree(a) - degree(b) || (a < b ? -1 : 1))) walk(other);
  };
  for (const id of [...roots.slice(skipped), ...roots]) walk(id);
  return [...order];
}

function onCircle(index: number, count: number, gap: number): Point {
  const angle = (2 * Math.PI * index) / count;
  const radius = (count * gap) / 4;
  return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
}

function simulate(bodies: Body[], edges: readonly Pair[], gap: number, aspect: number, ticks: number): void {
  const reach = new Map(bodies.map((body) => [body.id, body.reach]));
  const known = edges.filter(({ from, to }) => reach.has(from) && reach.has(to));
  const lines = known.map(({ from, to }) => ({ source: from, target: to }));
  const wide = Math.sqrt(Math.max(0.4, Math.min(2.5, aspect)));
  forceSimulation(bodies)
    .force(
      'link',
      forceLink<Body, { source: string | Body; target: string | Body }>(lines)
        .id(({ id }) => id)
        .distance(({ source, target }) => reachOf(source, reach) + reachOf(target, reach) + gap),
    )
    .force(
      'charge',
      forceManyBody<Body>()
        .strength(({ reach }) => -9 * reach - 4 * gap)
        .distanceMax(12 * gap + 400),
    )
    .force('collide', forceCollide<Body>(({ reach }) => reach + gap / 3).iterations(2))
    .force('x', forceX<Body>(0).strength(0.05 / wide))
    .force('y', forceY<Body>(0).strength(0.05 * wide))
    .stop()
    .tick(ticks);
}

const reachOf = (end: string | Body, reach: ReadonlyMap<string, number>) =>
  typeof end === 'string' ? (reach.get(end) ?? 0) : end.reach;

function bodyOf({ id, width, height }: Box, at: Point | undefined): Body {
  return { id, reach: Math.hypot(width, height) / 2, ...at };
}

/** Never two at the very same place, where no force has a direction. */
function near(id: string, index: number, edges: readonly Pair[], before: ReadonlyMap<string, Point>): Point {
  const { x, y } = placeOf(id, edges, before);
  return { x: x + 10 * Math.cos(index * 2.4), y: y + 10 * Math.sin(index * 2.4) };
}

/** Beside its first neighbour that has a place. */
function placeOf(id: string, edges: readonly Pair[], before: ReadonlyMap<string, Point>): Point {
  for (const { from, to } of edges) {
    const place = from === id ? before.get(to) : to === id ? before.get(from) : undefined;
    if (place !== undefined) return place;
  }
  return { x: 0, y: 0 };
}

/** Turns all so that the longest extent lies along the longer side of the place for it. */
function lieAlong(bodies: Body[], aspect: number): void {
  const mean = (of: (body: Body) => number) =>
    bodies.reduce((all, body) => all + of(body), 0) / Math.max(1, bodies.length);
  const [centreX, centreY] = [mean(({ x = 0 }) => x), mean(({ y = 0 }) => y)];
  const xx = mean(({ x = 0 }) => (x - centreX) ** 2);
  const yy = mean(({ y = 0 }) => (y - centreY) ** 2);
  const xy = mean(({ x = 0, y = 0 }) => (x - centreX) * (y - centreY));
  const angle = (aspect >= 1 ? 0 : Math.PI / 2) - Math.atan2(2 * xy, xx - yy) / 2;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  for (const body of bodies) {
    const [x, y] = [(body.x ?? 0) - centreX, (body.y ?? 0) - centreY];
    body.x = x * cos - y * sin;
    body.y = x * sin + y * cos;
  }
}
