/** With which CAs a site signs for links, and what it gives for a grant. Both platforms; deterministic but for keys and serial numbers. */
import { createHash } from 'node:crypto';
import type { AccessGrant } from '../../config/api/access-grant.ts';
import type { Resource } from '../../config/api/index.ts';
import type { LinkEndpoint } from '../../config/api/link.ts';
import type { Secret } from '../../config/api/secret.ts';
import { CREDENTIAL } from '../../config/names.ts';
import type { KeyPair } from '../pki/authority.ts';
import { CaUnusableError } from '../pki/errors.ts';
import { fingerprintsOf, inspectCertificate } from '../pki/inspect.ts';
import { readRequest } from '../pki/request.ts';
import { isControlledSecret, isTlsSecret, tlsMaterialOf } from '../pki/secret.ts';
import { publicKeyDer } from '../pki/signature.ts';
import { issuerOf } from '../reconcile/accessgrant/issuer.ts';
import { linkEndpoints } from '../reconcile/accessgrant/plan.ts';
import { trustFrom } from '../reconcile/certificate/issue.ts';
import { LINK_VALID_MS } from '../reconcile/certificate/validity.ts';
import { type Observed, ofKind } from '../reconcile/observed.ts';
import { linkRefusal } from '../reconcile/policy/refusals.ts';
import { type Client, clientsOf, noteClient, trustsOf } from './clients.ts';
import { LinkNotAllowedError } from './errors.ts';
import { issueLinks } from './issue.ts';
import type { IssueRequest } from './protocol.ts';
import type { RenewalIssuer } from './renewals.ts';
import { siteDoubt } from './site-claim.ts';

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
  /** Why its certificate names no site. */
  doubt: string | undefined;
}

/** @throws CaUnusableError, NoEndpointsError, CertificateRequestError, LinkNotAllowedError, SiteIdTakenError */
export function issueForGrant(
  observed: Observed,
  lookup: SecretLookup,
  grant: AccessGrant | undefined,
  request: IssueRequest,
  now: number,
): Issued {
  const { subject: siteId, siteName, csr, siteCa } = request;
  const refusal = incomingRefusal(observed, siteId, siteName);
  if (refusal !== undefined) throw new LinkNotAllowedError(refusal);
  const clients = linkIssuers(observed, lookup, now).flatMap((issuer) =>
    clientsOf(issuer.secret.metadata.annotations, now),
  );
  const key = csr === undefined ? undefined : keyDigest(csr);
  const doubt = siteDoubt(observed, grant, clients, { subject: siteId, siteCa, key });
  const name = issuerOf(observed, grant);
  const secret = lookup(name);
  const { certificate, privateKey } = secret === undefined ? {} : tlsMaterialOf(secret);
  if (secret === undefined || certificate === undefined || privateKey === undefined) {
    throw new CaUnusableError('Could not get issuer for requested certificate', { next: `Give the CA "${name}"` });
  }
  const ca: KeyPair = { certificate, privateKey };
  const trust = trustFrom(secret, now);
  const endpoints = linkEndpoints(observed) as LinkEndpoint[];
  const isNamed = doubt === undefined;
  const resources = issueLinks({ ca, trust, endpoints, validMs: LINK_VALID_MS, now, isNamed }, request);
  const client: Client = {
    ...clientOf(resources[0] as Secret, ca, trust, request, now),
    site: isNamed ? siteId : '',
    ...(key !== undefined && { key }),
    ...(siteCa !== undefined && { siteCa }),
  };
  // A CA that a user gave is not rolled over here, and its Secret is not ours to write.
  const notes = isControlledSecret(secret) ? noteClient(secret.metadata.annotations, client, now) : undefined;
  return { resources, secret, notes, doubt };
}

/**
 * Why a site may not link to this one; undefined when it may. @param claimedName what it says of itself, where it is not known yet: who lies
 * is refused by the routers
 */
export function incomingRefusal(observed: Observed, siteId: string, claimedName?: string): string | undefined {
  const siteName = observed.network.sites.find(({ site }) => site.id === siteId)?.site.name ?? claimedName;
  return linkRefusal(observed, { direction: 'Incoming', siteId, ...(siteName && { siteName }) });
}

/** @throws CertificateRequestError */
function keyDigest(csr: string): string {
  return createHash('sha256')
    .update(publicKeyDer(readRequest(csr).publicKey))
    .digest('hex');
}

function clientOf(
  secret: Secret,
  ca: KeyPair,
  trust: string,
  request: IssueRequest,
  now: number,
): Omit<Client, 'site'> {
  return {
    name: request.name,
    issuer: fingerprintsOf(ca.certificate)[0] ?? '',
    until: inspectCertificate(tlsMaterialOf(secret).certificate ?? '').notAfter,
    trusts: trustsOf(trust),
    since: now,
    renews: request.csr !== undefined,
  };
}
