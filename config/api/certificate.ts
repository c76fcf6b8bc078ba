/** Certificate: a key pair and certificate that a controller keeps in a Secret of the same name. Control-plane reference 1.11. */
import Type from 'typebox';
import { customResource } from './resource.ts';
import { closed, flag, settings, statusOf, text } from './schema.ts';

export const CertificateSpec = closed({
  ca: Type.String({ description: 'Secret of the CA that signs; empty for a self-signed one.' }),
  subject: text('Common name.'),
  hosts: Type.Optional(Type.Array(Type.String(), { description: 'Host names and IP addresses of a server.' })),
  client: flag('Usable by a TLS client.'),
  server: flag('Usable by a TLS server.'),
  signing: flag('A CA.'),
  settings,
});

export const CertificateStatus = statusOf({
  expiration: Type.Optional(Type.String({ description: 'Until when it is valid.' })),
});

export const Certificate = customResource('Certificate', CertificateSpec, CertificateStatus);
export type CertificateSpec = Type.Static<typeof CertificateSpec>;
export type CertificateStatus = Type.Static<typeof CertificateStatus>;
export type Certificate = Type.Static<typeof Certificate>;
