/** AccessGrants and AccessTokens as the console shows them. Never their codes. Pure. */
import type { ResourceOf } from '../../config/api/index.ts';
import type { TokenView } from '../../console/model/api.ts';

/** The newest first. */
export function tokenViews(
  grants: readonly ResourceOf<'AccessGrant'>[],
  tokens: readonly ResourceOf<'AccessToken'>[],
  now: number,
): TokenView[] {
  const views = [...grants.map((grant) => issuedView(grant, now)), ...tokens.map(redeemedView)];
  return views.sort((a, b) => b.createdAt - a.createdAt || (a.name < b.name ? -1 : 1));
}

function issuedView({ metadata, spec, status = {} }: ResourceOf<'AccessGrant'>, now: number): TokenView {
  const { redemptions = 0, expirationTime, message = '' } = status;
  const redemptionsAllowed = spec.redemptionsAllowed || 1;
  const expiresAt = timeOf(expirationTime);
  const state = () => {
    if (redemptions >= redemptionsAllowed) return 'used';
    if (expiresAt !== undefined && expiresAt <= now) return 'expired';
    return hasFailed(status) ? 'failed' : 'waiting';
  };
  return {
    name: metadata.name,
    direction: 'issued',
    createdAt: timeOf(metadata.creationTimestamp) ?? 0,
    ...(expiresAt !== undefined && { expiresAt }),
    redemptions,
    redemptionsAllowed,
    status: state(),
    message,
  };
}

function redeemedView({ metadata, status = {} }: ResourceOf<'AccessToken'>): TokenView {
  const isRedeemed = status.redeemed === true;
  return {
    name: metadata.name,
    direction: 'redeemed',
    createdAt: timeOf(metadata.creationTimestamp) ?? 0,
    redemptions: isRedeemed ? 1 : 0,
    status: isRedeemed ? 'used' : hasFailed(status) ? 'failed' : 'waiting',
    message: status.message ?? '',
  };
}

function hasFailed({ conditions = [] }: { conditions?: readonly { status: string; reason: string }[] }): boolean {
  return conditions.some(({ status, reason }) => status !== 'True' && reason === 'Error');
}

export function timeOf(text: string | null | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}
