/**
 * Connections to the services of a site from where its clients are: a pod of the namespace looks up the name and connects, and is removed
 * again. Takes the image of the site's own router, which every node has or can have.
 */
import type { ResourceOf } from '../../../config/api/index.ts';
import { messageOf } from '../../../lib/errors.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { randomId, systemRandom } from '../../../lib/random.ts';
import type { Context } from '../../context.ts';
import { API, type ClusterClient } from '../../places/cluster-client.ts';
import { waitFor } from '../../wait.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import type { ProbeResult } from './probe-targets.ts';

const DEADLINE_SECONDS = 30;
const TARGETS_MAX = 20;
const ROUTER = 'skupper-router';

/** One finding for each listener that has a connector; none where there is nothing to connect to. */
export async function probeFromPod(
  context: Context,
  client: ClusterClient,
  listeners: readonly ResourceOf<'Listener'>[],
): Promise<Finding[]> {
  const matched = listeners.filter(({ status }) => status?.hasMatchingConnector).slice(0, TARGETS_MAX);
  const image = matched.length === 0 ? undefined : await imageOf(client, context.namespace);
  if (image === undefined) return [];
  const targets = matched.map(({ spec }) => `${spec.host}:${spec.port}`);
  try {
    const results = await runPod(context, client, image, targets);
    return results.map(findingOf);
  } catch (error) {
    const next = 'Services can still be tried by hand: kubectl run -it --rm --image busybox try -- wget -O- HOST:PORT';
    return [warn('services from a pod', messageOf(error), next)];
  }
}

function findingOf({ target, address, durationMs, reason, isKnown }: ProbeResult): Finding {
  const check = `service ${target}`;
  if (reason === undefined) return ok(check, `${address} answers a pod of this namespace in ${durationMs} ms`);
  const next = isKnown
    ? 'See the connector at the other site, and skuprt link status'
    : 'Its Service is missing, or the DNS of the cluster does not work: kubectl get service';
  return fail(check, reason, next);
}

async function imageOf(client: ClusterClient, namespace: string): Promise<string | undefined> {
  const deployment = await client.get(API.deployments, ROUTER, namespace);
  const spec = deployment?.spec as { template?: { spec?: { containers?: { name: string; image: string }[] } } };
  return spec?.template?.spec?.containers?.find(({ name }) => name === 'kube-adaptor')?.image;
}

async function runPod(
  context: Context,
  client: ClusterClient,
  image: string,
  targets: readonly string[],
): Promise<ProbeResult[]> {
  const { namespace } = context;
  const name = `skuprt-check-${randomId(systemRandom, 6).toLowerCase()}`;
  await client.create(API.pods, probePod(name, namespace, image, targets));
  try {
    const options = { what: 'a pod to try the services', timeoutMs: DEADLINE_SECONDS * 1000, afterwards: '' };
    await waitFor(context, options, async () => {
      const { phase = 'Pending' } = ((await client.get(API.pods, name, namespace))?.status ?? {}) as { phase?: string };
      return phase === 'Succeeded' || phase === 'Failed' ? { done: true } : { pending: phase.toLowerCase() };
    });
    const text = await client.logs(namespace, name, { container: 'probe', previous: false });
    return text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as ProbeResult);
  } finally {
    await client.delete(API.pods, name, namespace);
  }
}

function probePod(name: string, namespace: string, image: string, targets: readonly string[]): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { 'app.kubernetes.io/name': 'skuprt-check' } },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: DEADLINE_SECONDS,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'probe',
          image,
          imagePullPolicy: 'IfNotPresent',
          args: ['probe', ...targets],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}
