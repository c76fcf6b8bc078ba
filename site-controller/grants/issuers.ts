/** With which CAs a site signs for links, and what it gives for a grant. Both platforms; deterministic but for keys and serial numbers. */
import type { AccessGrant } from '../../config/api/access-grant.ts';
import type { Resource } from '../../config/api/index.ts';
import type { LinkEndpoint } from '../../config/api/link.ts';
import type { Secret } from '../../config/api/secret.ts';
import { CREDENTIAL } from '../../config/names.ts';
import type { KeyPair } from '../pki/authority.ts';
import { CaUnusableError } from '../pki/errors.ts';
import { fingerprintsOf, inspectCertificate } from '../pki/inspect.ts';
import { isControlledSecret, isTlsSecret, tlsMaterialOf } from '../pki/secret.ts';
import { issuerOf } from '../reconcile/accessgrant/issuer.ts';
import { linkEndpoints } from '../reconcile/accessgrant/plan.ts';
import { trustFrom } from '../reconcile/certificate/issue.ts';
import { LINK_VALID_MS } from '../reconcile/certificate/validity.ts';
import { type Observed, ofKind } from '../reconcile/observed.ts';
import { type Client, noteClient, trustsOf } from './clients.ts';
import { issueLinks } from './issue.ts';
import type { IssueRequest } from './protocol.ts';
import type { RenewalIssuer } from './renewals.ts';

export type SecretLookup = (name: string) => Secret | undefined;

/** Each CA with which links of the site may have been signed. */
export function linkIssuers(observed: Observed, lookup: SecretLookup, now: number): RenewalIssuer[] {
  const names = [
    issuerOf(observed, undefined),
    CREDENTIAL.siteCa,
    ...ofKind(observed, 'RouterAccess').map(({ spec }) => spec.issuer ?? ''),
    ...ofKind(observed, 'AccessGrant').map(({ spec }) => spec.issuer ?? ''),
  ];
  return [...new Set(names)].flatMap((name) => {
    const secret = lookup(name);
    return secret === undefined || !isTlsSecret(secret) ? [] : [{ secret, trust: trustFrom(secret, now) }];
  });
}

export interface Issued {
  resources: readonly Resource[];
  /** Of the CA. */
  secret: Secret;
  /** To be kept beside the CA before the answer goes out: a roll-over must know of everybody whom it has to wait for. */
  notes: Record<string, string | null> | undefined;
}

/** @throws CaUnusableError, NoEndpointsError, CertificateRequestError */
export function issueForGrant(
  observed: Observed,
  lookup: SecretLookup,
  grant: AccessGrant | undefined,
  request: IssueRequest,
  now: number,
): Issued {
  const name = issuerOf(observed, grant);
  const secret = lookup(name);
  const { certificate, privateKey } = secret === undefined ? {} : tlsMaterialOf(secret);
  if (secret === undefined || certificate === undefined || privateKey === undefined) {
    throw new CaUnusableError('Could not get issuer for requested certificate', { next: `Give the CA "${name}"` });
  }
  const ca: KeyPair = { certificate, privateKey };
  const trust = trustFrom(secret, now);
  const endpoints = linkEndpoints(observed) as LinkEndpoint[];
  const resources = issueLinks({ ca, trust, endpoints, validMs: LINK_VALID_MS, now }, request);
  const client = clientOf(resources[0] as Secret, ca, trust, request, now);
  // A CA that a user gave is not rolled over here, and its Secret is not ours to write.
  const notes = isControlledSecret(secret) ? noteClient(secret.metadata.annotations, client, now) : undefined;
  return { resources, secret, notes };
}

function clientOf(secret: Secret, ca: KeyPair, trust: string, request: IssueRequest, now: number): Client {
  return {
    site: request.subject,
    name: request.name,
    issuer: fingerprintsOf(ca.certificate)[0] ?? '',
    until: inspectCertificate(tlsMaterialOf(secret).certificate ?? '').notAfter,
    trusts: trustsOf(trust),
    since: now,
    renews: request.csr !== undefined,
  };
}
