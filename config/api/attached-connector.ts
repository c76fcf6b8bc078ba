/** AttachedConnector: a workload offered through the site of another namespace. Control-plane reference 1.7. */
import Type from 'typebox';
import { SelectedPods } from './connector.ts';
import { customResource } from './resource.ts';
import { closed, flag, optionalText, port, settings, statusOf, text } from './schema.ts';

export const AttachedConnectorSpec = closed({
  siteNamespace: text('Namespace of the site, which must agree by an AttachedConnectorBinding of the same name.'),
  port: port('Port of the workload.'),
  selector: text('Label selector of the pods.'),
  tlsCredentials: optionalText("Secret in the site's namespace with the TLS material towards the workload."),
  useClientCert: flag('Present the client certificate of the secret.'),
  type: optionalText('Protocol; tcp when empty.'),
  includeNotReadyPods: flag('Also use pods that are not ready.'),
  settings,
});

export const AttachedConnectorStatus = statusOf({ selectedPods: Type.Optional(SelectedPods) });

export const AttachedConnector = customResource('AttachedConnector', AttachedConnectorSpec, AttachedConnectorStatus);
export type AttachedConnectorSpec = Type.Static<typeof AttachedConnectorSpec>;
export type AttachedConnectorStatus = Type.Static<typeof AttachedConnectorStatus>;
export type AttachedConnector = Type.Static<typeof AttachedConnector>;
