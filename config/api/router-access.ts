/** RouterAccess: the ports on which this site's router accepts links. Control-plane reference 1.9. */
import Type from 'typebox';
import { customResource } from './resource.ts';
import { choice, closed, Endpoint, flag, optionalText, port, settings, statusOf, text } from './schema.ts';

const RouterAccessRole = closed({
  name: choice(['inter-router', 'edge'], 'Who connects: inter-router or edge.'),
  port: Type.Optional(port('55671 for inter-router and 45671 for edge when absent.')),
});

export const RouterAccessSpec = closed({
  roles: Type.Array(RouterAccessRole, { description: 'The router ports: one for each role.' }),
  tlsCredentials: text('Secret with the TLS material of the router ports.'),
  generateTlsCredentials: flag('Make that secret.'),
  issuer: optionalText('Secret of the CA that signs it.'),
  accessType: optionalText('How the ports are made reachable; the default of the controller when empty.'),
  bindHost: optionalText('Local address to listen on.'),
  subjectAlternativeNames: Type.Optional(
    Type.Array(text(), { description: 'More host names and addresses for the certificate.' }),
  ),
  settings,
});

export const RouterAccessStatus = statusOf({
  endpoints: Type.Optional(Type.Array(Endpoint, { description: 'Where the ports are reached.' })),
});

export const RouterAccess = customResource('RouterAccess', RouterAccessSpec, RouterAccessStatus);
export type RouterAccessSpec = Type.Static<typeof RouterAccessSpec>;
export type RouterAccessStatus = Type.Static<typeof RouterAccessStatus>;
export type RouterAccess = Type.Static<typeof RouterAccess>;
