/** Listener: a tcpListener of the router, which listens while a connector for its routing key can be reached. Control-plane reference 1.4, 4.5. */
import { failed, pending, ready } from '../../../config/api/conditions.ts';
import type { Listener } from '../../../config/api/listener.ts';
import type { MultiKeyListener } from '../../../config/api/multi-key-listener.ts';
import { byAge, type Observed, type Outcome, ofKind, type RouterEntity } from '../observed.ts';
import { portFault } from '../port-fault.ts';
import { activeSite, siteIdOf } from '../site/identity.ts';

export function listenerEntities(observed: Observed): RouterEntity[] {
  const site = activeSite(observed);
  if (site === undefined) return [];
  return ofKind(observed, 'Listener')
    .filter((listener) => listenFault(observed, listener) === undefined)
    .map(({ metadata, spec }) => [
      'tcpListener',
      {
        name: entityName(metadata.name),
        host: spec.host,
        port: spec.port,
        address: spec.routingKey,
        siteId: siteIdOf(site),
        ...(spec.tlsCredentials && { sslProfile: spec.tlsCredentials }),
        ...(spec.observer && { observer: spec.observer }),
      },
    ]);
}

export function planListeners(observed: Observed): Outcome[] {
  return ofKind(observed, 'Listener').map((listener) => {
    const hasMatchingConnector = isReachable(observed, listener.spec.routingKey);
    const state = observed.router?.listeners.get(entityName(listener.metadata.name));
    const { host, port } = listener.spec;
    const fault = listenFault(observed, listener) ?? portFault(state, host, port, `Listener ${listener.metadata.name}`);
    return {
      resource: listener,
      status: { hasMatchingConnector },
      findings: [
        fault === undefined ? ready('Configured') : failed('Configured', fault),
        hasMatchingConnector ? ready('Matched') : pending('Matched', 'No matching connectors'),
      ],
    };
  });
}

/** Whether a connector for this routing key is reachable, here or at another site. */
export function isReachable(observed: Observed, routingKey: string): boolean {
  return (observed.router?.consumers.get(routingKey) ?? 0) > 0;
}

/** What keeps a listener of either kind out of the router's configuration. */
export function listenFault(observed: Observed, listener: Listener | MultiKeyListener): string | undefined {
  if (activeSite(observed) === undefined) return 'No active site in namespace';
  const { host, port, tlsCredentials } = listener.spec;
  if ('type' in listener.spec && !['', 'tcp', undefined].includes(listener.spec.type)) {
    return `type "${listener.spec.type}" is not supported, only tcp`;
  }
  const first = [...ofKind(observed, 'Listener'), ...ofKind(observed, 'MultiKeyListener')]
    .filter((other) => other.spec.host === host && other.spec.port === port)
    .sort(byAge)[0];
  if (first !== undefined && (first.kind !== listener.kind || first.metadata.name !== listener.metadata.name)) {
    return `${first.kind} ${first.metadata.name} with host ${host} and port ${port} already exists in namespace`;
  }
  if (tlsCredentials && !observed.credentials.get(tlsCredentials)?.hasKey) {
    return `TLS credentials secret "${tlsCredentials}" not found`;
  }
  return undefined;
}

export function entityName(name: string): string {
  return `listener/${name}`;
}
