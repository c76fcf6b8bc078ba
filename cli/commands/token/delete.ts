/** `token delete`: an issued token is of no use any more; one that could not be redeemed is given up. Links made of tokens stay. */
import { confirmDeletion } from '../../ask.ts';
import { type Context, commandLine, say } from '../../context.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import { openPlace } from '../../places/choose.ts';

export async function deleteToken(context: Context, name: string, flags: { yes?: boolean }): Promise<void> {
  const { resources } = await openPlace(context);
  const issued = await resources.get('AccessGrant', name);
  const redeemed = await resources.get('AccessToken', name);
  if (issued === undefined && redeemed === undefined) {
    throw new NotFoundError(`There is no token "${name}" in namespace "${context.namespace}"`, {
      next: `See ${commandLine(context, 'token status')}`,
    });
  }
  if (redeemed?.status?.redeemed) {
    throw new UsageError(`Token "${name}" became link "${name}"`, {
      next: `Delete that: ${commandLine(context, `link delete ${name}`)}`,
    });
  }
  await confirmDeletion(context, `token "${name}"`, flags.yes);
  if (issued !== undefined) await resources.delete('AccessGrant', name);
  if (redeemed !== undefined) await resources.delete('AccessToken', name);
  say(context, `Token "${name}" is deleted.`);
}
