/** What dials a workload for a routing key: a Connector, or an AttachedConnector with its binding. One tcpConnector a target. Pure. */
import type { Connector } from '../../../config/api/connector.ts';
import type { ServiceAttributes } from '../../../config/service-settings.ts';
import { withPort } from '../../../lib/address.ts';
import type { PodView } from '../cluster.ts';
import type { Observed, RouterEntity } from '../observed.ts';
import type { Endpoint } from './endpoints.ts';
import { withShares } from './shares.ts';

export interface Caller {
  name: string;
  routingKey: string;
  port: number;
  /** Instead of pods. */
  host: string | undefined;
  pods: readonly PodView[];
  /** Instead of host and pods. */
  endpoints?: readonly Endpoint[];
  exposePodsByName: boolean;
  tls: CallerTls;
  /** Of each of its tcpConnectors. */
  attributes: ServiceAttributes;
  /** Of the connections that the site gets for the routing key, beside others of that key; undefined when it asks for none. */
  share: number | undefined;
}

export type CallerTls = Pick<Connector['spec'], 'tlsCredentials' | 'useClientCert' | 'verifyHostname'>;

interface Target {
  name: string;
  host: string;
  port: number;
  address: string;
  processId?: string;
}

/** @param shared routing keys whose connectors have shares */
export function callerEntities(caller: Caller, siteId: string, shared: ReadonlySet<string>): RouterEntity[] {
  const { tls, attributes } = caller;
  const entities = targetsOf(caller).map(
    ({ name, host, port, address, processId }): RouterEntity => [
      'tcpConnector',
      {
        name,
        host,
        port,
        address,
        siteId,
        ...(processId && { processId }),
        ...(tls.tlsCredentials && {
          sslProfile: profileOf(tls),
          // A pod is dialled by its address, which no certificate names.
          verifyHostname: tls.verifyHostname ?? hasHost(caller),
        }),
        ...attributes,
      },
    ],
  );
  return withShares(entities, caller, shared);
}

/** A profile with the CA only, or with the client certificate too: two names, because one Secret may serve both. */
export function profileOf({ tlsCredentials, useClientCert }: CallerTls): string {
  return useClientCert ? tlsCredentials! : `${tlsCredentials}-profile`;
}

export function tlsFault({ credentials }: Observed, { tlsCredentials, useClientCert }: CallerTls): string | undefined {
  if (!tlsCredentials) return undefined;
  const credential = credentials.get(tlsCredentials);
  const isThere = credential?.ca !== undefined && (!useClientCert || credential.hasKey);
  return isThere ? undefined : `TLS credentials secret "${tlsCredentials}" not found`;
}

export function typeFault(type: string | undefined): string | undefined {
  return ['', 'tcp', undefined].includes(type) ? undefined : `type "${type}" is not supported, only tcp`;
}

/** What the router says about the workload: the last connection it could not make, when no target can be reached. */
export function workloadFault(observed: Observed, caller: Caller): string | undefined {
  const targets = targetsOf({ ...caller, exposePodsByName: false });
  const states = targets.map(({ name }) => observed.router?.tcpConnectors.get(name));
  const isDown = states.every((state) => state?.operStatus === 'down' && state.message !== '');
  if (targets.length === 0 || !isDown) return undefined;
  return `workload at ${withPort(targets[0]!.host, targets[0]!.port)} cannot be reached: ${states[0]!.message}`;
}

/** It dials a name that its user chose. */
function hasHost({ host, endpoints }: Caller): boolean {
  return host !== undefined && endpoints === undefined;
}

/** The address of one pod: what Listeners with `exposePodsByName` look for. */
export function podAddress(routingKey: string, pod: PodView): string {
  return `${routingKey}.${pod.name}`;
}

/** Names follow from the target alone, so that one which comes or goes leaves the others, and their flows, as they are. */
function targetsOf({ name, routingKey, host, port, pods, endpoints, exposePodsByName }: Caller): Target[] {
  if (endpoints !== undefined) {
    return endpoints.map((endpoint) => ({
      name: entityName(name, withPort(endpoint.host, endpoint.port)),
      ...endpoint,
      address: routingKey,
    }));
  }
  if (host !== undefined) return [{ name: entityName(name, host), host, port, address: routingKey }];
  return pods.flatMap((pod) => {
    const [ip] = pod.ips;
    const target: Target = { name: entityName(name, ip!), host: ip!, port, address: routingKey, processId: pod.uid };
    const ofPod = { ...target, name: entityName(name, pod.name), address: podAddress(routingKey, pod) };
    return exposePodsByName ? [target, ofPod] : [target];
  });
}

function entityName(name: string, host: string): string {
  return `connector/${name}@${host}`;
}
