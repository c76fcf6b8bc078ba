/**
 * The pods that a Listener with `exposePodsByName` leads to. A connector that exposes its pods has, beside its own address, one
 * of each pod: `<routing key>.<pod>`. Sites tell each other about them; routers know those of sites that tell nothing. Pure.
 */
import type { Listener } from '../../../config/api/listener.ts';
import { podEntityName } from '../../../config/router-config.ts';
import { connectorRecords, POD_MARK } from '../connector/records.ts';
import type { Observed } from '../observed.ts';
import { configuredListeners } from './recovered-ports.ts';

/** Names of pods in order, by the name of the Listener. */
export function podTargets(observed: Observed, listeners: readonly Listener[]): Map<string, string[]> {
  if (listeners.length === 0) return new Map();
  const addresses = [...podAddresses(observed)].sort();
  const before = keptNames(observed);
  return new Map(
    listeners.map(({ metadata, spec }) => {
      const prefix = `${spec.routingKey}.`;
      const found = addresses.filter((address) => address.startsWith(prefix) && address.length > prefix.length);
      const kept = before.filter((name) => name.startsWith(podEntityName(metadata.name, '')));
      const pods = [
        ...found.map((address) => address.slice(prefix.length)),
        ...kept.map((name) => name.slice(podEntityName(metadata.name, '').length)),
      ];
      return [metadata.name, [...new Set(pods)].sort()];
    }),
  );
}

/** Every address that may be one of a pod: not those that a connector has as its routing key. */
function podAddresses(observed: Observed): Set<string> {
  const records = [...connectorRecords(observed), ...observed.network.sites.flatMap(({ connectors }) => connectors)];
  const consumed = [...(observed.router?.consumers ?? [])].filter(([, count]) => count > 0);
  const addresses = new Set(consumed.map(([address]) => address));
  for (const { name, routingKey } of records) if (!name.includes(POD_MARK)) addresses.delete(routingKey);
  for (const { name, routingKey } of records) if (name.includes(POD_MARK)) addresses.add(routingKey);
  return addresses;
}

/** While not everyone had time to speak, silence does not mean that a pod is gone: what is configured stays. */
function keptNames({ cluster, network, router }: Observed): string[] {
  return cluster === undefined || (network.settled && router !== undefined) ? [] : configuredListeners(cluster);
}
