/** Link: the connector by which this site's router dials another site. Control-plane reference 1.3, 4.5. */
import { type Finding, failed, pending, ready } from '../../../config/api/conditions.ts';
import type { Link, LinkEndpoint } from '../../../config/api/link.ts';
import { secretText } from '../../../config/api/secret-text.ts';
import { ROUTER_FILES, SETTING } from '../../../config/names.ts';
import { withPort } from '../../../lib/address.ts';
import { type Observed, type Outcome, ofKind, type RouterEntity } from '../observed.ts';
import type { SeesPolicies } from '../policy/documents.ts';
import { linkRefusal } from '../policy/refusals.ts';
import { LINK_LIMITS } from '../routeraccess/plan.ts';
import { activeSite, settingOf } from '../site/identity.ts';
import { diagnose } from './diagnosis.ts';

const PROXY_FIELDS = ['host', 'port'] as const;
/** On Kubernetes a Secret that was made with a Link may be heard of after it. */
const SECRET_LAG_MS = 5000;

export interface RemoteSite {
  siteId: string;
  siteName: string;
  routerId: string;
}

/** The role in which this site's router dials: an edge router has no other. */
export function linkRole(observed: Pick<Observed, 'resources'>): 'inter-router' | 'edge' {
  return activeSite(observed)?.spec.edge ? 'edge' : 'inter-router';
}

/** Held back until its TLS material is there. */
export function linkEntities(observed: Observed): RouterEntity[] {
  return ofKind(observed, 'Link').flatMap((link): RouterEntity[] => {
    const endpoint = endpointOf(observed, link);
    if (endpoint === undefined || configFault(observed, link) !== undefined) return [];
    const proxy = proxyOf(link);
    return [
      ...(proxy === undefined ? [] : [proxyEntity(observed, proxy)]),
      [
        'connector',
        {
          name: link.metadata.name,
          role: linkRole(observed),
          host: endpoint.host,
          port: endpoint.port,
          ...furtherEndpoints(observed, link),
          cost: costOf(link),
          verifyHostname: true,
          sslProfile: linkProfile(link),
          saslMechanisms: 'EXTERNAL',
          ...(proxy !== undefined && { proxyProfile: proxy }),
          ...LINK_LIMITS,
        },
      ],
    ];
  });
}

/** Name of the Secret of the proxy, which the profile is named after. */
export function proxyOf(link: Link): string | undefined {
  return settingOf(link, SETTING.proxy);
}

function proxyEntity(observed: Observed, name: string): RouterEntity {
  const { host = '', port = '', username = '', password } = proxySecret(observed, name) ?? {};
  const credentials = username && {
    username,
    ...(password && { password: `file:${ROUTER_FILES.proxies}/${name}/password.txt` }),
  };
  return ['proxyProfile', { name, host, port, ...(credentials || {}) }];
}

function proxySecret({ resources }: Observed, name: string): Record<string, string> | undefined {
  const secret = resources.get(`Secret/${name}`);
  return secret?.kind === 'Secret' ? secretText(secret) : undefined;
}

export function linkProfile(link: Link): string {
  return `${credentialsOf(link)}-profile`;
}

export function credentialsOf(link: Link): string {
  return link.spec.tlsCredentials || link.metadata.name;
}

export function costOf(link: Link): number {
  return Math.max(1, link.spec.cost ?? 1);
}

/** The endpoints of the router's own role, without those that policies keep the site from. */
export function endpointsOf(observed: SeesPolicies, link: Link): LinkEndpoint[] {
  return endpointsOfRole(observed, link).filter((endpoint) => refusalOf(observed, endpoint) === undefined);
}

function endpointsOfRole(observed: SeesPolicies, link: Link): LinkEndpoint[] {
  const role = linkRole(observed);
  return link.spec.endpoints.filter((endpoint) => endpoint.name === role);
}

function refusalOf(observed: SeesPolicies, { host }: LinkEndpoint): string | undefined {
  return linkRefusal(observed, { direction: 'Outgoing', host });
}

/** The endpoint that the router dials first. */
export function endpointOf(observed: SeesPolicies, link: Link): LinkEndpoint | undefined {
  return endpointsOf(observed, link)[0];
}

/** The others, which the router itself tries in turn; on Kubernetes the pod's adaptor takes the turns. */
function furtherEndpoints(observed: Observed, link: Link): { endpoints?: string } {
  const places = endpointsOf(observed, link).map(placeOf).slice(1);
  return observed.cluster === undefined && places.length > 0 ? { endpoints: places.join(',') } : {};
}

function placeOf({ host, port }: LinkEndpoint): string {
  return withPort(host, port);
}

export function isOperational(observed: Observed, link: Link): boolean {
  return observed.router?.connectors.get(link.metadata.name)?.status === 'SUCCESS';
}

/** The site at the other end, known once the routers have met; its name once that site was heard. */
export function remoteOf(observed: Observed, link: Link): RemoteSite | undefined {
  const places = new Set(endpointsOf(observed, link).map(({ host, port }) => `${host}:${port}`));
  const role = linkRole(observed);
  const connection = observed.router?.connections.find(
    (candidate) => candidate.direction === 'out' && candidate.role === role && places.has(candidate.host),
  );
  if (connection === undefined || connection.container === '') return undefined;
  return siteOfRouter(observed, connection.container);
}

export function siteOfRouter(observed: Observed, routerId: string): RemoteSite {
  const site = observed.network.sites.find(({ routers }) => routers.some(({ id }) => id === routerId))?.site;
  return { routerId, siteId: site?.id ?? '', siteName: site?.name ?? '' };
}

export function planLinks(observed: Observed): Outcome[] {
  return ofKind(observed, 'Link').map((link) => {
    const fault = configFault(observed, link);
    if (fault !== undefined) {
      const say = observed.now < secretsDue(observed, link) ? pending : failed;
      return { resource: link, findings: [say('Configured', fault), pending('Operational', 'Not operational')] };
    }
    const remote = remoteOf(observed, link);
    return {
      resource: link,
      status: remote?.siteId ? { remoteSiteId: remote.siteId, remoteSiteName: remote.siteName } : {},
      findings: [ready('Configured'), operational(observed, link)],
    };
  });
}

/** When the next Link that waits for its Secrets has waited long enough: wall-clock milliseconds, Infinity where none does. */
export function nextSecretDue(observed: Observed): number {
  const times = ofKind(observed, 'Link').map((link) => secretsDue(observed, link));
  return Math.min(Infinity, ...times.filter((time) => time > observed.now));
}

/** Until when a Secret that the Link lacks is no fault yet; -Infinity where it lacks none. */
function secretsDue(observed: Observed, link: Link): number {
  if (observed.cluster === undefined || missingSecret(observed, link) === undefined) return -Infinity;
  const madeAt = Date.parse(link.metadata.creationTimestamp ?? '');
  // Clocks that are far apart say nothing.
  return Math.abs(observed.now - madeAt) < SECRET_LAG_MS ? madeAt + SECRET_LAG_MS : -Infinity;
}

function missingSecret(observed: Observed, link: Link): string | undefined {
  const name = credentialsOf(link);
  if (!observed.credentials.has(name)) return `TLS credentials "${name}" not found`;
  const proxy = proxyOf(link);
  const isMissing = proxy !== undefined && proxySecret(observed, proxy) === undefined;
  return isMissing ? `Proxy secret "${proxy}" not found` : undefined;
}

function operational(observed: Observed, link: Link): Finding {
  if (observed.router === undefined) return pending('Operational', 'The router is not running');
  if (isOperational(observed, link)) return ready('Operational');
  const name = credentialsOf(link);
  const connector = observed.router.connectors.get(link.metadata.name);
  const message = connector?.message ?? '';
  // With several endpoints the router says which one it has tried last.
  const tried = endpointsOf(observed, link).find((endpoint) => message.startsWith(`${placeOf(endpoint)}: `));
  const told = tried && connector && { ...connector, message: message.slice(placeOf(tried).length + 2) };
  const endpoint = tried ?? endpointOf(observed, link)!;
  return diagnose(endpoint, name, observed.credentials.get(name), told ?? connector, observed.now);
}

function configFault(observed: Observed, link: Link): string | undefined {
  if (activeSite(observed) === undefined) return 'No active site in namespace';
  const [endpoint] = endpointsOfRole(observed, link);
  if (endpoint === undefined) return `The link has no endpoint named ${linkRole(observed)}`;
  if (endpointOf(observed, link) === undefined) return refusalOf(observed, endpoint);
  const name = credentialsOf(link);
  const credential = observed.credentials.get(name);
  if (credential === undefined) return missingSecret(observed, link);
  if (!credential.hasKey || credential.certificate === undefined || credential.ca === undefined) {
    return `TLS credentials "${name}" must hold ca.crt, tls.crt and tls.key`;
  }
  return proxyFault(observed, link);
}

function proxyFault(observed: Observed, link: Link): string | undefined {
  const name = proxyOf(link);
  if (name === undefined) return undefined;
  if (observed.cluster === undefined) return `settings["${SETTING.proxy}"] is only served on Kubernetes`;
  const secret = proxySecret(observed, name);
  if (secret === undefined) return missingSecret(observed, link);
  const missing = PROXY_FIELDS.filter((field) => !secret[field]);
  return missing.length === 0 ? undefined : `Proxy secret "${name}" lacks ${missing.join(' and ')}`;
}
