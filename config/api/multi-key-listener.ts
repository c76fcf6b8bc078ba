/** MultiKeyListener: one port that leads to several routing keys, by priority or weight. Control-plane reference 1.6. */
import Type from 'typebox';
import { OBSERVERS } from './listener.ts';
import { customResource } from './resource.ts';
import { choice, closed, flag, oneOf, optionalText, port, settings, statusOf, text } from './schema.ts';

export const ROUTING_KEYS_MAX = 256;
/** Of a routing key in the setting `SETTING.tiers`; the least is 1. */
export const TIER_WEIGHT_MAX = 1_000_000;

const PriorityStrategy = closed(
  {
    routingKeys: Type.Array(text(), {
      minItems: 1,
      maxItems: ROUTING_KEYS_MAX,
      uniqueItems: true,
      description: 'The first comes before the second, and so on.',
    }),
  },
  { description: 'All connections go to the first routing key that is reachable.' },
);

const WeightedStrategy = closed(
  {
    routingKeys: Type.Unsafe<Record<string, number>>({
      type: 'object',
      minProperties: 1,
      maxProperties: ROUTING_KEYS_MAX,
      additionalProperties: { type: 'integer', minimum: 1, title: 'a weight, a whole number of at least 1' },
      description: 'The weight of each routing key.',
    }),
  },
  { description: 'Connections are shared out by weight among the routing keys that are reachable.' },
);

const Strategy = oneOf(
  ['priority', 'weighted'],
  { priority: Type.Optional(PriorityStrategy), weighted: Type.Optional(WeightedStrategy) },
  { description: 'How a routing key is chosen; its kind stays.' },
);

export const MultiKeyListenerSpec = closed({
  host: text('Host name or address that clients use.'),
  port: port('Port that clients use.'),
  strategy: Strategy,
  tlsCredentials: optionalText('Secret with the TLS material offered to clients.'),
  requireClientCert: flag('Clients must present a certificate of the CA in the secret.'),
  observer: Type.Optional(choice(OBSERVERS, 'Which application protocol to look for in the traffic.')),
  settings,
});

export const MultiKeyListenerStatus = statusOf({
  hasDestination: Type.Optional(Type.Boolean({ description: 'Whether one of the routing keys is reachable.' })),
  strategy: Type.Optional(
    Type.Object({
      priority: Type.Optional(Type.Object({ routingKeysReachable: Type.Array(Type.String()) })),
      weighted: Type.Optional(
        Type.Object({
          routingKeysReachable: Type.Unsafe<Record<string, number>>({
            type: 'object',
            additionalProperties: { type: 'integer' },
          }),
        }),
      ),
    }),
  ),
});

export const MultiKeyListener = customResource('MultiKeyListener', MultiKeyListenerSpec, MultiKeyListenerStatus);
export type MultiKeyListenerSpec = Type.Static<typeof MultiKeyListenerSpec>;
export type MultiKeyListenerStatus = Type.Static<typeof MultiKeyListenerStatus>;
export type MultiKeyListener = Type.Static<typeof MultiKeyListener>;
