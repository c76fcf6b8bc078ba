/**
 * Listener: a tcpListener of the router, which listens while a connector for its routing key can be reached: at its host and
 * port, or in a pod at a port to which a Service leads. Control-plane reference 1.4, 4.5.
 */
import { failed, pending, ready } from '../../../config/api/conditions.ts';
import { type Observed, type Outcome, ofKind, type RouterEntity } from '../observed.ts';
import { policyAttributes, serviceOf } from '../policy/services.ts';
import { activeSite, siteIdOf } from '../site/identity.ts';
import { keyOfListener } from './faults.ts';
import { listenerAttributes } from './options.ts';
import { configFaults, listenerPlaces } from './places.ts';
import { reachability } from './reachable.ts';

export function listenerEntities(observed: Observed): RouterEntity[] {
  const site = activeSite(observed);
  if (site === undefined) return [];
  const places = listenerPlaces(observed, 'Listener');
  return ofKind(observed, 'Listener').flatMap((listener) => {
    const { tlsCredentials, observer } = listener.spec;
    return (places.get(keyOfListener(listener)) ?? []).map(
      ({ name, host, port, address }): RouterEntity => [
        'tcpListener',
        {
          name,
          host,
          port,
          address: address!,
          siteId: siteIdOf(site),
          ...(tlsCredentials && { sslProfile: tlsCredentials }),
          ...(observer && { observer }),
          ...listenerAttributes(listener),
          ...policyAttributes(observed, serviceOf(listener, listener.spec.routingKey, observed.namespace)),
        },
      ],
    );
  });
}

export function planListeners(observed: Observed): Outcome[] {
  const faultOf = configFaults(observed);
  const isReachable = reachability(observed);
  return ofKind(observed, 'Listener').map((listener) => {
    const hasMatchingConnector = isReachable(listener.spec.routingKey);
    const fault = faultOf(listener);
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
