/** AccessToken: the claim that another site redeems. Control-plane reference 1.8. */
import Type from 'typebox';
import { customResource } from './resource.ts';
import { closed, settings, statusOf, text } from './schema.ts';

export const AccessTokenSpec = closed({
  url: text('Where to redeem it.'),
  code: text('The secret of the claim.'),
  ca: text('PEM certificate of the CA of the redemption server.'),
  linkCost: Type.Optional(Type.Integer({ description: 'Cost of the links made from it; below 1 means none given.' })),
  settings,
});

export const AccessTokenStatus = statusOf({
  redeemed: Type.Optional(Type.Boolean({ description: 'Whether it became a Link; it cannot be used again.' })),
});

export const AccessToken = customResource('AccessToken', AccessTokenSpec, AccessTokenStatus);
export type AccessTokenSpec = Type.Static<typeof AccessTokenSpec>;
export type AccessTokenStatus = Type.Static<typeof AccessTokenStatus>;
export type AccessToken = Type.Static<typeof AccessToken>;
