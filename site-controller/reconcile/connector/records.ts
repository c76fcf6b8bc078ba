/** Connectors of a site and attached ones together: what it tells the others about them, and the TLS they need. Pure. */
import type { EndpointRecord } from '../../exchange/record.ts';
import { attachedCallers } from '../attachedconnector/callers.ts';
import type { Observed } from '../observed.ts';
import { type Caller, podAddress, profileOf } from './caller.ts';
import { connectorCallers } from './callers.ts';

/** In the name of the record of one pod: `<connector>@<pod>`. */
export const POD_MARK = '@';

/** One record for each address that a connector answers for. One that selects no pod, or has no endpoint, answers for none. */
export function connectorRecords(observed: Observed): EndpointRecord[] {
  return workingCallers(observed).flatMap(recordsOf);
}

/** The sslProfiles of connectors that are not named like their Secret. */
export function connectorProfiles(observed: Observed): Map<string, { credentialName: string; caOnly: boolean }> {
  const profiles = new Map<string, { credentialName: string; caOnly: boolean }>();
  for (const { tls } of workingCallers(observed)) {
    const { tlsCredentials, useClientCert } = tls;
    if (tlsCredentials && !useClientCert)
      profiles.set(profileOf(tls), { credentialName: tlsCredentials, caOnly: true });
  }
  return profiles;
}

/** Connectors, and attached ones, that the router has. */
export function workingCallers(observed: Observed): Caller[] {
  return [...connectorCallers(observed), ...attachedCallers(observed)]
    .filter(({ finding }) => finding === undefined)
    .map(({ caller }) => caller!);
}

function recordsOf({ name, routingKey, host, port, pods, endpoints, exposePodsByName }: Caller): EndpointRecord[] {
  if (endpoints !== undefined) return endpoints.length === 0 ? [] : [{ name, routingKey, host: '', port }];
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
