/** SecuredAccess: TLS pass-through access to pods of this cluster, made by a controller. Control-plane reference 1.10. */
import Type from 'typebox';
import { customResource } from './resource.ts';
import { closed, Endpoint, optionalText, port, settings, statusOf, stringMap, text } from './schema.ts';

const SecuredAccessPort = closed({
  name: text('Names the endpoint.'),
  port: port('The port offered.'),
  targetPort: Type.Optional(port('Port of the pods; the same when absent.')),
  protocol: optionalText('TCP when empty.'),
});

export const SecuredAccessSpec = closed({
  selector: stringMap('Labels of the pods.'),
  ports: Type.Array(SecuredAccessPort, { description: 'The ports made reachable.' }),
  accessType: optionalText('How the ports are made reachable; the default of the controller when empty.'),
  certificate: optionalText('Name of the Certificate.'),
  issuer: optionalText('Secret of the CA that signs it.'),
  settings,
});

export const SecuredAccessStatus = statusOf({
  endpoints: Type.Optional(Type.Array(Endpoint, { description: 'Where the ports are reached.' })),
  ca: Type.Optional(Type.String({ description: 'PEM certificate of the CA of the ports.' })),
});

export const SecuredAccess = customResource('SecuredAccess', SecuredAccessSpec, SecuredAccessStatus);
export type SecuredAccessSpec = Type.Static<typeof SecuredAccessSpec>;
export type SecuredAccessStatus = Type.Static<typeof SecuredAccessStatus>;
export type SecuredAccess = Type.Static<typeof SecuredAccess>;
