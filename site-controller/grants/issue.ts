/** What a redeemer gets: a client certificate for its identity, and a Link for each group of the site's endpoints. */
import type { Resource } from '../../config/api/index.ts';
import type { Link, LinkEndpoint } from '../../config/api/link.ts';
import { SKUPPER_API_VERSION } from '../../config/api/schema.ts';
import type { Secret } from '../../config/api/secret.ts';
import { siteUri } from '../../lib/site-identity.ts';
import { issueCertificate, type KeyPair, signRequest } from '../pki/authority.ts';
import { tlsSecret } from '../pki/secret.ts';
import { NoEndpointsError } from './errors.ts';
import type { IssueRequest } from './protocol.ts';

export interface IssueOptions {
  ca: KeyPair;
  /** PEM bundle by which the redeemer trusts this site; the CA's certificate when absent. */
  trust?: string;
  endpoints: readonly LinkEndpoint[];
  validMs: number;
  now: number;
  /** Whether the certificate names the redeemer's site; true when absent. */
  isNamed?: boolean;
}

/** @throws NoEndpointsError, CaUnusableError, CertificateRequestError */
export function issueLinks(options: IssueOptions, request: IssueRequest): Resource[] {
  if (options.endpoints.length === 0) throw new NoEndpointsError();
  return [issueSecret(options, request), ...linksOf(options.endpoints, request.name)];
}

function issueSecret(
  { ca, trust = ca.certificate, validMs, now, isNamed = true }: IssueOptions,
  request: IssueRequest,
): Secret {
  const { name, subject, csr } = request;
  const certificate = { ca, subject, uris: isNamed ? [siteUri(subject)] : [], validMs, now };
  if (csr !== undefined) {
    return tlsSecret(name, { ca: trust, certificate: signRequest(csr, { ...certificate, usages: ['client'] }) });
  }
  // Skupper's own certificates are for both ends; its sites may use this one so.
  return tlsSecret(name, { ca: trust, ...issueCertificate({ ...certificate, usages: ['client', 'server'] }) });
}

/** One Link a group, in the order of the groups' names, so that the same request names the same Links. */
function linksOf(endpoints: readonly LinkEndpoint[], name: string): Link[] {
  const groups = [...new Set(endpoints.map((endpoint) => endpoint.group ?? ''))].sort();
  return groups.map((group, index) => ({
    apiVersion: SKUPPER_API_VERSION,
    kind: 'Link',
    metadata: { name: groups.length === 1 ? name : `${name}-${index + 1}` },
    spec: {
      endpoints: endpoints.filter((endpoint) => (endpoint.group ?? '') === group),
      tlsCredentials: name,
    },
  }));
}
