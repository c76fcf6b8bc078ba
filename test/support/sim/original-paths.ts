/**
 * The trees that skupper-router 3.x computes, worked out in another way than `router/mesh/paths.ts` does: by relaxing whole
 * routes, ordered by (cost, id), and by walking from each destination back to its root. The two must agree on every tie.
 */
type LinkStates = ReadonlyMap<string, ReadonlyMap<string, number>>;

interface Route {
  nextHop: string;
  cost: number;
  validOrigins: Set<string>;
}

export function originalRoutes(self: string, known: LinkStates): { routes: Map<string, Route>; radius: number } {
  const own = tree(self, known);
  const routes = new Map<string, Route>();
  let radius = 0;
  for (const id of own.keys()) {
    const way = wayBack(own, self, id);
    radius = Math.max(radius, way.length);
    routes.set(id, { nextHop: way.at(-1) ?? id, cost: own.get(id)?.cost ?? 0, validOrigins: new Set() });
  }
  for (const origin of own.keys()) {
    const other = tree(origin, known);
    for (const id of other.keys()) {
      if (wayBack(other, origin, id).slice(1).includes(self)) routes.get(id)?.validOrigins.add(origin);
    }
  }
  return { routes, radius };
}

interface Step {
  cost: number;
  previous: string;
}

/** The routers from a destination back to the root, the destination first, without the root. */
function wayBack(steps: ReadonlyMap<string, Step>, root: string, id: string): string[] {
  const way: string[] = [];
  for (let at = id; at !== root; at = steps.get(at)?.previous ?? root) way.push(at);
  return way;
}

/** All that can be reached but the root; a router that is only named leads back to the first who names it. */
function tree(root: string, known: LinkStates): Map<string, Step> {
  const states = new Map<string, ReadonlyMap<string, number>>(known);
  for (const [id, peers] of known) {
    for (const peer of peers.keys()) if (!states.has(peer)) states.set(peer, new Map([[id, 1]]));
  }
  const steps = new Map<string, Step>();
  const waiting: { id: string; cost: number }[] = [{ id: root, cost: 0 }];
  const done = new Set<string>();
  for (;;) {
    waiting.sort((one, other) => one.cost - other.cost || (one.id < other.id ? -1 : 1));
    const next = waiting.shift();
    if (next === undefined) break;
    if (done.has(next.id)) continue;
    done.add(next.id);
    for (const [id, cost] of states.get(next.id) ?? []) {
      const total = next.cost + cost;
      if (done.has(id) || total >= (steps.get(id)?.cost ?? Infinity)) continue;
      steps.set(id, { cost: total, previous: next.id });
      waiting.push({ id, cost: total });
    }
  }
  steps.delete(root);
  return steps;
}
