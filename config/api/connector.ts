/** Connector: workloads of this site offered to the network. Control-plane reference 1.5. */
import Type from 'typebox';
import { customResource } from './resource.ts';
import { flag, oneOf, optionalText, port, settings, statusOf, text } from './schema.ts';

/** Of the setting `SETTING.endpoints`: each becomes a tcpConnector of the router. */
export const CONNECTOR_ENDPOINTS_MAX = 1000;

export const ConnectorSpec = oneOf(['selector', 'host'], {
  routingKey: text('The address shared with the listeners of the service.'),
  port: port('Port of the workload.'),
  selector: Type.Optional(text('Label selector of the pods.')),
  host: Type.Optional(text('Host name or address of the workload.')),
  tlsCredentials: optionalText('Secret with the TLS material towards the workload.'),
  useClientCert: flag('Present the client certificate of the secret.'),
  verifyHostname: flag("Check the workload's certificate against its host name."),
  type: optionalText('Protocol; tcp when empty.'),
  includeNotReadyPods: flag('Also use pods that are not ready.'),
  exposePodsByName: flag('Also offer each pod under its own name.'),
  settings,
});

export const SelectedPods = Type.Array(Type.Object({ name: Type.String(), ip: Type.Optional(Type.String()) }), {
  description: 'The pods that the selector finds.',
});

export const ConnectorStatus = statusOf({
  hasMatchingListener: Type.Optional(Type.Boolean({ description: 'Whether a listener has the same routing key.' })),
  selectedPods: Type.Optional(SelectedPods),
});

export const Connector = customResource('Connector', ConnectorSpec, ConnectorStatus);
export type ConnectorSpec = Type.Static<typeof ConnectorSpec>;
export type ConnectorStatus = Type.Static<typeof ConnectorStatus>;
export type Connector = Type.Static<typeof Connector>;
