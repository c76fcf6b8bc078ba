/** TLS material of a namespace: what its Secrets hold, by name. Certificates are read once for each content. */
import type { Secret } from '../../../config/api/secret.ts';
import { ROUTER_FILES } from '../../../config/names.ts';
import type { KeyPair } from '../../pki/authority.ts';
import { CertificateUnreadableError } from '../../pki/errors.ts';
import { chainFault, factsOf, inspectCertificate, isKeyOf, splitBundle } from '../../pki/inspect.ts';
import { isTlsSecret, secretDigest, type TlsMaterial, tlsMaterialOf, trustOf } from '../../pki/secret.ts';
import type { Credential } from '../../reconcile/observed.ts';

interface Entry {
  credential: Omit<Credential, 'directory'>;
  /** Wall-clock milliseconds: until then its fault stays what it is. */
  validUntil: number;
}

/** What was read of the Secrets of one namespace, by their digest. Holds no more than the last call used. */
export class CredentialCache {
  private entries = new Map<string, Entry>();

  /** Pure but for what it remembers. */
  read(secrets: Iterable<Secret>, now: number): Map<string, Credential> {
    const entries = new Map<string, Entry>();
    const credentials = new Map<string, Credential>();
    for (const secret of secrets) {
      if (!isTlsSecret(secret)) continue;
      const { name } = secret.metadata;
      const digest = secretDigest(secret);
      const known = this.entries.get(digest);
      const entry = known !== undefined && now < known.validUntil ? known : examine(tlsMaterialOf(secret), now);
      entries.set(digest, entry);
      // Files of an sslProfile that is named like the Secret.
      credentials.set(name, { directory: `${ROUTER_FILES.certs}/${name}`, ...entry.credential });
    }
    this.entries = entries;
    return credentials;
  }
}

/** By name: kubernetes.io/tls with or without ca.crt, Opaque with ca.crt alone, what cert-manager issued. */
export function credentialsOfSecrets(
  secrets: Iterable<Secret>,
  now: number,
  cache: CredentialCache = new CredentialCache(),
): Map<string, Credential> {
  return cache.read(secrets, now);
}

/** The certificate and key of a credential, undefined when either is missing. */
export function keyPairOf(credential: Credential | undefined): KeyPair | undefined {
  const { certificate, privateKey } = credential?.material ?? {};
  return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey };
}

function examine(material: TlsMaterial, now: number): Entry {
  const ca = trustOf(material);
  const { certificate: pem, privateKey } = material;
  const nothing = { hasKey: privateKey !== undefined, ca, material, certificate: undefined, fault: undefined };
  if (pem === undefined) return { credential: nothing, validUntil: Infinity };
  try {
    const certificate = inspectCertificate(pem);
    const fault = faultOf(material, now);
    return { credential: { ...nothing, certificate, fault }, validUntil: nextChange(pem, ca, now) };
  } catch (error) {
    if (!(error instanceof CertificateUnreadableError)) throw error;
    return { credential: { ...nothing, fault: 'not a certificate' }, validUntil: Infinity };
  }
}

function faultOf(material: TlsMaterial & { certificate?: string }, now: number): Credential['fault'] {
  const { certificate = '', privateKey } = material;
  if (privateKey !== undefined && !isKeyOf(certificate, privateKey)) return 'of another key';
  const ca = trustOf(material);
  return ca === undefined ? undefined : chainFault(certificate, ca, now);
}

/** When the next of the certificates begins or ends to be valid. */
function nextChange(certificate: string, ca: string | undefined, now: number): number {
  const facts = [...splitBundle(certificate), ...splitBundle(ca ?? '')].flatMap((pem) => factsOf(pem) ?? []);
  const times = facts.flatMap(({ notBefore, notAfter }) => [notBefore, notAfter]).filter((time) => time > now);
  return Math.min(Infinity, ...times);
}
