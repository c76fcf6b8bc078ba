/**
 * The API server of a cluster, spoken to with somebody else's bearer token and with nothing of our own: it says who they are and what they
 * may do, and what is done in their name is theirs. No right is needed for that (`SelfSubjectReview`, `SelfSubjectAccessReview`).
 */
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { systemRandom } from '../random.ts';
import { KubeClient } from './client.ts';
import { type ConnectOptions, IN_CLUSTER, isInCluster } from './config.ts';
import { ApiError } from './errors.ts';
import { InCluster, SERVICE_ACCOUNT_DIRECTORY } from './in-cluster.ts';
import { type ClusterEntry, contextOf, KubeconfigError, kubeconfigPaths, readKubeconfig } from './kubeconfig.ts';
import { KubeconfigEndpoint } from './kubeconfig-endpoint.ts';
import { HttpTransport } from './transport.ts';

/** What may stand in a header. */
const TOKEN = /^[\x21-\x7e]+$/;
const CALL = { timeoutMs: 10_000, retryCountMax: 1 };

export type UserOptions = Pick<ConnectOptions, 'kubeconfig' | 'context' | 'env' | 'userAgent'>;

/** To be closed by who asked for it. @throws KubeconfigError, ContextUnknownError */
export async function connectAsUser(options: UserOptions, token: string): Promise<KubeClient> {
  const cluster = await clusterEntry(options);
  const user = { context: IN_CLUSTER, namespace: undefined, clusterName: '', userName: '', cluster, user: { token } };
  const transport = new HttpTransport(new KubeconfigEndpoint(user, () => systemClock.now()));
  return new KubeClient({ transport, clock: systemClock, random: systemRandom, userAgent: options.userAgent });
}

/** What the API server calls the owner of the token; undefined when it knows none. @throws SkuprtError when it does not answer */
export async function userName(client: KubeClient): Promise<string | undefined> {
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  try {
    const answer = (await client.raw('POST', path, review, { isIdempotent: true, ...CALL })) as {
      status?: { userInfo?: { username?: string } };
    };
    return answer.status?.userInfo?.username;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return undefined;
    throw error;
  }
}

export function isBearerToken(text: string): boolean {
  return TOKEN.test(text);
}

async function clusterEntry({ kubeconfig, context, env }: UserOptions): Promise<ClusterEntry & { server: string }> {
  const config = await readKubeconfig(kubeconfigPaths(kubeconfig, env));
  if (config !== undefined) return contextOf(config, context).cluster;
  if (!isInCluster(env)) throw new KubeconfigError('there is no kubeconfig, and this is no pod');
  const { server } = new InCluster(env, () => 0);
  return { server, 'certificate-authority': join(SERVICE_ACCOUNT_DIRECTORY, 'ca.crt') };
}
