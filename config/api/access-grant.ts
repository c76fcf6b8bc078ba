/** AccessGrant: the offer of this site to be linked to. Control-plane reference 1.8. */
import Type from 'typebox';
import { DURATION_PATTERN } from './duration.ts';
import { customResource } from './resource.ts';
import { closed, optionalText, settings, statusOf } from './schema.ts';

export const REDEMPTIONS_ALLOWED_DEFAULT = 1;
export const EXPIRATION_WINDOW_DEFAULT = '15m';

export const AccessGrantSpec = closed({
  redemptionsAllowed: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: 'How many sites may redeem it; 0 or absent means 1.',
      title: 'a whole number of redemptions',
    }),
  ),
  expirationWindow: Type.Optional(
    Type.String({
      pattern: DURATION_PATTERN,
      description: 'How long it stays valid; 15m when absent.',
      title: 'a duration such as 15m, 1h30m or 90s',
    }),
  ),
  code: optionalText('The secret of the claim; drawn at random when empty.'),
  issuer: optionalText("Secret of the CA that signs; the site's default issuer when empty."),
  settings,
});

export const AccessGrantStatus = statusOf({
  url: Type.Optional(Type.String({ description: 'Where a token is redeemed.' })),
  urls: Type.Optional(Type.Array(Type.String(), { description: 'Every URL that leads there, the one above first.' })),
  code: Type.Optional(Type.String({ description: 'The secret of the claim.' })),
  ca: Type.Optional(Type.String({ description: 'PEM certificate of the CA of the redemption server.' })),
  redemptions: Type.Optional(Type.Integer({ description: 'How many times it was redeemed.' })),
  expirationTime: Type.Optional(Type.String({ description: 'Until when it can be redeemed.' })),
});

export const AccessGrant = customResource('AccessGrant', AccessGrantSpec, AccessGrantStatus);
export type AccessGrantSpec = Type.Static<typeof AccessGrantSpec>;
export type AccessGrantStatus = Type.Static<typeof AccessGrantStatus>;
export type AccessGrant = Type.Static<typeof AccessGrant>;
