/**
 * `drain`, `undrain`: takes routers of the site out of the network, and back. It is a setting of the Site, so that it holds while
 * routers come and go; whoever acts on the Site tells the routers.
 */
import { ALL_ROUTERS, SETTING } from '../../../config/names.ts';
import { readIfExists } from '../../../lib/files.ts';
import { isDrained, routerGroups } from '../../../site-controller/reconcile/site/identity.ts';
import { type Context, commandLine, say } from '../../context.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import { openPlace } from '../../places/choose.ts';
import { openLocal } from '../../places/local.ts';
import { requireSite, waitUntilSettled } from '../../resources.ts';
import { type Probe, waitFor } from '../../wait.ts';

export interface DrainFlags {
  draining: boolean;
  /** Until nothing is open. */
  wait?: boolean;
  timeout: number;
}

/** @param router one of the site's; all when absent */
export async function drainSite(
  context: Context,
  router: string | undefined,
  { draining, wait, timeout }: DrainFlags,
): Promise<void> {
  if (wait && context.platform !== 'local') {
    throw new UsageError('--wait can only be used on platform local', {
      next: 'Leave it out, and look at metric skuprt_router_open of the router',
    });
  }
  const place = await openPlace(context);
  const site = await requireSite(context, place);
  const groups = routerGroups(site);
  const chosen =
    router === undefined || router === site.metadata.name ? groups : groups.filter((one) => one === router);
  if (chosen.length === 0) {
    throw new NotFoundError(`Site "${site.metadata.name}" has no router "${router}"`, {
      next: `Use one of: ${groups.join(', ')}`,
    });
  }
  const drained = groups.filter((group) => (chosen.includes(group) ? draining : isDrained(site, group)));
  const { [SETTING.drain]: _, ...others } = site.spec.settings ?? {};
  const setting = drained.length === groups.length ? ALL_ROUTERS : drained.join(',');
  const settings = drained.length === 0 ? others : { ...others, [SETTING.drain]: setting };
  await place.resources.apply({ ...site, spec: { ...site.spec, settings } });
  await waitUntilSettled(context, place, 'Site', site.metadata.name, { wait: 'configured', timeout });
  if (wait) await untilDrained(context, timeout);
  say(
    context,
    told(context, site.metadata.name, chosen.length < groups.length ? router : undefined, { draining, wait }),
  );
}

function told(
  context: Context,
  site: string,
  router: string | undefined,
  { draining, wait }: Pick<DrainFlags, 'draining' | 'wait'>,
): string {
  const what = router === undefined ? `Site "${site}"` : `Router "${router}" of site "${site}"`;
  if (!draining) return `${what} serves again.`;
  return `${what} ${wait ? 'has drained' : 'drains'}. It serves again after: ${commandLine(context, 'undrain')}`;
}

async function untilDrained(context: Context, timeoutMs: number): Promise<void> {
  const { paths } = openLocal(context);
  const what = 'the router to drain';
  const afterwards = 'The connections that are still open go on';
  await waitFor(context, { what, timeoutMs, afterwards }, async (): Promise<Probe<true>> => {
    const said = await readinessOf((await readIfExists(paths.routerConfig)) ?? '[]');
    return said.includes('has drained') ? { done: true } : { pending: said.trim() };
  });
}

/** What the router of this configuration says of itself; empty when it does not answer. */
async function readinessOf(routerConfig: string): Promise<string> {
  const entities = JSON.parse(routerConfig) as [type: string, attributes: Record<string, unknown>][];
  const [, listener] = entities.find(([, { http }]) => http === true) ?? [];
  if (listener === undefined) return '';
  try {
    return await (await fetch(`http://${listener.host}:${listener.port}/readyz`)).text();
  } catch {
    return '';
  }
}
