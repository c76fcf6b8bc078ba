/**
 * The redeemer's side: a token becomes a Secret and Links. Every URL of the token is tried in turn; only its own CA is trusted, only
 * https is spoken, no redirect is followed. A request that failed half way may be repeated with the same `CertificateRequest`.
 */
import type { AccessToken } from '../../config/api/access-token.ts';
import type { Tracer } from '../../lib/trace/tracer.ts';
import type { KeyPair } from '../pki/authority.ts';
import { type CertificateRequest, createRequest } from '../pki/request.ts';
import { type Redeemed, readAnswer } from './answer.ts';
import {
  GrantServerFailedError,
  GrantServerTimedOutError,
  GrantServerUnreachableError,
  GrantServerUntrustedError,
  TokenExpiredError,
  TokenOwnSiteError,
  TokenRefusedError,
  TokenTriedTooOftenError,
  TokenUnknownError,
  TokenUsedUpError,
} from './errors.ts';
import { type Failure, type HttpProxy, type PostOptions, post, type Reply } from './post.ts';
import { ANSWER, type CsrBody, JSON_TYPE, SITE_NAME_HEADER } from './protocol.ts';
import { SITE_PROOF_HEADER, siteProof } from './site-proof.ts';
import { checkToken, grantUidOf, TOKEN, tokenExpiresAt, tokenUrls } from './token.ts';

const RETRY_AFTER_MS = 60_000;

export interface RedeemOptions {
  /** Site id of this site. */
  subject: string;
  /** Name of this site. */
  siteName?: string;
  /** Wall-clock milliseconds. */
  now: number;
  /** Of the Secret and the Links; the token's name when absent. */
  name?: string;
  /** See `readMachineId`. */
  machineId?: string;
  /** Kept from an earlier try, so that it is not counted twice; a fresh one when absent. */
  request?: CertificateRequest;
  /** For each URL; 10 s when absent. */
  timeoutMs?: number;
  signal?: AbortSignal;
  proxy?: HttpProxy;
  /** Of this site: by its key the site proves that it is the one. */
  siteCa?: KeyPair;
  tracer?: Tracer;
}

/** @throws one of the errors of errors.ts */
export async function redeemToken(token: AccessToken, options: RedeemOptions): Promise<Redeemed> {
  const { subject, siteName, now, name = token.metadata.name, machineId } = options;
  checkToken(token, `AccessToken ${token.metadata.name}`);
  if (token.metadata.annotations?.[TOKEN.site] === subject) throw new TokenOwnSiteError(token.metadata.name);
  const csr = token.metadata.annotations?.[TOKEN.csr] === 'true';
  const request = csr ? (options.request ?? createRequest({ subject })) : undefined;
  const failures: Failure[] = [];
  for (const url of tokenUrls(token, machineId)) {
    const { timeoutMs, signal, proxy, tracer } = options;
    const reply = await post(url, {
      ...form(token, { name, subject, siteName, request, siteCa: options.siteCa, uid: grantUidOf(url) }),
      ca: token.spec.ca,
      proxy,
      timeoutMs,
      signal,
      tracer,
    });
    if (!('kind' in reply)) {
      if (reply.status !== 200) throw refusal(reply, token, url, now);
      return readAnswer(reply.body, { name, privateKey: request?.privateKey, linkCost: token.spec.linkCost }, url);
    }
    options.signal?.throwIfAborted();
    failures.push(reply);
  }
  throw noAnswer(failures, token, now);
}

interface Form {
  name: string;
  subject: string;
  siteName: string | undefined;
  request: CertificateRequest | undefined;
  siteCa: KeyPair | undefined;
  /** Of the grant. */
  uid: string;
}

function form(
  token: AccessToken,
  { name, subject, siteName, request, siteCa, uid }: Form,
): Pick<PostOptions, 'headers' | 'body'> {
  const { code } = token.spec;
  const told: Record<string, string> = siteName === undefined ? {} : { [SITE_NAME_HEADER]: siteName };
  if (!request) return { headers: { name, subject, ...told }, body: code };
  const { csr } = request;
  const proof = siteCa && siteProof(siteCa, { uid, name, subject, csr });
  const headers = { 'content-type': JSON_TYPE, ...told, ...(proof !== undefined && { [SITE_PROOF_HEADER]: proof }) };
  const body: CsrBody = { code, csr, name, subject };
  return { headers, body: JSON.stringify(body) };
}

function noAnswer(failures: Failure[], token: AccessToken, now: number): Error {
  const expiresAt = tokenExpiresAt(token);
  if (expiresAt !== undefined && expiresAt <= now) return new TokenExpiredError(token.metadata.name, expiresAt);
  const texts = failures.map(({ text }) => text);
  if (failures.some(({ kind }) => kind === 'untrusted')) return new GrantServerUntrustedError(texts);
  if (failures.every(({ kind }) => kind === 'timeout')) return new GrantServerTimedOutError(texts);
  return new GrantServerUnreachableError(texts);
}

function refusal({ status, body, retryAfter }: Reply, token: AccessToken, url: string, now: number): Error {
  const { name } = token.metadata;
  const answer = body.trim();
  if (status === 403) return new TokenRefusedError(name);
  if (status === 429) return new TokenTriedTooOftenError(name, Number(retryAfter) * 1000 || RETRY_AFTER_MS);
  if (status === 404) {
    if (answer === ANSWER.usedUp) return new TokenUsedUpError(name);
    const expiresAt = tokenExpiresAt(token);
    if (expiresAt !== undefined && expiresAt <= now) return new TokenExpiredError(name, expiresAt);
    return new TokenUnknownError(name, url);
  }
  return new GrantServerFailedError(url, `${status} ${answer.split('\n', 1)[0]!.slice(0, 200)}`.trim());
}
