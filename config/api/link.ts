/** Link: this site dials another one. Control-plane reference 1.3. */
import Type from 'typebox';
import { customResource } from './resource.ts';
import { choice, closed, optionalText, portText, settings, statusOf, text } from './schema.ts';

const LinkEndpoint = closed({
  name: choice(['inter-router', 'edge'], 'The role of the router port.'),
  host: text('Host name or address of the router.'),
  port: portText('Port, as a string.'),
  group: optionalText('Endpoints of one group lead to the same router.'),
});

export const LinkSpec = closed({
  endpoints: Type.Array(LinkEndpoint, { description: 'Where to dial; the ones of the own role are tried in turn.' }),
  tlsCredentials: optionalText('Secret with ca.crt, tls.crt and tls.key.'),
  cost: Type.Optional(Type.Integer({ description: 'Cost of this link; below 1 means 1.' })),
  settings,
});

export const LinkStatus = statusOf({
  remoteSiteId: Type.Optional(Type.String({ description: 'The id of the site at the other end.' })),
  remoteSiteName: Type.Optional(Type.String({ description: 'The name of the site at the other end.' })),
});

export const Link = customResource('Link', LinkSpec, LinkStatus);
export type LinkEndpoint = Type.Static<typeof LinkEndpoint>;
export type LinkSpec = Type.Static<typeof LinkSpec>;
export type LinkStatus = Type.Static<typeof LinkStatus>;
export type Link = Type.Static<typeof Link>;
