/** `link status`: the links that this site dials. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { withPort } from '../../../lib/address.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import { type Column, fittedTable } from '../../output/fit.ts';
import { formatList, formatResource, isResourceFormat } from '../../output/resources.ts';
import { screenWidth } from '../../output/screen.ts';
import { type Cell, fields } from '../../output/table.ts';
import { openPlace } from '../../places/choose.ts';
import { noteIdle, requireResource, statusOf } from '../../resources.ts';

export async function showLinks(context: Context, name: string | undefined, flags: { output?: string }): Promise<void> {
  const place = await openPlace(context);
  await noteIdle(context, place);
  if (name !== undefined) {
    const link = await requireResource(context, place, 'Link', name);
    print(context, isResourceFormat(flags.output) ? formatResource(link, flags.output) : linkFields(link));
    return;
  }
  const links = await place.resources.list('Link');
  if (isResourceFormat(flags.output)) print(context, formatList(links, flags.output));
  else if (links.length > 0) print(context, linkTable(links, flags.output === 'wide', screenWidth(context)));
  else {
    say(context, `There are no links in namespace "${context.namespace}" that this site dials.`);
    say(context, `Those that others dial are in ${commandLine(context, 'network status')}`);
  }
}

/** @param width of the screen, if there is one; `wide` is as wide as it is */
export function linkTable(
  links: readonly ResourceOf<'Link'>[],
  wide: boolean,
  width = Number.POSITIVE_INFINITY,
): string {
  const message: Column = { head: 'MESSAGE', least: 24, goesOn: true };
  const columns: Column[] = [
    { head: 'NAME' },
    { head: 'STATUS' },
    { head: 'COST', givesWay: 1 },
    { head: 'REMOTE-SITE', givesWay: 2 },
    ...(wide ? [{ head: 'MESSAGE' }, { head: 'ENDPOINTS' }] : [message]),
  ];
  const rows = links.map((link) => {
    const { status = 'Pending', message } = statusOf(link);
    const row: Cell[] = [link.metadata.name, status, costOf(link), link.status?.remoteSiteName, message];
    return wide ? [...row, endpointsOf(link)] : row;
  });
  return fittedTable(columns, rows, wide ? Number.POSITIVE_INFINITY : width);
}

function linkFields(link: ResourceOf<'Link'>): string {
  const { status = 'Pending', message } = statusOf(link);
  return fields([
    ['Name', link.metadata.name],
    ['Status', status],
    ['Cost', costOf(link)],
    ['Remote site', link.status?.remoteSiteName],
    ['Endpoints', endpointsOf(link)],
    ['Message', message],
  ]);
}

function costOf(link: ResourceOf<'Link'>): number {
  return Math.max(1, link.spec.cost ?? 1);
}

function endpointsOf(link: ResourceOf<'Link'>): string {
  return link.spec.endpoints.map(({ name, host, port }) => `${withPort(host, port)} (${name})`).join(', ');
}
