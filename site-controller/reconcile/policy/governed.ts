/** What policies may select: the services that a namespace, or all of them together, offers to the network or uses of it. Pure. */
import type { Resource } from '../../../config/api/index.ts';
import type { PolicyService } from '../../../lib/policy/types.ts';
import { strategyKeys } from '../multikeylistener/tiers.ts';
import { type Observed, ofKind } from '../observed.ts';
import { serviceOf } from './services.ts';

export interface GovernedService {
  kind: 'Listener' | 'Connector';
  service: PolicyService;
  resource: Resource;
}

/** Of the resources of a namespace; those that it has for services of other namespaces too. */
export function governedServices({
  resources,
  namespace,
}: Pick<Observed, 'resources' | 'namespace'>): GovernedService[] {
  const observed = { resources };
  return [
    ...ofKind(observed, 'Listener').map((listener): GovernedService => {
      return {
        kind: 'Listener',
        service: serviceOf(listener, listener.spec.routingKey, namespace),
        resource: listener,
      };
    }),
    ...ofKind(observed, 'MultiKeyListener').flatMap((listener) =>
      strategyKeys(listener).map((key): GovernedService => {
        return { kind: 'Listener', service: serviceOf(listener, key, namespace), resource: listener };
      }),
    ),
    ...ofKind(observed, 'Connector').map((connector): GovernedService => {
      return {
        kind: 'Connector',
        service: serviceOf(connector, connector.spec.routingKey, namespace),
        resource: connector,
      };
    }),
    ...ofKind(observed, 'AttachedConnectorBinding').map((binding): GovernedService => {
      const { routingKey, connectorNamespace } = binding.spec;
      return { kind: 'Connector', service: serviceOf(binding, routingKey, connectorNamespace), resource: binding };
    }),
  ];
}
