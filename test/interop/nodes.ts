/** What the routers of a network say of each other (`router.node`), and what they must say. */
import { computePaths } from '../../router/mesh/paths.ts';
import type { Network } from './network.ts';
import { costsOf, type Topology } from './topology.ts';

interface Row {
  readonly id: string;
  readonly nextHop: string;
  readonly cost: number | null | undefined;
  readonly validOrigins: readonly string[];
}

/**
 * Everything that a router says wrongly about the others, as text: costs as worked out from the links alone, the next hop and
 * the origins of the trees that every router has to come to alike.
 */
export async function wrongNodes(network: Network, topology: Topology = network.topology): Promise<string[]> {
  const faults: string[] = [];
  const costs = costsOf(topology);
  for (const place of topology.kinds.keys()) {
    const rows = new Map((await nodesAt(network, place)).map((row) => [row.id, row]));
    if (rows.size !== topology.kinds.length) faults.push(`r${place} knows ${rows.size} routers`);
    const paths = computePaths(network.idOf(place), linkStates(network, topology));
    for (const other of topology.kinds.keys()) {
      if (other === place) continue;
      const id = network.idOf(other);
      const [row, path] = [rows.get(id), paths.byRouter.get(id)];
      const way = `r${place} to ${id}`;
      if (row?.cost !== costs.get(place)?.get(other)) faults.push(`${way}: cost ${row?.cost}`);
      if ((row?.nextHop || id) !== path?.nextHop) faults.push(`${way}: by ${row?.nextHop}, not ${path?.nextHop}`);
      const origins = [...(path?.validOrigins ?? [])].filter((origin) => origin !== network.idOf(place));
      const told = [...(row?.validOrigins ?? [])].sort().join(' ');
      if (told !== origins.sort().join(' ')) faults.push(`${way}: origins ${told}, not ${origins.join(' ')}`);
    }
  }
  return faults;
}

async function nodesAt(network: Network, place: number): Promise<Row[]> {
  const management = await network.management(place);
  try {
    return (await management.query('router.node')) as unknown as Row[];
  } finally {
    management.close();
  }
}

function linkStates(network: Network, { kinds, links }: Topology): Map<string, Map<string, number>> {
  const states = new Map(kinds.map((_, place) => [network.idOf(place), new Map<string, number>()]));
  for (const { dials, accepts, dialCost = 1, acceptCost = 1 } of links) {
    const cost = Math.max(dialCost, acceptCost);
    states.get(network.idOf(dials))?.set(network.idOf(accepts), cost);
    states.get(network.idOf(accepts))?.set(network.idOf(dials), cost);
  }
  return states;
}
