/** What a cluster must have before it can have sites, and whether what was installed works. */
import { KINDS, type Kind } from '../../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { httpStatusOf, messageOf, SkuprtError } from '../../../lib/errors.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { readVersion } from '../../../lib/version.ts';
import { type Context, commandLine } from '../../context.ts';
import { API, type ClusterClient } from '../../places/cluster-client.ts';
import { findControllers, hasLivingLease, isForbidden, permitted, serves } from '../../places/controllers.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** The oldest server whose API has all that the controller uses. */
const SERVER_MINOR_MIN = 27;
const RESTARTS_MANY = 3;
const DNS_SELECTOR = 'k8s-app=kube-dns';
const ROUTER_SELECTOR = 'skupper.io/component=router';

export interface Right {
  verb: string;
  group: string;
  resource: string;
  namespace?: string;
}

/** What `install` does; the controller's own rights can only be given by somebody who has them. */
const INSTALL_RIGHTS: readonly Right[] = [
  { verb: 'create', group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
  { verb: 'create', group: '', resource: 'namespaces' },
  { verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'clusterroles' },
  { verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'clusterrolebindings' },
  { verb: 'create', group: 'apps', resource: 'deployments' },
  { verb: 'create', group: '', resource: 'serviceaccounts' },
];
const USER_KINDS = [
  'Site',
  'AccessGrant',
  'AccessToken',
  'Link',
  'Listener',
  'Connector',
] as const satisfies readonly Kind[];

const SKUPPER_KINDS = Object.values(KINDS).filter(({ apiVersion }) => apiVersion === SKUPPER_API_VERSION);

export interface ClusterState {
  findings: Finding[];
  /** The kinds are there, so that sites can be looked at. */
  hasKinds: boolean;
}

/** `now` is wall-clock milliseconds. */
export async function checkCluster(context: Context, client: ClusterClient, now: number): Promise<ClusterState> {
  const server = await serverFinding(client);
  // Nothing else can be said about a server that does not answer.
  if (server.result === 'fail') return { findings: [server], hasKinds: false };
  const missing = await missingKinds(client);
  const isInstalled = missing.length < SKUPPER_KINDS.length;
  const findings = [
    server,
    kindsFinding(context, missing, isInstalled),
    ...(await controllerFindings(context, client, now)),
    await rightsFinding(context, client, isInstalled),
    ...(await dnsFindings(client)),
  ];
  return { findings, hasKinds: missing.length === 0 };
}

/** The routers of the namespace's site, as their pods say. */
export async function checkRouters({ namespace }: Context, client: ClusterClient): Promise<Finding[]> {
  const pods = (await permitted(client, API.pods, { namespace, labelSelector: ROUTER_SELECTOR })) ?? [];
  return pods.map((pod) => {
    const check = `router ${pod.metadata.name}`;
    const next = `See kubectl logs -n ${namespace} ${pod.metadata.name} --all-containers`;
    const { phase = 'Unknown', conditions = [], containerStatuses = [] } = pod.status as PodStatus;
    const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
    if (!isReady) return fail(check, reasonOf(containerStatuses) ?? `${phase.toLowerCase()}, not ready`, next);
    const restartCount = containerStatuses.reduce((sum, container) => sum + (container.restartCount ?? 0), 0);
    return restartCount < RESTARTS_MANY
      ? ok(check, 'ready')
      : warn(check, `ready, after ${restartCount} restarts`, next);
  });
}

interface PodStatus {
  phase?: string;
  conditions?: { type: string; status: string }[];
  containerStatuses?: ContainerStatus[];
}

interface ContainerStatus {
  name: string;
  restartCount?: number;
  state?: { waiting?: { reason?: string; message?: string } };
}

function reasonOf(containers: readonly ContainerStatus[]): string | undefined {
  const waiting = containers.find(({ state }) => state?.waiting !== undefined);
  const { reason = '', message = '' } = waiting?.state?.waiting ?? {};
  return waiting === undefined ? undefined : `${waiting.name}: ${reason} ${message}`.trim();
}

async function serverFinding(client: ClusterClient): Promise<Finding> {
  try {
    const { gitVersion = '', minor = '' } = (await client.json('/version')) as {
      gitVersion?: string;
      minor?: string;
    };
    const isOld = Number.parseInt(minor, 10) < SERVER_MINOR_MIN;
    if (!isOld) return ok('API server', gitVersion);
    return warn('API server', `${gitVersion} is older than 1.${SERVER_MINOR_MIN}`, 'Some access types may not work');
  } catch (error) {
    const next = error instanceof SkuprtError ? error.next : undefined;
    return fail('API server', messageOf(error), next ?? 'Check the kubeconfig and the network');
  }
}

async function missingKinds(client: ClusterClient): Promise<string[]> {
  const answer = await client.json(`/apis/${SKUPPER_API_VERSION}`).catch((error: unknown) => {
    if (httpStatusOf(error) === 404) return {};
    throw error;
  });
  const { resources = [] } = answer as { resources?: { name: string }[] };
  const known = new Set(resources.map(({ name }) => name));
  return SKUPPER_KINDS.map(({ plural }) => plural).filter((plural) => !known.has(plural));
}

function kindsFinding(context: Context, missing: readonly string[], isInstalled: boolean): Finding {
  const next = `Install them: ${commandLine(context, 'install')}`;
  if (missing.length === 0) return ok('kinds', `${SKUPPER_API_VERSION} is there`);
  if (!isInstalled) return warn('kinds', `${SKUPPER_API_VERSION} is not installed`, next);
  return fail(
    'kinds',
    `of ${SKUPPER_API_VERSION} some are missing: ${missing.join(', ')}`,
    `${next}, which leaves the others`,
  );
}

async function controllerFindings(context: Context, client: ClusterClient, now: number): Promise<Finding[]> {
  const check = 'controller';
  const controllers = await findControllers(client, context.namespace);
  if (controllers === undefined)
    return [warn(check, 'this user may not see whether there is one', 'Ask an administrator')];
  if (controllers.length === 0) {
    if (await hasLivingLease(client, now)) return [ok(check, 'runs outside of the cluster')];
    return [warn(check, 'there is none', `Install one: ${commandLine(context, 'install')}`)];
  }
  const findings = controllers.map(({ namespace, name, image, readyCount, wantedCount }) => {
    const label = `${check} ${namespace}/${name}`;
    const next = `See kubectl get pods -n ${namespace}; kubectl logs -n ${namespace} deployment/${name}`;
    if (readyCount === 0) return fail(label, `not ready, 0 of ${wantedCount}: ${image}`, next);
    const version = versionOf(image);
    const own = readVersion();
    if (version !== undefined && version !== own)
      return warn(
        label,
        `ready, version ${version}; this command line is ${own}`,
        `Change it: ${commandLine(context, 'upgrade')}`,
      );
    return readyCount < wantedCount
      ? warn(label, `${readyCount} of ${wantedCount} ready`, next)
      : ok(label, `ready: ${image}`);
  });
  const serving = controllers.filter((controller) => serves(controller, context.namespace));
  if (serving.length > 0) return findings;
  return [
    ...findings,
    warn(check, `none serves namespace "${context.namespace}"`, 'Install one that serves all namespaces, or this one'),
  ];
}

/** The version in the tag of an image of ours. */
function versionOf(image: string): string | undefined {
  return /(?:^|\/)skuprt:(\d+\.\d+\.\d+.*)$/.exec(image)?.[1];
}

async function rightsFinding(context: Context, client: ClusterClient, isInstalled: boolean): Promise<Finding> {
  const check = isInstalled ? 'rights to use it' : 'rights to install';
  const group = SKUPPER_API_VERSION.split('/')[0]!;
  const rights: readonly Right[] = isInstalled
    ? USER_KINDS.map((kind) => ({ verb: 'create', group, resource: KINDS[kind].plural, namespace: context.namespace }))
    : INSTALL_RIGHTS;
  const allowed = await Promise.all(rights.map((right) => mayDo(client, right)));
  const lacking = rights.filter((_, index) => !allowed[index]).map(({ verb, resource }) => `${verb} ${resource}`);
  if (lacking.length === 0) return ok(check);
  return warn(check, `missing: ${lacking.join(', ')}`, 'Ask an administrator of the cluster for them');
}

export async function mayDo(client: ClusterClient, { verb, group, resource, namespace }: Right): Promise<boolean> {
  const review: KubeObject = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    metadata: { name: '' },
    spec: { resourceAttributes: { verb, group, resource, namespace } },
  };
  try {
    const answer = await client.create(API.accessReviews, review);
    return (answer.status as { allowed?: boolean } | undefined)?.allowed === true;
  } catch (error) {
    if (isForbidden(error)) return false;
    throw error;
  }
}

/** Nothing is said where this user may not look. */
async function dnsFindings(client: ClusterClient): Promise<Finding[]> {
  const slices = await permitted(client, API.endpointSlices, { namespace: 'kube-system', labelSelector: DNS_SELECTOR });
  if (slices === undefined) return [];
  const ready = slices.flatMap(({ endpoints }) =>
    ((endpoints ?? []) as { conditions?: { ready?: boolean } }[]).filter(
      ({ conditions }) => conditions?.ready !== false,
    ),
  );
  if (ready.length > 0) return [ok('cluster DNS', `${ready.length} ready`)];
  const next = 'Services are found by name only where it is: kubectl get pods -n kube-system';
  return [warn('cluster DNS', 'none found that is ready', next)];
}
