/**
 * Attributes of tcpListener and tcpConnector entities that skupper-router does not have, with what holds where nothing is said: for the
 * router that has them, and for the control plane that sets them where the router does.
 */

/** What access policies know the service by. */
export const POLICY_ATTRIBUTES = { policyService: '', policyNamespace: '', policyLabels: '' } as const;

/** Of a tcpListener. A change of these leaves open connections as they are; one of `proxyProtocol` makes it anew. */
export const LISTENER_ATTRIBUTES = { sessionAffinity: 'none', maxConnections: 0, ...POLICY_ATTRIBUTES } as const;

/** Of a tcpConnector: what its backend is spared, how it is watched, and what it is told. All change in place. */
export const CONNECTOR_ATTRIBUTES = {
  maxConnections: 0,
  maxQueuedConnections: 0,
  weight: 100,
  connectTimeoutSeconds: 10,
  healthCheck: 'none',
  healthCheckPath: '/',
  healthCheckIntervalSeconds: 5,
  healthCheckTimeoutSeconds: 2,
  healthyThreshold: 2,
  unhealthyThreshold: 3,
  proxyProtocol: 'none',
  ...POLICY_ATTRIBUTES,
} as const;
