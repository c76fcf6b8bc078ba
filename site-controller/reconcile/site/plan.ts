/** Site: the conditions of the whole, and the network as seen from here. Control-plane reference 1.2. */
import { type Finding, failed, pending, ready } from '../../../config/api/conditions.ts';
import type { Site } from '../../../config/api/site.ts';
import { CREDENTIAL } from '../../../config/names.ts';
import { type Observed, type Outcome, ofKind } from '../observed.ts';
import { ownContent } from '../own-content.ts';
import { routerEnvironment } from '../router-environment.ts';
import { accessEndpoints } from '../routeraccess/plan.ts';
import { planClusterSite } from './cluster-plan.ts';
import { activeSite } from './identity.ts';
import { siteRecords } from './records.ts';

export function planSites(observed: Observed): Outcome[] {
  const active = activeSite(observed);
  return ofKind(observed, 'Site').map((site) => {
    if (site.metadata.name !== active?.metadata.name) {
      const message = `An active site already exists in the namespace (${active?.metadata.name})`;
      return { resource: site, findings: [failed('Configured', message)] };
    }
    if (observed.cluster !== undefined) return planClusterSite(observed, site);
    const endpoints = ofKind(observed, 'RouterAccess').flatMap((access) => accessEndpoints(observed, access));
    return {
      resource: site,
      status: {
        defaultIssuer: site.spec.defaultIssuer || CREDENTIAL.siteCa,
        controller: { name: 'skuprt', namespace: observed.namespace, version: observed.version },
        endpoints,
        sitesInNetwork: observed.network.sites.length + 1,
        network: siteRecords(ownContent(observed, site), observed.network.sites),
      },
      findings: [
        configured(site),
        observed.router === undefined ? pending('Running', 'The router is not running') : ready('Running'),
        endpoints.length > 0 ? ready('Resolved') : pending('Resolved', 'Pending'),
      ],
    };
  });
}

function configured(site: Site): Finding {
  const { spec } = site;
  if (spec.edge && spec.ha) return failed('Configured', 'Edge sites cannot have HA enabled');
  if (spec.edge) return failed('Configured', 'Edge sites are not available on platform local');
  if (spec.ha) return failed('Configured', 'HA is not available on platform local: its site has one router');
  const { faults } = routerEnvironment(site);
  return faults.length > 0 ? failed('Configured', faults.join('; ')) : ready('Configured');
}
