/** What must hold in a network of meshes once it is quiet, worked out from the links alone and not by the code under test. */
import type { MeshNetwork, SimLink } from './mesh-network.ts';

/** Everything that is not as it should be, as text; empty when all routers agree with the links. */
export function disagreements(network: MeshNetwork): string[] {
  const faults: string[] = [];
  const costs = leastCosts(network);
  for (const [from, router] of network.routers) {
    const expected = new Set<string>();
    for (const [to, { addresses }] of network.routers) {
      const cost = costs.get(from)?.get(to) ?? Infinity;
      const path = from === to ? undefined : router.mesh.path(to);
      if (from !== to && (path?.cost ?? Infinity) !== cost) faults.push(`${from} to ${to}: ${path?.cost}, not ${cost}`);
      if (from === to || cost === Infinity) continue;
      for (const key of addresses.keys()) expected.add(`${key} ${to}`);
      faults.push(...walk(network, from, to));
    }
    const known = network.addressesAt(from);
    for (const entry of expected) if (!known.has(entry)) faults.push(`${from} lacks ${entry}`);
    for (const entry of known) if (!expected.has(entry)) faults.push(`${from} still has ${entry}`);
  }
  return faults;
}

/** Follows the paths hop by hop: must arrive, must not meet a router twice, and each router on it accepts the origin. */
function walk(network: MeshNetwork, from: string, to: string): string[] {
  const passed = [from];
  for (let at = from; at !== to; ) {
    const path = network.mesh(at).path(to);
    const link = path && network.links[path.siteLink];
    if (link === undefined || !link.isUp) return [`${from} to ${to}: no way on from ${at}`];
    if (!path?.validOrigins.has(from)) return [`${from} to ${to}: not a valid origin at ${at}`];
    at = otherEnd(link, at);
    if (passed.includes(at)) return [`${from} to ${to}: loop ${passed.join(' ')} ${at}`];
    passed.push(at);
  }
  return [];
}

function otherEnd(link: SimLink, end: string): string {
  return link.ends[0] === end ? link.ends[1] : link.ends[0];
}

/** Floyd and Warshall. */
function leastCosts(network: MeshNetwork): Map<string, Map<string, number>> {
  const ids = [...network.routers.keys()];
  const costs = new Map(ids.map((id) => [id, new Map(ids.map((other) => [other, id === other ? 0 : Infinity]))]));
  const get = (a: string, b: string): number => costs.get(a)?.get(b) ?? Infinity;
  for (const { ends, cost, isUp, isSilent } of network.links) {
    if (!isUp || isSilent) continue;
    for (const [a, b] of [ends, [ends[1], ends[0]] as const]) costs.get(a)?.set(b, Math.min(get(a, b), cost));
  }
  for (const via of ids)
    for (const a of ids)
      for (const b of ids) if (get(a, via) + get(via, b) < get(a, b)) costs.get(a)?.set(b, get(a, via) + get(via, b));
  return costs;
}
