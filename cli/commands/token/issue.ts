/** `token create` and `token issue`: an AccessGrant here, and the AccessToken for it in a file. */
import { type Context, say } from '../../context.ts';
import type { IssueFlags } from '../../definitions/links.ts';
import { requireWritable, writeSecret } from '../../files.ts';
import { durationText, plural } from '../../output/text.ts';
import { openPlace } from '../../places/choose.ts';
import { makeToken, requireIssuer } from './make.ts';

export async function issueToken(context: Context, file: string, flags: IssueFlags): Promise<void> {
  const place = await openPlace(context);
  const site = await requireIssuer(context, place);
  await requireWritable(file);
  const { name } = await makeToken(context, { place, site, flags }, ({ text }) => writeSecret(context, file, text));
  say(context, `Token "${name}" is written to ${file === '-' ? 'stdout' : file}: keep it secret until it is used.`);
  say(context, `Redeem it at the other site: skuprt -n <namespace> token redeem ${file === '-' ? '-' : file}`);
  const window = durationText(flags.expirationWindow);
  say(context, `It can be used ${plural(flags.redemptionsAllowed, 'time')} within ${window}.`);
}
