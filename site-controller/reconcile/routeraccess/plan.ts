/** RouterAccess: the ports on which the site's router accepts links. Control-plane reference 1.9, 4.5. */
import { failed, pending, ready } from '../../../config/api/conditions.ts';
import type { RouterAccess } from '../../../config/api/router-access.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import type { Site } from '../../../config/api/site.ts';
import { CONTROLLED_LABEL, CREDENTIAL, NAME, SETTING } from '../../../config/names.ts';
import { type Observed, type Outcome, ofKind, type RouterEntity } from '../observed.ts';
import { portFault } from '../port-fault.ts';
import type { AccessEndpoint } from '../securedaccess/realization.ts';
import { activeSite, groupName, settingOf } from '../site/identity.ts';
import {
  accessPlans,
  clusterFault,
  generatedClusterAccess,
  isListening,
  serviceHosts,
  wantedSecuredAccesses,
} from './cluster.ts';
import { accessPorts, isAccessPurpose, portOf } from './ports.ts';

const ANY_HOST = new Set(['', '0.0.0.0', '::']);
const LOOPBACK_HOSTS = ['localhost', '127.0.0.1'];

/** Frames and session windows of links, as Skupper sets them. */
export const LINK_LIMITS = { maxFrameSize: 16384, maxSessionFrames: 640 };

export { type AccessEndpoint, accessPorts, isAccessPurpose, wantedSecuredAccesses };

/** The access that `spec.linkAccess` of the site asks for; on platform local named like the site. */
export function generatedAccess(
  site: Site | undefined,
  { cluster }: Pick<Observed, 'cluster'> = {},
): RouterAccess | undefined {
  if (cluster !== undefined) return generatedClusterAccess(site, cluster);
  if (site === undefined || ['', 'none', undefined].includes(site.spec.linkAccess)) return undefined;
  const bindHost = settingOf(site, SETTING.bindHost);
  const port = Number(settingOf(site, SETTING.linkPort)) || undefined;
  return {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'RouterAccess',
    metadata: { name: site.metadata.name, labels: { [CONTROLLED_LABEL]: 'true' } },
    spec: {
      roles: [{ name: 'inter-router', ...(port !== undefined && { port }) }],
      tlsCredentials: CREDENTIAL.siteServer,
      generateTlsCredentials: true,
      issuer: site.spec.defaultIssuer || CREDENTIAL.siteCa,
      ...(bindHost !== undefined && { bindHost }),
    },
  };
}

/** Held back until its TLS material is there. */
export function accessEntities(observed: Observed): RouterEntity[] {
  const listening = ofKind(observed, 'RouterAccess').filter((access) => isListening(observed, access));
  return listening.flatMap((access) =>
    access.spec.roles.flatMap((role): RouterEntity[] => {
      const port = portOf(observed, access, role);
      if (port === undefined || !hasMaterial(observed, access)) return [];
      return [
        [
          'listener',
          {
            name: `${access.metadata.name}-${role.name}`,
            role: role.name,
            host: access.spec.bindHost ?? '',
            port,
            sslProfile: access.spec.tlsCredentials,
            saslMechanisms: 'EXTERNAL',
            authenticatePeer: true,
            requireSsl: true,
            ...LINK_LIMITS,
          },
        ],
      ];
    }),
  );
}

/**
 * Connectors of one of several routers, counted from 0, to those before it, so that the routers of a site are neighbours.
 * They dial the Services in front of the others, which any access with the role has.
 */
export function groupEntities(observed: Observed, groupIndex: number): RouterEntity[] {
  for (const access of ofKind(observed, 'RouterAccess')) {
    const role = access.spec.roles.find(({ name }) => name === 'inter-router');
    if (role === undefined || !hasMaterial(observed, access) || !isListening(observed, access)) continue;
    return Array.from(
      { length: groupIndex },
      (_, index): RouterEntity => [
        'connector',
        {
          name: groupName(NAME.router, index),
          role: 'inter-router',
          host: groupName(access.metadata.name, index),
          port: String(portOf(observed, access, role)),
          cost: 1,
          sslProfile: access.spec.tlsCredentials,
          ...LINK_LIMITS,
        },
      ],
    );
  }
  return [];
}

/** How other sites reach it: each role at each host, best host first. On Kubernetes as its SecuredAccesses say. */
export function accessEndpoints(observed: Observed, access: RouterAccess): AccessEndpoint[] {
  if (observed.cluster !== undefined) return accessPlans(observed, access).flatMap(({ endpoints }) => endpoints);
  return access.spec.roles.flatMap((role) => {
    const port = portOf(observed, access, role);
    if (port === undefined) return [];
    return dialHosts(observed, access).map((host) => ({
      name: role.name,
      host,
      port: String(port),
      group: access.metadata.name,
    }));
  });
}

/** Host names and addresses for the server certificate. */
export function accessHosts(observed: Observed, access: RouterAccess): string[] {
  const named = access.spec.subjectAlternativeNames ?? [];
  const found =
    observed.cluster === undefined
      ? dialHosts(observed, access)
      : [...accessEndpoints(observed, access).map(({ host }) => host), ...serviceHosts(observed, access)];
  const isProcess = observed.cluster?.settings.routers !== 'deployment';
  return [...new Set([...named, ...found, ...(isProcess ? LOOPBACK_HOSTS : [])])].sort();
}

/** The hosts that the site says it is reached by, else the ones its server is bound to. */
export function dialHostsOf(observed: Observed, bindHost: string | undefined): string[] {
  const given = settingOf(activeSite(observed), SETTING.linkHosts);
  if (given !== undefined)
    return given
      .split(',')
      .map((host) => host.trim())
      .filter(Boolean);
  return ANY_HOST.has(bindHost ?? '') ? [...observed.hosts] : [bindHost!];
}

export function planRouterAccesses(observed: Observed): Outcome[] {
  return ofKind(observed, 'RouterAccess').map((access) => {
    const endpoints = accessEndpoints(observed, access);
    const fault = listenFault(observed, access);
    return {
      resource: access,
      status: { endpoints },
      findings: [
        fault === undefined ? ready('Configured') : failed('Configured', fault),
        endpoints.length > 0 ? ready('Resolved') : pending('Resolved', waitingFor(observed, access)),
      ],
    };
  });
}

/** What is waited for before there is an endpoint. */
export function waitingFor(observed: Observed, access: RouterAccess): string {
  if (observed.cluster === undefined) return 'No port chosen yet';
  return accessPlans(observed, access).find(({ waiting }) => waiting !== '')?.waiting ?? 'Pending';
}

function hasMaterial(observed: Observed, access: RouterAccess): boolean {
  return observed.credentials.get(access.spec.tlsCredentials)?.hasKey === true;
}

function listenFault(observed: Observed, access: RouterAccess): string | undefined {
  const fault = observed.cluster && clusterFault(observed, access);
  if (fault !== undefined) return fault;
  const name = access.spec.tlsCredentials;
  if (!observed.credentials.has(name) && !access.spec.generateTlsCredentials) {
    return `TLS credentials "${name}" not found`;
  }
  for (const role of access.spec.roles) {
    const listener = observed.router?.listeners.get(`${access.metadata.name}-${role.name}`);
    const port = portOf(observed, access, role);
    const fault = portFault(listener, access.spec.bindHost ?? '', port, `RouterAccess ${access.metadata.name}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function dialHosts(observed: Observed, access: RouterAccess): string[] {
  return dialHostsOf(observed, access.spec.bindHost);
}
