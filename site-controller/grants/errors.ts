/** Why a token could not be redeemed: one class for each answer to "what do I do now?". */
import { SkuprtError } from '../../lib/errors.ts';

const ASK_FOR_ANOTHER = 'Ask the issuing site for a new token: skuprt token create FILE';

export class TokenUnreadableError extends SkuprtError {
  readonly code = 'SKUPRT_TOKEN_UNREADABLE';
  readonly fault = 'caller';

  constructor(source: string, reason: string, cause?: unknown) {
    super(`${source} is not a whole token: ${reason}`, {
      cause,
      next: 'Copy the file again from where it was made; it ends with the certificate of the issuing site',
    });
  }
}

/** Of the issuer: its policies keep that site from linking to it. */
export class LinkNotAllowedError extends SkuprtError {
  readonly code = 'SKUPRT_LINK_NOT_ALLOWED';
  readonly fault = 'peer';
}

/** Of the issuer: the id that a redeemer gives is that of another site. */
export class SiteIdTakenError extends SkuprtError {
  readonly code = 'SKUPRT_SITE_ID_TAKEN';
  readonly fault = 'peer';

  constructor(siteId: string, reason: string) {
    super(`site id ${siteId} was refused: ${reason}. If it is meant: skuprt token issue --for-site ${siteId}`, {
      next: 'Let the issuing site say for which site the token is: skuprt token issue --for-site ID',
    });
  }
}

export class TokenOwnSiteError extends SkuprtError {
  readonly code = 'SKUPRT_TOKEN_OWN_SITE';
  readonly fault = 'caller';

  constructor(name: string) {
    super(`token ${name} was issued by this very site`, { next: 'Redeem it at the site that shall link to this one' });
  }
}

export class TokenExpiredError extends SkuprtError {
  readonly code = 'SKUPRT_TOKEN_EXPIRED';
  readonly fault = 'caller';

  constructor(name: string, expiresAt: number) {
    super(`token ${name} expired on ${new Date(expiresAt).toISOString()}`, {
      next: `${ASK_FOR_ANOTHER}; --expiration-window makes it last longer`,
    });
  }
}

export class TokenUsedUpError extends SkuprtError {
  readonly code = 'SKUPRT_TOKEN_USED_UP';
  readonly fault = 'caller';

  constructor(name: string) {
    super(`token ${name} has been redeemed as often as it allows`, {
      next: `${ASK_FOR_ANOTHER}; --redemptions-allowed lets several sites use one`,
    });
  }
}

export class TokenUnknownError extends SkuprtError {
  readonly code = 'SKUPRT_TOKEN_UNKNOWN';
  readonly fault = 'caller';

  constructor(name: string, url: string) {
    super(
      `the site at ${originOf(url)} does not know token ${name}: it is for another site, or its grant was deleted`,
      {
        next: ASK_FOR_ANOTHER,
      },
    );
  }
}

export class TokenRefusedError extends SkuprtError {
  readonly code = 'SKUPRT_TOKEN_REFUSED';
  readonly fault = 'caller';

  constructor(name: string) {
    super(`the issuing site refused token ${name}: its code is wrong`, {
      next: 'Copy the file again from where it was made, or ask for a new token',
    });
  }
}

export class TokenTriedTooOftenError extends SkuprtError {
  readonly code = 'SKUPRT_TOKEN_TRIED_TOO_OFTEN';
  readonly fault = 'environment';
  readonly retryAfterMs: number;

  constructor(name: string, retryAfterMs: number) {
    super(`the issuing site had too many wrong tries and takes none for token ${name} now`, {
      next: `Try again in ${Math.ceil(retryAfterMs / 1000)} s`,
    });
    this.retryAfterMs = retryAfterMs;
  }
}

export class GrantServerUnreachableError extends SkuprtError {
  readonly code = 'SKUPRT_GRANT_SERVER_UNREACHABLE';
  readonly fault = 'environment';

  constructor(attempts: readonly string[]) {
    super(`the issuing site cannot be reached: ${attempts.join('; ')}`, {
      next: 'Check that the site runs and that a firewall lets this machine reach that address and port',
    });
  }
}

export class GrantServerTimedOutError extends SkuprtError {
  readonly code = 'SKUPRT_GRANT_SERVER_TIMED_OUT';
  readonly fault = 'environment';

  constructor(attempts: readonly string[]) {
    super(`the issuing site does not answer: ${attempts.join('; ')}`, {
      next: 'Check the way to that address and port (a firewall may drop packets), then try again',
    });
  }
}

export class GrantServerUntrustedError extends SkuprtError {
  readonly code = 'SKUPRT_GRANT_SERVER_UNTRUSTED';
  readonly fault = 'peer';

  constructor(attempts: readonly string[]) {
    super(`what answers there is not the site that issued the token: ${attempts.join('; ')}`, {
      next: 'If the issuing site was deleted and made anew, ask it for a new token; otherwise somebody stands between',
    });
  }
}

export class GrantServerFailedError extends SkuprtError {
  readonly code = 'SKUPRT_GRANT_SERVER_FAILED';
  readonly fault = 'environment';

  constructor(url: string, answer: string) {
    super(`the issuing site at ${originOf(url)} could not redeem the token: ${answer}`, {
      next: 'Look at the status and the log of the issuing site, then try again: the token was not used',
    });
  }
}

export class RedemptionAnswerError extends SkuprtError {
  readonly code = 'SKUPRT_REDEMPTION_ANSWER_INVALID';
  readonly fault = 'peer';

  constructor(url: string, reason: string, cause?: unknown) {
    super(`the answer of the issuing site at ${originOf(url)} is not valid: ${reason}`, {
      cause,
      next: 'Check that the URL of the token leads to a site of skuprt or Skupper v2',
    });
  }
}

/** The site offers no address to link to; told to the redeemer. */
export class NoEndpointsError extends SkuprtError {
  readonly code = 'SKUPRT_SITE_HAS_NO_ENDPOINTS';
  readonly fault = 'caller';

  constructor() {
    super('No valid endpoints found for site', { next: 'Enable link access at the issuing site' });
  }
}

/** The path of the URL is half of the claim: it stays out of messages. */
function originOf(url: string): string {
  return new URL(url).origin;
}

/** A certificate of a link was not renewed. The link goes on with the one that it has; it is tried again. */
export class RenewalFailedError extends SkuprtError {
  readonly code = 'SKUPRT_RENEWAL_FAILED';
  readonly fault = 'environment';

  constructor(name: string, reason: string) {
    super(`the certificate of link "${name}" cannot be renewed: ${reason}`, {
      next: 'Check that the other site runs and that its redemption server can be reached; else use a new token',
    });
  }
}

/** Somebody else changed a grant at the same moment. */
export class RedemptionConflictError extends SkuprtError {
  readonly code = 'SKUPRT_REDEMPTION_CONFLICT';
  readonly fault = 'environment';

  constructor(name: string) {
    super(`the redemption of grant "${name}" could not be recorded: it changed meanwhile`, {
      next: 'Try again: the token was not used',
    });
  }
}

export class TokenNameTakenError extends SkuprtError {
  readonly code = 'SKUPRT_TOKEN_NAME_TAKEN';
  readonly fault = 'caller';

  constructor(kind: string, name: string) {
    super(`${kind} "${name}" exists already and is not from this token`, {
      next: 'Give the token another name, or delete what has that name',
    });
  }
}
