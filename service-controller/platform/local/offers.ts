/** What a local site can export: its Connectors, as a Service with endpoints would be on Kubernetes. Pure. */
import { isIPv4 } from 'node:net';
import type { Connector } from '../../../config/api/connector.ts';
import { CONTROLLED_LABEL, SETTING } from '../../../config/names.ts';
import { usableConnectorSettings } from '../../../config/service-settings.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { LABEL, shortHash } from '../../names.ts';

export interface OfferedPort {
  name: string;
  /** Of the service. */
  port: number;
  /** Where its server is. */
  host: string;
  hostPort: number;
  /** How it is dialled, as a Connector says it. */
  tls: Partial<Connector['spec']>;
  /** What else it says of its server. */
  settings: Readonly<Record<string, string>>;
}

/** The ports of the service of that name: of the Connector with that routing key, or of those that are its ports. */
export function offeredPorts(connectors: readonly Connector[], name: string): OfferedPort[] {
  const ports = new Map<number, OfferedPort>();
  for (const { metadata, spec } of connectors) {
    if (metadata.labels?.[CONTROLLED_LABEL] === 'true' || spec.host === undefined) continue;
    if (spec.routingKey !== name && spec.settings?.[SETTING.serviceName] !== name) continue;
    const port = Number(spec.settings?.[SETTING.servicePort] ?? spec.port);
    if (ports.has(port)) continue;
    const dialled = { tls: tlsOf(spec), settings: usableConnectorSettings(spec.settings) };
    ports.set(port, { name: '', port, host: spec.host, hostPort: spec.port, ...dialled });
  }
  const sorted = [...ports.values()].sort((a, b) => a.port - b.port);
  return sorted.length < 2 ? sorted : sorted.map((offer) => ({ ...offer, name: `port-${offer.port}` }));
}

/**
 * As plans know a Service, whose clusterset address here is `address`. A server with a host name, which a slice cannot hold, is
 * reached there too.
 */
export function serviceOf(
  { namespace, name }: { namespace: string; name: string },
  offers: readonly OfferedPort[],
  address: string,
): { service: KubeObject | undefined; slices: KubeObject[] } {
  if (offers.length === 0) return { service: undefined, slices: [] };
  const service: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: {
      type: 'ClusterIP',
      clusterIP: address,
      clusterIPs: [address],
      ipFamilies: ['IPv4'],
      ports: offers.map(({ name: portName, port }) => ({ name: portName, port, protocol: 'TCP' })),
    },
  };
  const hosts = [...new Set(offers.map(({ host }) => host))];
  const slices = hosts.map((host): KubeObject => {
    const isAddress = isIPv4(host);
    const ports = offers.filter((offer) => offer.host === host);
    return {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace, name: `${name}-${shortHash(host)}`, labels: { [LABEL.serviceName]: name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [isAddress ? host : address], conditions: { ready: true } }],
      ports: ports.map(({ name: portName, port, hostPort }) => ({
        name: portName,
        port: isAddress ? hostPort : port,
        protocol: 'TCP',
      })),
    };
  });
  return { service, slices };
}

function tlsOf({ tlsCredentials, useClientCert, verifyHostname, type }: Connector['spec']): OfferedPort['tls'] {
  return {
    ...(tlsCredentials !== undefined && { tlsCredentials }),
    ...(useClientCert !== undefined && { useClientCert }),
    ...(verifyHostname !== undefined && { verifyHostname }),
    ...(type !== undefined && { type }),
  };
}
