/** `token create` and `token issue`: an AccessGrant here, and the AccessToken for it in a file. */
import { randomBytes } from 'node:crypto';
import type { ResourceOf } from '../../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { serializeResources } from '../../../config/api/serialize.ts';
import { composeToken, readMachineId } from '../../../site-controller/grants/token.ts';
import { type Context, commandLine, say } from '../../context.ts';
import type { IssueFlags } from '../../definitions/links.ts';
import { FailedError } from '../../errors.ts';
import { requireWritable, writeSecret } from '../../files.ts';
import { durationText, plural } from '../../output/text.ts';
import { openPlace } from '../../places/choose.ts';
import { requireActive, requireResource, requireSite, waitUntilSettled } from '../../resources.ts';

export async function issueToken(context: Context, file: string, flags: IssueFlags): Promise<void> {
  const place = await openPlace(context);
  const site = await requireSite(context, place);
  if (['none', '', undefined].includes(site.spec.linkAccess)) {
    throw new FailedError(`Site "${site.metadata.name}" does not accept links`, {
      next: `Let it: ${commandLine(context, 'site update --enable-link-access')}`,
    });
  }
  await requireActive(place, 'A token cannot be redeemed now');
  await requireWritable(file);

  const name = flags.name ?? `${site.metadata.name}-${randomBytes(4).toString('hex')}`;
  if ((await place.resources.get('AccessGrant', name)) !== undefined) {
    throw new FailedError(`A token "${name}" was issued already`, { next: 'Choose another --name, or leave it out' });
  }
  const window = durationText(flags.expirationWindow);
  await place.resources.apply(newGrant(name, flags.redemptionsAllowed, window));
  try {
    await waitUntilSettled(context, place, 'AccessGrant', name, { wait: 'ready', timeout: flags.timeout });
    const grant = await requireResource(context, place, 'AccessGrant', name);
    const token = composeToken({
      grant,
      urls: grant.status?.urls,
      siteId: site.metadata.uid ?? '',
      linkCost: flags.cost > 1 ? flags.cost : undefined,
      machineId: await readMachineId(),
    });
    await writeSecret(context, file, serializeResources([token]));
  } catch (error) {
    // A grant whose token nobody has is of no use.
    await place.resources.delete('AccessGrant', name);
    throw error;
  }
  say(context, `Token "${name}" is written to ${file === '-' ? 'stdout' : file}: keep it secret until it is used.`);
  say(context, `Redeem it at the other site: skuprt -n <namespace> token redeem ${file === '-' ? '-' : file}`);
  say(context, `It can be used ${plural(flags.redemptionsAllowed, 'time')} within ${window}.`);
}

function newGrant(name: string, redemptionsAllowed: number, expirationWindow: string): ResourceOf<'AccessGrant'> {
  return {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'AccessGrant',
    metadata: { name },
    spec: { redemptionsAllowed, expirationWindow },
  };
}
