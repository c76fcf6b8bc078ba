/** `service-controller`: hands over to the controller, set up by flags and environment. */
import {
  runServiceController as run,
  type ServiceControllerOptions,
} from '../../service-controller/platform/kubernetes/main.ts';
import {
  SERVICE_FLAGS,
  type ServiceFlag,
  serviceSettings,
} from '../../service-controller/platform/kubernetes/settings.ts';
import type { Context } from '../context.ts';
import type { ServiceControllerFlags } from '../definitions/service-controller.ts';
import { clusterContext } from '../places/kubeconfig.ts';

const METRICS_PORT = 9000;

export async function runServiceController(context: Context, flags: ServiceControllerFlags): Promise<void> {
  await run(await serviceControllerOptions(context, flags), context.signal);
}

/** @throws ServiceSettingsError, KubeconfigError, ContextUnknownError */
export async function serviceControllerOptions(
  context: Context,
  flags: ServiceControllerFlags,
): Promise<ServiceControllerOptions> {
  const { cluster, env, verbose } = context;
  const found = await clusterContext(cluster, env);
  const given = Object.keys(SERVICE_FLAGS).map((flag) => [flag, flags[camelCased(flag)]]);
  return {
    settings: serviceSettings(Object.fromEntries(given) as Record<ServiceFlag, string>, env, found?.namespace),
    kubeconfig: cluster.kubeconfig,
    context: cluster.context,
    leaderElect: flags.leaderElect === true,
    metricsPort: Number(flags.metricsPort ?? METRICS_PORT),
    logLevel: verbose ? 'debug' : 'info',
  };
}

/** As commander keeps it. */
function camelCased(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
