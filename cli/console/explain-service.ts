/** Who may connect to an address and how its connections are spread, as far as the resources of one namespace say it. Pure. */
import type { ResourceOf } from '../../config/api/index.ts';
import { SETTING } from '../../config/names.ts';
import type { ServiceExplanation } from '../../console/server/uses.ts';
import { referenceOf } from '../../lib/policy/decide.ts';
import type { PolicyDocument, PolicyService } from '../../lib/policy/types.ts';
import { keyValues } from '../../site-controller/reconcile/multikeylistener/tiers.ts';
import { governingPolicies, ruleSentence } from './policies.ts';

export interface ServiceFacts {
  address: string;
  namespace: string;
  listeners: readonly ResourceOf<'Listener'>[];
  connectors: readonly ResourceOf<'Connector'>[];
  multiKeyListeners: readonly ResourceOf<'MultiKeyListener'>[];
  documents: readonly PolicyDocument[];
}

export function explainService(facts: ServiceFacts): ServiceExplanation {
  const { address, namespace, documents } = facts;
  const listeners = facts.listeners.filter(({ spec }) => spec.routingKey === address);
  const connectors = facts.connectors.filter(({ spec }) => spec.routingKey === address);
  const services = [...listeners, ...connectors].map(({ metadata }) => ({
    name: metadata.name,
    namespace,
    routingKey: address,
    labels: metadata.labels ?? {},
  }));
  const policies = governingPolicies(documents, services);
  return {
    policies,
    explain: [
      ...policyLines(policies, documents, services),
      ...choiceLines(facts),
      ...connectors.flatMap(connectorLines),
      ...listeners.flatMap(listenerLines),
    ],
  };
}

function policyLines(
  policies: readonly string[],
  documents: readonly PolicyDocument[],
  services: readonly PolicyService[],
): string[] {
  if (services.length === 0)
    return ['no listener or connector of this site has this address: policies elsewhere are not seen from here'];
  if (policies.length === 0) return ['no policy of this site selects it: everyone may connect'];
  return documents
    .filter((document) => policies.includes(referenceOf(document)))
    .flatMap((document) => document.spec.rules.map((rule) => `${referenceOf(document)} ${ruleSentence(rule)}`));
}

/** MultiKeyListeners that have the address among their routing keys. */
function choiceLines({ address, multiKeyListeners }: ServiceFacts): string[] {
  return multiKeyListeners.flatMap((listener) => {
    const keys = keyValues(listener);
    const own = keys.find(({ key }) => key === address);
    if (own === undefined) return [];
    const name = `multi-key listener ${listener.metadata.name}`;
    if (listener.spec.strategy.weighted !== undefined) {
      const sum = keys.reduce((total, { value }) => total + value, 0);
      return [
        `${name} sends ${own.value} of ${sum} connections here, while all its ${keys.length} routing keys are reachable`,
      ];
    }
    const better = keys.filter(({ value }) => value > own.value).map(({ key }) => key);
    const share = own.weight === undefined ? '' : `, with weight ${own.weight}`;
    if (better.length === 0) return [`${name} prefers it${share}`];
    return [`${name} sends connections here while none of ${better.join(', ')} is reachable${share}`];
  });
}

function connectorLines({ metadata, spec }: ResourceOf<'Connector'>): string[] {
  const { settings = {} } = spec;
  const share = settings[SETTING.share];
  const most = settings[SETTING.maxConnections];
  const queue = settings[SETTING.maxQueuedConnections];
  const name = `connector ${metadata.name}`;
  return [
    ...(share === undefined ? [] : [`${name} takes a share of ${share} among the connectors of this site`]),
    ...(most === undefined
      ? []
      : [
          `${name} gives each server ${most} connections at a time${queue === undefined ? '' : `, and lets ${queue} more wait`}`,
        ]),
  ];
}

function listenerLines({ metadata, spec }: ResourceOf<'Listener'>): string[] {
  const { settings = {} } = spec;
  const most = settings[SETTING.maxConnections];
  const name = `listener ${metadata.name}`;
  return [
    ...(most === undefined ? [] : [`${name} takes ${most} connections at a time`]),
    ...(settings[SETTING.sessionAffinity] === undefined ? [] : [`${name} leads each client address to one server`]),
  ];
}
