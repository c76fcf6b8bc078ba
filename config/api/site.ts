/** Site: one place of the network, one per namespace. Control-plane reference 1.2. */
import Type from 'typebox';
import { customResource } from './resource.ts';
import { closed, Endpoint, flag, optionalText, settings, statusOf } from './schema.ts';

export const SiteSpec = closed({
  serviceAccount: optionalText('Run the router as this service account; its rights are then for the user to give.'),
  linkAccess: optionalText('How other sites reach this one: none, default, or an access type the controller offers.'),
  defaultIssuer: optionalText('Secret of the CA that signs link certificates; skupper-site-ca when empty.'),
  ha: flag('Two routers instead of one.'),
  edge: flag('The router is an edge router: it makes links and accepts none.'),
  settings,
});

const SiteRecord = Type.Object({
  id: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  namespace: Type.Optional(Type.String()),
  platform: Type.Optional(Type.String()),
  version: Type.Optional(Type.String()),
  links: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.Optional(Type.String()),
        remoteSiteId: Type.Optional(Type.String()),
        remoteSiteName: Type.Optional(Type.String()),
        operational: Type.Optional(Type.Boolean()),
      }),
    ),
  ),
  services: Type.Optional(
    Type.Array(
      Type.Object({
        routingKey: Type.Optional(Type.String()),
        connectors: Type.Optional(Type.Array(Type.String())),
        listeners: Type.Optional(Type.Array(Type.String())),
      }),
    ),
  ),
});

export const SiteStatus = statusOf({
  defaultIssuer: Type.Optional(Type.String({ description: 'Secret of the CA that signs link certificates.' })),
  controller: Type.Optional(
    Type.Object({
      name: Type.Optional(Type.String()),
      namespace: Type.Optional(Type.String()),
      version: Type.Optional(Type.String()),
    }),
  ),
  endpoints: Type.Optional(Type.Array(Endpoint, { description: 'Where other sites reach this one.' })),
  sitesInNetwork: Type.Optional(Type.Integer({ description: 'How many sites the network has, this one included.' })),
  network: Type.Optional(
    Type.Array(SiteRecord, { description: 'The sites of the network, their links and services.' }),
  ),
});

export const Site = customResource('Site', SiteSpec, SiteStatus);
export type SiteSpec = Type.Static<typeof SiteSpec>;
export type SiteStatus = Type.Static<typeof SiteStatus>;
export type SiteRecord = Type.Static<typeof SiteRecord>;
export type Site = Type.Static<typeof Site>;
