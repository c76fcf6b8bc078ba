/**
 * A graph as SVG: one text without scripts or outside resources, in light and dark. Where sites are follows from forces: links
 * pull, sites push; the same network gives the same picture. Pure.
 */
import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY } from 'd3-force';
import type { Graph, GraphLink, GraphSite } from './graph.ts';

interface Box {
  site: GraphSite;
  width: number;
  height: number;
  index?: number;
  x: number;
  y: number;
}

const TICK_COUNT = 400;
const CHAR_WIDTH = 7.2;
const LINE_HEIGHT = 18;
const PADDING = 12;
const MARGIN = 24;
/** Between boxes: room for an arrow with its label. */
const GAP = 70;
const LABEL_WIDTH = 6.6;

const STYLE = `
  svg { font: 12px system-ui, sans-serif; background: #fff; color: #1c2430; }
  rect { fill: #f5f7fa; stroke: #8a97a8; }
  rect.self { stroke: #2563eb; stroke-width: 2; }
  text { fill: currentColor; }
  .name { font-weight: 600; }
  .link { stroke: #4a7c59; fill: none; stroke-width: 1.5; marker-end: url(#up); }
  .down { stroke: #c62828; stroke-dasharray: 5 4; marker-end: url(#lost); }
  .label { font-size: 11px; text-anchor: middle; paint-order: stroke; stroke: #fff; stroke-width: 4; }
  #up path { fill: #4a7c59; } #lost path { fill: #c62828; }
  @media (prefers-color-scheme: dark) {
    svg { background: #14181f; color: #e6e9ee; }
    rect { fill: #1f2630; stroke: #5d6b7d; }
    .label { stroke: #14181f; }
  }
`;

export function svgText(graph: Graph): string {
  const boxes = laidOut(graph);
  const left = Math.min(0, ...[...boxes.values()].map(({ x, width }) => x - width / 2)) - MARGIN;
  const top = Math.min(0, ...[...boxes.values()].map(({ y, height }) => y - height / 2)) - MARGIN;
  const right = Math.max(0, ...[...boxes.values()].map(({ x, width }) => x + width / 2)) + MARGIN;
  const bottom = Math.max(0, ...[...boxes.values()].map(({ y, height }) => y + height / 2)) + MARGIN;
  const [width, height] = [Math.ceil(right - left), Math.ceil(bottom - top)];
  const links = graph.links.map((link) => linkText(link, boxes, graph.links));
  const sites = [...boxes.values()].map(boxText);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Network" width="${width}" height="${height}" `,
    `viewBox="${rounded(left)} ${rounded(top)} ${width} ${height}">\n<style>${STYLE}</style>\n<defs>\n`,
    marker('up'),
    marker('lost'),
    '</defs>\n',
    ...links,
    ...sites,
    '</svg>\n',
  ].join('');
}

function laidOut({ sites, links }: Graph): Map<string, Box> {
  const boxes = new Map(sites.map((site, index): [string, Box] => [site.key, boxOf(site, index, sites.length)]));
  const nodes = [...boxes.values()];
  const pulls = links.map(({ from, to, label }) => ({
    source: boxes.get(from)!,
    target: boxes.get(to)!,
    room: label.length * LABEL_WIDTH,
  }));
  const radius = ({ width, height }: Box) => Math.hypot(width, height) / 2 + GAP / 2;
  const simulation = forceSimulation(nodes)
    // Its own: the same each time.
    .randomSource(sequence())
    .force('charge', forceManyBody().strength(-600))
    .force(
      'link',
      forceLink(pulls).distance(({ source, target, room }) => radius(source) + radius(target) + room / 2),
    )
    .force('apart', forceCollide<Box>(radius).iterations(3))
    .force('x', forceX(0).strength(0.04))
    // A page is wider than high.
    .force('y', forceY(0).strength(0.08))
    .stop();
  simulation.tick(TICK_COUNT);
  return boxes;
}

function boxOf(site: GraphSite, index: number, count: number): Box {
  const longest = Math.max(...[site.name, ...site.lines].map((line) => line.length));
  const angle = (2 * Math.PI * index) / count;
  return {
    site,
    width: Math.max(90, Math.ceil(longest * CHAR_WIDTH + 2 * PADDING)),
    height: (site.lines.length + 1) * LINE_HEIGHT + PADDING,
    x: Math.cos(angle) * 60 * count,
    y: Math.sin(angle) * 40 * count,
  };
}

function sequence(): () => number {
  let state = 1;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

function boxText({ site, x, y, width, height }: Box): string {
  const [left, top] = [x - width / 2, y - height / 2];
  const place = `x="${rounded(left)}" y="${rounded(top)}" width="${width}" height="${height}"`;
  const lines = [site.name, ...site.lines].map((line, index) => {
    const at = `x="${rounded(left + PADDING)}" y="${rounded(top + PADDING + 6 + index * LINE_HEIGHT)}"`;
    return `<text ${at}${index === 0 ? ' class="name"' : ''}>${escaped(line)}</text>`;
  });
  return `<g><rect${site.self ? ' class="self"' : ''} rx="6" ${place}/>${lines.join('')}</g>\n`;
}

/** Two sites with links both ways have two arrows, side by side. */
function linkText(link: GraphLink, boxes: ReadonlyMap<string, Box>, all: readonly GraphLink[]): string {
  const [from, to] = [boxes.get(link.from)!, boxes.get(link.to)!];
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const isTwoWay = all.some((other) => other !== link && touches(other, link));
  const shift = isTwoWay ? 12 : 0;
  const [dx, dy] = [(-(to.y - from.y) / length) * shift, ((to.x - from.x) / length) * shift];
  const start = edgeOf(from, to, dx, dy);
  const end = edgeOf(to, from, dx, dy);
  const points = `x1="${rounded(start.x)}" y1="${rounded(start.y)}" x2="${rounded(end.x)}" y2="${rounded(end.y)}"`;
  const [x, y] = [(start.x + end.x) / 2, (start.y + end.y) / 2];
  const at = `x="${rounded(x)}" y="${rounded(y - 4)}"`;
  return `<g><line class="link${link.isUp ? '' : ' down'}" ${points}/><text class="label" ${at}>${escaped(link.label)}</text></g>\n`;
}

function touches(other: GraphLink, link: GraphLink): boolean {
  return (other.from === link.from && other.to === link.to) || (other.from === link.to && other.to === link.from);
}

/** Where the line from the middle of `box` to `other` leaves it. */
function edgeOf(box: Box, other: Box, dx: number, dy: number): { x: number; y: number } {
  const [vx, vy] = [other.x - box.x, other.y - box.y];
  const scale = Math.min(
    (box.width / 2 + 2) / Math.max(Math.abs(vx), 1e-6),
    (box.height / 2 + 2) / Math.max(Math.abs(vy), 1e-6),
    1,
  );
  return { x: box.x + vx * scale + dx, y: box.y + vy * scale + dy };
}

function marker(id: string): string {
  const size = 'markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto-start-reverse"';
  return `<marker id="${id}" ${size}><path d="M0 0L8 4L0 8z"/></marker>\n`;
}

function rounded(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
