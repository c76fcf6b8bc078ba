/** `service-controller`: hands over to the controller, set up by flags and environment. */
import {
  runServiceController as run,
  type ServiceControllerOptions,
} from '../../service-controller/platform/kubernetes/main.ts';
import { SERVICE_FLAGS, serviceSettings } from '../../service-controller/platform/kubernetes/settings.ts';
import type { Context } from '../context.ts';
import type { ServiceControllerFlags } from '../definitions/service-controller.ts';
import { clusterContext } from '../places/kubeconfig.ts';
import { controllerBasics, givenFlags } from './controller-options.ts';

export async function runServiceController(context: Context, flags: ServiceControllerFlags): Promise<void> {
  await run(await serviceControllerOptions(context, flags), context.signal);
}

/** @throws ServiceSettingsError, KubeconfigError, ContextUnknownError */
export async function serviceControllerOptions(
  context: Context,
  flags: ServiceControllerFlags,
): Promise<ServiceControllerOptions> {
  const { cluster, env } = context;
  const found = await clusterContext(cluster, env);
  return {
    settings: serviceSettings(givenFlags(SERVICE_FLAGS, flags), env, found?.namespace),
    ...controllerBasics(context, flags),
  };
}
