/**
 * kubeconfig files: clusters, users and contexts, of several files as kubectl merges them (the first to name something has it).
 *
 * Reads what a context says; what needs a program, a login provider or a proxy is left to the client library (kubeconfig-library.ts).
 */
import { dirname, isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { messageOf, SkuprtError } from '../errors.ts';
import { readIfExists } from '../files.ts';

export class KubeconfigError extends SkuprtError {
  readonly code = 'SKUPRT_KUBECONFIG';
  readonly fault = 'caller';
}

/** The kubeconfig has no context of that name, or none is chosen. */
export class ContextUnknownError extends SkuprtError {
  readonly code = 'SKUPRT_KUBE_CONTEXT';
  readonly fault = 'caller';

  constructor(context: string | undefined, known: readonly string[], where: string) {
    super(context === undefined ? `${where} has no current context` : `${where} has no context "${context}"`, {
      next:
        known.length === 0
          ? 'name another kubeconfig: it has no context at all'
          : `choose with --context: ${known.join(', ')}`,
    });
  }
}

export interface ClusterEntry {
  server?: string;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'insecure-skip-tls-verify'?: boolean;
  'tls-server-name'?: string;
  'proxy-url'?: string;
}

export interface UserEntry {
  token?: string;
  tokenFile?: string;
  username?: string;
  password?: string;
  'client-certificate'?: string;
  'client-certificate-data'?: string;
  'client-key'?: string;
  'client-key-data'?: string;
  as?: string;
  'as-groups'?: string[];
  exec?: object;
  'auth-provider'?: object;
}

export interface Kubeconfig {
  /** For messages. */
  where: string;
  files: string[];
  currentContext: string | undefined;
  contexts: Map<string, { cluster: string; user: string; namespace?: string }>;
  clusters: Map<string, ClusterEntry>;
  users: Map<string, UserEntry>;
}

export interface ContextEntry {
  context: string;
  namespace: string | undefined;
  clusterName: string;
  userName: string;
  cluster: ClusterEntry & { server: string };
  user: UserEntry;
}

/** The files that are meant: the one named, those of KUBECONFIG, or the one of the home directory. */
export function kubeconfigPaths(named: string | undefined, env: NodeJS.ProcessEnv): string[] {
  if (named !== undefined && named !== '') return [named];
  const listed = (env.KUBECONFIG ?? '').split(process.platform === 'win32' ? ';' : ':').filter((path) => path !== '');
  if (listed.length > 0) return listed;
  const home = env.HOME ?? env.USERPROFILE;
  return home ? [join(home, '.kube', 'config')] : [];
}

/** Undefined when none of the files exists. @throws KubeconfigError */
export async function readKubeconfig(paths: readonly string[]): Promise<Kubeconfig | undefined> {
  const merged: Kubeconfig = {
    where: `kubeconfig ${paths.join(', ')}`,
    files: [],
    currentContext: undefined,
    contexts: new Map(),
    clusters: new Map(),
    users: new Map(),
  };
  for (const path of paths) {
    const text = await readText(path);
    if (text !== undefined) mergeFile(merged, path, text);
  }
  return merged.files.length === 0 ? undefined : merged;
}

/** What a context leads to. @throws ContextUnknownError, KubeconfigError */
export function contextOf(config: Kubeconfig, name: string | undefined): ContextEntry {
  const context = name ?? config.currentContext;
  const entry = context === undefined ? undefined : config.contexts.get(context);
  if (context === undefined || entry === undefined) {
    throw new ContextUnknownError(context, [...config.contexts.keys()].sort(), config.where);
  }
  const cluster = config.clusters.get(entry.cluster);
  if (cluster?.server === undefined) {
    throw new KubeconfigError(
      `context "${context}" of ${config.where} names cluster "${entry.cluster}", which has no server`,
      {
        next: 'correct the kubeconfig, or choose another context',
      },
    );
  }
  return {
    context,
    namespace: entry.namespace || undefined,
    clusterName: entry.cluster,
    userName: entry.user,
    cluster: { ...cluster, server: cluster.server.replace(/\/+$/, '') },
    user: config.users.get(entry.user) ?? {},
  };
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readIfExists(path);
  } catch (error) {
    throw new KubeconfigError(`kubeconfig ${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

interface Named {
  name?: string;
  [entry: string]: unknown;
}

function mergeFile(merged: Kubeconfig, path: string, text: string): void {
  const content = parsed(path, text);
  const base = dirname(path);
  merged.files.push(path);
  merged.currentContext ??= (content['current-context'] as string | undefined) || undefined;
  add(merged.contexts, content.contexts, 'context', base);
  add(merged.clusters, content.clusters, 'cluster', base);
  add(merged.users, content.users, 'user', base);
}

function parsed(path: string, text: string): Record<string, unknown> {
  try {
    const content: unknown = parse(text);
    if (content === null) return {};
    if (typeof content === 'object' && !Array.isArray(content)) return content as Record<string, unknown>;
  } catch (error) {
    throw new KubeconfigError(`kubeconfig ${path} is not YAML: ${messageOf(error)}`, { cause: error });
  }
  throw new KubeconfigError(`kubeconfig ${path} has not the form of one`);
}

const PATHS = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

function add<T>(entries: Map<string, T>, list: unknown, member: string, base: string): void {
  for (const item of Array.isArray(list) ? (list as Named[]) : []) {
    if (typeof item?.name !== 'string' || entries.has(item.name)) continue;
    const entry = { ...((item[member] ?? {}) as Record<string, unknown>) };
    for (const name of PATHS) {
      const path = entry[name];
      if (typeof path === 'string' && path !== '' && !isAbsolute(path)) entry[name] = join(base, path);
    }
    entries.set(item.name, entry as T);
  }
}
