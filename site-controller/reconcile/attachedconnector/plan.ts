/**
 * AttachedConnector and AttachedConnectorBinding: a workload of another namespace, offered by the site of this one when both
 * agree. The namespace of the site writes the binding's status, that of the workload its connector's. Control-plane reference 1.7.
 */
import type { AttachedConnector } from '../../../config/api/attached-connector.ts';
import type { AttachedConnectorBinding } from '../../../config/api/attached-connector-binding.ts';
import { type Finding, failed, pending, ready } from '../../../config/api/conditions.ts';
import { callerEntities, typeFault, workloadFault } from '../connector/caller.ts';
import { requestedKeys } from '../connector/plan.ts';
import { workingCallers } from '../connector/records.ts';
import { sharedKeys } from '../connector/shares.ts';
import { type Observed, type Outcome, ofKind, type RouterEntity } from '../observed.ts';
import { activeSite, siteIdOf } from '../site/identity.ts';
import { type AttachedCaller, attachedCallers, attachedSelection, NO_CONNECTOR } from './callers.ts';

export function attachedEntities(observed: Observed): RouterEntity[] {
  const site = activeSite(observed);
  if (site === undefined) return [];
  const shared = sharedKeys(workingCallers(observed));
  return attachedCallers(observed).flatMap(({ caller, finding }) =>
    finding === undefined ? callerEntities(caller!, siteIdOf(site), shared) : [],
  );
}

/** For the bindings of this namespace, which is the site's. */
export function planAttachedConnectorBindings(observed: Observed): Outcome[] {
  const requested = requestedKeys(observed);
  return attachedCallers(observed).map((entry) => {
    const hasMatchingListener = requested.has(entry.binding.spec.routingKey);
    return {
      resource: entry.binding,
      status: { hasMatchingListener },
      findings: [
        bindingConfigured(observed, entry),
        hasMatchingListener ? ready('Matched') : pending('Matched', 'No matching listeners'),
      ],
    };
  });
}

/** For the connectors of this namespace, which is that of the workload; the site may be in another. */
export function planAttachedConnectors(observed: Observed): Outcome[] {
  const { cluster } = observed;
  if (cluster === undefined) return [];
  return ofKind(observed, 'AttachedConnector').map((connector) => {
    const { pods, finding } = attachedSelection(connector, cluster.pods);
    const binding = bindingOf(observed, connector);
    const fault = consentFault(observed, connector, binding) ?? typeFault(connector.spec.type);
    const configured = fault === undefined ? (finding ?? siteFinding(binding!)) : failed('Configured', fault);
    return {
      resource: connector,
      status: { selectedPods: pods.map(({ name, ips }) => ({ name, ip: ips[0] })) },
      findings: [configured ?? ready('Configured')],
    };
  });
}

function bindingConfigured(observed: Observed, { caller, finding }: AttachedCaller): Finding {
  if (finding !== undefined) return finding;
  const fault = workloadFault(observed, caller!);
  return fault === undefined ? ready('Configured') : failed('Configured', fault);
}

function bindingOf(observed: Observed, { metadata, spec }: AttachedConnector): AttachedConnectorBinding | undefined {
  const own = spec.siteNamespace === observed.namespace ? ofKind(observed, 'AttachedConnectorBinding') : [];
  const others = observed.cluster!.bindings.filter((binding) => binding.metadata.namespace === spec.siteNamespace);
  return [...own, ...others].find((binding) => binding.metadata.name === metadata.name);
}

function consentFault(
  { namespace }: Observed,
  { spec }: AttachedConnector,
  binding: AttachedConnectorBinding | undefined,
): string | undefined {
  if (binding === undefined) return 'No matching AttachedConnectorBinding in site namespace';
  const allowed = binding.spec.connectorNamespace;
  if (allowed === namespace) return undefined;
  const name = `${spec.siteNamespace}/${binding.metadata.name}`;
  return `AttachedConnectorBinding ${name} does not allow AttachedConnector in ${namespace} (only ${allowed})`;
}

/** What only the site's namespace can see: a missing Secret, no site, a workload out of reach. */
function siteFinding({ metadata, status }: AttachedConnectorBinding): Finding | undefined {
  const condition = status?.conditions?.find(({ type }) => type === 'Configured');
  const isOfNow = condition?.observedGeneration === metadata.generation;
  if (condition?.status !== 'False' || !isOfNow || condition.message === NO_CONNECTOR) return undefined;
  return (condition.reason === 'Error' ? failed : pending)('Configured', condition.message);
}
