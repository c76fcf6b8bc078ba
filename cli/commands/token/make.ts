/** A token of the site of a place: an AccessGrant, waited for, and the text of the AccessToken for it. For `token issue` and the console. */
import { randomBytes } from 'node:crypto';
import type { ResourceOf } from '../../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { serializeResources } from '../../../config/api/serialize.ts';
import { SETTING } from '../../../config/names.ts';
import { composeToken, readMachineId } from '../../../site-controller/grants/token.ts';
import { type Context, commandLine } from '../../context.ts';
import type { IssueFlags } from '../../definitions/links.ts';
import { FailedError } from '../../errors.ts';
import { durationText } from '../../output/text.ts';
import type { Place } from '../../places/place.ts';
import { requireActive, requireResource, requireSite, waitUntilSettled } from '../../resources.ts';

export interface MadeToken {
  name: string;
  /** What its file holds: a secret. */
  text: string;
}

/** The site, when its tokens are of use. @throws NotFoundError, FailedError */
export async function requireIssuer(context: Context, place: Place): Promise<ResourceOf<'Site'>> {
  const site = await requireSite(context, place);
  if (['none', '', undefined].includes(site.spec.linkAccess)) {
    throw new FailedError(`Site "${site.metadata.name}" does not accept links`, {
      next: `Let it: ${commandLine(context, 'site update --enable-link-access')}`,
    });
  }
  await requireActive(place, 'A token cannot be redeemed now');
  return site;
}

/** @param keep what is done with it; when that fails the grant is removed again */
export async function makeToken(
  context: Context,
  { place, site, flags }: { place: Place; site: ResourceOf<'Site'>; flags: IssueFlags },
  keep: (token: MadeToken) => Promise<void> = async () => {},
): Promise<MadeToken> {
  const name = flags.name ?? `${site.metadata.name}-${randomBytes(4).toString('hex')}`;
  if ((await place.resources.get('AccessGrant', name)) !== undefined) {
    throw new FailedError(`A token "${name}" was issued already`, { next: 'Choose another --name, or leave it out' });
  }
  await place.resources.apply(newGrant(name, flags));
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
    const made = { name, text: serializeResources([token]) };
    await keep(made);
    return made;
  } catch (error) {
    // A grant whose token nobody has is of no use.
    await place.resources.delete('AccessGrant', name);
    throw error;
  }
}

function newGrant(
  name: string,
  { redemptionsAllowed, expirationWindow, forSite }: IssueFlags,
): ResourceOf<'AccessGrant'> {
  return {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'AccessGrant',
    metadata: { name },
    spec: {
      redemptionsAllowed,
      expirationWindow: durationText(expirationWindow),
      ...(forSite !== undefined && { settings: { [SETTING.forSite]: forSite } }),
    },
  };
}
