/** The bindings of a site with the AttachedConnectors of the namespaces that they name, as callers. Pure. */
import type { AttachedConnector } from '../../../config/api/attached-connector.ts';
import type { AttachedConnectorBinding } from '../../../config/api/attached-connector-binding.ts';
import { type Finding, failed } from '../../../config/api/conditions.ts';
import { connectorSettings, settingFault, shareOf } from '../../../config/service-settings.ts';
import type { AttachedView, PodView } from '../cluster.ts';
import { type Caller, tlsFault, typeFault } from '../connector/caller.ts';
import { type Selection, selectPods } from '../connector/pods.ts';
import { routingKeyFault } from '../connector/routing-key.ts';
import { type Observed, ofKind } from '../observed.ts';
import { exposeRefusal } from '../policy/refusals.ts';
import { policyAttributes, serviceOf } from '../policy/services.ts';
import { activeSite } from '../site/identity.ts';

export const NO_CONNECTOR = 'No matching AttachedConnector';

export interface AttachedCaller {
  binding: AttachedConnectorBinding;
  /** Undefined when no AttachedConnector agrees with the binding. */
  caller: Caller | undefined;
  /** Set when the router does not get it. */
  finding: Finding | undefined;
}

/** Both sides agree when the binding names the connector's namespace and the connector that of the site. */
export function attachedCallers(observed: Observed): AttachedCaller[] {
  if (observed.cluster === undefined) return [];
  const hasSite = activeSite(observed) !== undefined;
  const views = attachedViews(observed);
  return ofKind(observed, 'AttachedConnectorBinding').map((binding) => {
    const view = views.find(({ connector }) => isPair(connector, binding));
    const selection = view && attachedSelection(view.connector, view.pods);
    const caller = view && callerOf(observed, view.connector, binding, selection!);
    const fault = hasSite ? faultOf(observed, binding, view?.connector) : 'No active site in namespace';
    const finding = fault === undefined ? selection?.finding : failed('Configured', fault);
    return { binding, caller, finding };
  });
}

export function attachedSelection({ spec }: AttachedConnector, pods: readonly PodView[]): Selection {
  return selectPods(pods, spec, 'No matches for selector');
}

/** Those of other namespaces, and those that name the namespace they are in. */
function attachedViews({ cluster, ...observed }: Observed): AttachedView[] {
  const own = ofKind(observed, 'AttachedConnector').filter(({ spec }) => spec.siteNamespace === observed.namespace);
  const ownViews = own.map((connector) => ({
    connector: { ...connector, metadata: { ...connector.metadata, namespace: observed.namespace } },
    pods: cluster!.pods,
  }));
  return [...cluster!.attached, ...ownViews];
}

function isPair({ metadata }: AttachedConnector, binding: AttachedConnectorBinding): boolean {
  return metadata.name === binding.metadata.name && metadata.namespace === binding.spec.connectorNamespace;
}

function callerOf(
  observed: Observed,
  { metadata, spec }: AttachedConnector,
  binding: AttachedConnectorBinding,
  { pods }: Selection,
): Caller {
  const { routingKey, exposePodsByName } = binding.spec;
  const { port, tlsCredentials, useClientCert } = spec;
  const tls = { tlsCredentials, useClientCert };
  const { name } = metadata;
  const { attributes } = connectorSettings(spec.settings);
  const service = serviceOf(binding, routingKey, binding.spec.connectorNamespace);
  return {
    name,
    routingKey,
    port,
    host: undefined,
    pods,
    exposePodsByName: exposePodsByName === true,
    tls,
    attributes: { ...attributes, ...policyAttributes(observed, service) },
    share: shareOf(spec.settings),
  };
}

function faultOf(
  observed: Observed,
  binding: AttachedConnectorBinding,
  connector: AttachedConnector | undefined,
): string | undefined {
  if (connector === undefined) return NO_CONNECTOR;
  const { spec } = binding;
  const { spec: told } = connector;
  const fault = routingKeyFault(spec.routingKey) ?? typeFault(told.type);
  const service = serviceOf(binding, spec.routingKey, spec.connectorNamespace);
  return (
    fault ??
    settingFault(connectorSettings(told.settings)) ??
    tlsFault(observed, told) ??
    exposeRefusal(observed, service)
  );
}
