/** Which platform the global flags and the environment name. Light: read before any command; nothing is looked up here. */
import type { ClusterChoice, Context, Platform, Surroundings } from './context.ts';
import { UsageError } from './errors.ts';

export interface GlobalFlags {
  platform?: string;
  namespace?: string;
  context?: string;
  kubeconfig?: string;
  verbose?: boolean;
}

export const DEFAULT_NAMESPACE = 'default';

/** Undefined when neither flags nor environment say. @throws UsageError for one that is not offered */
export function namedPlatform(flags: GlobalFlags, env: NodeJS.ProcessEnv): Platform | undefined {
  const forCluster = flags.context !== undefined || flags.kubeconfig !== undefined;
  const name = flags.platform ?? (forCluster ? 'kubernetes' : env.SKUPRT_PLATFORM || env.SKUPPER_PLATFORM);
  switch (name) {
    case undefined:
    case '':
      return undefined;
    case 'local':
    case 'kubernetes':
      return name;
    case 'podman':
    case 'docker':
    case 'linux':
      throw new UsageError(
        `Platform "${name}" is not offered: local sites run as ordinary processes, without containers`,
        { next: 'Use --platform local; the resources are the same' },
      );
    default:
      throw new UsageError(`Unknown platform "${name}"`, { next: 'Use --platform local or --platform kubernetes' });
  }
}

/** The context of a command that works on this machine, whatever clusters can be reached. */
export function localContext(flags: GlobalFlags, surroundings: Surroundings): Context {
  return contextOf(flags, surroundings, { platform: 'local', namespace: flags.namespace ?? DEFAULT_NAMESPACE });
}

/** The context of a command that only local sites have. @throws UsageError when a cluster is named */
export function localSiteContext(flags: GlobalFlags, surroundings: Surroundings): Context {
  if (namedPlatform(flags, surroundings.env) !== 'kubernetes') return localContext(flags, surroundings);
  throw new UsageError('Only a local site is started and stopped; on Kubernetes its controller runs it', {
    next: 'Give -p local for a site on this machine',
  });
}

export function contextOf(
  flags: GlobalFlags,
  surroundings: Surroundings,
  { platform, namespace }: { platform: Platform; namespace: string },
): Context {
  surroundings.tracer?.set({ 'skuprt.platform': platform, 'skuprt.namespace': namespace });
  const cluster: ClusterChoice = { kubeconfig: flags.kubeconfig, context: flags.context };
  return {
    ...surroundings,
    platform,
    isPlatformNamed: namedPlatform(flags, surroundings.env) !== undefined,
    cluster,
    namespace,
    verbose: flags.verbose === true,
    globals: repeated(flags),
  };
}

function repeated({ platform, context, kubeconfig, namespace }: GlobalFlags): string[] {
  const given: [flag: string, value: string | undefined][] = [
    ['-p', platform],
    ['--kubeconfig', kubeconfig],
    ['--context', context],
    ['-n', namespace === DEFAULT_NAMESPACE ? undefined : namespace],
  ];
  return given.flatMap(([flag, value]) => (value === undefined ? [] : [flag, shellWord(value)]));
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
