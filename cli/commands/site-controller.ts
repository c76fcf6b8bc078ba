/** `site-controller`: hands over to the controller, set up by flags and environment. */
import { type ControllerOptions, runController } from '../../site-controller/platform/kubernetes/main.ts';
import { CONTROLLER_FLAGS, controllerSettings } from '../../site-controller/platform/kubernetes/settings-parse.ts';
import type { Context } from '../context.ts';
import type { SiteControllerFlags } from '../definitions/site-controller.ts';
import { clusterContext } from '../places/kubeconfig.ts';
import { controllerBasics, givenFlags } from './controller-options.ts';

export async function runSiteController(context: Context, flags: SiteControllerFlags): Promise<void> {
  await runController(await controllerOptions(context, flags), context.signal);
}

/** @throws SettingsError, KubeconfigError, ContextUnknownError */
export async function controllerOptions(context: Context, flags: SiteControllerFlags): Promise<ControllerOptions> {
  const { cluster, env } = context;
  const found = await clusterContext(cluster, env);
  return {
    settings: controllerSettings(givenFlags(CONTROLLER_FLAGS, flags), env, found?.namespace),
    ...controllerBasics(context, flags),
  };
}
