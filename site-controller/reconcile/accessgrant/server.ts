/** What the redemption server of a controller needs in the controller's own namespace. Control-plane reference 2.1, 2.2. Pure. */
import type { Certificate } from '../../../config/api/certificate.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import type { SecuredAccess } from '../../../config/api/secured-access.ts';
import { CONTROLLED_LABEL, CREDENTIAL } from '../../../config/names.ts';
import { withPort } from '../../../lib/address.ts';
import { accessCertificates } from '../certificate/cluster.ts';
import { ROLLOVER_WAIT_SETTING } from '../certificate/rollover.ts';
import { wantedCertificate } from '../certificate/want.ts';
import { type Observed, ofKind } from '../observed.ts';
import { planAccess } from '../securedaccess/plan.ts';
import type { ControllerSettings } from '../settings.ts';

export const GRANT_SERVER_CA = 'skupper-grant-server-ca';
/** Name of the SecuredAccess. */
export const GRANT_SERVER = CREDENTIAL.grantServer;
/** Other sites learn of a new CA when they ask twice a day; tokens that are out do not. */
const ROLLOVER_WAIT = '336h';

/**
 * `selector` picks the controller's pods. `own` is the controller's namespace. Nothing when grants are not served, or when whoever
 * installed the controller sees to certificate and access.
 */
export function grantServerResources(
  own: Observed,
  settings: ControllerSettings,
  selector: Readonly<Record<string, string>>,
): (Certificate | SecuredAccess)[] {
  if (!settings.enableGrants || !settings.grantServer.autoconfigure) return [];
  const access = grantServerAccess(settings, selector);
  const resources = new Map(own.resources);
  const present = resources.get(`SecuredAccess/${GRANT_SERVER}`);
  // Its certificate is for the hosts that it came to have.
  resources.set(`SecuredAccess/${GRANT_SERVER}`, {
    ...present,
    ...access,
    metadata: { ...present?.metadata, ...access.metadata },
  });
  const certificates = accessCertificates({ ...own, resources });
  const ca = wantedCertificate(GRANT_SERVER_CA, {
    ca: '',
    subject: 'SkupperGrantServerCA',
    signing: true,
    settings: { [ROLLOVER_WAIT_SETTING]: ROLLOVER_WAIT },
  });
  const served = certificates.filter(({ metadata }) => metadata.name === settings.grantServer.tlsCredentials);
  return [ca, access, ...served.map((certificate) => withUrlHost(certificate, settings))];
}

/** The name by which whoever set a URL reaches the server. */
function withUrlHost(certificate: Certificate, { grantServer }: ControllerSettings): Certificate {
  if (grantServer.baseUrl === '') return certificate;
  const host = new URL(withScheme(grantServer.baseUrl)).hostname.replace(/^\[|\]$/g, '');
  const hosts = [...new Set([...(certificate.spec.hosts ?? []), host])].sort();
  return { ...certificate, spec: { ...certificate.spec, hosts } };
}

/** `https://host:port` of everything by which the server is reached, best first; the one that was set is the only one. */
export function grantServerUrls(own: Observed, { grantServer }: ControllerSettings): string[] {
  if (grantServer.baseUrl !== '') return [withScheme(grantServer.baseUrl)];
  const access = ofKind(own, 'SecuredAccess').find(({ metadata }) => metadata.name === GRANT_SERVER);
  if (access === undefined) return [];
  return [...new Set(planAccess(own, access).endpoints.map(({ host, port }) => `https://${withPort(host, port)}`))];
}

function grantServerAccess(
  { grantServer }: ControllerSettings,
  selector: Readonly<Record<string, string>>,
): SecuredAccess {
  const { port, tlsCredentials } = grantServer;
  return {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'SecuredAccess',
    metadata: { name: GRANT_SERVER, labels: { [CONTROLLED_LABEL]: 'true' } },
    spec: {
      selector: { ...selector },
      ports: [{ name: 'https', port, targetPort: port, protocol: 'TCP' }],
      certificate: tlsCredentials,
      issuer: GRANT_SERVER_CA,
    },
  };
}

/** Skupper takes a bare `host:port` too. */
function withScheme(url: string): string {
  return (url.includes('://') ? url : `https://${url}`).replace(/\/+$/, '');
}
