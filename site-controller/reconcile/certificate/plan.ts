/** Certificate: what TLS material the site makes for itself, and what is said of it. Control-plane reference 3.1, 3.3. */

import type { Certificate } from '../../../config/api/certificate.ts';
import { type Finding, failed, pending, ready, rfc3339 } from '../../../config/api/conditions.ts';
import type { Secret } from '../../../config/api/secret.ts';
import type { Site } from '../../../config/api/site.ts';
import { CREDENTIAL, NAME, SETTING } from '../../../config/names.ts';
import { factsOf } from '../../pki/inspect.ts';
import { isControlledSecret, tlsMaterialOf } from '../../pki/secret.ts';
import type { Observed, Outcome } from '../observed.ts';
import { ofKind } from '../observed.ts';
import { accessHosts, dialHostsOf } from '../routeraccess/plan.ts';
import { activeSite, settingOf, siteIdOf } from '../site/identity.ts';
import { caView } from './authority.ts';
import { clusterCertificates } from './cluster.ts';
import { foreignFault } from './foreign.ts';
import type { SecretsInput } from './issue.ts';
import { nextCaStepAt, ROTATE_ANNOTATION, ROTATE_DEADLINE_ANNOTATION } from './rollover.ts';
import { renewalTime } from './validity.ts';
import { wantedCertificate } from './want.ts';

const LOOPBACK_HOSTS = ['localhost', '127.0.0.1'];

/** The certificates that the site needs, issuers before what they sign. */
export function wantedCertificates(observed: Observed, site: Site): Certificate[] {
  if (observed.cluster !== undefined) return clusterCertificates(observed, site);
  return localCertificates(observed, site).map((certificate) => {
    const annotations = requestsOf(observed, certificate);
    const { metadata } = certificate;
    return annotations === undefined ? certificate : { ...certificate, metadata: { ...metadata, annotations } };
  });
}

/** What `planCertificateSecrets` works on where Secrets are resources. */
export function secretsInput(observed: Observed): SecretsInput {
  const site = activeSite(observed);
  return {
    certificates: ofKind(observed, 'Certificate'),
    secrets: new Map(ofKind(observed, 'Secret').map((secret) => [secret.metadata.name, secret])),
    siteId: site === undefined ? '' : siteIdOf(site),
    routers: new Set(ofKind(observed, 'RouterAccess').map(({ spec }) => spec.tlsCredentials)),
    now: observed.now,
  };
}

/** When the next certificate or step of a roll-over is due, Infinity when none is. */
export function nextCertificateWork(input: SecretsInput): number {
  const times = input.certificates.map((certificate) => {
    const secret = input.secrets.get(certificate.metadata.name);
    const facts = secret && factsOf(tlsMaterialOf(secret).certificate);
    if (secret === undefined || facts === undefined || !isControlledSecret(secret)) return Infinity;
    if (!certificate.spec.signing) return renewalTime(facts);
    return facts.isCa ? nextCaStepAt(caView(certificate, secret, input)) : Infinity;
  });
  return Math.min(Infinity, ...times);
}

export function planCertificates(observed: Observed): Outcome[] {
  return ofKind(observed, 'Certificate').map((certificate) => {
    const facts = observed.credentials.get(certificate.metadata.name)?.certificate;
    return {
      resource: certificate,
      status: { expiration: facts && rfc3339(facts.notAfter) },
      findings: [finding(observed, certificate)],
    };
  });
}

function finding(observed: Observed, certificate: Certificate): Finding {
  const { metadata, spec } = certificate;
  const found = observed.credentials.get(metadata.name);
  const secret = observed.cluster && (observed.resources.get(`Secret/${metadata.name}`) as Secret | undefined);
  if (secret !== undefined && !isControlledSecret(secret)) {
    const fault = foreignFault(certificate, found, observed.namespace);
    return fault === undefined ? ready('Ready') : failed('Ready', fault);
  }
  if (found?.certificate === undefined) {
    // One that came while a pass was under way is issued by the next, and so is a CA that is to be made.
    const isCaComing = observed.resources.has(`Certificate/${spec.ca}`);
    const isCaMissing = !spec.signing && !isCaComing && !observed.credentials.get(spec.ca)?.hasKey;
    return isCaMissing
      ? failed('Ready', `CA "${spec.ca}" not found, or without its key`)
      : pending('Ready', 'not issued yet');
  }
  // A CA is not judged by its own bundle, only by whether it can sign.
  const isGood = found.fault === undefined || (spec.signing && found.fault !== 'of another key');
  return isGood ? ready('Ready') : failed('Ready', `certificate is ${found.fault}`);
}

function localCertificates(observed: Observed, site: Site): Certificate[] {
  const name = site.metadata.name;
  const issuer = site.spec.defaultIssuer || CREDENTIAL.siteCa;
  const grantHosts = dialHostsOf(observed, settingOf(site, SETTING.bindHost));
  const wanted = [
    wantedCertificate(CREDENTIAL.siteCa, { ca: '', subject: `${name} site CA`, signing: true }),
    wantedCertificate(CREDENTIAL.localCa, { ca: '', subject: `${name} local CA`, signing: true }),
    wantedCertificate(CREDENTIAL.localServer, {
      ca: CREDENTIAL.localCa,
      subject: NAME.localService,
      hosts: [NAME.localService, ...LOOPBACK_HOSTS].sort(),
      server: true,
    }),
    wantedCertificate(CREDENTIAL.localClient, {
      ca: CREDENTIAL.localCa,
      subject: NAME.localService,
      client: true,
    }),
    wantedCertificate(CREDENTIAL.grantServer, {
      ca: issuer,
      subject: CREDENTIAL.grantServer,
      hosts: [...new Set([...grantHosts, ...LOOPBACK_HOSTS])].sort(),
      server: true,
    }),
  ];
  for (const access of ofKind(observed, 'RouterAccess')) {
    const { tlsCredentials, generateTlsCredentials } = access.spec;
    if (!generateTlsCredentials || wanted.some((known) => known.metadata.name === tlsCredentials)) continue;
    const hosts = accessHosts(observed, access);
    const ca = access.spec.issuer || issuer;
    wanted.push(
      wantedCertificate(tlsCredentials, { ca, subject: 'skupper-router', hosts, server: true, client: true }),
    );
  }
  return wanted;
}

/** What users ask of a generated Certificate by annotations; writing it must not lose them. */
function requestsOf({ resources }: Observed, { metadata }: Certificate): Record<string, string> | undefined {
  const annotations = resources.get(`Certificate/${metadata.name}`)?.metadata.annotations ?? {};
  const kept = Object.entries(annotations).filter(([key]) =>
    [ROTATE_ANNOTATION, ROTATE_DEADLINE_ANNOTATION].includes(key),
  );
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
