/** What the command line itself needs of a kubeconfig: which context would be used, and its namespace. No connection is made. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { parse } from 'yaml';
import { readIfExists } from '../../lib/files.ts';
import type { ClusterChoice } from '../context.ts';
import { FileError, NotFoundError } from '../errors.ts';
import { reasonOf } from '../files.ts';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface ClusterContext {
  /** Undefined in a pod, where the service account says which cluster. */
  name: string | undefined;
  namespace: string | undefined;
}

interface Kubeconfig {
  'current-context'?: string;
  contexts?: { name?: string; context?: { namespace?: string } }[];
}

/** The kubeconfig files that kubectl would read here, as far as they exist. */
export function kubeconfigFiles({ kubeconfig }: ClusterChoice, env: NodeJS.ProcessEnv): string[] {
  if (kubeconfig !== undefined) return [kubeconfig];
  const listed = env.KUBECONFIG?.split(delimiter).filter((path) => path !== '') ?? [];
  const files = listed.length > 0 ? listed : env.HOME ? [join(env.HOME, '.kube', 'config')] : [];
  return files.filter((file) => existsSync(file));
}

/** Undefined when nothing here leads to a cluster. @throws FileError, NotFoundError for a context that is not there */
export async function clusterContext(
  choice: ClusterChoice,
  env: NodeJS.ProcessEnv,
): Promise<ClusterContext | undefined> {
  const files = await Promise.all(kubeconfigFiles(choice, env).map(readKubeconfig));
  const contexts = files.flatMap((file) => file.contexts ?? []);
  const name = choice.context ?? files.find((file) => file['current-context'])?.['current-context'];
  if (files.length === 0) return choice.context === undefined ? await podContext(env) : undefined;
  if (name === undefined) return undefined;
  const found = contexts.find((context) => context.name === name);
  if (found !== undefined) return { name, namespace: found.context?.namespace || undefined };
  const known = contexts.flatMap((context) => context.name ?? []);
  throw new NotFoundError(`There is no context "${name}" in the kubeconfig`, {
    next: known.length === 0 ? 'It has none: check --kubeconfig or KUBECONFIG' : `It has: ${known.join(', ')}`,
  });
}

async function readKubeconfig(file: string): Promise<Kubeconfig> {
  try {
    const content: unknown = parse(await readFile(file, 'utf8'));
    return typeof content === 'object' && content !== null ? content : {};
  } catch (cause) {
    const reason = cause instanceof Error && cause.name.startsWith('YAML') ? 'it is not YAML' : reasonOf(cause);
    throw new FileError(`The kubeconfig ${file} cannot be read: ${reason}`, {
      next: 'Check --kubeconfig or KUBECONFIG; for a site on this machine give -p local',
      cause,
    });
  }
}

async function podContext(env: NodeJS.ProcessEnv): Promise<ClusterContext | undefined> {
  if (!env.KUBERNETES_SERVICE_HOST || !existsSync(join(SERVICE_ACCOUNT, 'token'))) return undefined;
  return { name: undefined, namespace: (await readIfExists(join(SERVICE_ACCOUNT, 'namespace')))?.trim() };
}
