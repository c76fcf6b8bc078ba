/**
 * From flags and environment to a client of one cluster: a kubeconfig that is named or found, else the service account of this pod.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { readIfExists } from '../files.ts';
import { type Random, systemRandom } from '../random.ts';
import { KubeClient } from './client.ts';
import { InCluster, SERVICE_ACCOUNT_DIRECTORY } from './in-cluster.ts';
import { contextOf, type Kubeconfig, KubeconfigError, kubeconfigPaths, readKubeconfig } from './kubeconfig.ts';
import { KubeconfigEndpoint } from './kubeconfig-endpoint.ts';
import { libraryEndpoint, needsLibrary } from './kubeconfig-library.ts';
import type { ApiObserver } from './requests.ts';
import { type Endpoint, HttpTransport } from './transport.ts';

export interface ConnectOptions {
  /** A file; absent: as kubectl finds it. */
  kubeconfig?: string;
  /** Absent: the current one. */
  context?: string;
  env: NodeJS.ProcessEnv;
  observer?: ApiObserver;
  clock?: Clock;
  random?: Random;
  userAgent?: string;
  inFlightMax?: number;
}

export interface Cluster {
  /** Of the context; `in-cluster` in a pod. */
  name: string;
  server: string;
  /** Of the context or of the pod. */
  namespace: string | undefined;
  client: KubeClient;
}

export const IN_CLUSTER = 'in-cluster';

/** Connects nothing yet: the first call does. @throws KubeconfigError, ContextUnknownError */
export async function connectCluster(options: ConnectOptions): Promise<Cluster> {
  const { clock = systemClock } = options;
  const config = await readKubeconfig(kubeconfigPaths(options.kubeconfig, options.env));
  if (config !== undefined) return fromContext(config, options, clock);
  if (options.kubeconfig || options.context || !isInCluster(options.env)) throw noKubeconfig(options);
  const namespace = await readIfExists(join(SERVICE_ACCOUNT_DIRECTORY, 'namespace'));
  const endpoint = new InCluster(options.env, () => clock.now());
  return clusterAt(IN_CLUSTER, endpoint, namespace?.trim() || undefined, options, clock);
}

/** The names of all contexts, sorted, and which is the current one; undefined without a kubeconfig. */
export async function listContexts(
  kubeconfig: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<{ contexts: string[]; current: string | undefined } | undefined> {
  const config = await readKubeconfig(kubeconfigPaths(kubeconfig, env));
  return config && { contexts: [...config.contexts.keys()].sort(), current: config.currentContext };
}

export function isInCluster(env: NodeJS.ProcessEnv, directory: string = SERVICE_ACCOUNT_DIRECTORY): boolean {
  return Boolean(env.KUBERNETES_SERVICE_HOST) && existsSync(join(directory, 'token'));
}

async function fromContext(config: Kubeconfig, options: ConnectOptions, clock: Clock): Promise<Cluster> {
  const entry = contextOf(config, options.context);
  const endpoint = needsLibrary(entry)
    ? await libraryEndpoint(config, entry)
    : new KubeconfigEndpoint(entry, () => clock.now());
  return clusterAt(entry.context, endpoint, entry.namespace, options, clock);
}

function clusterAt(
  name: string,
  endpoint: Endpoint,
  namespace: string | undefined,
  { observer, random = systemRandom, userAgent, inFlightMax }: ConnectOptions,
  clock: Clock,
): Cluster {
  const transport = new HttpTransport(endpoint);
  const client = new KubeClient({ transport, clock, random, observer, userAgent, inFlightMax });
  return { name, server: endpoint.server, namespace, client };
}

function noKubeconfig({ kubeconfig, env }: ConnectOptions): KubeconfigError {
  const paths = kubeconfigPaths(kubeconfig, env);
  return new KubeconfigError(
    paths.length === 0 ? 'there is no kubeconfig' : `there is no kubeconfig ${paths.join(', ')}`,
    {
      next: 'name one with --kubeconfig or KUBECONFIG',
    },
  );
}
