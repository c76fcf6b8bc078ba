/** Connector: a tcpConnector of the router, which dials the workload. Control-plane reference 1.5, 4.5. */
import { failed, pending, ready } from '../../../config/api/conditions.ts';
import type { Connector } from '../../../config/api/connector.ts';
import { routingKeysOf } from '../multikeylistener/plan.ts';
import { type Observed, type Outcome, ofKind, type RouterEntity } from '../observed.ts';
import { activeSite, siteIdOf } from '../site/identity.ts';

export function connectorEntities(observed: Observed): RouterEntity[] {
  const site = activeSite(observed);
  if (site === undefined) return [];
  return ofKind(observed, 'Connector').flatMap((connector): RouterEntity[] => {
    const { host, port, routingKey, tlsCredentials, verifyHostname } = connector.spec;
    if (host === undefined || configFault(observed, connector) !== undefined) return [];
    return [
      [
        'tcpConnector',
        {
          name: entityName(connector.metadata.name, host),
          host,
          port,
          address: routingKey,
          siteId: siteIdOf(site),
          ...(tlsCredentials && { sslProfile: connectorProfile(connector), verifyHostname: verifyHostname ?? true }),
        },
      ],
    ];
  });
}

/** A profile with the CA only, or with the client certificate too: two names, because one Secret may serve both. */
export function connectorProfile({ spec }: { spec: Pick<Connector['spec'], 'tlsCredentials' | 'useClientCert'> }): string {
  return spec.useClientCert ? spec.tlsCredentials! : `${spec.tlsCredentials}-profile`;
}

export function planConnectors(observed: Observed): Outcome[] {
  const requested = requestedKeys(observed);
  return ofKind(observed, 'Connector').map((connector) => {
    const hasMatchingListener = requested.has(connector.spec.routingKey);
    const fault = configFault(observed, connector) ?? workloadFault(observed, connector);
    return {
      resource: connector,
      status: { hasMatchingListener },
      findings: [
        fault === undefined ? ready('Configured') : failed('Configured', fault),
        hasMatchingListener ? ready('Matched') : pending('Matched', 'No matching listeners'),
      ],
    };
  });
}

/** The routing keys for which some site of the network listens. */
function requestedKeys(observed: Observed): Set<string> {
  return new Set([
    ...ofKind(observed, 'Listener').map(({ spec }) => spec.routingKey),
    ...ofKind(observed, 'MultiKeyListener').flatMap(routingKeysOf),
    ...observed.network.sites.flatMap(({ listeners }) => listeners.map(({ routingKey }) => routingKey)),
  ]);
}

/** What the router says about the workload: the last connection it could not make. */
function workloadFault(observed: Observed, { metadata, spec }: Connector): string | undefined {
  const state = observed.router?.tcpConnectors.get(entityName(metadata.name, spec.host!));
  if (state?.operStatus !== 'down' || state.message === '') return undefined;
  return `workload at ${spec.host}:${spec.port} cannot be reached: ${state.message}`;
}

function configFault(observed: Observed, { spec }: Connector): string | undefined {
  if (activeSite(observed) === undefined) return 'No active site in namespace';
  if (!['', 'tcp', undefined].includes(spec.type)) return `type "${spec.type}" is not supported, only tcp`;
  if (spec.host === undefined) {
    return `spec.selector selects pods and needs Kubernetes; on platform local give spec.host instead`;
  }
  const credential = spec.tlsCredentials ? observed.credentials.get(spec.tlsCredentials) : undefined;
  if (spec.tlsCredentials && (credential?.ca === undefined || (spec.useClientCert && !credential.hasKey))) {
    return `TLS credentials secret "${spec.tlsCredentials}" not found`;
  }
  return undefined;
}

function entityName(name: string, host: string): string {
  return `connector/${name}@${host}`;
}
