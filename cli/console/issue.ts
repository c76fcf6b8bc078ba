/** Tokens that are made in the console: as `token issue` makes them. */
import { Writable } from 'node:stream';
import type { TokenMade, TokenOrder } from '../../console/model/api.ts';
import { ConsoleRequestError } from '../../console/server/errors.ts';
import { makeToken, requireIssuer } from '../commands/token/make.ts';
import type { Context } from '../context.ts';
import { parseDurationMs } from '../parse.ts';
import type { Place } from '../places/place.ts';

const EXPIRY = '15m';
const TIMEOUT_MS = 15_000;

export function issuerOf(context: Context, place: Place) {
  const quietContext = quiet(context);
  return async (order: TokenOrder): Promise<TokenMade> => {
    const site = await requireIssuer(quietContext, place);
    if (order.name !== undefined && (await place.resources.get('AccessGrant', order.name)) !== undefined) {
      throw new ConsoleRequestError(409, 'name-taken', `a token "${order.name}" was issued already`);
    }
    const flags = {
      name: order.name,
      redemptionsAllowed: order.redemptions ?? 1,
      expirationWindow: parseDurationMs(order.expiry ?? EXPIRY),
      cost: 1,
      timeout: TIMEOUT_MS,
    };
    const { name, text } = await makeToken(quietContext, { place, site, flags });
    return { name, token: text, command: `skuprt token redeem ${name}.token` };
  };
}

/** What a command tells whoever types it is of no use here. */
function quiet(context: Context): Context {
  return { ...context, interactive: false, stderr: new Writable({ write: (_chunk, _encoding, done) => done() }) };
}
