/**
 * The name that a peer's verified certificate gives it: its subject, most general attribute first, or what `uidFormat` of the
 * sslProfile picks of it, replaced where `uidNameMappingFile` knows a better one (wire reference 1.1). Not whom SASL PLAIN lets in.
 */
import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls';
import type { SslProfileEntity } from '../management/schema.ts';

type Format = Pick<SslProfileEntity, 'uidFormat'>;

const SUBJECT_FIELDS: Readonly<Record<string, string>> = { c: 'C', s: 'ST', l: 'L', o: 'O', u: 'OU', n: 'CN' };
const FINGERPRINTS: Readonly<Record<string, (certificate: PeerCertificate) => string>> = {
  1: ({ fingerprint }) => fingerprint,
  2: ({ fingerprint256 }) => fingerprint256,
  5: (certificate) => (certificate as DetailedPeerCertificate).fingerprint512,
};
/** What `uidFormat` takes: letters in any order, and one kind of fingerprint. */
export const UID_FORMAT = /^(?!.*[125].*[125])[csloun125]{1,7}$/;
const SEPARATOR = ';';

/** @returns undefined when no certificate was verified */
export function peerName(
  socket: TLSSocket,
  profile: Format = { uidFormat: undefined },
  names: ReadonlyMap<string, string> = new Map(),
): string | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  if (!certificate?.subject) return undefined;
  const id = profile.uidFormat ? userId(certificate, profile.uidFormat) : '';
  // A certificate without any of the chosen fields goes by its whole subject.
  return id === '' ? subjectOf(certificate) : (names.get(id) ?? id);
}

function userId(certificate: PeerCertificate, format: string): string {
  const subject = certificate.subject as unknown as Readonly<Record<string, string | string[] | undefined>>;
  return [...format]
    .map((letter) => {
      const field = SUBJECT_FIELDS[letter];
      if (field !== undefined) return [subject[field]].flat()[0];
      return FINGERPRINTS[letter]?.(certificate).replaceAll(':', '').toLowerCase();
    })
    .filter(Boolean)
    .join(SEPARATOR);
}

function subjectOf({ subject }: PeerCertificate): string {
  const parts = Object.entries(subject).flatMap(([key, value]) => [value].flat().map((each) => `${key}=${each}`));
  return parts.join(',');
}
