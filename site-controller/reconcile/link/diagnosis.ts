/** Why a link is not operational, in words that say what to do. Pure. */
import { type Finding, failed, pending, rfc3339 } from '../../../config/api/conditions.ts';
import type { LinkEndpoint } from '../../../config/api/link.ts';
import { withPort } from '../../../lib/address.ts';
import type { ConnectorState } from '../../../lib/router-client/state.ts';
import type { Credential } from '../observed.ts';

/** What the router's TLS and sockets report, and what it means to a user. The first match counts. */
const CAUSES: { pattern: RegExp; isFinal: boolean; text: (place: string) => string }[] = [
  {
    pattern: /certificate has expired|CERT_HAS_EXPIRED/i,
    isFinal: true,
    text: (place) => `the certificate of ${place} has expired: renew it at that site`,
  },
  {
    pattern: /certificate is not yet valid|CERT_NOT_YET_VALID/i,
    isFinal: true,
    text: (place) => `the certificate of ${place} is not valid yet: compare the clocks of both machines`,
  },
  {
    pattern: /altnames|ALTNAME/i,
    isFinal: true,
    text: (place) => `the certificate of ${place} is for another host: add this host at that site, or use a new token`,
  },
  {
    pattern:
      /alert (number )?(unknown ca|certificate unknown|bad certificate|48|46|42)|certificate expired|alert number 45/i,
    isFinal: true,
    text: (place) =>
      `${place} refuses the certificate of this link: its CA was replaced or the certificate ended; use a new token`,
  },
  {
    pattern:
      /self.signed certificate|unable to (verify|get)|UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET|signature failure/i,
    isFinal: true,
    text: (place) => `the certificate of ${place} is of another CA than this link trusts: use a new token of that site`,
  },
  {
    // With TLS 1.3 a server sees the certificate after the handshake; ours, and others, then close without an alert.
    pattern: /closed the connection before it was open/,
    isFinal: false,
    text: (place) =>
      `${place} closes the connection: it does not trust the certificate of this link, or is just starting; if this stays, use a new token`,
  },
  {
    pattern: /ECONNREFUSED|connection refused/i,
    isFinal: false,
    text: (place) => `${place} refuses connections: is that site running, with link access?`,
  },
  {
    pattern: /ENOTFOUND|EAI_AGAIN|not known/i,
    isFinal: false,
    text: (place) => `the host name of ${place} cannot be resolved`,
  },
  {
    pattern: /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|timed? ?out|unreachable/i,
    isFinal: false,
    text: (place) => `${place} cannot be reached: check the address, routes and firewalls in between`,
  },
];

/** `connector` is undefined while the router does not have it yet. */
export function diagnose(
  endpoint: LinkEndpoint,
  credentialName: string,
  credential: Credential | undefined,
  connector: ConnectorState | undefined,
  now: number,
): Finding {
  const certificate = credential?.certificate;
  if (certificate !== undefined && certificate.notAfter <= now) {
    const when = rfc3339(certificate.notAfter);
    return failed(
      'Operational',
      `the certificate of this link ("${credentialName}") expired on ${when}: use a new token`,
    );
  }
  const place = withPort(endpoint.host, endpoint.port);
  const message = connector?.message ?? '';
  if (credential?.fault === 'issued by another CA' && message !== '') {
    return failed(
      'Operational',
      `${place} does not trust the certificate of this link: "${credentialName}" is of another CA; use a new token`,
    );
  }
  const cause = CAUSES.find(({ pattern }) => pattern.test(message));
  if (cause !== undefined) return (cause.isFinal ? failed : pending)('Operational', cause.text(place));
  const isTrying = connector === undefined || connector.status === 'CONNECTING' || message === '';
  return pending('Operational', isTrying ? `connecting to ${place}` : `${place}: ${message}`);
}
