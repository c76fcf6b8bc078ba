/** What must hold in a network once it is quiet, worked out from its links alone and not by the code under test. */
import type { MeshNetwork } from './mesh-network.ts';
import type { RouterNetwork } from './router-network.ts';

/** What the routers of a network say, and what is true. */
export interface NetworkView {
  readonly ids: readonly string[];
  readonly links: readonly {
    readonly ends: readonly [string, string];
    readonly cost: number;
    readonly works: boolean;
  }[];
  path(
    from: string,
    to: string,
  ): { cost: number; nextHop: string | undefined; validOrigins: ReadonlySet<string> } | undefined;
  /** The mobile addresses that a router has. */
  addressesOf(id: string): Iterable<string>;
  /** What a router has learnt of others' addresses: `key router`. */
  learntBy(id: string): ReadonlySet<string>;
}

export function viewOfMeshes(network: MeshNetwork): NetworkView {
  return {
    ids: [...network.routers.keys()],
    links: network.links.map(({ ends, cost, isUp, isSilent }) => ({ ends, cost, works: isUp && !isSilent })),
    path: (from, to) => {
      const path = network.mesh(from).path(to);
      const link = path && network.links[path.siteLink];
      return path && { ...path, nextHop: link?.isUp ? otherEnd(link.ends, from) : undefined };
    },
    addressesOf: (id) => network.routers.get(id)?.addresses.keys() ?? [],
    learntBy: (id) => network.addressesAt(id),
  };
}

const MOBILE_CLASSES = 'MNH';

export function viewOfRouters(network: RouterNetwork): NetworkView {
  return {
    ids: [...network.routers.keys()],
    links: network.links.map(({ ends, cost, isCut, isFrozen }) => ({ ends, cost, works: !isCut && !isFrozen })),
    path: (from, to) => {
      const { router } = network.router(from);
      const path = router.mesh.path(to);
      return path && { ...path, nextHop: router.peers.get(path.siteLink)?.containerId };
    },
    addressesOf: (id) => {
      const { router } = network.router(id);
      return new Set([...router.bridge.connectors.values()].map(({ key }) => key));
    },
    learntBy: (id) => {
      const all = [...network.router(id).router.addresses.all()];
      const addresses = all.filter(({ key }) => MOBILE_CLASSES.includes(key.charAt(0)));
      return new Set(addresses.flatMap(({ key, remotes }) => [...remotes].map((router) => `${key} ${router}`)));
    },
  };
}

/** Everything that is not as it should be, as text; empty when all routers agree with the links. */
export function disagreements(view: NetworkView): string[] {
  const faults: string[] = [];
  const costs = leastCosts(view);
  for (const from of view.ids) {
    const expected = new Set<string>();
    for (const to of view.ids) {
      if (from === to) continue;
      const cost = costs.get(from)?.get(to) ?? Infinity;
      const told = view.path(from, to)?.cost ?? Infinity;
      if (told !== cost) faults.push(`${from} to ${to}: ${told}, not ${cost}`);
      if (cost === Infinity) continue;
      for (const key of view.addressesOf(to)) expected.add(`${key} ${to}`);
      faults.push(...walk(view, from, to));
    }
    const learnt = view.learntBy(from);
    for (const entry of expected) if (!learnt.has(entry)) faults.push(`${from} lacks ${entry}`);
    for (const entry of learnt) if (!expected.has(entry)) faults.push(`${from} still has ${entry}`);
  }
  return faults;
}

/** Who hears a message to all that enters at a router, and how often, by the rule of wire reference 7.2. */
export function heardOf(view: NetworkView, ingress: string): Map<string, number> {
  const heard = new Map<string, number>();
  const pass = (at: string, trace: readonly string[]): void => {
    heard.set(at, (heard.get(at) ?? 0) + 1);
    const passed = [...trace, at];
    const nextHops = new Set<string>();
    for (const to of view.ids) {
      const path = view.path(at, to);
      if (path?.nextHop !== undefined && path.validOrigins.has(ingress)) nextHops.add(path.nextHop);
    }
    for (const next of nextHops) if (!passed.includes(next)) pass(next, passed);
  };
  pass(ingress, []);
  return heard;
}

/** Follows the paths hop by hop: must arrive, must not meet a router twice, and each router on it accepts the origin. */
function walk(view: NetworkView, from: string, to: string): string[] {
  const passed = [from];
  for (let at = from; at !== to; ) {
    const path = view.path(at, to);
    if (path?.nextHop === undefined) return [`${from} to ${to}: no way on from ${at}`];
    if (!path.validOrigins.has(from)) return [`${from} to ${to}: not a valid origin at ${at}`];
    at = path.nextHop;
    if (passed.includes(at)) return [`${from} to ${to}: loop ${passed.join(' ')} ${at}`];
    passed.push(at);
  }
  return [];
}

function otherEnd(ends: readonly [string, string], end: string): string {
  return ends[0] === end ? ends[1] : ends[0];
}

/** Floyd and Warshall. */
function leastCosts({ ids, links }: NetworkView): Map<string, Map<string, number>> {
  const costs = new Map(ids.map((id) => [id, new Map(ids.map((other) => [other, id === other ? 0 : Infinity]))]));
  const get = (a: string, b: string): number => costs.get(a)?.get(b) ?? Infinity;
  for (const { ends, cost, works } of links) {
    if (!works) continue;
    for (const [a, b] of [ends, [ends[1], ends[0]] as const]) costs.get(a)?.set(b, Math.min(get(a, b), cost));
  }
  for (const via of ids)
    for (const a of ids)
      for (const b of ids) if (get(a, via) + get(via, b) < get(a, b)) costs.get(a)?.set(b, get(a, via) + get(via, b));
  return costs;
}
