/** `site-controller`: hands over to the controller, set up by flags and environment. */
import { type ControllerOptions, runController } from '../../site-controller/platform/kubernetes/main.ts';
import {
  CONTROLLER_FLAGS,
  type ControllerFlag,
  controllerSettings,
} from '../../site-controller/platform/kubernetes/settings-parse.ts';
import type { Context } from '../context.ts';
import type { SiteControllerFlags } from '../definitions/site-controller.ts';
import { clusterContext } from '../places/kubeconfig.ts';

const METRICS_PORT = 9000;

export async function runSiteController(context: Context, flags: SiteControllerFlags): Promise<void> {
  await runController(await controllerOptions(context, flags), context.signal);
}

/** @throws SettingsError, KubeconfigError, ContextUnknownError */
export async function controllerOptions(context: Context, flags: SiteControllerFlags): Promise<ControllerOptions> {
  const { cluster, env, verbose } = context;
  const found = await clusterContext(cluster, env);
  const given = Object.keys(CONTROLLER_FLAGS).map((flag) => [flag, flags[camelCased(flag)]]);
  return {
    settings: controllerSettings(Object.fromEntries(given) as Record<ControllerFlag, string>, env, found?.namespace),
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
