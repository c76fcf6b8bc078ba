/** MultiKeyListener: one tcpListener that leads to several routing keys. Control-plane reference 1.6, 4.5. */
import { failed, pending, ready } from '../../../config/api/conditions.ts';
import type { MultiKeyListener } from '../../../config/api/multi-key-listener.ts';
import { keyOfListener } from '../listener/faults.ts';
import { listenerAttributes } from '../listener/options.ts';
import { configFaults, listenerPlaces } from '../listener/places.ts';
import { reachability } from '../listener/reachable.ts';
import { type Observed, type Outcome, ofKind, type RouterEntity } from '../observed.ts';
import { importRefusal } from '../policy/refusals.ts';
import { policyAttributes, serviceOf } from '../policy/services.ts';
import { activeSite, siteIdOf } from '../site/identity.ts';
import { type KeyValue, keyValues, strategyKeys } from './tiers.ts';

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
          ...policyAttributes(observed, serviceOf(listener, strategyKeys(listener)[0] ?? '', observed.namespace)),
        },
      ],
      ...allowedKeys(observed, listener).map(
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
    const refused = keyValues(listener).length - allowedKeys(observed, listener).length;
    const reachable = allowedKeys(observed, listener).filter(({ key }) => isReachable(key));
    return {
      resource: listener,
      status: {
        hasDestination: reachable.length > 0,
        strategy: strategy.priority
          ? { priority: { routingKeysReachable: reachable.map(({ key }) => key) } }
          : { weighted: { routingKeysReachable: Object.fromEntries(reachable.map(({ key, value }) => [key, value])) } },
      },
      findings: [
        fault !== undefined ? failed('Configured', fault) : ready('Configured', refusedText(refused)),
        reachable.length > 0 ? ready('Operational') : pending('Operational', 'No matching connectors'),
      ],
    };
  });
}

/** The routing keys that policies let this site use. */
function allowedKeys(observed: Observed, listener: MultiKeyListener): KeyValue[] {
  const isAllowed = ({ key }: KeyValue) =>
    importRefusal(observed, serviceOf(listener, key, observed.namespace)) === undefined;
  return keyValues(listener).filter(isAllowed);
}

function refusedText(count: number): string | undefined {
  return count === 0 ? undefined : `OK, but policies refuse ${count} of its routing keys`;
}
