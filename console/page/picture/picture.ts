/** The network as a live picture: keeps where everything stands and what part is seen, and shows the graph of the moment. */
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { inPicture } from '../route.ts';
import { serviceTroubles } from '../state/trouble.ts';
import type { Pair } from './clutter.ts';
import { drawEdge, drawEdgeLabel, type Line } from './draw-edge.ts';
import { drawNode, seedOf } from './draw-node.ts';
import { buildGraph, edgeId, type Graph, type GraphNode } from './graph.ts';
import { type Grouping, groupSites } from './groups.ts';
import { labelSpots } from './label-spots.ts';
import { arrange, type Box, type Point } from './layout.ts';
import { type Marks, markOf } from './marks.ts';
import { borderPoint, boxOf, lineWidth, mayBeCards, type Style } from './shapes.ts';
import { Viewport } from './viewport.ts';
import { type Lane, Weight } from './weight.ts';

const GAP = { cards: 120, dots: 64 } as const;
/** Smaller ones cannot be read. */
const CARD_SCALE_MIN = 0.62;
/** On a narrow screen cards stand below each other. */
const NARROW_PX = 640;
/** With more lines than that, only those that are looked at have a label. */
const LABELLED_EDGES_MAX = { cards: 14, dots: 6 } as const;
const READABLE_SCALE = 0.55;
/** A label on a shorter line would cover what the line leads to. */
const LABEL_PX = { cards: 100, dots: 190 } as const;
const KEPT_ARRANGEMENTS = 12;

export interface Chosen {
  readonly grouping: Grouping;
  /** Id of the group whose sites are seen one by one. */
  readonly open: string | undefined;
}

interface Scene {
  /** What is shown, and how; never of two that stand differently. */
  readonly name: string;
  readonly graph: Graph;
  readonly style: Style;
  readonly boxes: readonly Box[];
  readonly places: ReadonlyMap<string, Point>;
  readonly byId: ReadonlyMap<string, GraphNode>;
}

export class Picture {
  readonly #viewport: Viewport;
  readonly #weight: Weight;
  /** Where things stand, and which lines there were then, by what is shown. */
  readonly #arrangements = new Map<string, { places: Map<string, Point>; edges: ReadonlySet<string> }>();
  #shown = '';
  /** The line under the pointer, or that has the focus. */
  #pointedAt: string | undefined;
  /** What is shown now. */
  graph: Graph | undefined;

  constructor(onMove: () => void) {
    this.#viewport = new Viewport(onMove);
    this.#weight = new Weight(this.#viewport);
  }

  view(app: App, chosen: Chosen, marksOf: (graph: Graph) => Marks): VNode {
    const viewport = this.#viewport;
    const scene = this.#scene(app, chosen);
    this.graph = scene.graph;
    const marks = marksOf(scene.graph);
    viewport.fit(scene.boxes, scene.places);
    const lines = this.#lines(scene, marks);
    this.#weight.show(lines.flatMap((line) => lanesOf(line, marks)));
    const transform = `translate(${viewport.x.toFixed(1)} ${viewport.y.toFixed(1)}) scale(${viewport.scale.toFixed(4)})`;
    const detail = viewport.scale >= READABLE_SCALE ? 'near' : 'far';
    const labelled = marks.isActive ? lines.filter(({ isChosen }) => isChosen).length : lines.length;
    const hasLabels = labelled <= LABELLED_EDGES_MAX[scene.style];
    const spots = labelSpots(lines);
    const hrefOf = (place: Readonly<Record<string, string>>) => inPicture(app.route, place);
    const pointAt = (edge: string | undefined) => {
      this.#pointedAt = edge;
      app.changed();
    };
    return h(
      'section',
      {
        class: 'picture',
        key: 'picture',
        'aria-label': 'Picture of the network',
        shown: (element: HTMLElement) => viewport.attach(element),
      },
      h(
        'svg',
        { class: 'edges' },
        h(
          'g',
          { transform },
          insideLines(scene),
          lines.map((line) => drawEdge(line, { marks, pointAt, hrefOf })),
        ),
      ),
      h('canvas', {
        class: 'weight',
        'aria-hidden': 'true',
        shown: (canvas: HTMLCanvasElement) => this.#weight.attach(canvas),
      }),
      h(
        'svg',
        { class: `nodes ${detail}` },
        h(
          'g',
          { transform },
          scene.graph.nodes.map((node) =>
            drawNode({
              node,
              at: scene.places.get(node.id)!,
              style: scene.style,
              mark: markOf(marks, node),
              scale: viewport.scale,
              hrefOf,
            }),
          ),
          h(
            'g',
            { class: 'labels', 'aria-hidden': 'true', key: 'labels' },
            lines.map((line, index) => {
              const hasRoom = lines.length === 1 || lengthOf(line) * viewport.scale >= LABEL_PX[scene.style];
              const isLabelled = (hasLabels && hasRoom) || this.#pointedAt === line.edge.id;
              return drawEdgeLabel(line, spots[index]!, app.now, marks, isLabelled);
            }),
          ),
        ),
      ),
    );
  }

  controls(): VNode {
    const viewport = this.#viewport;
    return h(
      'div',
      { class: 'controls', role: 'group', 'aria-label': 'Zoom' },
      h('button', { 'aria-label': 'Zoom in', title: 'Zoom in', onclick: () => viewport.zoom(1.3) }, '+'),
      h('button', { 'aria-label': 'Zoom out', title: 'Zoom out', onclick: () => viewport.zoom(1 / 1.3) }, '−'),
      h('button', { 'aria-label': 'Show all', title: 'Show all', onclick: () => viewport.refit() }, '⤢'),
    );
  }

  #scene(app: App, { grouping, open }: Chosen): Scene {
    const { network } = app;
    const sites = [...network.sites.values()];
    const groups = groupSites(sites, [...network.links.values()], grouping);
    const parts = {
      sites,
      routers: network.routers.values(),
      links: network.links.values(),
      endpoints: network.endpoints.values(),
      troubles: serviceTroubles(network, app.now),
    };
    const isOpen = groups.some(({ id }) => id === open) ? open : undefined;
    const graph = buildGraph(parts, groups, isOpen);
    const chosen = `${grouping} ${isOpen ?? ''}`;
    const cards = mayBeCards(graph) ? this.#arranged(graph, 'cards', chosen) : undefined;
    const isReadable = cards && this.#viewport.scaleOf(cards.boxes, cards.places) >= CARD_SCALE_MIN;
    const scene = isReadable ? cards : this.#arranged(graph, 'dots', chosen);
    if (scene.name !== this.#shown) this.#viewport.isFitted = true;
    this.#shown = scene.name;
    return scene;
  }

  /** Each where it stood when it was last shown so. */
  #arranged(graph: Graph, style: Style, chosen: string): Scene {
    const { width, height } = this.#viewport;
    const boxes = graph.nodes.map((node) => boxOf(node, style));
    const isNarrow = style === 'cards' && width < NARROW_PX;
    const aspect = isNarrow ? 0.5 : width > 0 && height > 0 ? width / height : 1.5;
    const name = `${chosen} ${style} ${aspect >= 1 ? 'wide' : 'high'}`;
    const before = this.#arrangements.get(name);
    const isNew = ({ from, to }: Pair) => before?.edges.has(edgeId(from, to)) === false;
    const places = arrange(boxes, graph.edges, {
      aspect,
      gap: isNarrow ? 60 : GAP[style],
      before: before?.places ?? new Map(),
      isNew,
    });
    this.#arrangements.delete(name);
    this.#arrangements.set(name, { places, edges: new Set(graph.edges.map(({ id }) => id)) });
    for (const key of this.#arrangements.keys()) {
      if (this.#arrangements.size <= KEPT_ARRANGEMENTS) break;
      this.#arrangements.delete(key);
    }
    return { name, graph, style, boxes, places, byId: new Map(graph.nodes.map((node) => [node.id, node])) };
  }

  #lines({ graph, style, places, byId }: Scene, marks: Marks): Line[] {
    return graph.edges.map((edge) => {
      const [a, b] = [places.get(edge.from)!, places.get(edge.to)!];
      return {
        edge,
        from: borderPoint(byId.get(edge.from)!, style, a, b),
        to: borderPoint(byId.get(edge.to)!, style, b, a),
        names: [nameOf(byId.get(edge.from)!), nameOf(byId.get(edge.to)!)],
        width: lineWidth(edge.rate + edge.rateBack),
        isChosen: marks.edges.has(edge.id),
      };
    });
  }
}

const nameOf = (node: GraphNode) => (node.kind === 'group' ? node.group.name : node.site.name);

/** Links between members of one group, thin: where they are, not what they carry. */
function insideLines({ graph, byId, places }: Scene): Content {
  return graph.inside.map(({ group, from, to, isUp }) => {
    const node = byId.get(group);
    const at = places.get(group);
    if (node?.kind !== 'group' || at === undefined) return false;
    const [a, b] = [seedOf(node, from), seedOf(node, to)];
    const line = { x1: at.x + a.x, y1: at.y + a.y, x2: at.x + b.x, y2: at.y + b.y };
    return h('line', { key: `in ${edgeId(from, to)}`, class: isUp ? 'inside' : 'inside down', ...line });
  });
}

function lanesOf({ edge, from, to, isChosen }: Line, marks: Marks): Lane[] {
  if (edge.health === 'down' || (marks.isActive && !isChosen)) return [];
  const flows = marks.flows?.get(edge.id);
  const [there, back] = marks.flows === undefined ? [edge.rate, edge.rateBack] : [flows?.there ?? 0, flows?.back ?? 0];
  return [
    { from, to, octetsPerSecond: there, isChosen },
    { from: to, to: from, octetsPerSecond: back, isChosen },
  ];
}

function lengthOf({ from, to }: Line): number {
  return Math.hypot(to.x - from.x, to.y - from.y);
}
