/** `link update`: cost and credentials of a link. */
import { REDEEMED_FROM_ANNOTATION } from '../../../site-controller/names.ts';
import { type Context, say } from '../../context.ts';
import { UsageError } from '../../errors.ts';
import { isGenerated, openLocal, requireResource, type SettleOptions, waitUntilSettled } from '../../local.ts';

export interface UpdateLinkFlags extends SettleOptions {
  cost?: number;
  tlsCredentials?: string;
}

export async function updateLink(context: Context, name: string, flags: UpdateLinkFlags): Promise<void> {
  const { cost, tlsCredentials } = flags;
  if (cost === undefined && tlsCredentials === undefined) {
    throw new UsageError('Nothing to change was given', { next: 'Give --cost or --tls-credentials' });
  }
  const local = openLocal(context);
  const link = await requireResource(context, local, 'Link', name);
  const spec = {
    ...link.spec,
    ...(cost !== undefined && { cost }),
    ...(tlsCredentials !== undefined && { tlsCredentials }),
  };
  await local.store.apply({ ...link, spec });
  const token = link.metadata.annotations?.[REDEEMED_FROM_ANNOTATION];
  const claim = token === undefined || !isGenerated(link) ? undefined : await local.store.get('AccessToken', token);
  // The link would follow its token again at the next redemption.
  if (claim !== undefined && cost !== undefined)
    await local.store.apply({ ...claim, spec: { ...claim.spec, linkCost: cost } });
  await waitUntilSettled(context, local, 'Link', name, flags);
  say(context, `Link "${name}" is updated.`);
}
