/** `link update`: cost and credentials of a link. */
import { REDEEMED_FROM_ANNOTATION } from '../../../config/names.ts';
import { type Context, say } from '../../context.ts';
import { UsageError } from '../../errors.ts';
import { openPlace } from '../../places/choose.ts';
import { isGenerated, requireResource, type SettleOptions, waitUntilSettled } from '../../resources.ts';

export interface UpdateLinkFlags extends SettleOptions {
  cost?: number;
  tlsCredentials?: string;
}

export async function updateLink(context: Context, name: string, flags: UpdateLinkFlags): Promise<void> {
  const { cost, tlsCredentials } = flags;
  if (cost === undefined && tlsCredentials === undefined) {
    throw new UsageError('Nothing to change was given', { next: 'Give --cost or --tls-credentials' });
  }
  const place = await openPlace(context);
  const link = await requireResource(context, place, 'Link', name);
  const spec = {
    ...link.spec,
    ...(cost !== undefined && { cost }),
    ...(tlsCredentials !== undefined && { tlsCredentials }),
  };
  await place.resources.apply({ ...link, spec });
  const token = link.metadata.annotations?.[REDEEMED_FROM_ANNOTATION];
  const claim = token === undefined || !isGenerated(link) ? undefined : await place.resources.get('AccessToken', token);
  // The link would follow its token again at the next redemption.
  if (claim !== undefined && cost !== undefined)
    await place.resources.apply({ ...claim, spec: { ...claim.spec, linkCost: cost } });
  await waitUntilSettled(context, place, 'Link', name, flags);
  say(context, `Link "${name}" is updated.`);
}
