/** Connector: tcpConnectors of the router, which dial the workload: a host, each pod of a selector, or given endpoints. Control-plane reference 1.5, 4.5. */
import { failed, pending, ready } from '../../../config/api/conditions.ts';
import { strategyKeys } from '../multikeylistener/tiers.ts';
import { type Observed, type Outcome, ofKind, type RouterEntity } from '../observed.ts';
import { sitesInReach } from '../reach.ts';
import { activeSite, siteIdOf } from '../site/identity.ts';
import { type CallerTls, callerEntities, profileOf, workloadFault } from './caller.ts';
import { type ConnectorCaller, connectorCallers } from './callers.ts';
import { workingCallers } from './records.ts';
import { sharedKeys } from './shares.ts';

export function connectorEntities(observed: Observed): RouterEntity[] {
  const site = activeSite(observed);
  if (site === undefined) return [];
  const shared = sharedKeys(workingCallers(observed));
  return connectorCallers(observed).flatMap(({ caller, finding }) =>
    finding === undefined ? callerEntities(caller, siteIdOf(site), shared) : [],
  );
}

export function connectorProfile({ spec }: { spec: CallerTls }): string {
  return profileOf(spec);
}

export function planConnectors(observed: Observed): Outcome[] {
  const requested = requestedKeys(observed);
  return connectorCallers(observed).map((entry) => {
    const { connector } = entry;
    const hasMatchingListener = requested.has(connector.spec.routingKey);
    return {
      resource: connector,
      status: { hasMatchingListener, ...selectedPods(observed, entry) },
      findings: [
        configured(observed, entry),
        hasMatchingListener ? ready('Matched') : pending('Matched', 'No matching listeners'),
      ],
    };
  });
}

/** The routing keys for which some site of the network listens. */
export function requestedKeys(observed: Observed): Set<string> {
  return new Set([
    ...ofKind(observed, 'Listener').map(({ spec }) => spec.routingKey),
    ...ofKind(observed, 'MultiKeyListener').flatMap(strategyKeys),
    ...sitesInReach(observed).flatMap(({ listeners }) => listeners.map(({ routingKey }) => routingKey)),
  ]);
}

function configured(observed: Observed, { caller, finding }: ConnectorCaller) {
  if (finding !== undefined) return finding;
  const fault = workloadFault(observed, caller);
  if (fault !== undefined) return failed('Configured', fault);
  return caller.endpoints?.length === 0 ? ready('Configured', 'No endpoint is ready') : ready('Configured');
}

function selectedPods({ cluster }: Observed, { connector, caller }: ConnectorCaller): object {
  if (cluster === undefined) return {};
  if (connector.spec.selector === undefined || caller.endpoints !== undefined) return { selectedPods: undefined };
  return { selectedPods: caller.pods.map(({ name, ips }) => ({ name, ip: ips[0] })) };
}
