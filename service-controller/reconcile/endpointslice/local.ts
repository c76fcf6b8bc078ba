/** The endpoints of this cluster's own Service, as its EndpointSlices have them. Pure. */

import type { KubeObject } from '../../../lib/kube/object.ts';
import { compareText, isDnsLabel } from '../../../lib/text.ts';
import type { IpFamily, PortRecord, Protocol } from '../../records.ts';
import { type Fields, familyOf, fieldsOf, listOf, portOf, textOf, textsOf } from '../fields.ts';
import { SLICE_ENDPOINTS_MAX } from '../limits.ts';

export interface LocalEndpoint {
  addresses: string[];
  conditions: { ready: boolean; serving: boolean; terminating: boolean };
  hostname?: string;
  nodeName?: string;
  zone?: string;
}

export interface LocalPort {
  name: string;
  protocol: Protocol;
  /** Of the pods: the target port. */
  port: number;
}

export interface LocalSlice {
  name: string;
  family: IpFamily;
  ports: LocalPort[];
  endpoints: LocalEndpoint[];
}

/** Sorted by name. */
export function localSlices(slices: readonly KubeObject[]): LocalSlice[] {
  return slices
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .flatMap((slice): LocalSlice[] => {
      const family = slice.addressType;
      if (family !== 'IPv4' && family !== 'IPv6') return [];
      const endpoints = listOf(slice.endpoints).flatMap((endpoint) => endpointOf(endpoint, family));
      return [
        {
          name: slice.metadata.name,
          family,
          ports: listOf(slice.ports).flatMap(localPort),
          endpoints: endpoints.slice(0, SLICE_ENDPOINTS_MAX),
        },
      ];
    })
    .sort((a, b) => compareText(a.name, b.name));
}

/** The target of a Service's port in a slice; a port without a name has ''. */
export function targetOf(slice: LocalSlice, port: PortRecord): number | undefined {
  return slice.ports.find(({ name, protocol }) => name === port.name && protocol === port.protocol)?.port;
}

function localPort({ name, protocol, port }: Fields): LocalPort[] {
  const number = portOf(port);
  if (number === undefined) return [];
  return [
    { name: textOf(name) ?? '', protocol: protocol === 'UDP' || protocol === 'SCTP' ? protocol : 'TCP', port: number },
  ];
}

/** What is not said of an endpoint counts as good news, as Kubernetes has it. */
function endpointOf(endpoint: Fields, family: IpFamily): LocalEndpoint[] {
  const addresses = textsOf(endpoint.addresses).filter((address) => familyOf(address) === family);
  if (addresses.length === 0) return [];
  const conditions = fieldsOf(endpoint.conditions);
  const ready = conditions.ready !== false;
  const serving = typeof conditions.serving === 'boolean' ? conditions.serving : ready;
  const [hostname, nodeName, zone] = [textOf(endpoint.hostname), textOf(endpoint.nodeName), textOf(endpoint.zone)];
  return [
    {
      addresses,
      conditions: { ready, serving, terminating: conditions.terminating === true },
      ...(hostname !== undefined && isDnsLabel(hostname) && { hostname }),
      ...(nodeName !== undefined && { nodeName }),
      ...(zone !== undefined && { zone }),
    },
  ];
}
