/**
 * RouterAccess on Kubernetes: for each router of the site a SecuredAccess, whose endpoints are those of the RouterAccess.
 * Control-plane reference 1.9, 4.2. Pure.
 */
import type { RouterAccess } from '../../../config/api/router-access.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import type { SecuredAccess } from '../../../config/api/secured-access.ts';
import type { Site } from '../../../config/api/site.ts';
import { CONTROLLED_LABEL, CREDENTIAL, NAME, SETTING } from '../../names.ts';
import { byAge, type Observed, ofKind } from '../observed.ts';
import { chooseAccessType } from '../securedaccess/access-type.ts';
import { type AccessPlan, GROUP_LABEL, planAccess } from '../securedaccess/plan.ts';
import { activeSite, groupName, routerGroups, settingOf } from '../site/identity.ts';

export const ROLE_PORTS = { 'inter-router': 55671, edge: 45671 };
export type Role = RouterAccess['spec']['roles'][number];

/** Ports that something else in a router pod listens on. */
const POD_PORTS = new Map([
  [5671, 'AMQP'],
  [5672, 'AMQP'],
  [9000, 'metrics'],
  [9090, 'health and metrics'],
  [9191, 'health'],
]);
const COMPONENT_LABEL = 'skupper.io/component';
const CLASS_SETTING = 'ingressClassName';

/** The access that `spec.linkAccess` asks for. An edge router accepts no links. */
export function generatedClusterAccess(site: Site | undefined): RouterAccess | undefined {
  if (site === undefined || site.spec.edge || ['', 'none', undefined].includes(site.spec.linkAccess)) return undefined;
  const linkAccess = site.spec.linkAccess!;
  const port = Number(settingOf(site, SETTING.linkPort)) || ROLE_PORTS['inter-router'];
  const className = settingOf(site, CLASS_SETTING);
  const names = settingOf(site, SETTING.linkHosts)
    ?.split(',')
    .map((host) => host.trim());
  return {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'RouterAccess',
    metadata: { name: NAME.router, labels: { [CONTROLLED_LABEL]: 'true' } },
    spec: {
      roles: [
        { name: 'inter-router', port },
        { name: 'edge', port: ROLE_PORTS.edge },
      ],
      tlsCredentials: CREDENTIAL.siteServer,
      generateTlsCredentials: true,
      issuer: site.spec.defaultIssuer || CREDENTIAL.siteCa,
      ...(linkAccess !== 'default' && { accessType: linkAccess }),
      ...(names !== undefined && { subjectAlternativeNames: names.filter(Boolean) }),
      ...(className !== undefined && { settings: { [CLASS_SETTING]: className } }),
    },
  };
}

/** One a router for each RouterAccess: pods of both groups listen, but only one has the other end of a connection. */
export function wantedSecuredAccesses(observed: Observed): SecuredAccess[] {
  const site = activeSite(observed);
  if (site === undefined || site.spec.edge || observed.cluster === undefined) return [];
  return ofKind(observed, 'RouterAccess').flatMap((access) =>
    groupsOf(observed, site).map((group, index) => securedAccess(access, group, index, site)),
  );
}

/** Where routers are processes of a host, there is one. */
function groupsOf({ cluster }: Observed, site: Site): string[] {
  return cluster?.settings.routers === 'external' ? [NAME.router] : routerGroups(site);
}

function securedAccess({ metadata, spec }: RouterAccess, group: string, groupIndex: number, site: Site): SecuredAccess {
  const issuer = spec.issuer || site.spec.defaultIssuer || CREDENTIAL.siteCa;
  return {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'SecuredAccess',
    metadata: {
      name: groupName(metadata.name, groupIndex),
      labels: { [CONTROLLED_LABEL]: 'true' },
      annotations: { 'internal.skupper.io/routeraccess': metadata.name },
    },
    spec: {
      selector: { [COMPONENT_LABEL]: 'router', [GROUP_LABEL]: group },
      ports: spec.roles.map((role) => ({
        name: role.name,
        port: portOfRole(role),
        targetPort: portOfRole(role),
        protocol: 'TCP',
      })),
      certificate: spec.tlsCredentials,
      ...(spec.accessType && { accessType: spec.accessType }),
      ...(spec.generateTlsCredentials && { issuer }),
      ...(spec.settings !== undefined && { settings: spec.settings }),
    },
  };
}

export function portOfRole({ name, port }: Role): number {
  return port ?? ROLE_PORTS[name];
}

/** What the SecuredAccesses of a RouterAccess come to, by group. None until they are there. */
export function accessPlans(observed: Observed, access: RouterAccess): AccessPlan[] {
  const names = securedNames(observed, access);
  const known = ofKind(observed, 'SecuredAccess').filter(({ metadata }) => names.includes(metadata.name));
  return known.map((secured) => planAccess(observed, secured));
}

/** Names of the Services in front of the routers as pods may write them. */
export function serviceHosts(observed: Observed, access: RouterAccess): string[] {
  return securedNames(observed, access).flatMap((name) =>
    [name, `${name}.${observed.namespace}`].concat(
      ['svc', 'svc.cluster.local'].map((suffix) => `${name}.${observed.namespace}.${suffix}`),
    ),
  );
}

function securedNames(observed: Observed, access: RouterAccess): string[] {
  const site = activeSite(observed);
  if (site === undefined || site.spec.edge) return [];
  return groupsOf(observed, site).map((_, index) => groupName(access.metadata.name, index));
}

/** Told at once, before anything was made. */
export function clusterFault(observed: Observed, access: RouterAccess): string | undefined {
  const site = activeSite(observed);
  if (site === undefined) return 'No active site in namespace';
  if (site.spec.edge) return 'Edge sites accept no links: this RouterAccess has no effect';
  const choice = chooseAccessType(observed.cluster!, access.spec.accessType);
  if ('fault' in choice) return choice.fault;
  return portClash(observed, access) ?? accessPlans(observed, access).find(({ fault }) => fault !== undefined)?.fault;
}

/** On Kubernetes an access whose port is not its own is held back, and an edge router accepts no links. */
export function isListening(observed: Observed, access: RouterAccess): boolean {
  if (observed.cluster === undefined) return true;
  return !activeSite(observed)?.spec.edge && portClash(observed, access) === undefined;
}

/** Who came first keeps a port that two want. */
function portClash(observed: Observed, access: RouterAccess): string | undefined {
  const own = access.spec.roles.map(portOfRole);
  const doubled = own.find((port, index) => own.indexOf(port) !== index);
  if (doubled !== undefined) return `port ${doubled} is given to two roles`;
  const taken = own.find((port) => POD_PORTS.has(port));
  if (taken !== undefined) return `port ${taken} is the router's own, for ${POD_PORTS.get(taken)}`;
  for (const other of ofKind(observed, 'RouterAccess').sort(byAge)) {
    if (other.metadata.name === access.metadata.name) return undefined;
    const port = other.spec.roles.map(portOfRole).find((candidate) => own.includes(candidate));
    if (port !== undefined) return `port ${port} is already that of RouterAccess ${other.metadata.name}`;
  }
  return undefined;
}
