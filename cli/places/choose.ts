/**
 * The place that a command works on. A platform that is named wins. Otherwise, as Skupper does, a cluster where a kubeconfig
 * leads to one, but not over a local site that is there already in this namespace; and this machine where there is no cluster.
 */
import { existsSync } from 'node:fs';
import { dataHomeOf, sitePaths } from '../../site-controller/platform/local/paths.ts';
import { type Context, type Surroundings, say } from '../context.ts';
import { UsageError } from '../errors.ts';
import { contextOf, DEFAULT_NAMESPACE, type GlobalFlags, localContext, namedPlatform } from '../platform.ts';
import type { ClusterSetPlace } from './cluster-set.ts';
import { type ClusterContext, clusterContext } from './kubeconfig.ts';
import type { Place } from './place.ts';

/** The context of a command on a site. @throws UsageError, FileError, NotFoundError */
export async function chooseContext(flags: GlobalFlags, surroundings: Surroundings): Promise<Context> {
  const named = namedPlatform(flags, surroundings.env);
  if (named === 'local') {
    if (flags.context !== undefined || flags.kubeconfig !== undefined)
      say(surroundings, 'Warning: --context and --kubeconfig have no meaning on platform local');
    return localContext(flags, surroundings);
  }
  if (named === 'kubernetes') return await clusterContextOf(flags, surroundings);
  const found = await clusterContext({ kubeconfig: undefined, context: undefined }, surroundings.env);
  if (found === undefined) return localContext(flags, surroundings);
  if (hasLocalSite(flags, surroundings.env)) {
    const namespace = flags.namespace ?? DEFAULT_NAMESPACE;
    say(surroundings, `Note: this is the local site of namespace "${namespace}"; -p kubernetes leads to the cluster`);
    return localContext(flags, surroundings);
  }
  return inCluster(flags, surroundings, found);
}

/**
 * One for each context of the kubeconfig that was given, or for each namespace; with as many of both they belong together, one by one.
 * @throws as `chooseContext`
 */
export async function chooseContexts(
  flags: GlobalFlags,
  { contexts, namespaces }: { contexts: readonly string[]; namespaces: readonly string[] },
  surroundings: Surroundings,
): Promise<Context[]> {
  const count = Math.max(1, contexts.length, namespaces.length);
  const isPaired = [contexts, namespaces].every((list) => list.length < 2 || list.length === count);
  if (!isPaired) {
    throw new UsageError(`${contexts.length} contexts and ${namespaces.length} namespaces do not belong together`, {
      next: 'Give one of them once, or as many of both',
    });
  }
  const each = Array.from({ length: count }, (_, index) => ({
    ...flags,
    context: contexts[index] ?? flags.context,
    namespace: namespaces[index] ?? flags.namespace,
  }));
  return Promise.all(each.map((one) => chooseContext(one, surroundings)));
}

/** The context of a command that is for clusters only. @throws UsageError, FileError, NotFoundError */
export async function clusterContextOf(flags: GlobalFlags, surroundings: Surroundings): Promise<Context> {
  const choice = { kubeconfig: flags.kubeconfig, context: flags.context };
  // Without a cluster manifests can be printed still; whatever needs one finds out when it connects.
  const found = await clusterContext(choice, surroundings.env);
  return inCluster(flags, surroundings, found ?? { name: undefined, namespace: undefined });
}

export async function openPlace(context: Context): Promise<Place> {
  if (context.platform === 'local') {
    const { openLocal } = await import('./local.ts');
    return openLocal(context);
  }
  const { openCluster } = await import('./kubernetes.ts');
  return await openCluster(context);
}

/** What `service export` and its siblings work on. */
export async function openClusterSet(context: Context): Promise<ClusterSetPlace> {
  if (context.platform === 'local') {
    const { LocalClusterSet } = await import('./local-cluster-set.ts');
    return new LocalClusterSet(context);
  }
  const { KubernetesClusterSet } = await import('./cluster-set.ts');
  return new KubernetesClusterSet(context, await context.connect(context.cluster, context.env));
}

function inCluster(flags: GlobalFlags, surroundings: Surroundings, found: ClusterContext): Context {
  const namespace = flags.namespace ?? found.namespace ?? DEFAULT_NAMESPACE;
  const context = contextOf(flags, surroundings, { platform: 'kubernetes', namespace });
  return { ...context, cluster: { ...context.cluster, context: found.name } };
}

function hasLocalSite({ namespace = DEFAULT_NAMESPACE }: GlobalFlags, env: NodeJS.ProcessEnv): boolean {
  return existsSync(sitePaths(dataHomeOf(env), namespace).root);
}
