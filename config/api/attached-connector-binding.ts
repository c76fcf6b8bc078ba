/** AttachedConnectorBinding: the site's consent to an AttachedConnector of the same name. Control-plane reference 1.7. */
import Type from 'typebox';
import { customResource } from './resource.ts';
import { closed, flag, settings, statusOf, text } from './schema.ts';

export const AttachedConnectorBindingSpec = closed({
  connectorNamespace: text('Namespace of the AttachedConnector.'),
  routingKey: text('The address shared with the listeners of the service.'),
  exposePodsByName: flag('Also offer each pod under its own name.'),
  settings,
});

export const AttachedConnectorBindingStatus = statusOf({
  hasMatchingListener: Type.Optional(Type.Boolean({ description: 'Whether a listener has the same routing key.' })),
});

export const AttachedConnectorBinding = customResource(
  'AttachedConnectorBinding',
  AttachedConnectorBindingSpec,
  AttachedConnectorBindingStatus,
);
export type AttachedConnectorBindingSpec = Type.Static<typeof AttachedConnectorBindingSpec>;
export type AttachedConnectorBindingStatus = Type.Static<typeof AttachedConnectorBindingStatus>;
export type AttachedConnectorBinding = Type.Static<typeof AttachedConnectorBinding>;
