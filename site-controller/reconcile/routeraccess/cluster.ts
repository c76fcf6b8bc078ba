/**
 * RouterAccess on Kubernetes: for each router of the site a SecuredAccess, whose endpoints are those of the RouterAccess.
 * Control-plane reference 1.9, 4.2. Pure.
 */
import type { RouterAccess } from '../../../config/api/router-access.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import type { SecuredAccess } from '../../../config/api/secured-access.ts';
import type { Site } from '../../../config/api/site.ts';
import { CONTROLLED_LABEL, CREDENTIAL, NAME, SETTING } from '../../../config/names.ts';
import type { ClusterView } from '../cluster.ts';
import { type Observed, ofKind } from '../observed.ts';
import { chooseAccessType } from '../securedaccess/access-type.ts';
import { type AccessPlan, GROUP_LABEL, planAccess } from '../securedaccess/plan.ts';
import { activeSite, groupName, routerGroups, settingOf, siteIdOf } from '../site/identity.ts';
import { hostPort, portClash, portOf, ROLE_PORTS } from './ports.ts';

const COMPONENT_LABEL = 'skupper.io/component';
const CLASS_SETTING = 'ingressClassName';

/** The access that `spec.linkAccess` asks for. An edge router accepts no links. */
export function generatedClusterAccess(
  site: Site | undefined,
  { settings }: Pick<ClusterView, 'settings'>,
): RouterAccess | undefined {
  if (site === undefined || site.spec.edge || ['', 'none', undefined].includes(site.spec.linkAccess)) return undefined;
  const linkAccess = site.spec.linkAccess!;
  const roles = (['inter-router', 'edge'] as const).map((name) => ({
    name,
    port: settings.routers === 'deployment' ? ROLE_PORTS[name] : hostPort(siteIdOf(site), name),
  }));
  const given = Number(settingOf(site, SETTING.linkPort));
  if (given) roles[0]!.port = given;
  const className = settingOf(site, CLASS_SETTING);
  const names = settingOf(site, SETTING.linkHosts)
    ?.split(',')
    .map((host) => host.trim());
  return {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'RouterAccess',
    metadata: { name: NAME.router, labels: { [CONTROLLED_LABEL]: 'true' } },
    spec: {
      roles,
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
    groupsOf(observed, site).map((_, index) => securedAccess(observed, site, access, index)),
  );
}

/** Where routers are processes of a host, there is one. */
function groupsOf({ cluster }: Observed, site: Site): string[] {
  return cluster?.settings.routers === 'external' ? [NAME.router] : routerGroups(site);
}

function securedAccess(observed: Observed, site: Site, access: RouterAccess, groupIndex: number): SecuredAccess {
  const { metadata, spec } = access;
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
      selector: { [COMPONENT_LABEL]: 'router', [GROUP_LABEL]: groupName(NAME.router, groupIndex) },
      ports: access.spec.roles.map((role) => {
        const port = portOf(observed, access, role)!;
        return { name: role.name, port, targetPort: port, protocol: 'TCP' };
      }),
      certificate: spec.tlsCredentials,
      ...(spec.accessType && { accessType: spec.accessType }),
      ...(spec.generateTlsCredentials && { issuer }),
      ...(spec.settings !== undefined && { settings: spec.settings }),
    },
  };
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
