/** What a site tells the others about its connectors, attached ones included. Pure. */
import type { EndpointRecord } from '../../exchange/record.ts';
import { attachedCallers } from '../attachedconnector/callers.ts';
import type { Observed } from '../observed.ts';
import { type Caller, podAddress } from './caller.ts';
import { connectorCallers } from './callers.ts';

/** In the name of the record of one pod: `<connector>@<pod>`. */
export const POD_MARK = '@';

/** One record for each address that a connector answers for. One that selects no pod answers for none. */
export function connectorRecords(observed: Observed): EndpointRecord[] {
  const own = connectorCallers(observed).map(({ caller }) => caller);
  const attached = attachedCallers(observed)
    .filter(({ finding }) => finding === undefined)
    .map(({ caller }) => caller!);
  return [...own, ...attached].flatMap(recordsOf);
}

function recordsOf({ name, routingKey, host, port, pods, exposePodsByName }: Caller): EndpointRecord[] {
  if (host !== undefined) return [{ name, routingKey, host, port }];
  if (pods.length === 0) return [];
  const ofPods = pods.map((pod) => ({
    name: `${name}${POD_MARK}${pod.name}`,
    routingKey: podAddress(routingKey, pod),
    host: pod.ips[0]!,
    port,
  }));
  return [{ name, routingKey, host: '', port }, ...(exposePodsByName ? ofPods : [])];
}
