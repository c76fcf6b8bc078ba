/** `link delete`: the Link, and what it was made from when nothing else uses that. */
import { REDEEMED_FROM_ANNOTATION } from '../../../config/names.ts';
import { confirmDeletion } from '../../ask.ts';
import { type Context, say } from '../../context.ts';
import { openPlace } from '../../places/choose.ts';
import { isGenerated, requireResource } from '../../resources.ts';
import { type GoneOptions, waitUntilGone } from '../gone.ts';
import { linksFrom } from '../token/redeem.ts';

export async function deleteLink(
  context: Context,
  name: string,
  flags: { yes?: boolean } & GoneOptions,
): Promise<void> {
  const place = await openPlace(context);
  const { resources } = place;
  const link = await requireResource(context, place, 'Link', name);
  await confirmDeletion(context, `link "${name}"`, flags.yes);
  // The token first: as long as it is there, its link would come back.
  const token = link.metadata.annotations?.[REDEEMED_FROM_ANNOTATION];
  if (token !== undefined && (await linksFrom(place, token)).length === 1) await resources.delete('AccessToken', token);
  await resources.delete('Link', name);
  const credentials = link.spec.tlsCredentials;
  const secret = credentials === undefined ? undefined : await resources.get('Secret', credentials);
  const isShared = (await resources.list('Link')).some(({ spec }) => spec.tlsCredentials === credentials);
  const isOfLink =
    secret !== undefined && (isGenerated(secret) || REDEEMED_FROM_ANNOTATION in (secret.metadata.annotations ?? {}));
  if (isOfLink && !isShared) await resources.delete('Secret', secret.metadata.name);
  await waitUntilGone(context, place, name, flags);
  say(context, `Link "${name}" is deleted.`);
}
