/** Whether somebody answers for a routing key. Pure. */
import { connectorRecords } from '../connector/records.ts';
import type { Observed } from '../observed.ts';
import { activeSite } from '../site/identity.ts';

/**
 * The router knows best: it sees connectors come and go, those of sites that tell nothing too. Where it cannot say, because it is
 * at the edge of the network or does not answer, what the sites tell counts.
 */
export function reachability(observed: Observed): (routingKey: string) => boolean {
  const { cluster, router, network } = observed;
  const consumed = (routingKey: string) => (router?.consumers.get(routingKey) ?? 0) > 0;
  const isAtEdge = activeSite(observed)?.spec.edge === true;
  if (cluster === undefined || (router !== undefined && !isAtEdge)) return consumed;
  const records = [...connectorRecords(observed), ...network.sites.flatMap(({ connectors }) => connectors)];
  const told = new Set(records.map(({ routingKey }) => routingKey));
  return (routingKey) => consumed(routingKey) || told.has(routingKey);
}
