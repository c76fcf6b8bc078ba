/** `token redeem` and `link create`: an AccessToken here, which the site redeems for a certificate and a Link. */

import { REDEEMED_FROM_ANNOTATION } from '../../../config/names.ts';
import { readToken } from '../../../site-controller/grants/token.ts';
import { type Context, commandLine, say } from '../../context.ts';
import type { RedeemFlags } from '../../definitions/links.ts';
import { FailedError, RefusedError } from '../../errors.ts';
import { readInput, titleOf } from '../../files.ts';
import { openPlace } from '../../places/choose.ts';
import type { Place } from '../../places/place.ts';
import { outcomeOf, requireActive, requireSite, waitUntilSettled } from '../../resources.ts';
import { type Probe, waitFor } from '../../wait.ts';

export async function redeemToken(context: Context, file: string, flags: RedeemFlags): Promise<void> {
  const token = readToken(await readInput(context, file), titleOf(file));
  const place = await openPlace(context);
  await requireSite(context, place);
  await requireActive(place, 'A token cannot be redeemed now');
  const name = flags.name ?? token.metadata.name;
  await requireNew(context, place, name);

  const linkCost = flags.cost ?? token.spec.linkCost;
  await place.resources.apply({
    ...token,
    metadata: { ...token.metadata, name },
    spec: { ...token.spec, ...(linkCost !== undefined && { linkCost }) },
  });
  if (flags.wait === 'none') {
    say(context, `Token "${name}" is being redeemed. See ${commandLine(context, `token status ${name}`)}`);
    return;
  }
  const deadline = performance.now() + flags.timeout;
  await waitUntilRedeemed(context, place, name, flags.timeout);
  say(context, `Token "${name}" has been redeemed.`);
  for (const link of await linksFrom(place, name)) {
    const timeout = Math.max(1, deadline - performance.now());
    await waitUntilSettled(context, place, 'Link', link, { wait: flags.wait, timeout });
    say(context, `Link "${link}" is ${flags.wait}.`);
  }
}

/** The names of the Links that were made from a token. */
export async function linksFrom(place: Place, token: string): Promise<string[]> {
  const links = await place.resources.list('Link');
  return links
    .filter(({ metadata }) => metadata.annotations?.[REDEEMED_FROM_ANNOTATION] === token)
    .map(({ metadata }) => metadata.name);
}

async function requireNew(context: Context, place: Place, name: string): Promise<void> {
  const isTaken =
    (await place.resources.get('AccessToken', name)) !== undefined ||
    (await place.resources.get('Link', name)) !== undefined;
  if (!isTaken) return;
  throw new FailedError(`A link or token "${name}" exists already in namespace "${context.namespace}"`, {
    next: `See ${commandLine(context, 'link status')}; choose another name with --name`,
  });
}

/** A refused token is removed again, so that a better one of the same name can follow. */
async function waitUntilRedeemed(context: Context, place: Place, name: string, timeoutMs: number): Promise<void> {
  const afterwards = `The site goes on trying. See ${commandLine(context, `token status ${name}`)}, end it with ${commandLine(context, `token delete ${name}`)}`;
  await waitFor(
    context,
    { what: `token "${name}" to be redeemed`, timeoutMs, afterwards },
    async (): Promise<Probe<true>> => {
      const token = await place.resources.get('AccessToken', name);
      if (token === undefined)
        throw new FailedError(`Token "${name}" was deleted meanwhile`, { next: 'Redeem it again' });
      const outcome = outcomeOf(token, 'ready');
      if (outcome.status === 'Ready') return { done: true };
      if (outcome.status === 'Pending') return { pending: outcome.message };
      await place.resources.delete('AccessToken', name);
      // The site's message ends with its advice, a sentence of its own.
      const [reason, next = 'Ask there for another token'] = outcome.message.split(/\. (?=[A-Z])/, 2);
      throw new RefusedError(`Token "${name}" was not redeemed: ${reason}`, { next });
    },
  );
}
