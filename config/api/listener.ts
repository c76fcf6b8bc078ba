/** Listener: a service of the network offered at this site. Control-plane reference 1.4. */
import Type from 'typebox';
import { customResource } from './resource.ts';
import { choice, closed, flag, optionalText, port, settings, statusOf, text } from './schema.ts';

export const OBSERVERS = ['auto', 'none', 'http1', 'http2'] as const;

export const ListenerSpec = closed({
  routingKey: text('The address shared with the connectors of the service.'),
  host: text('Host name or address that clients use.'),
  port: port('Port that clients use.'),
  tlsCredentials: optionalText('Secret with the TLS material offered to clients.'),
  type: optionalText('Protocol; tcp when empty.'),
  observer: Type.Optional(choice(OBSERVERS, 'Which application protocol to look for in the traffic.')),
  exposePodsByName: flag('Also offer each remote pod under its own name.'),
  settings,
});

export const ListenerStatus = statusOf({
  hasMatchingConnector: Type.Optional(Type.Boolean({ description: 'Whether a connector has the same routing key.' })),
});

export const Listener = customResource('Listener', ListenerSpec, ListenerStatus);
export type ListenerSpec = Type.Static<typeof ListenerSpec>;
export type ListenerStatus = Type.Static<typeof ListenerStatus>;
export type Listener = Type.Static<typeof Listener>;
