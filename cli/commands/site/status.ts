/** `status` and `site status`. */
import type { ResourceOf } from '../../../config/api/index.ts';
import type { Condition } from '../../../config/api/schema.ts';
import { withPort } from '../../../lib/address.ts';
import { isDrained, routerGroups } from '../../../site-controller/reconcile/site/identity.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import { formatList, formatResource, isResourceFormat } from '../../output/resources.ts';
import { type Cell, fields, table } from '../../output/table.ts';
import { openPlace } from '../../places/choose.ts';
import { findSite, noteIdle, outcomeOf, requireSite } from '../../resources.ts';

const STOPPED = 'start it with site start';

export async function showSite(context: Context, name: string | undefined, flags: { output?: string }): Promise<void> {
  const place = await openPlace(context);
  const site = name === undefined ? await findSite(place) : await requireSite(context, place, name);
  // Routers in a cluster go on without their controller.
  const isRunning = place.platform === 'kubernetes' || (await place.idle()) === undefined;
  await noteIdle(context, place);
  if (isResourceFormat(flags.output)) {
    const shown = site === undefined || isRunning ? site : stopped(site);
    const isOne = name !== undefined && shown !== undefined;
    print(
      context,
      isOne ? formatResource(shown, flags.output) : formatList(shown === undefined ? [] : [shown], flags.output),
    );
    return;
  }
  if (site === undefined) {
    say(context, `There is no site in namespace "${context.namespace}". Make one: ${commandLine(context, 'init')}`);
    return;
  }
  print(context, siteText(site, isRunning, flags.output === 'wide'));
  const faults = await place.faults();
  if (faults.length > 0) {
    say(context, 'Warning: the resources have mistakes; what was read before stays in force:');
    say(context, faults.map((line) => `  ${line}`).join('\n'));
  }
}

/** What a Site that does not run said last, but not that it runs and is ready. */
function stopped(site: ResourceOf<'Site'>): ResourceOf<'Site'> {
  const conditions = site.status?.conditions?.map((condition): Condition => {
    if (condition.type !== 'Ready' && condition.type !== 'Running') return condition;
    return { ...condition, status: 'False', reason: 'Pending', message: STOPPED };
  });
  return {
    ...site,
    status: { ...site.status, status: 'Stopped', message: STOPPED, ...(conditions !== undefined && { conditions }) },
  };
}

function drainedText(site: ResourceOf<'Site'>): string | undefined {
  const groups = routerGroups(site);
  const drained = groups.filter((group) => isDrained(site, group));
  if (drained.length === 0) return undefined;
  return `${drained.length < groups.length ? `${drained.join(', ')} ` : ''}drained, until undrain`;
}

export function siteText(site: ResourceOf<'Site'>, isRunning: boolean, wide: boolean): string {
  const { status, message: said } = isRunning ? outcomeOf(site, 'ready') : { status: 'Stopped', message: STOPPED };
  const message = [said, drainedText(site)].filter((part) => part !== undefined && part !== '').join('; ');
  if (!wide)
    return table(
      ['NAME', 'STATUS', 'SITES', 'MESSAGE'],
      [[site.metadata.name, status, site.status?.sitesInNetwork, message]],
    );
  const endpoints = (site.status?.endpoints ?? []).map(
    ({ name, host, port }) => `${withPort(host ?? '', port ?? '')} (${name})`,
  );
  const pairs: [string, Cell][] = [
    ['Name', site.metadata.name],
    ['Status', status],
    ['Message', message],
    ['Id', site.metadata.uid],
    ['Sites in network', site.status?.sitesInNetwork],
    ['Link access', site.spec.linkAccess ?? 'none'],
    ['Endpoints', endpoints.join(', ')],
  ];
  return fields(pairs);
}
