/**
 * The console of a site on Kubernetes, where its setting `skuprt.io/console` asks for one: a Deployment, its Service and its certificate.
 * Pure.
 *
 * Its service account reads what it shows to everybody who is in, and nothing secret. Who may come in the API server says, asked with the
 * token that they bring; what is secret, and tokens that are made, go through it in their name, so that nobody can do here what they
 * could not do with kubectl.
 */
import { POLICY_GROUP } from '../../../config/api/access-policy.ts';
import type { Site } from '../../../config/api/site.ts';
import { CREDENTIAL, NAME, SETTING } from '../../../config/names.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { Observed } from '../observed.ts';
import { hardening, TOKEN_ROOT, TOKEN_VOLUME, tokenVolume } from './deployment.ts';
import { settingOf } from './identity.ts';

const SKUPPER_GROUP = 'skupper.io';
const RBAC_GROUP = 'rbac.authorization.k8s.io';
export const CONSOLE_PORTS = { https: 8443, metrics: 9000 };
const FILES = { tls: '/etc/skuprt-console/tls', router: '/etc/skuprt-console/router' };
export const CONSOLE_LABELS = {
  'app.kubernetes.io/name': NAME.console,
  'app.kubernetes.io/part-of': 'skupper',
  'skupper.io/component': 'console',
};
export const CONSOLE_SELECTOR = { 'app.kubernetes.io/name': NAME.console };
/** Nobody looks at it all the time. */
const RESOURCES = { requests: { cpu: '10m', memory: '96Mi' }, limits: { memory: '512Mi' } };
const READ = ['get', 'list', 'watch'];

/** `read-write`: tokens can be made in it. */
type Wish = 'true' | 'read-write';

export function isConsoleWanted({ cluster }: Pick<Observed, 'cluster'>, site: Site): boolean {
  return wishOf(site) !== undefined && cluster?.settings.routers === 'deployment';
}

export function hasConsoleService(site: Site): boolean {
  return wishOf(site) !== undefined;
}

/** Why the setting cannot be followed. */
export function consoleFaults(site: Site): string[] {
  const value = settingOf(site, SETTING.console);
  if (value === undefined || value === '' || value === 'false' || wishOf(site) !== undefined) return [];
  return [`settings.${SETTING.console} "${value}" is none of true, read-write, false`];
}

export function consoleObjects(observed: Observed, site: Site): KubeObject[] {
  if (!isConsoleWanted(observed, site)) return [];
  const metadata = { name: NAME.console, labels: CONSOLE_LABELS };
  const { namespace } = observed;
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    { apiVersion: `${RBAC_GROUP}/v1`, kind: 'Role', metadata, rules: rules() },
    {
      apiVersion: `${RBAC_GROUP}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: RBAC_GROUP, kind: 'Role', name: NAME.console },
      subjects: [{ kind: 'ServiceAccount', name: NAME.console, namespace }],
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        type: 'ClusterIP',
        ipFamilyPolicy: 'PreferDualStack',
        selector: CONSOLE_SELECTOR,
        ports: [{ name: 'https', port: 443, targetPort: 'https', protocol: 'TCP' }],
      },
    },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: deploymentSpec(observed, site) },
  ];
}

function wishOf(site: Site): Wish | undefined {
  const value = settingOf(site, SETTING.console);
  return value === 'true' || value === 'read-write' ? value : undefined;
}

/** Neither Secrets nor grants and tokens, whose codes let their reader into the network. */
function rules(): object[] {
  const shown = ['certificates', 'connectors', 'links', 'listeners', 'multikeylisteners', 'sites'];
  return [
    { apiGroups: [SKUPPER_GROUP], resources: shown, verbs: READ },
    { apiGroups: [POLICY_GROUP], resources: ['accesspolicies'], verbs: READ },
  ];
}

function deploymentSpec({ cluster, namespace }: Observed, site: Site): object {
  const { settings } = cluster!;
  return {
    // Who is signed in is known to one.
    replicas: 1,
    revisionHistoryLimit: 2,
    selector: { matchLabels: CONSOLE_SELECTOR },
    template: {
      metadata: {
        labels: CONSOLE_LABELS,
        annotations: { 'prometheus.io/port': String(CONSOLE_PORTS.metrics), 'prometheus.io/scrape': 'true' },
      },
      spec: {
        serviceAccountName: NAME.console,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        ...(!settings.disableSecurityContext && {
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        }),
        containers: [
          {
            name: 'console',
            image: settings.adaptorImage,
            imagePullPolicy: settings.adaptorImagePullPolicy,
            args: args(namespace, wishOf(site) !== 'read-write'),
            ports: [
              { name: 'https', containerPort: CONSOLE_PORTS.https, protocol: 'TCP' },
              { name: 'metrics', containerPort: CONSOLE_PORTS.metrics, protocol: 'TCP' },
            ],
            // As for routers: until it has started nobody ends it.
            startupProbe: {
              httpGet: { path: '/healthz', port: CONSOLE_PORTS.metrics, scheme: 'HTTP' },
              periodSeconds: 1,
              failureThreshold: 300,
            },
            readinessProbe: {
              httpGet: { path: '/healthz', port: CONSOLE_PORTS.metrics, scheme: 'HTTP' },
              periodSeconds: 2,
            },
            livenessProbe: {
              httpGet: { path: '/healthz', port: CONSOLE_PORTS.metrics, scheme: 'HTTP' },
              timeoutSeconds: 5,
            },
            ...hardening(settings),
            resources: RESOURCES,
            volumeMounts: [
              { name: 'tls', mountPath: FILES.tls, readOnly: true },
              { name: 'router', mountPath: FILES.router, readOnly: true },
              { name: TOKEN_VOLUME, mountPath: TOKEN_ROOT, readOnly: true },
            ],
          },
        ],
        volumes: [
          { name: 'tls', secret: { secretName: CREDENTIAL.console } },
          { name: 'router', secret: { secretName: CREDENTIAL.localClient } },
          tokenVolume(),
        ],
      },
    },
  };
}

function args(namespace: string, isReadOnly: boolean): string[] {
  return [
    ...['--platform', 'kubernetes', '--namespace', namespace, 'console'],
    // `kubectl port-forward` comes to the loopback address.
    ...['--host', '::', '--port', String(CONSOLE_PORTS.https), '--tls-credentials', FILES.tls],
    ...['--sign-in', 'kubernetes', `--read-only=${isReadOnly}`],
    ...['--router-host', NAME.localService, '--router-credentials', FILES.router],
    ...['--metrics-port', String(CONSOLE_PORTS.metrics)],
  ];
}
