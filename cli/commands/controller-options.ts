/** What the commands `site-controller` and `service-controller` make of their flags alike. */
import type { Context } from '../context.ts';

const METRICS_PORT = 9000;

export interface ControllerBasics {
  kubeconfig: string | undefined;
  context: string | undefined;
  leaderElect: boolean;
  metricsPort: number;
  logLevel: 'debug' | 'info';
}

export function controllerBasics(
  { cluster, verbose }: Context,
  flags: { leaderElect?: boolean; metricsPort?: string | number },
): ControllerBasics {
  return {
    kubeconfig: cluster.kubeconfig,
    context: cluster.context,
    leaderElect: flags.leaderElect === true,
    metricsPort: Number(flags.metricsPort ?? METRICS_PORT),
    logLevel: verbose ? 'debug' : 'info',
  };
}

/** Of the flags by these names, as they are written, what was given; commander keeps them in camel case. */
export function givenFlags<Name extends string>(
  names: Readonly<Record<Name, unknown>>,
  flags: Readonly<Record<string, unknown>>,
): Record<Name, string> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, flags[camelCased(name)]])) as Record<Name, string>;
}

function camelCased(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
