/** What policies know a Listener, a MultiKeyListener, a Connector or a binding by, and how routers are told of it. Pure. */
import { labelsText } from '../../../lib/label-text.ts';
import type { PolicyService } from '../../../lib/policy/types.ts';
import { policySet, type SeesPolicies } from './documents.ts';

/** Of what the service-controller makes in the namespace of the site that carries services: whose service it is part of. */
const SERVICE_NAMESPACE_LABEL = 'skuprt.io/service-namespace';
const MADE = {
  managedBy: 'app.kubernetes.io/managed-by',
  manager: 'skuprt-service-controller',
  service: 'skuprt.io/service',
  routingKeys: 'skuprt.service',
  /** JSON. */
  labels: 'skuprt.io/service-labels',
} as const;
const INTERNAL_PREFIX = 'internal.skupper.io/';

interface Named {
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
}

/** `namespace`: whose resource it is. */
export function serviceOf({ metadata }: Named, routingKey: string, namespace: string): PolicyService {
  const { name, labels = {}, annotations = {} } = metadata;
  const service = labels[MADE.service];
  const owner = labels[SERVICE_NAMESPACE_LABEL];
  const isMade = labels[MADE.managedBy] === MADE.manager && service !== undefined && owner !== undefined;
  // Anyone can write a label, and then stands for that service only under its own routing key.
  if (!isMade || !isKeyOf(routingKey, owner, service)) {
    return { name, namespace, routingKey, labels: ownLabels(labels) };
  }
  return { name: service, namespace: owner, routingKey, labels: serviceLabels(annotations[MADE.labels]) };
}

/** `skuprt.service/<cluster>/<namespace>/<service>/<port>`, and for one of its pods the name of that. */
function isKeyOf(routingKey: string, namespace: string, service: string): boolean {
  const [prefix, , ofNamespace, ofService] = routingKey.split('/');
  return prefix === MADE.routingKeys && ofNamespace === namespace && ofService === service;
}

function ownLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith(INTERNAL_PREFIX)));
}

/** @param text JSON, which anyone may have written */
function serviceLabels(text: string | undefined): Record<string, string> {
  try {
    const labels: unknown = JSON.parse(text ?? '{}');
    return Object.fromEntries(
      Object.entries(labels as object).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch {
    return {};
  }
}

/** Of a tcpListener or a tcpConnector. Only said while there are policies: other routers do not know them. */
export function policyAttributes(observed: SeesPolicies, service: PolicyService): Readonly<Record<string, string>> {
  if (policySet(observed).policyCount === 0) return {};
  const labels = labelsText(service.labels);
  return {
    policyNamespace: service.namespace,
    policyService: service.name,
    ...(labels !== '' && { policyLabels: labels }),
  };
}
