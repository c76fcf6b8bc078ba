/**
 * The decision on each redemption, without HTTP. Invariants: one at a time per grant; counted only when the answer exists and the store has
 * kept it; the same certificate request again gets the same answer and is not counted again; codes are compared in constant time.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Resource } from '../../config/api/index.ts';
import { serializeResources } from '../../config/api/serialize.ts';
import { addressOwner } from '../../lib/address.ts';
import type { Clock } from '../../lib/clock.ts';
import { AssertionError, SkuprtError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { Tracer } from '../../lib/trace/tracer.ts';
import { WrongTries } from '../../lib/wrong-tries.ts';
import { readRequest } from '../pki/request.ts';
import { publicKeyDer } from '../pki/signature.ts';
import { ANSWER, type IssueRequest, YAML_TYPE } from './protocol.ts';
import { provenCa } from './site-proof.ts';
import type { GrantState, GrantStore } from './store.ts';

const WRONG_TRIES_MAX = 10;
const WRONG_TRIES_WINDOW_MS = 60_000;

export type Issue = (grant: GrantState, request: IssueRequest) => Promise<readonly Resource[]>;

export interface Claim {
  /** UID of the grant, from the URL. */
  uid: string;
  code: string;
  /** Address of the redeemer. */
  remote: string;
  /** Absent: the name of the grant. */
  name?: string;
  subject: string;
  /** Of its site, as it says itself. */
  siteName?: string;
  /** PEM. Absent in the plain form. */
  csr?: string;
  /** See site-proof.ts. */
  proof?: string;
}

export interface Answer {
  status: number;
  body: string;
  headers?: Record<string, string>;
}

export type RedemptionOutcome =
  | 'redeemed'
  | 'repeated'
  | 'wrong code'
  | 'used up'
  | 'expired'
  | 'unknown'
  | 'too many tries'
  | 'failed';

/** How a claim ended, for those who keep account. */
export interface RedemptionReport {
  uid: string;
  outcome: RedemptionOutcome;
  /** Address and site id of who asked; both as they say. */
  remote: string;
  subject: string;
  /** Of a failure. */
  detail?: string;
}

export interface RedemptionsUses {
  store: GrantStore;
  issue: Issue;
  clock: Clock;
  log: Logger;
  onReport?: (report: RedemptionReport) => void;
  /** Each request is a span of it. */
  tracer?: Tracer;
}

export class Redemptions {
  readonly #uses: RedemptionsUses;
  readonly #wrongTries = new WrongTries({ countMax: WRONG_TRIES_MAX, windowMs: WRONG_TRIES_WINDOW_MS });
  /** The last claim of each grant that has some under way. */
  readonly #lastOf = new Map<string, Promise<unknown>>();

  constructor(uses: RedemptionsUses) {
    this.#uses = uses;
  }

  async redeem(claim: Claim): Promise<Answer> {
    const before = this.#lastOf.get(claim.uid);
    const answer = before === undefined ? this.#decide(claim) : before.then(() => this.#decide(claim));
    const settled = answer.catch(() => undefined);
    this.#lastOf.set(claim.uid, settled);
    try {
      return await answer;
    } finally {
      if (this.#lastOf.get(claim.uid) === settled) this.#lastOf.delete(claim.uid);
    }
  }

  async #decide(claim: Claim): Promise<Answer> {
    const { clock, store, log } = this.#uses;
    const { uid, remote, subject } = claim;
    const keys = [`grant ${uid}`, `address ${addressOwner(remote)}`];
    const waitMs = Math.max(...keys.map((key) => this.#wrongTries.waitMs(key, clock.now())));
    if (waitMs > 0) {
      log.warn({ grant: uid, remote, subject }, 'redemption refused after too many wrong tries');
      this.#report(claim, 'too many tries');
      return { status: 429, body: ANSWER.tooMany, headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) } };
    }
    const grant = await store.get(uid);
    if (!grant) {
      this.#wrongTries.note(keys[1]!, clock.now());
      this.#report(claim, 'unknown');
      return { status: 404, body: ANSWER.unknown };
    }
    if (!equalSecrets(claim.code, grant.code)) {
      for (const key of keys) this.#wrongTries.note(key, clock.now());
      log.warn({ grant: uid, name: grant.name, remote, subject }, 'redemption with a wrong code');
      this.#report(claim, 'wrong code');
      return { status: 403, body: ANSWER.refused };
    }
    return this.#grant(grant, claim);
  }

  async #grant(grant: GrantState, claim: Claim): Promise<Answer> {
    const { clock, issue, log } = this.#uses;
    const { uid, name = '', subject, siteName, csr } = claim;
    const siteCa = csr === undefined ? undefined : provenCa(claim.proof, { uid, name, subject, csr });
    const request: IssueRequest = { name: name || grant.name, subject, siteName, csr, siteCa };
    const fields = { grant: grant.uid, name: request.name, remote: claim.remote, subject: claim.subject };
    try {
      const requestKey = requestKeyOf(request);
      const repeated = requestKey && grant.redemptions.find((redemption) => redemption.requestKey === requestKey);
      if (repeated) {
        const body = repeated.answer ?? serializeResources(await issue(grant, request));
        this.#report(claim, 'repeated');
        return yaml(body);
      }
      const refusal = this.#refusal(grant, claim);
      if (refusal !== undefined) return refusal;
      const body = serializeResources(await issue(grant, request));
      const answer = requestKey ? body : undefined;
      const { name, subject } = request;
      const kept = await this.#record(grant, { requestKey, name, subject, redeemedAt: clock.wall(), answer });
      if (!kept) {
        this.#report(claim, 'failed', 'it cannot be recorded');
        return { status: 503, body: ANSWER.internal };
      }
      log.info(fields, 'token redeemed');
      this.#report(claim, 'redeemed');
      return yaml(body);
    } catch (error) {
      if (!(error instanceof SkuprtError) || error instanceof AssertionError) throw error;
      log.error({ ...fields, err: error }, 'redemption failed');
      this.#report(claim, 'failed', error.message);
      return { status: error.fault === 'peer' ? 400 : 500, body: error.message };
    }
  }

  #refusal(grant: GrantState, claim: Claim): Answer | undefined {
    if (Number.isNaN(grant.expiresAt)) {
      this.#report(claim, 'failed', ANSWER.corrupted);
      return { status: 500, body: ANSWER.corrupted };
    }
    if (this.#uses.clock.wall() >= grant.expiresAt) {
      this.#report(claim, 'expired');
      return { status: 404, body: ANSWER.unknown };
    }
    if (grant.redemptions.length < grant.redemptionsAllowed) return undefined;
    this.#report(claim, 'used up');
    return { status: 404, body: ANSWER.usedUp };
  }

  #report({ uid, remote, subject }: Claim, outcome: RedemptionOutcome, detail?: string): void {
    this.#uses.tracer?.set({ 'skuprt.grant': uid, 'skuprt.peer': subject, 'skuprt.outcome': outcome });
    this.#uses.onReport?.({ uid, outcome, remote, subject, detail });
  }

  async #record(grant: GrantState, redemption: Parameters<GrantStore['record']>[1]): Promise<boolean> {
    try {
      await this.#uses.store.record(grant.uid, redemption);
      return true;
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      this.#uses.log.error({ grant: grant.uid, name: grant.name, err: error }, 'redemption cannot be recorded');
      return false;
    }
  }
}

function yaml(body: string): Answer {
  return { status: 200, body, headers: { 'content-type': YAML_TYPE } };
}

/** Only a request for a certificate can be recognised: it is signed by a key that only its sender has. @throws CertificateRequestError */
function requestKeyOf({ csr, name, subject }: IssueRequest): string | undefined {
  if (csr === undefined) return undefined;
  const { publicKey } = readRequest(csr);
  return createHash('sha256')
    .update(publicKeyDer(publicKey))
    .update(JSON.stringify([name, subject]))
    .digest('hex');
}

function equalSecrets(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
