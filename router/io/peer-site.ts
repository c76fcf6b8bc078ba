/** The site that another router's certificate names, where the certificate was verified (lib/site-identity.ts). */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { alternativeUris, siteIdOf } from '../../lib/site-identity.ts';

export function peerSite(socket: Socket | TLSSocket): string | undefined {
  if (!('authorized' in socket) || !socket.authorized) return undefined;
  const { subjectaltname } = socket.getPeerCertificate();
  return subjectaltname === undefined ? undefined : siteIdOf(alternativeUris(subjectaltname));
}
