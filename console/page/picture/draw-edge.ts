/** A line of the picture: all links between two sites or groups. */
import { type Content, h, type VNode } from '../dom.ts';
import { duration, milliseconds, plural, rate } from '../text/format.ts';
import type { Edge } from './graph.ts';
import type { Point } from './layout.ts';
import type { Marks } from './marks.ts';

export interface Line {
  readonly edge: Edge;
  /** On the borders of the two shapes. */
  readonly from: Point;
  readonly to: Point;
  readonly names: readonly [string, string];
  readonly width: number;
  readonly isChosen: boolean;
}

/** One link has its own page; several are listed. */
function placeOf({ links, id }: Edge): Readonly<Record<string, string>> {
  return links.length === 1 ? { link: links[0]!.id } : { between: id };
}

export interface EdgeParts {
  readonly marks: Marks;
  readonly pointAt: (edge: string | undefined) => void;
  /** Where a click on it leads. */
  readonly hrefOf: (place: Readonly<Record<string, string>>) => string;
}

export function drawEdge(line: Line, { marks, pointAt, hrefOf }: EdgeParts): VNode {
  const point = () => pointAt(line.edge.id);
  const leave = () => pointAt(undefined);
  const { edge, from, to, names, width } = line;
  const d = `M${from.x.toFixed(1)},${from.y.toFixed(1)} L${to.x.toFixed(1)},${to.y.toFixed(1)}`;
  const mark = marks.selected === edge.id ? 'selected' : marks.isActive ? (line.isChosen ? 'hit' : 'faint') : '';
  const words = edge.links.length > 1 ? plural(edge.links.length, 'link') : 'link';
  const label = `${names[0]} – ${names[1]}: ${words} ${edge.health}`;
  return h(
    'a',
    {
      key: edge.id,
      href: hrefOf(placeOf(edge)),
      class: `edge ${edge.health} ${mark}`,
      'aria-label': label,
      'data-edge': edge.id,
      onmouseenter: point,
      onfocus: point,
      onmouseleave: leave,
      onblur: leave,
    },
    h('path', { class: 'reach', d }),
    h('path', { class: 'line', d, 'stroke-width': width.toFixed(2) }),
    edge.health !== 'down' && edge.isDialled && chevron(from, to, width),
    edge.health !== 'down' && edge.isDialledBack && chevron(to, from, width),
    edge.health === 'down' && cross(from, to),
  );
}

/** Near the side that is dialled, pointing to it. */
function chevron(from: Point, to: Point, width: number): Content {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (length < 36) return false;
  const [dx, dy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const size = 3.6 + width * 0.55;
  const tip = { x: to.x - dx * 3, y: to.y - dy * 3 };
  const wing = (side: number) =>
    `${(tip.x - dx * size * 1.6 - dy * size * side).toFixed(1)},${(tip.y - dy * size * 1.6 + dx * size * side).toFixed(1)}`;
  return h('path', { class: 'chevron', d: `M${wing(1)} L${tip.x.toFixed(1)},${tip.y.toFixed(1)} L${wing(-1)} Z` });
}

function cross(from: Point, to: Point): VNode {
  const [x, y] = [(from.x + to.x) / 2, (from.y + to.y) / 2];
  const d = `M${x - 6},${y - 6} L${x + 6},${y + 6} M${x + 6},${y - 6} L${x - 6},${y + 6}`;
  return h('g', { class: 'cross' }, h('circle', { cx: x, cy: y, r: 10 }), h('path', { d }));
}

/** Cost, round trip and what crosses it, where there is room. @param spot where on the line */
export function drawEdgeLabel(line: Line, spot: Point, now: number, marks: Marks, hasLabels: boolean): Content {
  const { edge, from, to, isChosen } = line;
  const isSelected = marks.selected === edge.id;
  const isWanted =
    isSelected || (hasLabels && (isChosen || !marks.isActive)) || (edge.health === 'down' && !marks.isActive);
  if (!isWanted) return false;
  const rows = edge.health === 'down' ? downRows(edge, now) : upRows(line, marks);
  const { left, top, anchor } = labelPlace(spot, from, to, rows.length);
  return h(
    'text',
    { key: edge.id, class: `edge-label ${edge.health}`, x: left, y: top, 'text-anchor': anchor },
    rows.map((row, index) => h('tspan', { key: index, x: left, dy: index === 0 ? 0 : ROW }, row)),
  );
}

const ROW = 14;
const HALF_WIDTH = 70;
/** Of both directions in one row, at most. */
const LABEL_WIDTH = 190;

/** Clear of the line, however it runs: above it while it is flat, else to the right of it. Of the first row's baseline. */
function labelPlace({ x, y }: Point, from: Point, to: Point, rowCount: number) {
  const slope = (to.y - from.y) / (to.x - from.x || 1e-9);
  const height = (rowCount - 1) * ROW;
  if (Math.abs(slope) < 0.5) return { left: x, top: y - ROW - height - HALF_WIDTH * Math.abs(slope), anchor: 'middle' };
  return { left: x + 12, top: slope > 0 ? y - height : y + ROW, anchor: 'start' };
}

function downRows({ links }: Edge, now: number): string[] {
  const since = Math.max(...links.map(({ statusSince }) => statusSince));
  return [since > 0 ? `down for ${duration(now - since)}` : 'down'];
}

function upRows({ edge, from, to }: Line, marks: Marks): string[] {
  const { links } = edge;
  const up = links.filter(({ status }) => status === 'up');
  const trips = up.flatMap(({ roundTripMs }) => (roundTripMs === undefined ? [] : [roundTripMs]));
  const cost = Math.min(...up.map((link) => link.cost));
  const first = [
    links.length > 1 && `${up.length}/${links.length} links`,
    `cost ${cost}`,
    trips.length > 0 && milliseconds(Math.min(...trips)),
  ];
  const flow = marks.flows?.get(edge.id);
  const [there, back] = marks.flows === undefined ? [edge.rate, edge.rateBack] : [flow?.there ?? 0, flow?.back ?? 0];
  // Arrows as they lie on the screen.
  const isSteep = Math.abs(to.y - from.y) > 1.2 * Math.abs(to.x - from.x);
  const [ahead, behind] = isSteep ? ['↓', '↑'] : ['→', '←'];
  const isAhead = isSteep ? to.y > from.y : to.x > from.x;
  const [one, other] = isAhead ? [there, back] : [back, there];
  const rates = one + other < 1 ? [] : [`${ahead} ${rate(one)}`, `${behind} ${rate(other)}`];
  // Between two that stand side by side there may be no room for both.
  const isNarrow = !isSteep && Math.abs(to.x - from.x) < LABEL_WIDTH;
  return [first.filter(Boolean).join(' · '), ...(isNarrow ? rates : [rates.join('   ')])].filter(Boolean);
}
