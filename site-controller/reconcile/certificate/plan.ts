/** Certificate: what TLS material the site makes for itself, and when it is made anew. Control-plane reference 3.1, 3.3. */

import type { Certificate, CertificateSpec } from '../../../config/api/certificate.ts';
import { type Finding, failed, pending, ready, rfc3339 } from '../../../config/api/conditions.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import type { Site } from '../../../config/api/site.ts';
import { CONTROLLED_LABEL, CREDENTIAL, SETTING } from '../../names.ts';
import type { Credential, Observed, Outcome } from '../observed.ts';
import { ofKind } from '../observed.ts';
import { accessHosts, dialHostsOf } from '../routeraccess/plan.ts';
import { settingOf } from '../site/identity.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
export const CA_VALID_MS = 10 * 365 * DAY_MS;
export const LEAF_VALID_MS = 365 * DAY_MS;
/** A certificate is made anew when this part of its life is over. */
const RENEW_AFTER = 2 / 3;

const LOOPBACK_HOSTS = ['localhost', '127.0.0.1'];

/** The certificates that the site needs, issuers before what they sign. */
export function wantedCertificates(observed: Observed, site: Site): Certificate[] {
  const name = site.metadata.name;
  const issuer = site.spec.defaultIssuer || CREDENTIAL.siteCa;
  const grantHosts = dialHostsOf(observed, settingOf(site, SETTING.bindHost));
  const wanted = [
    certificate(CREDENTIAL.siteCa, { ca: '', subject: `${name} site CA`, signing: true }),
    certificate(CREDENTIAL.localCa, { ca: '', subject: `${name} local CA`, signing: true }),
    certificate(CREDENTIAL.localServer, {
      ca: CREDENTIAL.localCa,
      subject: 'skupper-router-local',
      hosts: ['skupper-router-local', ...LOOPBACK_HOSTS].sort(),
      server: true,
    }),
    certificate(CREDENTIAL.localClient, { ca: CREDENTIAL.localCa, subject: 'skupper-router-local', client: true }),
    certificate(CREDENTIAL.grantServer, {
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
    wanted.push(certificate(tlsCredentials, { ca, subject: 'skupper-router', hosts, server: true, client: true }));
  }
  return wanted;
}

/** Why the material has to be made now; undefined when what is there will do. */
export function issueReason(
  wanted: CertificateSpec,
  found: Credential | undefined,
  issuer: Credential | undefined,
  now: number,
): string | undefined {
  const certificate = found?.certificate;
  if (found === undefined || certificate === undefined || !found.hasKey) return 'there is none';
  if (certificate.notAfter <= now) return 'it has expired';
  // A CA is not replaced before its end: every link made with it would break.
  if (wanted.signing) return undefined;
  if (certificate.subject !== wanted.subject) return 'its subject is another';
  if (certificate.hosts.toSorted().join() !== (wanted.hosts ?? []).toSorted().join()) return 'its hosts are others';
  if (found.fault === 'issued by another CA' || found.ca?.trim() !== issuer?.ca?.trim()) return 'its CA is another';
  return now >= renewalTime(certificate) ? 'it is to be renewed' : undefined;
}

/** When the next certificate is due, Infinity when none is. */
export function nextRenewal(observed: Observed): number {
  const times = ofKind(observed, 'Certificate').map(({ metadata, spec }) => {
    const facts = observed.credentials.get(metadata.name)?.certificate;
    return facts === undefined ? Infinity : spec.signing ? facts.notAfter : renewalTime(facts);
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

function finding(observed: Observed, { metadata, spec }: Certificate): Finding {
  const found = observed.credentials.get(metadata.name);
  if (found?.certificate === undefined) {
    const isCaMissing = spec.ca !== '' && !observed.credentials.get(spec.ca)?.hasKey;
    // One that came while a pass was under way is issued by the next.
    return isCaMissing
      ? failed('Ready', `CA "${spec.ca}" not found, or without its key`)
      : pending('Ready', 'not issued yet');
  }
  return found.fault === undefined || spec.signing ? ready('Ready') : failed('Ready', `certificate is ${found.fault}`);
}

function renewalTime({ notBefore, notAfter }: { notBefore: number; notAfter: number }): number {
  return notBefore + (notAfter - notBefore) * RENEW_AFTER;
}

function certificate(name: string, spec: CertificateSpec): Certificate {
  return {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'Certificate',
    metadata: { name, labels: { [CONTROLLED_LABEL]: 'true' } },
    spec,
  };
}
