/** The Connectors of a site as callers, with what keeps each from being configured. Pure. */
import { type Finding, failed } from '../../../config/api/conditions.ts';
import type { Connector } from '../../../config/api/connector.ts';
import { SETTING } from '../../../config/names.ts';
import { connectorSettings, settingFault, shareOf } from '../../../config/service-settings.ts';
import { type Observed, ofKind } from '../observed.ts';
import { exposeRefusal } from '../policy/refusals.ts';
import { policyAttributes, serviceOf } from '../policy/services.ts';
import { activeSite } from '../site/identity.ts';
import { type Caller, tlsFault, typeFault } from './caller.ts';
import { type Endpoints, parseEndpoints } from './endpoints.ts';
import { type Selection, selectPods } from './pods.ts';
import { routingKeyFault } from './routing-key.ts';

export interface ConnectorCaller {
  connector: Connector;
  caller: Caller;
  /** Set when the router does not get it. */
  finding: Finding | undefined;
}

export function connectorCallers(observed: Observed): ConnectorCaller[] {
  const hasSite = activeSite(observed) !== undefined;
  return ofKind(observed, 'Connector').map((connector) => {
    const given = endpointsOf(connector);
    const selection = selectionOf(observed, connector);
    const fault = hasSite ? configFault(observed, connector, given) : 'No active site in namespace';
    return {
      connector,
      caller: callerOf(observed, connector, selection, given),
      finding: fault === undefined ? selection.finding : failed('Configured', fault),
    };
  });
}

function callerOf(observed: Observed, connector: Connector, { pods }: Selection, given: Endpoints | undefined): Caller {
  const { metadata, spec } = connector;
  const { routingKey, port, host, exposePodsByName } = spec;
  const service = serviceOf(connector, routingKey, observed.namespace);
  const caller = {
    name: metadata.name,
    routingKey,
    port,
    host,
    pods,
    exposePodsByName: exposePodsByName === true,
    tls: spec,
    attributes: { ...connectorSettings(spec.settings).attributes, ...policyAttributes(observed, service) },
    share: shareOf(spec.settings),
  };
  return given === undefined ? caller : { ...caller, endpoints: 'endpoints' in given ? given.endpoints : [] };
}

/** Of the setting; an empty one means that there are none. */
function endpointsOf({ spec }: Connector): Endpoints | undefined {
  const text = spec.settings?.[SETTING.endpoints];
  return text === undefined ? undefined : parseEndpoints(text);
}

function selectionOf({ cluster }: Observed, { spec }: Connector): Selection {
  const { selector, includeNotReadyPods, settings } = spec;
  const isGiven = settings?.[SETTING.endpoints] !== undefined;
  if (selector === undefined || cluster === undefined || isGiven) return { pods: [], finding: undefined };
  return selectPods(cluster.pods, { selector, includeNotReadyPods }, 'No pods match selector');
}

function configFault(observed: Observed, connector: Connector, given: Endpoints | undefined): string | undefined {
  const { spec } = connector;
  const fault = typeFault(spec.type) ?? routingKeyFault(spec.routingKey);
  if (fault !== undefined) return fault;
  if (given !== undefined && 'fault' in given) return given.fault;
  if (given === undefined && spec.host === undefined && observed.cluster === undefined) {
    return `spec.selector selects pods and needs Kubernetes; on platform local give spec.host instead`;
  }
  const service = serviceOf(connector, spec.routingKey, observed.namespace);
  return settingFault(connectorSettings(spec.settings)) ?? tlsFault(observed, spec) ?? exposeRefusal(observed, service);
}
