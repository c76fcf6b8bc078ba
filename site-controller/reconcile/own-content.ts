/** What this site tells the others about itself. Pure. */
import type { Site } from '../../config/api/site.ts';
import { CREDENTIAL, SETTING } from '../../config/names.ts';
import {
  type EndpointRecord,
  LIMITS,
  type LinkRecord,
  type ServiceRecord,
  type SiteContent,
} from '../exchange/record.ts';
import { attachedCallers } from './attachedconnector/callers.ts';
import { connectorRecords } from './connector/records.ts';
import { canBeTold, routingKeyFault } from './connector/routing-key.ts';
import { costOf, isOperational, linkRole, remoteOf, siteOfRouter } from './link/plan.ts';
import type { AnyListener } from './listener/faults.ts';
import { hasPlace } from './listener/options.ts';
import { strategyKeys } from './multikeylistener/tiers.ts';
import { type Observed, ofKind } from './observed.ts';
import { exposeRefusal } from './policy/refusals.ts';
import { serviceOf } from './policy/services.ts';
import { asksWorkloads } from './policy/workloads.ts';
import { type OwnRouter, ownRouters } from './routers.ts';
import { settingOf, siteIdOf } from './site/identity.ts';
import { keysOnce, type Told, withinLimits } from './told.ts';

const LINK_ROLES = new Set(['inter-router', 'edge']);

export function ownContent(observed: Observed, site: Site): SiteContent {
  return toldContent(observed, site).content;
}

/** With the number of records that are not told, because the others would not take in as many. */
export function toldContent(observed: Observed, site: Site): Told {
  return withinLimits({
    site: {
      id: siteIdOf(site),
      name: site.metadata.name,
      namespace: observed.namespace,
      platform: platformOf(observed),
      version: observed.version,
      ...(asksWorkloads(observed) && { asksWorkloads: true }),
      ...ownCa(observed),
    },
    routers: ownRouters(observed, site).map((router, index) => ({
      id: router.id,
      // Each router of a site has the same links; they are told once, as the site sees them.
      links: [...(index === 0 ? outgoingLinks(observed) : []), ...incomingLinks(observed, router)],
      routerAccess: ofKind(observed, 'RouterAccess').flatMap(({ metadata, spec }) =>
        spec.roles.map((role) => ({ name: metadata.name, role: role.name })),
      ),
    })),
    listeners: listeners(observed).filter(canBeTold),
    connectors: connectorRecords(observed).filter(canBeTold),
    services: services(observed),
  });
}

/** Where there is a key to prove it by. */
function ownCa({ credentials }: Observed): { ca?: string } {
  const { certificate, hasKey } = credentials.get(CREDENTIAL.siteCa) ?? {};
  return certificate === undefined || !hasKey ? {} : { ca: certificate.fingerprint };
}

export function platformOf({ cluster }: Observed): 'local' | 'kubernetes' {
  return cluster === undefined ? 'local' : 'kubernetes';
}

function outgoingLinks(observed: Observed): LinkRecord[] {
  return ofKind(observed, 'Link').map((link) => {
    const remote = remoteOf(observed, link);
    const condition = link.status?.conditions?.find(({ type }) => type === 'Operational');
    return {
      name: link.metadata.name,
      role: linkRole(observed),
      direction: 'outgoing',
      cost: costOf(link),
      operational: isOperational(observed, link),
      remoteSiteId: remote?.siteId ?? '',
      remoteSiteName: remote?.siteName ?? '',
      remoteRouterId: remote?.routerId ?? '',
      message: condition?.message ?? '',
    };
  });
}

/** One for each router of another site that dialled this one: its connection group counts as one link. */
function incomingLinks(observed: Observed, router: OwnRouter): LinkRecord[] {
  const roles = new Map<string, string>();
  for (const { direction, role, container } of router.state?.connections ?? []) {
    if (direction === 'in' && LINK_ROLES.has(role) && container !== '') roles.set(container, role);
  }
  for (const { id } of observed.cluster?.routers.values() ?? []) roles.delete(id);
  return [...roles].sort().map(([routerId, role]) => {
    const remote = siteOfRouter(observed, routerId);
    const record = observed.network.sites.flatMap(({ routers }) => routers).find(({ id }) => id === routerId);
    const other = record?.links.find((link) => link.direction === 'outgoing' && link.remoteRouterId === router.id);
    return {
      name: routerId,
      role,
      direction: 'incoming',
      cost: other?.cost ?? 1,
      operational: true,
      remoteSiteId: remote.siteId,
      remoteSiteName: remote.siteName,
      remoteRouterId: routerId,
      message: 'OK',
    };
  });
}

/** Those that others lead clients to are many, and their names say nothing elsewhere: each of their routing keys is told once. */
function listeners(observed: Observed): EndpointRecord[] {
  const all: AnyListener[] = [...ofKind(observed, 'Listener'), ...ofKind(observed, 'MultiKeyListener')];
  const [placed, further] = [true, false].map((isPlaced) =>
    all.filter((listener) => hasPlace(observed, listener) === isPlaced).flatMap(recordsOf),
  );
  return [...placed!, ...keysOnce(further!, placed!)];
}

function recordsOf(listener: AnyListener): EndpointRecord[] {
  const { host, port } = listener.spec;
  const { name } = listener.metadata;
  const keys = listener.kind === 'Listener' ? [listener.spec.routingKey] : strategyKeys(listener);
  return keys.map((routingKey) => ({ name, routingKey, host, port }));
}

/** One service for each address that a connector advertises; the first connector by name says the port. */
function services(observed: Observed): ServiceRecord[] {
  const services = new Map<string, ServiceRecord>();
  const attached = attachedCallers(observed).flatMap(({ binding, caller }) =>
    caller === undefined ? [] : [{ spec: { ...binding.spec, port: caller.port } }],
  );
  const refused = refusedKeys(observed);
  for (const connector of [...ofKind(observed, 'Connector'), ...attached]) {
    const { routingKey, exposePodsByName: podsByName } = connector.spec;
    if (settingOf(connector, SETTING.advertise) !== 'true' || services.has(routingKey)) continue;
    if (routingKeyFault(routingKey) !== undefined || refused.has(routingKey)) continue;
    const service = settingOf(connector, SETTING.serviceName)?.slice(0, LIMITS.textLengthMax);
    const port = servicePort(connector);
    const further = { ...(service && { service }), ...(podsByName && { podsByName }) };
    services.set(routingKey, { address: routingKey, protocol: 'tcp', port, ...further });
  }
  return [...services.values()];
}

/** Routing keys that no connector of this site may offer, though one would. */
function refusedKeys(observed: Observed): ReadonlySet<string> {
  const isRefused = new Map<string, boolean>();
  const look = (named: Parameters<typeof serviceOf>[0], routingKey: string, namespace: string) => {
    const isHeld = exposeRefusal(observed, serviceOf(named, routingKey, namespace)) !== undefined;
    isRefused.set(routingKey, isHeld && (isRefused.get(routingKey) ?? true));
  };
  for (const connector of ofKind(observed, 'Connector')) look(connector, connector.spec.routingKey, observed.namespace);
  for (const binding of ofKind(observed, 'AttachedConnectorBinding')) {
    look(binding, binding.spec.routingKey, binding.spec.connectorNamespace);
  }
  return new Set([...isRefused].filter(([, isHeld]) => isHeld).map(([key]) => key));
}

function servicePort(connector: { spec: { port: number; settings?: Record<string, string> } }): number {
  const port = Number(settingOf(connector, SETTING.servicePort));
  return Number.isInteger(port) && port >= 1 && port <= 65535 ? port : connector.spec.port;
}
