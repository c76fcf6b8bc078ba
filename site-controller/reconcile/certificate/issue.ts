/**
 * The Secrets of Certificates: which are missing, which are to be made anew, and how. Deterministic but for keys and serial numbers.
 *
 * A Secret that no controller made belongs to somebody: it is used and never written. What is signed is signed only by a CA that is kept
 * already, or, for a leaf that never was, by one made in the same plan: kept first, or the leaf is made again.
 */
import { createHash } from 'node:crypto';
import type { Certificate, CertificateSpec } from '../../../config/api/certificate.ts';
import type { Secret } from '../../../config/api/secret.ts';
import { CONTROLLED_LABEL } from '../../../config/names.ts';
import { siteIdOf, siteUri } from '../../../lib/site-identity.ts';
import { issueCertificate, type KeyPair } from '../../pki/authority.ts';
import { joinBundles } from '../../pki/bundle.ts';
import type { Usage } from '../../pki/certificate-body.ts';
import { CaUnusableError } from '../../pki/errors.ts';
import { factsOf, isIssuedBy, isKeyOf } from '../../pki/inspect.ts';
import { isControlledSecret, type TlsMaterial, tlsMaterialOf, tlsSecret } from '../../pki/secret.ts';
import { advanceCa, createCaSecret } from './authority.ts';
import { renewalTime, validityMs } from './validity.ts';

/** Annotations by which Skupper knows the Secret of a Certificate. */
const CERTIFICATE_ANNOTATION = 'internal.skupper.io/certificate';
const HOSTS_ANNOTATION = 'internal.skupper.io/hosts';
/** Digest of the subject and hosts that were asked for. */
const MADE_FOR_ANNOTATION = 'skuprt.io/made-for';

const SECOND_MS = 1000;

export interface SecretsInput {
  certificates: readonly Certificate[];
  /** Every Secret of the namespace, by name. */
  secrets: ReadonlyMap<string, Secret>;
  /** Id of the site; '' where there is none. */
  siteId: string;
  /** Names of Certificates that routers show to those of other sites: only these say whose they are. */
  routers: ReadonlySet<string>;
  /** Wall-clock milliseconds. */
  now: number;
}

export interface SecretWrite {
  /** With the resourceVersion of the one that it replaces; without one there must be none yet. */
  secret: Secret;
  /** Why, for the log. */
  reason: string;
}

/** What is to be written now, issuers before what they sign. */
export function planCertificateSecrets(input: SecretsInput): SecretWrite[] {
  const writes: SecretWrite[] = [];
  const secrets = new Map(input.secrets);
  const certificates = [...input.certificates].sort((a, b) => Number(!!b.spec.signing) - Number(!!a.spec.signing));
  for (const certificate of certificates) {
    const { name } = certificate.metadata;
    const found = secrets.get(name);
    if (found !== undefined && !isControlledSecret(found)) continue;
    const write = certificate.spec.signing
      ? caWrite(certificate, found, input)
      : leafWrite(certificate, found, secrets.get(certificate.spec.ca), input);
    if (write === undefined) continue;
    writes.push(write);
    // What is there already is signed anew only by what was kept before.
    if (found === undefined) secrets.set(name, write.secret);
  }
  return writes;
}

/** The Secret of a leaf. @param siteId that it names; '' for none. @throws CaUnusableError */
export function issueSecret(certificate: Certificate, issuer: Secret, siteId: string, now: number): Secret {
  const { spec, metadata } = certificate;
  const pair = issueCertificate({
    ca: signingPair(issuer),
    subject: spec.subject,
    hosts: spec.hosts ?? [],
    uris: siteId === '' ? [] : [siteUri(siteId)],
    usages: usagesOf(spec),
    validMs: validityMs(spec),
    now,
  });
  const material = { ...pair, certificate: pair.certificate + chainOf(issuer), ca: trustFrom(issuer, now) };
  return marked(certificate, tlsSecret(metadata.name, material));
}

/** The bundle that those trust who are to trust what `issuer` signs. */
export function trustFrom(issuer: Secret, now: number): string {
  const { ca = '', certificate = '' } = tlsMaterialOf(issuer);
  return joinBundles(isSelfSigned(certificate) ? [certificate, ca] : [ca || certificate], now);
}

/**
 * Why a leaf has to be made now; undefined when the one that is there will do. `madeFor` is what the Secret remembers of the wish that
 * it was made for: what came of it is not asked again, since a certificate may spell a name otherwise than the wish.
 */
export function leafReason(
  spec: CertificateSpec,
  { certificate, privateKey }: TlsMaterial,
  issuer: TlsMaterial | undefined,
  now: number,
  { madeFor, siteId }: { madeFor: string | undefined; siteId: string },
): string | undefined {
  const facts = factsOf(certificate);
  if (facts === undefined || certificate === undefined || privateKey === undefined) return 'there is none';
  if (!isKeyOf(certificate, privateKey)) return 'its key is another';
  if (facts.notAfter <= now) return 'it has expired';
  if (madeFor !== wishOf(spec)) {
    if (facts.subject !== spec.subject) return 'its subject is another';
    if (facts.hosts.toSorted().join() !== wantedHosts(spec).join()) return 'its hosts are others';
  }
  // Skupper's name no site, and stay until they are due.
  if (madeFor !== undefined && siteId !== (siteIdOf(facts.uris) ?? '')) return 'it is of another site, or no router';
  if (issuer?.certificate === undefined || !isIssuedBy(certificate, issuer.certificate)) return 'its CA is another';
  return now >= renewalTime(facts) && canLiveLonger(facts, issuer, now) ? 'it is to be renewed' : undefined;
}

/** A leaf that ends with its CA gains nothing by being made again. */
function canLiveLonger({ notAfter }: { notAfter: number }, issuer: TlsMaterial, now: number): boolean {
  const ca = factsOf(issuer.certificate);
  return ca === undefined || ca.notAfter <= now || notAfter < ca.notAfter - SECOND_MS;
}

/** Marks that tell ours and Skupper's from those of users. */
export function marked(certificate: Certificate, secret: Secret): Secret {
  const { spec } = certificate;
  return {
    ...secret,
    metadata: {
      ...secret.metadata,
      labels: { ...secret.metadata.labels, [CONTROLLED_LABEL]: 'true' },
      annotations: {
        ...secret.metadata.annotations,
        [CONTROLLED_LABEL]: 'true',
        [CERTIFICATE_ANNOTATION]: 'true',
        [HOSTS_ANNOTATION]: wantedHosts(spec).join(','),
        [MADE_FOR_ANNOTATION]: wishOf(spec),
      },
    },
  };
}

/** Names of Secrets of Certificates that are gone. */
export function staleSecrets(certificates: readonly Certificate[], secrets: Iterable<Secret>): string[] {
  const wanted = new Set(certificates.map(({ metadata }) => metadata.name));
  return [...secrets]
    .filter((secret) => isControlledSecret(secret) && secret.metadata.annotations?.[CERTIFICATE_ANNOTATION] === 'true')
    .map(({ metadata }) => metadata.name)
    .filter((name) => !wanted.has(name));
}

function caWrite(certificate: Certificate, found: Secret | undefined, input: SecretsInput): SecretWrite | undefined {
  const facts = found && factsOf(tlsMaterialOf(found).certificate);
  const { certificate: pem = '', privateKey = '' } = found === undefined ? {} : tlsMaterialOf(found);
  const isUsable = facts?.isCa === true && isKeyOf(pem, privateKey);
  if (found === undefined || !isUsable || (facts.notAfter <= input.now && !hasSuccessor(found))) {
    const reason = found === undefined ? 'there is none' : isUsable ? 'it has expired' : 'it cannot sign';
    return { secret: replacing(found, marked(certificate, createCaSecret(certificate, input.now))), reason };
  }
  const advanced = advanceCa(certificate, found, input);
  return advanced && { secret: replacing(found, marked(certificate, advanced.secret)), reason: advanced.step };
}

function leafWrite(
  certificate: Certificate,
  found: Secret | undefined,
  issuer: Secret | undefined,
  input: SecretsInput,
): SecretWrite | undefined {
  const { now } = input;
  const siteId = siteNamedBy(certificate, input);
  if (issuer === undefined || factsOf(tlsMaterialOf(issuer).certificate)?.isCa !== true) return undefined;
  const material = found === undefined ? {} : tlsMaterialOf(found);
  const madeFor = found?.metadata.annotations?.[MADE_FOR_ANNOTATION];
  const reason = leafReason(certificate.spec, material, tlsMaterialOf(issuer), now, { madeFor, siteId });
  if (reason !== undefined) {
    try {
      return { secret: replacing(found, issueSecret(certificate, issuer, siteId, now)), reason };
    } catch (error) {
      // Its condition says so; nothing is to be done here.
      if (error instanceof CaUnusableError) return undefined;
      throw error;
    }
  }
  const trust = trustFrom(issuer, now);
  if (material.ca === trust) return undefined;
  const secret = marked(certificate, tlsSecret(certificate.metadata.name, { ...material, ca: trust }));
  return { secret: replacing(found, secret), reason: 'its CA has a successor or lost one' };
}

/** One for clients only may be handed to another site, and servers that are no routers must not pass for one. */
function siteNamedBy({ metadata, spec }: Certificate, { siteId, routers }: SecretsInput): string {
  return spec.server === true && routers.has(metadata.name) ? siteId : '';
}

/** The written one takes the place of `found` only if that is still what it was. */
function replacing(found: Secret | undefined, secret: Secret): Secret {
  const resourceVersion = found?.metadata.resourceVersion;
  return resourceVersion === undefined ? secret : { ...secret, metadata: { ...secret.metadata, resourceVersion } };
}

function hasSuccessor(secret: Secret): boolean {
  return secret.data?.['next.crt'] !== undefined;
}

function wishOf(spec: CertificateSpec): string {
  const wish = JSON.stringify([spec.subject, wantedHosts(spec)]);
  return createHash('sha256').update(wish).digest('hex').slice(0, 16);
}

function wantedHosts({ hosts = [] }: CertificateSpec): string[] {
  return [...new Set(hosts)].filter(Boolean).sort();
}

/** Neither asked for means both, as with Skupper, which makes all of its own so. */
function usagesOf({ client, server }: CertificateSpec): Usage[] {
  if (!client && !server) return ['client', 'server'];
  return [...(server ? (['server'] as const) : []), ...(client ? (['client'] as const) : [])];
}

function signingPair(issuer: Secret): KeyPair {
  const { certificate, privateKey } = tlsMaterialOf(issuer);
  if (certificate === undefined || privateKey === undefined) {
    throw new CaUnusableError(`the CA "${issuer.metadata.name}" cannot sign: it lacks tls.crt or tls.key`, {
      next: 'Give a Secret with the tls.crt and tls.key of a CA',
    });
  }
  return { certificate, privateKey };
}

/** An intermediate CA goes with what it signs. */
function chainOf(issuer: Secret): string {
  const { certificate = '' } = tlsMaterialOf(issuer);
  return isSelfSigned(certificate) ? '' : certificate;
}

function isSelfSigned(certificate: string): boolean {
  const facts = factsOf(certificate);
  return facts !== undefined && facts.subject === facts.issuer && isIssuedBy(certificate, certificate);
}
