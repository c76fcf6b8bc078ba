/** Which cluster would be used, and its namespace: what a command must know before it connects. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readIfExists } from '../../lib/files.ts';
import { isInCluster } from '../../lib/kube/config.ts';
import { SERVICE_ACCOUNT_DIRECTORY } from '../../lib/kube/in-cluster.ts';
import { ContextUnknownError, kubeconfigPaths, readKubeconfig } from '../../lib/kube/kubeconfig.ts';
import type { ClusterChoice } from '../context.ts';

export interface ClusterContext {
  /** Undefined in a pod, where the service account says which cluster. */
  name: string | undefined;
  namespace: string | undefined;
}

/** Whether there is anything to find a cluster by. */
export function canReachCluster({ kubeconfig }: ClusterChoice, env: NodeJS.ProcessEnv): boolean {
  return kubeconfigPaths(kubeconfig, env).some((path) => existsSync(path)) || isInCluster(env);
}

/** Undefined when nothing here leads to a cluster. @throws KubeconfigError, ContextUnknownError */
export async function clusterContext(
  { kubeconfig, context }: ClusterChoice,
  env: NodeJS.ProcessEnv,
): Promise<ClusterContext | undefined> {
  const config = await readKubeconfig(kubeconfigPaths(kubeconfig, env));
  if (config === undefined) return context === undefined && isInCluster(env) ? await podContext() : undefined;
  const name = context ?? config.currentContext;
  if (name === undefined) return undefined;
  const found = config.contexts.get(name);
  if (found === undefined) throw new ContextUnknownError(name, [...config.contexts.keys()].sort(), config.where);
  return { name, namespace: found.namespace || undefined };
}

async function podContext(): Promise<ClusterContext> {
  return { name: undefined, namespace: (await readIfExists(join(SERVICE_ACCOUNT_DIRECTORY, 'namespace')))?.trim() };
}
