/** EndpointSlices that this controller writes: whose they are and who reads them. Pure. */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { LABEL, MANAGER, MCS } from '../../names.ts';
import type { IpFamily, Protocol } from '../../records.ts';
import type { Frame } from '../frame.ts';
import { API, madeLabels, ownedBy } from '../made.ts';
import type { LocalEndpoint } from './local.ts';

export interface SlicePort {
  name: string;
  protocol: Protocol;
  port: number;
  appProtocol?: string;
}

export interface SliceWant {
  name: string;
  family: IpFamily;
  /** Of `officialLabels` or `proxyLabels`. */
  labels: Record<string, string>;
  ports: readonly SlicePort[];
  endpoints: readonly LocalEndpoint[];
}

/** For consumers of the API: the endpoints of one cluster. Reference 1.6. */
export function officialLabels({ observed }: Frame, cluster: string): Record<string, string> {
  return { [MCS.serviceNameLabel]: observed.name, [MCS.sourceClusterLabel]: cluster };
}

/** For kube-proxy: where a derived Service leads. */
export function proxyLabels(derived: string): Record<string, string> {
  return { [LABEL.serviceName]: derived };
}

export function endpointSlice(frame: Frame, { name, family, labels, ports, endpoints }: SliceWant): KubeObject {
  const { observed, owner } = frame;
  return {
    apiVersion: API.endpointSlice,
    kind: 'EndpointSlice',
    metadata: {
      name,
      namespace: observed.namespace,
      labels: { ...madeLabels(observed), [LABEL.sliceManager]: MANAGER, ...labels },
      ...ownedBy(owner),
    },
    addressType: family,
    endpoints: [...endpoints],
    ports: ports.map(({ name: portName, protocol, port, appProtocol }) => ({
      name: portName,
      protocol,
      port,
      ...(appProtocol !== undefined && { appProtocol }),
    })),
  };
}
