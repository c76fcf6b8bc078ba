/** Site: the conditions of the whole, and the network as seen from here. Control-plane reference 1.2. */
import { type Finding, failed, pending, ready } from '../../../config/api/conditions.ts';
import type { Site, SiteRecord } from '../../../config/api/site.ts';
import type { SiteContent } from '../../exchange/record.ts';
import { CREDENTIAL } from '../../names.ts';
import { type Observed, type Outcome, ofKind } from '../observed.ts';
import { ownContent } from '../own-content.ts';
import { accessEndpoints } from '../routeraccess/plan.ts';
import { activeSite } from './identity.ts';

export function planSites(observed: Observed): Outcome[] {
  const active = activeSite(observed);
  return ofKind(observed, 'Site').map((site) => {
    if (site.metadata.name !== active?.metadata.name) {
      const message = `An active site already exists in the namespace (${active?.metadata.name})`;
      return { resource: site, findings: [failed('Configured', message)] };
    }
    const endpoints = ofKind(observed, 'RouterAccess').flatMap((access) => accessEndpoints(observed, access));
    return {
      resource: site,
      status: {
        defaultIssuer: site.spec.defaultIssuer || CREDENTIAL.siteCa,
        controller: { name: 'skuprt', namespace: observed.namespace, version: observed.version },
        endpoints,
        sitesInNetwork: observed.network.sites.length + 1,
        network: [ownContent(observed, site), ...observed.network.sites].map(siteRecord),
      },
      findings: [
        configured(site),
        observed.router === undefined ? pending('Running', 'The router is not running') : ready('Running'),
        endpoints.length > 0 ? ready('Resolved') : pending('Resolved', 'Pending'),
      ],
    };
  });
}

function configured({ spec }: Site): Finding {
  if (spec.edge && spec.ha) return failed('Configured', 'Edge sites cannot have HA enabled');
  if (spec.edge) return failed('Configured', 'Edge sites are not available on platform local');
  if (spec.ha) return failed('Configured', 'HA is not available on platform local: its site has one router');
  return ready('Configured');
}

function siteRecord({ site, routers, listeners, connectors }: SiteContent): SiteRecord {
  const routingKeys = [...new Set([...listeners, ...connectors].map(({ routingKey }) => routingKey))].sort();
  return {
    ...site,
    links: routers.flatMap(({ links }) =>
      links.map(({ name, remoteSiteId, remoteSiteName, operational }) => ({
        name,
        remoteSiteId,
        remoteSiteName,
        operational,
      })),
    ),
    services: routingKeys.map((routingKey) => ({
      routingKey,
      connectors: connectors.filter((entry) => entry.routingKey === routingKey).map(({ name }) => name),
      listeners: listeners.filter((entry) => entry.routingKey === routingKey).map(({ name }) => name),
    })),
  };
}
