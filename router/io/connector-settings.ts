/** What a tcpConnector entity says about its limits and its health check, in the bridge's words: milliseconds instead of seconds. */
import type { ConnectorSettings } from '../bridge/tcp-connector.ts';
import type { TcpConnectorEntity } from '../management/schema.ts';

export function connectorSettings(entity: TcpConnectorEntity): ConnectorSettings {
  const { maxConnections, maxQueuedConnections, connectTimeoutSeconds, healthCheck, weight } = entity;
  const { policyService, policyNamespace, policyLabels } = entity;
  return {
    maxConnections,
    maxQueuedConnections,
    weight,
    connectTimeoutMs: connectTimeoutSeconds * 1000,
    policyService,
    policyNamespace,
    policyLabels,
    healthCheck:
      healthCheck === 'none'
        ? undefined
        : {
            path: healthCheck === 'http' ? entity.healthCheckPath : undefined,
            intervalMs: entity.healthCheckIntervalSeconds * 1000,
            timeoutMs: entity.healthCheckTimeoutSeconds * 1000,
            healthyThreshold: entity.healthyThreshold,
            unhealthyThreshold: entity.unhealthyThreshold,
          },
  };
}
