/** MultiKeyListener: one tcpListener that leads to several routing keys. Control-plane reference 1.6, 4.5. */
import { failed, pending, ready } from '../../../config/api/conditions.ts';
import { keyOfListener } from '../listener/faults.ts';
import { listenerAttributes } from '../listener/options.ts';
import { configFaults, listenerPlaces } from '../listener/places.ts';
import { reachability } from '../listener/reachable.ts';
import { type Observed, type Outcome, ofKind, type RouterEntity } from '../observed.ts';
import { activeSite, siteIdOf } from '../site/identity.ts';
import { keyValues } from './tiers.ts';

export function multiKeyListenerEntities(observed: Observed): RouterEntity[] {
  const site = activeSite(observed);
  if (site === undefined) return [];
  const places = listenerPlaces(observed, 'MultiKeyListener');
  return ofKind(observed, 'MultiKeyListener').flatMap((listener): RouterEntity[] => {
    const { spec } = listener;
    return (places.get(keyOfListener(listener)) ?? []).flatMap(({ name, host, port }): RouterEntity[] => [
      [
        'tcpListener',
        {
          name,
          host,
          port,
          multiAddressStrategy: spec.strategy.priority ? 'priority' : 'weighted',
          siteId: siteIdOf(site),
          ...(spec.tlsCredentials && { sslProfile: spec.tlsCredentials }),
          ...(spec.requireClientCert && { authenticatePeer: true }),
          ...(spec.observer && { observer: spec.observer }),
          ...listenerAttributes(listener),
        },
      ],
      ...keyValues(listener).map(
        ({ key, value, weight }): RouterEntity => [
          'listenerAddress',
          { name: `${name}/${key}`, address: key, value, listener: name, ...(weight !== undefined && { weight }) },
        ],
      ),
    ]);
  });
}

export function planMultiKeyListeners(observed: Observed): Outcome[] {
  const faultOf = configFaults(observed);
  const isReachable = reachability(observed);
  return ofKind(observed, 'MultiKeyListener').map((listener) => {
    const { strategy } = listener.spec;
    const fault = faultOf(listener);
    const reachable = keyValues(listener).filter(({ key }) => isReachable(key));
    return {
      resource: listener,
      status: {
        hasDestination: reachable.length > 0,
        strategy: strategy.priority
          ? { priority: { routingKeysReachable: reachable.map(({ key }) => key) } }
          : { weighted: { routingKeysReachable: Object.fromEntries(reachable.map(({ key, value }) => [key, value])) } },
      },
      findings: [
        fault === undefined ? ready('Configured') : failed('Configured', fault),
        reachable.length > 0 ? ready('Operational') : pending('Operational', 'No matching connectors'),
      ],
    };
  });
}
