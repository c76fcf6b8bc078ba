/** A site needs a controller: `init` and `site create` install one where there is none and the user wants it. */
import { isAnswerYes } from '../../ask.ts';
import { type Context, commandLine, say } from '../../context.ts';
import type { CreateSiteFlags } from '../../definitions/site.ts';
import { FailedError } from '../../errors.ts';
import { apiOf } from '../../places/cluster-client.ts';
import type { KubernetesPlace } from '../../places/kubernetes.ts';

/** `install` is undefined when the flags say nothing about it. @throws FailedError */
export async function requireController(
  context: Context,
  place: KubernetesPlace,
  { install, wait, timeout }: Pick<CreateSiteFlags, 'install' | 'wait' | 'timeout'>,
): Promise<void> {
  const missing = await whatIsMissing(context, place);
  if (missing === undefined) return;
  if (!(await isWanted(context, missing, install))) {
    throw new FailedError(`No site can be made here: ${missing}`, {
      next: `Install the controller: ${commandLine(context, 'install')}, or give --install`,
    });
  }
  say(context, `${missing.charAt(0).toUpperCase()}${missing.slice(1)}: installing the controller`);
  const { installController } = await import('../install/install.ts');
  await installController(context, { wait: wait === 'none' ? 'configured' : 'ready', timeout });
}

async function whatIsMissing(context: Context, place: KubernetesPlace): Promise<string | undefined> {
  const sites = await place.client.list(apiOf('Site'), { namespace: context.namespace });
  if (sites === undefined) return 'the cluster does not know the skupper.io kinds';
  // A controller that is there and not ready is no reason to install another: the wait tells of it.
  return (await place.isWithoutController()) ? 'the cluster has no controller' : undefined;
}

/** A cluster that was only found, not named, is not changed without being asked: it may be the wrong one. */
async function isWanted(context: Context, missing: string, install: boolean | undefined): Promise<boolean> {
  if (install !== undefined) return install;
  if (context.isPlatformNamed) return true;
  const where = context.cluster.context ?? 'this cluster';
  return context.canAsk && (await isAnswerYes(context, `In "${where}" ${missing}. Install it there? [y/N] `));
}
