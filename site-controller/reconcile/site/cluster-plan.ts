/** Site on Kubernetes: the conditions of the whole. Control-plane reference 1.2. Pure. */
import { type Finding, failed, pending, ready } from '../../../config/api/conditions.ts';
import type { Site } from '../../../config/api/site.ts';
import { CREDENTIAL } from '../../../config/names.ts';
import type { PodView } from '../cluster.ts';
import { type Observed, type Outcome, ofKind } from '../observed.ts';
import { ownContent } from '../own-content.ts';
import { accessEndpoints, waitingFor } from '../routeraccess/plan.ts';
import { isOffered } from '../securedaccess/access-type.ts';
import { isDrained, routerGroups } from './identity.ts';
import { siteRecords } from './records.ts';
import { settingFaults } from './workload.ts';

const CHOICES = ['', 'default', 'none'];
/** Kubernetes' words for a pod whose containers run and whose probes fail. */
const UNREADY = 'containers with unready status';

/** Of the active Site. */
export function planClusterSite(observed: Observed, site: Site): Outcome {
  const { settings } = observed.cluster!;
  const endpoints = ofKind(observed, 'RouterAccess').flatMap((access) => accessEndpoints(observed, access));
  return {
    resource: site,
    status: {
      defaultIssuer: site.spec.defaultIssuer || CREDENTIAL.siteCa,
      controller: {
        name: settings.name.split('/').at(-1),
        namespace: settings.namespace,
        version: observed.version,
      },
      endpoints,
      sitesInNetwork: observed.network.sites.length + 1,
      network: siteRecords(ownContent(observed, site), observed.network.sites),
    },
    findings: [
      configured(observed, site),
      running(observed, site),
      endpoints.length > 0 ? ready('Resolved') : pending('Resolved', waitingText(observed)),
    ],
  };
}

function configured(observed: Observed, site: Site): Finding {
  const { settings } = observed.cluster!;
  const { edge, ha, linkAccess = '' } = site.spec;
  if (edge && ha) return failed('Configured', 'Edge sites cannot have HA enabled');
  if (ha && settings.routers === 'external') {
    return failed(
      'Configured',
      'HA is not available where routers run outside of the cluster: the site has one router',
    );
  }
  if (!CHOICES.includes(linkAccess) && !isOffered(observed.cluster!, linkAccess)) {
    const offered = ['none', 'default', ...settings.enabledAccessTypes].join(', ');
    return failed('Configured', `Unsupported value for LinkAccess: ${linkAccess}; this controller offers: ${offered}`);
  }
  if (edge && !['', 'none'].includes(linkAccess)) {
    return failed('Configured', `Edge sites cannot have link access (${linkAccess}): they make links and accept none`);
  }
  const faults = settingFaults(observed, site);
  return faults.length > 0 ? failed('Configured', faults.join('; ')) : ready('Configured');
}

/** One router that is ready will do, with HA too: the site works. */
function running({ cluster }: Observed, site: Site): Finding {
  if (cluster!.settings.routers === 'external') {
    return cluster!.routers.size > 0 ? ready('Running') : pending('Running', 'The router is not running');
  }
  const pods = cluster!.pods.filter(isRouterPod);
  if (pods.some(({ isReady, isDeleting }) => isReady && !isDeleting)) return ready('Running');
  const message = pods.find((pod) => !pod.isDeleting && pod.message !== '')?.message;
  // A drained router is not ready, which is as it should be; any other reason counts.
  if ((message ?? UNREADY).startsWith(UNREADY) && routerGroups(site).every((group) => isDrained(site, group))) {
    return pending('Running', 'Drained; skuprt undrain lets the site serve again');
  }
  return pending('Running', message ?? 'No router pod is ready');
}

function isRouterPod({ labels }: PodView): boolean {
  return labels['skupper.io/component'] === 'router' && labels['skupper.io/type'] === 'site';
}

/** What the first access without endpoints waits for. */
function waitingText(observed: Observed): string {
  const [first] = ofKind(observed, 'RouterAccess');
  return first === undefined ? 'Pending' : waitingFor(observed, first);
}
