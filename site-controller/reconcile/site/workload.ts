/**
 * What runs a site on Kubernetes: for each router a Deployment, and around them a Service for tools, rights, and a disruption budget.
 * Control-plane reference 4.2. A pure function of what is observed.
 */
import type { Site } from '../../../config/api/site.ts';
import { NAME, ROUTER_SELECTOR } from '../../../config/names.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { Observed } from '../observed.ts';
import { routerEnvironment } from '../router-environment.ts';
import { consoleFaults, consoleObjects } from './console.ts';
import { routerDeployment } from './deployment.ts';
import { activeSite, routerGroups } from './identity.ts';
import { templateFaults } from './labels.ts';
import { podOverlay } from './pod-overlay.ts';
import { routerRights } from './rights.ts';
import { inOrder } from './rollout.ts';
import { siteSizing } from './sizing.ts';

const AMQPS_PORT = 5671;

export interface Workload {
  objects: KubeObject[];
  /** Settings that cannot be followed; the rest is made all the same. */
  faults: string[];
}

export function planWorkload(observed: Observed): Workload {
  const site = activeSite(observed);
  if (site === undefined || observed.cluster === undefined) return { objects: [], faults: [] };
  const { settings } = observed.cluster;
  const shared = [localService(), ...statusMaps()];
  const faults = templateFaults(observed);
  if (settings.routers === 'external') return { objects: shared, faults };
  const sizing = siteSizing(observed, site);
  const overlay = podOverlay(observed, site);
  const deployments = routerGroups(site).map((group) =>
    routerDeployment({ observed, site, group, settings, sizing: sizing.value, overlay: overlay.value }),
  );
  return {
    objects: [
      ...shared,
      ...(site.spec.serviceAccount ? [] : routerRights(site, observed.namespace, observed.cluster.workloads?.length)),
      ...budget(site),
      ...consoleObjects(observed, site),
      ...inOrder(observed, deployments),
    ],
    faults: [...faults, ...sizing.faults, ...overlay.faults],
  };
}

/** Of the site's own settings; those of others' templates are not its fault. */
export function settingFaults(observed: Observed, site: Site): string[] {
  if (observed.cluster?.settings.routers !== 'deployment') return [];
  return [
    ...siteSizing(observed, site).faults,
    ...podOverlay(observed, site).faults,
    ...routerEnvironment(site).faults,
    ...consoleFaults(site),
  ];
}

function localService(): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME.localService },
    spec: {
      type: 'ClusterIP',
      ipFamilyPolicy: 'PreferDualStack',
      selector: ROUTER_SELECTOR,
      ports: [{ name: 'amqps', port: AMQPS_PORT, targetPort: AMQPS_PORT, protocol: 'TCP' }],
    },
  };
}

/** Adaptors fill them. They are made here so that they go with the Site. */
function statusMaps(): KubeObject[] {
  return [NAME.routerStatus, NAME.networkStatus].map((name) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
  }));
}

/** Draining a node takes one router at a time. */
function budget({ spec }: Site): KubeObject[] {
  if (!spec.ha || spec.edge) return [];
  const selector = { matchLabels: ROUTER_SELECTOR };
  return [
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: NAME.router },
      spec: { maxUnavailable: 1, selector },
    },
  ];
}
