/**
 * The decision on each renewal, without HTTP: who shows a certificate of one of this site's CAs and proves its key gets the bundle of now,
 * and the next certificate for the same identity when it asks. Nothing is counted; asking again is harmless.
 */
import { verify, X509Certificate } from 'node:crypto';
import type { Secret } from '../../config/api/secret.ts';
import { addressOwner } from '../../lib/address.ts';
import type { Clock } from '../../lib/clock.ts';
import { AssertionError, SkuprtError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { siteIdOf, siteUri } from '../../lib/site-identity.ts';
import { WrongTries } from '../../lib/wrong-tries.ts';
import { signRequest } from '../pki/authority.ts';
import { type CertificateFacts, chainFault, inspectCertificate, isIssuedBy, splitBundle } from '../pki/inspect.ts';
import { tlsMaterialOf } from '../pki/secret.ts';
import { algorithmOf } from '../pki/signature.ts';
import { renewalTime } from '../reconcile/certificate/validity.ts';
import { type Client, type Notes, noteClient } from './clients.ts';
import { ANSWER, JSON_TYPE, type RenewAnswer, type RenewBody, renewalText } from './protocol.ts';
import type { Answer } from './redemptions.ts';

const WRONG_TRIES_MAX = 20;
const WRONG_TRIES_WINDOW_MS = 60_000;
/** A site that slept past the end of its certificate may still renew it for this long. */
export const RENEWAL_GRACE_MS = 7 * 24 * 60 * 60 * 1000;

export interface RenewalIssuer {
  /** Secret of the CA. */
  secret: Secret;
  /** PEM bundle: by what it signed, now or before, sites are known. */
  trust: string;
}

export interface RenewalsUses {
  /** The CAs with which that site signs for links; undefined when there is no such site here. */
  issuersOf(siteId: string): Promise<readonly RenewalIssuer[] | undefined>;
  /** Keeps notes beside a CA; null removes one. */
  note(siteId: string, issuer: RenewalIssuer, changes: Readonly<Record<string, string | null>>): Promise<void>;
  /** Why policies of that site keep a site from linking to it; undefined when they do not. */
  refusalOf?(siteId: string, site: string): string | undefined;
  /** Where that site's clients reach this server. */
  urls(siteId: string): readonly string[];
  /** PEM bundle by which they trust it. */
  serverCa(siteId: string): string | undefined;
  clock: Clock;
  log: Logger;
  validMs: number;
  graceMs?: number;
  onRenewed?: (siteId: string, client: { site: string; name: string; remote: string }) => void;
}

export interface RenewalClaim extends RenewBody {
  /** Site id of the issuer, from the URL. */
  siteId: string;
  remote: string;
}

export class Renewals {
  readonly #uses: RenewalsUses;
  readonly #wrongTries = new WrongTries({ countMax: WRONG_TRIES_MAX, windowMs: WRONG_TRIES_WINDOW_MS });

  constructor(uses: RenewalsUses) {
    this.#uses = uses;
  }

  async renew(claim: RenewalClaim): Promise<Answer> {
    const { clock, log } = this.#uses;
    const waitMs = this.#wrongTries.waitMs(addressOwner(claim.remote), clock.now());
    if (waitMs > 0) {
      return { status: 429, body: ANSWER.tooMany, headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) } };
    }
    const issuers = await this.#uses.issuersOf(claim.siteId);
    if (issuers === undefined) return this.#refuse(claim, 404, ANSWER.unknown);
    const holder = holderOf(claim, issuers, clock.wall(), this.#uses.graceMs ?? RENEWAL_GRACE_MS);
    if (typeof holder === 'string') {
      log.warn({ siteLink: claim.name, remote: claim.remote, reason: holder }, 'renewal refused');
      return this.#refuse(claim, 403, `Renewal refused: ${holder}`);
    }
    const refusal = this.#uses.refusalOf?.(claim.siteId, holder.site);
    if (refusal !== undefined) {
      log.warn({ siteLink: claim.name, peer: holder.site, remote: claim.remote, reason: refusal }, 'renewal refused');
      return { status: 403, body: `Renewal refused: ${refusal}` };
    }
    try {
      return await this.#answer(claim, holder);
    } catch (error) {
      if (!(error instanceof SkuprtError) || error instanceof AssertionError) throw error;
      log.error({ siteLink: claim.name, remote: claim.remote, err: error }, 'renewal failed');
      return { status: error.fault === 'peer' ? 400 : 500, body: error.message };
    }
  }

  #refuse({ remote }: RenewalClaim, status: number, body: string): Answer {
    this.#wrongTries.note(addressOwner(remote), this.#uses.clock.now());
    return { status, body };
  }

  async #answer(claim: RenewalClaim, { issuer, facts, site, signer }: Holder): Promise<Answer> {
    const { clock, log, note, urls, serverCa, validMs, onRenewed } = this.#uses;
    const now = clock.wall();
    const { certificate: ca = '', privateKey = '' } = tlsMaterialOf(issuer.secret);
    const isOld = !isIssuedBy(claim.certificate, ca) || now >= renewalTime(facts);
    const usages = ['client'] as const;
    const certificate =
      claim.csr === undefined
        ? undefined
        : signRequest(claim.csr, {
            ca: { certificate: ca, privateKey },
            subject: facts.subject,
            uris: [siteUri(site)],
            usages,
            validMs,
            now,
          });
    const until = Math.max(facts.notAfter, certificate === undefined ? 0 : inspectCertificate(certificate).notAfter);
    const client: Client = {
      site,
      name: claim.name,
      issuer: signer,
      until,
      trusts: claim.trusts,
      since: now,
      renews: true,
    };
    const changes = noteClient(issuer.secret.metadata.annotations as Notes | undefined, client, now);
    if (changes !== undefined) await note(claim.siteId, issuer, changes);
    if (certificate !== undefined) {
      log.info({ siteLink: claim.name, peer: site, remote: claim.remote }, 'link certificate renewed');
      onRenewed?.(claim.siteId, { site, name: claim.name, remote: claim.remote });
    }
    const answer: RenewAnswer = {
      ca: issuer.trust,
      serverCa: serverCa(claim.siteId) ?? issuer.trust,
      urls: [...urls(claim.siteId)],
      rotate: isOld && certificate === undefined,
      ...(certificate !== undefined && { certificate }),
    };
    return { status: 200, body: JSON.stringify(answer), headers: { 'content-type': JSON_TYPE } };
  }
}

interface Holder {
  issuer: RenewalIssuer;
  facts: CertificateFacts;
  /** Fingerprint of the CA that signed its certificate. */
  signer: string;
  /** Id of the site that it speaks for. */
  site: string;
}

/** Whose certificate that is, or why it counts for nothing. */
function holderOf(
  claim: RenewalClaim,
  issuers: readonly RenewalIssuer[],
  now: number,
  graceMs: number,
): Holder | string {
  let facts: CertificateFacts;
  try {
    facts = inspectCertificate(claim.certificate);
    if (!isProven(claim)) return 'the request is not signed by the key of its certificate';
  } catch {
    return 'the certificate cannot be read';
  }
  if (facts.notAfter + graceMs <= now) return 'the certificate ended too long ago';
  const site = siteIdOf(facts.uris);
  if (site === undefined || facts.isCa) return 'the certificate is not one of a link';
  if (site === claim.siteId) return 'the certificate is one of this very site';
  const at = Math.min(now, facts.notAfter - 1);
  const issuer = issuers.find(({ trust }) => chainFault(claim.certificate, trust, at) === undefined);
  if (issuer === undefined) return 'the certificate is of a CA that this site does not have';
  const signer = splitBundle(issuer.trust).find((ca) => isIssuedBy(claim.certificate, ca));
  return { issuer, facts, site, signer: signer === undefined ? '' : inspectCertificate(signer).fingerprint };
}

/** @throws Error when certificate or signature cannot be read */
function isProven(claim: RenewalClaim): boolean {
  const { publicKey } = new X509Certificate(claim.certificate);
  const algorithm = algorithmOf(publicKey);
  const text = Buffer.from(renewalText(claim.siteId, claim));
  return algorithm !== undefined && verify(algorithm.hash, text, publicKey, Buffer.from(claim.signature, 'base64'));
}
