/**
 * The Deployment of one router: the router, and beside it the adaptor that tells it what to be. Control-plane reference 4.2.
 *
 * The router holds no token of the API server: only the adaptors have that volume. No user id is set, because some clusters give
 * each namespace its own; the image brings one that is not root.
 */
import { createHash } from 'node:crypto';
import type { Site } from '../../../config/api/site.ts';
import { NAME, ROUTER_FILES, ROUTER_SELECTOR, SETTING } from '../../../config/names.ts';
import { ROUTER_NODE_OPTION } from '../../../config/router-node-option.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { objectOf } from '../cluster.ts';
import type { Observed } from '../observed.ts';
import { routerEnvironment, TRACE_ENDPOINT } from '../router-environment.ts';
import type { ControllerSettings } from '../settings.ts';
import { routerGroups, settingOf, siteIdOf } from './identity.ts';
import { overlaid, type PodOverlay } from './pod-overlay.ts';
import type { SiteSizing } from './sizing.ts';

const CONFIG_ROOT = '/etc/skupper-router/config';
const ROUTER_CONFIG = `${CONFIG_ROOT}/skrouterd.json`;
export const TOKEN_ROOT = '/var/run/secrets/kubernetes.io/serviceaccount';
export const TOKEN_VOLUME = 'api-access';
const TOKEN_LIFE_SECONDS = 3607;
/**
 * A router that is told to stop accepts clients for as long as every node may send it some, then has as long for what is open. Its
 * liveness is no longer asked for in that time.
 */
const DRAIN_GRACE_SECONDS = 5;
const DRAIN_SECONDS = 25;
/** It has broken off what is open by then, and told its peers. */
const TERMINATION_GRACE_SECONDS = DRAIN_SECONDS + 10;
/** How long a router may take until it answers. */
const START_SECONDS = 300;
/** A rollout that has not come to an end by then says so. */
const PROGRESS_DEADLINE_SECONDS = 120;
const ANTI_AFFINITY_SETTING = 'disable-anti-affinity';

const HEALTH_PORT = { router: 9090, adaptor: 9191 };
const ROUTER_PORTS = { amqps: 5671, http: HEALTH_PORT.router, 'inter-router': 55671, edge: 45671 };
const SITE_LABELS = { application: NAME.router, 'skupper.io/type': 'site' };

export interface DeploymentInputs {
  observed: Observed;
  site: Site;
  group: string;
  settings: ControllerSettings;
  sizing: SiteSizing;
  overlay: PodOverlay;
}

export function routerDeployment(inputs: DeploymentInputs): KubeObject {
  const { observed, group, overlay } = inputs;
  const labels = podLabels(group);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: group, labels },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: PROGRESS_DEADLINE_SECONDS,
      selector: { matchLabels: selectorOf(observed, group, labels) },
      // The new router is there before the old one goes.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: overlaid(podTemplate(inputs, labels), overlay),
    },
  };
}

function podLabels(group: string): Record<string, string> {
  return {
    ...SITE_LABELS,
    ...ROUTER_SELECTOR,
    'app.kubernetes.io/name': NAME.router,
    'app.kubernetes.io/part-of': 'skupper',
    'skupper.io/group': group,
  };
}

/** It can never change, so that of a Deployment which Skupper made stays as long as it picks these pods. */
function selectorOf({ cluster }: Observed, group: string, labels: Record<string, string>): Record<string, string> {
  const live = cluster && objectOf(cluster, 'Deployment', group);
  const spec = live?.spec as { selector?: { matchLabels?: Record<string, string> } } | undefined;
  const given = Object.entries(spec?.selector?.matchLabels ?? {});
  const isUsable = given.length > 0 && given.every(([key, value]) => labels[key] === value);
  return isUsable ? Object.fromEntries(given) : { 'skupper.io/component': 'router', 'skupper.io/group': group };
}

function podTemplate(inputs: DeploymentInputs, labels: Record<string, string>): PodTemplate {
  const { site, settings } = inputs;
  return {
    metadata: {
      labels,
      annotations: {
        'prometheus.io/port': String(HEALTH_PORT.router),
        'prometheus.io/scrape': 'true',
        'skupper.io/config-digest': restartDigest(site),
      },
    },
    spec: {
      serviceAccountName: site.spec.serviceAccount || NAME.router,
      automountServiceAccountToken: false,
      // Variables of other Services would be read as settings.
      enableServiceLinks: false,
      terminationGracePeriodSeconds: TERMINATION_GRACE_SECONDS,
      ...(!settings.disableSecurityContext && {
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      }),
      ...spreading(site),
      initContainers: [adaptor(inputs, 'config-init', ['kube-adaptor', '--init'])],
      containers: [router(inputs), { ...adaptor(inputs, 'kube-adaptor', ['kube-adaptor']), ...adaptorService() }],
      volumes: volumes(),
    },
  };
}

/** What a running router cannot change. */
function restartDigest(site: Site): string {
  const mode = site.spec.edge ? 'edge' : 'interior';
  const parts = [mode, settingOf(site, SETTING.dataConnectionCount) ?? ''];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** The routers of a site stand on different nodes and in different zones where there are several. */
function spreading(site: Site): object {
  if (routerGroups(site).length < 2) return {};
  const labelSelector = { matchLabels: { ...SITE_LABELS } };
  const zones = {
    maxSkew: 1,
    topologyKey: 'topology.kubernetes.io/zone',
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector,
  };
  const hosts = { weight: 100, podAffinityTerm: { labelSelector, topologyKey: 'kubernetes.io/hostname' } };
  const isApart = settingOf(site, ANTI_AFFINITY_SETTING) !== 'true';
  return {
    ...(isApart && { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [hosts] } } }),
    topologySpreadConstraints: [zones],
  };
}

function router({ settings, sizing, site }: DeploymentInputs): Container {
  return {
    name: 'router',
    image: settings.routerImage,
    imagePullPolicy: settings.routerImagePullPolicy,
    args: [
      ...['router', '--config', ROUTER_CONFIG],
      ...['--drain', `${DRAIN_SECONDS}s`, '--drain-grace', `${DRAIN_GRACE_SECONDS}s`],
    ],
    env: [
      fieldVariable('HOSTNAME', 'metadata.name'),
      fieldVariable('POD_NAMESPACE', 'metadata.namespace'),
      // By it the router's events are those of the site.
      { name: 'SKUPPER_SITE_ID', value: siteIdOf(site) },
      { name: 'NODE_OPTIONS', value: ROUTER_NODE_OPTION },
      ...Object.entries(routerEnvironment(site).variables).map(([name, value]) => ({ name, value })),
    ],
    ports: Object.entries(ROUTER_PORTS).map(([name, containerPort]) => ({ name, containerPort, protocol: 'TCP' })),
    // Until it has started nobody ends it: on a node without a free processor that takes minutes, and anew takes no less.
    startupProbe: { ...probe(HEALTH_PORT.router), periodSeconds: 1, failureThreshold: START_SECONDS },
    livenessProbe: { ...probe(HEALTH_PORT.router), periodSeconds: 10, timeoutSeconds: 5 },
    readinessProbe: { ...probe(HEALTH_PORT.router, '/readyz'), periodSeconds: 1, failureThreshold: 1 },
    ...hardening(settings),
    ...resourcesOf(sizing.router),
    volumeMounts: fileMounts(true),
  };
}

/** Runs once before the router to write its first configuration, then beside it. */
function adaptor({ settings, sizing, site, group }: DeploymentInputs, name: string, args: string[]): Container {
  return {
    name,
    image: settings.adaptorImage,
    imagePullPolicy: settings.adaptorImagePullPolicy,
    args,
    env: [
      fieldVariable('HOSTNAME', 'metadata.name'),
      fieldVariable('SKUPPER_NAMESPACE', 'metadata.namespace'),
      { name: 'SKUPPER_SITE_ID', value: siteIdOf(site) },
      { name: 'SKUPPER_SITE_NAME', value: site.metadata.name },
      { name: 'SKUPPER_ROUTER_CONFIG', value: group },
      { name: 'SKUPPER_ROUTER_DEPLOYMENT', value: group },
      // It makes little garbage, and stands in every pod: a third less memory for a tenth more time.
      { name: 'NODE_OPTIONS', value: '--max-semi-space-size=2' },
      // Of its work all is traced: it is little, and for a look of the controller in the trace of that.
      ...Object.entries(routerEnvironment(site).variables)
        .filter(([name]) => name === TRACE_ENDPOINT)
        .map(([name, value]) => ({ name, value })),
    ],
    ...hardening(settings),
    ...resourcesOf(sizing.adaptor),
    volumeMounts: [...fileMounts(false), { name: TOKEN_VOLUME, mountPath: TOKEN_ROOT, readOnly: true }],
  };
}

function adaptorService(): Partial<Container> {
  return {
    ports: [
      { name: 'metrics', containerPort: 9000, protocol: 'TCP' },
      { name: 'health', containerPort: HEALTH_PORT.adaptor, protocol: 'TCP' },
    ],
    readinessProbe: { ...probe(HEALTH_PORT.adaptor), periodSeconds: 1 },
  };
}

function probe(port: number, path = '/healthz'): object {
  return { httpGet: { path, port, scheme: 'HTTP' }, failureThreshold: 3, timeoutSeconds: 3 };
}

/** Of every container of a site. */
export function hardening({ disableSecurityContext }: ControllerSettings): object {
  if (disableSecurityContext) return {};
  return {
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
    },
  };
}

function resourcesOf(resources: object): object {
  return Object.keys(resources).length === 0 ? {} : { resources };
}

function fieldVariable(name: string, fieldPath: string): object {
  return { name, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } };
}

function fileMounts(isReader: boolean): object[] {
  const mounts = [
    { name: 'skupper-router-config', mountPath: CONFIG_ROOT },
    { name: 'skupper-router-certs', mountPath: ROUTER_FILES.certs },
    { name: 'skupper-router-proxies', mountPath: ROUTER_FILES.proxies },
  ];
  return isReader ? mounts.map((mount) => ({ ...mount, readOnly: true })) : mounts;
}

/** Keys and passwords are kept in memory only. */
function volumes(): object[] {
  return [
    { name: 'skupper-router-config', emptyDir: {} },
    { name: 'skupper-router-certs', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
    { name: 'skupper-router-proxies', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    tokenVolume(),
  ];
}

/** As a service account has it, with a short life. */
export function tokenVolume(): object {
  return {
    name: TOKEN_VOLUME,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_LIFE_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    },
  };
}

export interface PodTemplate {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: { initContainers: Container[]; containers: Container[] } & Record<string, unknown>;
}

interface Container {
  name: string;
  [member: string]: unknown;
}
