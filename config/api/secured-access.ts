/** SecuredAccess: TLS pass-through access to pods of this cluster, made by a controller. Control-plane reference 1.10. */
import Type from 'typebox';
import { customResource } from './resource.ts';
import { closed, Endpoint, optionalText, port, settings, statusOf, stringMap, text } from './schema.ts';

const SecuredAccessPort = closed({
  name: text(),
  port: port(),
  targetPort: Type.Optional(port()),
  protocol: optionalText(),
});

export const SecuredAccessSpec = closed({
  selector: stringMap('Labels of the pods.'),
  ports: Type.Array(SecuredAccessPort),
  accessType: optionalText(),
  certificate: optionalText('Name of the Certificate.'),
  issuer: optionalText('Secret of the CA that signs it.'),
  settings,
});

export const SecuredAccessStatus = statusOf({
  endpoints: Type.Optional(Type.Array(Endpoint)),
  ca: Type.Optional(Type.String()),
});

export const SecuredAccess = customResource('SecuredAccess', SecuredAccessSpec, SecuredAccessStatus);
export type SecuredAccessSpec = Type.Static<typeof SecuredAccessSpec>;
export type SecuredAccessStatus = Type.Static<typeof SecuredAccessStatus>;
export type SecuredAccess = Type.Static<typeof SecuredAccess>;
