/** Sizes of what the picture draws, and where a line between two shapes begins and ends. Pure. */
import type { Graph, GraphNode, SiteNode } from './graph.ts';
import type { Box, Point } from './layout.ts';

export const CARD = { width: 196, headHeight: 48, rowHeight: 21, rowsMax: 5, footHeight: 8 } as const;
export type Style = 'cards' | 'dots';

const CARD_COUNT_MAX = 9;

/** Of few sites, where there is room. */
export function mayBeCards({ nodes }: Graph): boolean {
  return nodes.length <= CARD_COUNT_MAX && nodes.every(({ kind }) => kind === 'site');
}

export function rowCount({ services }: SiteNode): number {
  return Math.min(CARD.rowsMax, services.length);
}

export function radius(node: GraphNode): number {
  if (node.kind === 'group') return 20 + 9.5 * Math.sqrt(node.members.length);
  return 9 + Math.min(7, Math.sqrt(node.services.length) * 2);
}

/** With its label. */
export function boxOf(node: GraphNode, style: Style): Box {
  if (node.kind === 'site' && style === 'cards') {
    const rows = rowCount(node);
    const foot = rows === 0 ? 0 : CARD.footHeight;
    return { id: node.id, width: CARD.width, height: CARD.headHeight + rows * CARD.rowHeight + foot };
  }
  const r = radius(node);
  return node.kind === 'group'
    ? { id: node.id, width: 2 * r, height: 2 * r + 20 }
    : { id: node.id, width: Math.max(2 * r, 60), height: 2 * r + 22 };
}

/** Where the ray from the middle of a shape to `target` leaves it. */
export function borderPoint(node: GraphNode, style: Style, at: Point, target: Point): Point {
  const [dx, dy] = [target.x - at.x, target.y - at.y];
  const length = Math.hypot(dx, dy) || 1;
  if (node.kind === 'site' && style === 'cards') {
    const { width, height } = boxOf(node, style);
    const share = Math.min(width / 2 / Math.abs(dx || 1e-9), height / 2 / Math.abs(dy || 1e-9), 1);
    return { x: at.x + dx * share, y: at.y + dy * share };
  }
  const r = radius(node);
  return { x: at.x + (dx / length) * r, y: at.y + (dy / length) * r };
}

/** Where the members of a group stand, as offsets from its middle: seeds of a sunflower. */
export function seedPoint(index: number, count: number, r: number): Point {
  const distance = (r - 10) * Math.sqrt((index + 0.5) / count);
  const angle = index * 2.399_963;
  return { x: distance * Math.cos(angle), y: distance * Math.sin(angle) };
}

/** The line of a link grows with what crosses it, slowly. */
export function lineWidth(octetsPerSecond: number): number {
  return 1.6 + Math.min(7, Math.log10(1 + octetsPerSecond / 500));
}
