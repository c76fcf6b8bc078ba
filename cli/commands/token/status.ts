/** `token status`: what this site issued and what it redeemed, without the codes: who sees those can link. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import { NotFoundError } from '../../errors.ts';
import { formatList, formatResource, isResourceFormat } from '../../output/resources.ts';
import { type Cell, table } from '../../output/table.ts';
import { openPlace } from '../../places/choose.ts';
import { noteIdle, statusOf } from '../../resources.ts';
import { withoutCodes } from '../debug/entry.ts';

type TokenResource = ResourceOf<'AccessGrant' | 'AccessToken'>;

export async function showTokens(
  context: Context,
  name: string | undefined,
  flags: { output?: string },
): Promise<void> {
  const place = await openPlace(context);
  await noteIdle(context, place);
  const { resources } = place;
  const all: TokenResource[] = [...(await resources.list('AccessGrant')), ...(await resources.list('AccessToken'))];
  const found = name === undefined ? all : all.filter(({ metadata }) => metadata.name === name);
  if (name !== undefined && found.length === 0) {
    throw new NotFoundError(`There is no token "${name}" in namespace "${context.namespace}"`, {
      next: `See ${commandLine(context, 'token status')}`,
    });
  }
  if (isResourceFormat(flags.output)) {
    const shown = found.map((each) => withoutCodes(each) as TokenResource);
    print(
      context,
      found.length === 1 && name !== undefined
        ? formatResource(shown[0]!, flags.output)
        : formatList(shown, flags.output),
    );
  } else if (found.length === 0) say(context, `There are no tokens in namespace "${context.namespace}".`);
  else print(context, table(['NAME', 'DIRECTION', 'STATUS', 'USES', 'EXPIRES', 'MESSAGE'], found.map(row)));
}

function row(token: TokenResource): Cell[] {
  const { status = 'Pending', message } = statusOf(token);
  const { name } = token.metadata;
  if (token.kind === 'AccessToken') return [name, 'redeemed', status, '', '', message];
  const { redemptions = 0, expirationTime } = token.status ?? {};
  const allowed = token.spec.redemptionsAllowed || 1;
  const ended = endOf(redemptions >= allowed, expirationTime);
  return [name, 'issued', ended ?? status, `${redemptions}/${allowed}`, expirationTime, message];
}

/** Why an issued token cannot be used any more; undefined as long as it can. */
function endOf(isUsedUp: boolean, expirationTime: string | undefined): string | undefined {
  if (isUsedUp) return 'Used';
  return Date.parse(expirationTime ?? '') <= Date.now() ? 'Expired' : undefined;
}
