/** A site of the picture, as a card or a dot, or a group of sites with a dot for each. */
import { type Content, h, type VNode } from '../dom.ts';
import { platformName } from '../parts/bits.ts';
import { plural, shortened } from '../text/format.ts';
import type { GraphNode, GroupNode, Health, SiteNode } from './graph.ts';
import type { Point } from './layout.ts';
import type { Mark } from './marks.ts';
import { boxOf, CARD, radius, rowCount, type Style, seedPoint } from './shapes.ts';

export interface NodeParts {
  readonly node: GraphNode;
  readonly at: Point;
  readonly style: Style;
  readonly mark: Mark;
  readonly scale: number;
  /** Where a click on it leads. */
  readonly hrefOf: (place: Readonly<Record<string, string>>) => string;
}

const HEALTH_WORDS: Readonly<Record<Health, string>> = {
  up: '',
  partly: ', a link is down',
  down: ', all links down',
  alone: ', no links',
};

export function drawNode(parts: NodeParts): VNode {
  const { node, at, style, mark } = parts;
  const transform = `translate(${at.x} ${at.y})`;
  const classes = `node ${node.kind} ${node.health} ${mark}`;
  if (node.kind === 'group') {
    const label = `Group ${node.group.name}: ${underGroup(node).text}`;
    const target = parts.hrefOf({ group: node.group.id });
    return h(
      'a',
      { key: node.id, class: classes, href: target, transform, 'aria-label': label, 'data-node': node.id },
      groupShape(node, parts.scale),
    );
  }
  const shape = style === 'cards' ? card(node) : dot(node, parts.scale);
  const target = parts.hrefOf({ site: node.site.id });
  const label = siteLabel(node, style);
  return h(
    'a',
    { key: node.id, class: `${classes} ${style}`, href: target, transform, 'aria-label': label, 'data-node': node.id },
    shape,
  );
}

/** All that can be read on it, in its order, and what else its signs and colours say. */
function siteLabel(node: SiteNode, style: Style): string {
  const { site, services, health } = node;
  const { shown, more } = rowsOf(node);
  const troubled = services.filter(({ trouble }) => trouble !== undefined).length;
  const says = [
    underName(node),
    ...(style === 'cards' ? [...shown.map(({ address }) => address), more] : []),
    troubled > 0 && `${plural(troubled, 'service')} to look at`,
  ];
  return `Site ${site.name}${site.self ? ', here' : ''}: ${says.filter(Boolean).join(', ')}${HEALTH_WORDS[health]}`;
}

const underName = ({ site, routers }: SiteNode) =>
  [platformName(site), plural(routers.length, 'router')].filter(Boolean).join(' · ');

function rowsOf(node: SiteNode) {
  const { services } = node;
  const rows = rowCount(node);
  if (services.length <= rows) return { shown: services, more: undefined };
  return { shown: services.slice(0, rows - 1), more: `and ${services.length - rows + 1} more` };
}

/** Pieces of text stand apart for who hears them too. */
function card(node: SiteNode): Content {
  const { width, height } = boxOf(node, 'cards');
  const [left, top] = [-width / 2, -height / 2];
  const { site } = node;
  const { shown, more } = rowsOf(node);
  const rowAt = (index: number) => top + CARD.headHeight + 14 + index * CARD.rowHeight;
  return [
    h('rect', { class: 'shape', x: left, y: top, width, height, rx: 10 }),
    h('circle', { class: 'state', cx: left + 17, cy: top + 20, r: 4.5 }),
    h('text', { class: 'name', x: left + 30, y: top + 24 }, shortened(site.name, site.self ? 15 : 19)),
    ' ',
    site.self && [h('text', { class: 'self', x: -left - 12, y: top + 24, 'text-anchor': 'end' }, 'here'), ' '],
    h('text', { class: 'under', x: left + 30, y: top + 39 }, underName(node)),
    shown.map((service, index) => {
      const y = rowAt(index);
      return h(
        'g',
        { key: service.address, class: 'service' },
        ' ',
        serviceSign(left + 17, y - 4, service.offers, service.uses),
        h(
          'text',
          { class: 'address', x: left + 30, y },
          shortened(service.address, service.trouble === undefined ? 24 : 22),
        ),
        service.trouble !== undefined && troubleSign(-left - 14, y - 4, service.trouble),
      );
    }),
    more !== undefined && [' ', h('text', { class: 'under', x: left + 30, y: rowAt(shown.length) }, more)],
  ];
}

function troubleSign(x: number, y: number, says: string): VNode {
  const d = `M${x - 4},${y - 4} l8,8 m0,-8 l-8,8`;
  return h('g', { class: 'trouble' }, h('title', {}, says), h('path', { d }));
}

/** Filled: offered here; hollow: used here; both: a ring around. */
export function serviceSign(x: number, y: number, offers: boolean, uses: boolean): VNode {
  return h(
    'g',
    { class: 'sign' },
    offers && h('circle', { class: 'offers', cx: x, cy: y, r: uses ? 2.2 : 3.6 }),
    uses && h('circle', { class: 'uses', cx: x, cy: y, r: offers ? 4.6 : 3.4 }),
  );
}

function dot(node: SiteNode, scale: number): Content {
  const r = radius(node);
  const size = nameSize(12, scale);
  return [
    h('circle', { class: 'shape', r }),
    h('circle', { class: 'state', r: Math.max(4, r - 5) }),
    h(
      'text',
      { class: 'name', y: r + size + 3, 'text-anchor': 'middle', 'font-size': size },
      shortened(node.site.name, 18),
    ),
  ];
}

function underGroup({ members }: GroupNode) {
  const down = members.filter(({ health }) => health === 'down').length;
  const all = plural(members.length, 'site');
  if (down > 0) return { text: `${down} of ${all} down`, isBad: true };
  const isPartly = members.some(({ health }) => health === 'partly');
  return { text: isPartly ? `${all}, a link is down` : all, isBad: isPartly };
}

function groupShape(node: GroupNode, scale: number): Content {
  const r = radius(node);
  const under = underGroup(node);
  const size = nameSize(13, scale);
  return [
    h('circle', { class: 'shape', r }),
    node.members.map(({ site, health }) => {
      const { x, y } = seedOf(node, site.id);
      return h(
        'circle',
        { key: site.id, class: `seed ${health}`, cx: x.toFixed(1), cy: y.toFixed(1), r: 4.2 },
        h('title', {}, site.name),
      );
    }),
    h('text', { class: 'name', y: r + size + 2, 'text-anchor': 'middle', 'font-size': size }, node.group.name),
    ' ',
    h(
      'text',
      {
        class: under.isBad ? 'under bad' : 'under',
        y: r + 2 * size + 2,
        'text-anchor': 'middle',
        'font-size': size - 2,
      },
      under.text,
    ),
  ];
}

/** A name can be read however small the picture is. */
function nameSize(size: number, scale: number): number {
  return Math.round(Math.min(2 * size, size / Math.min(1, scale)));
}

/** Where a member of a group stands, from the group's middle. */
export function seedOf(node: GroupNode, site: string): Point {
  const index = node.group.sites.indexOf(site);
  return seedPoint(index, node.group.sites.length, radius(node));
}
