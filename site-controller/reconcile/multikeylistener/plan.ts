/** MultiKeyListener: one tcpListener that leads to several routing keys. Control-plane reference 1.6, 4.5. */
import { failed, pending, ready } from '../../../config/api/conditions.ts';
import type { MultiKeyListener } from '../../../config/api/multi-key-listener.ts';
import { isReachable, listenFault } from '../listener/plan.ts';
import { type Observed, type Outcome, ofKind, type RouterEntity } from '../observed.ts';
import { portFault } from '../port-fault.ts';
import { activeSite, siteIdOf } from '../site/identity.ts';

export function multiKeyListenerEntities(observed: Observed): RouterEntity[] {
  const site = activeSite(observed);
  if (site === undefined) return [];
  return ofKind(observed, 'MultiKeyListener')
    .filter((listener) => listenFault(observed, listener) === undefined)
    .flatMap(({ metadata, spec }): RouterEntity[] => {
      const name = entityName(metadata.name);
      return [
        [
          'tcpListener',
          {
            name,
            host: spec.host,
            port: spec.port,
            multiAddressStrategy: spec.strategy.priority ? 'priority' : 'weighted',
            siteId: siteIdOf(site),
            ...(spec.tlsCredentials && { sslProfile: spec.tlsCredentials }),
            ...(spec.requireClientCert && { authenticatePeer: true }),
            ...(spec.observer && { observer: spec.observer }),
          },
        ],
        ...valuesOf(spec).map(
          ([address, value]): RouterEntity => [
            'listenerAddress',
            { name: `${name}/${address}`, address, value, listener: name },
          ],
        ),
      ];
    });
}

export function planMultiKeyListeners(observed: Observed): Outcome[] {
  return ofKind(observed, 'MultiKeyListener').map((listener) => {
    const { name } = listener.metadata;
    const { host, port, strategy } = listener.spec;
    const state = observed.router?.listeners.get(entityName(name));
    const fault = listenFault(observed, listener) ?? portFault(state, host, port, `MultiKeyListener ${name}`);
    const reachable = valuesOf(listener.spec).filter(([key]) => isReachable(observed, key));
    return {
      resource: listener,
      status: {
        hasDestination: reachable.length > 0,
        strategy: strategy.priority
          ? { priority: { routingKeysReachable: reachable.map(([key]) => key) } }
          : { weighted: { routingKeysReachable: Object.fromEntries(reachable) } },
      },
      findings: [
        fault === undefined ? ready('Configured') : failed('Configured', fault),
        reachable.length > 0 ? ready('Operational') : pending('Operational', 'No matching connectors'),
      ],
    };
  });
}

export function routingKeysOf({ spec }: MultiKeyListener): string[] {
  return valuesOf(spec).map(([key]) => key);
}

/** Routing keys with the router's value for each: the priority, highest first, or the weight. */
function valuesOf({ strategy }: MultiKeyListener['spec']): [key: string, value: number][] {
  const keys = strategy.priority?.routingKeys;
  if (keys !== undefined) return keys.map((key, index) => [key, keys.length - 1 - index]);
  return Object.entries(strategy.weighted?.routingKeys ?? {});
}

function entityName(name: string): string {
  return `multiAddress/${name}`;
}
