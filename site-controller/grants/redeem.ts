/**
 * The redeemer's side: a token becomes a Secret and Links. Every URL of the token is tried in turn; only its own CA is trusted, only
 * https is spoken, no redirect is followed. A request that failed half way may be repeated with the same `CertificateRequest`.
 */
import { request as httpsRequest } from 'node:https';
import type { AccessToken } from '../../config/api/access-token.ts';
import { messageOf } from '../../lib/errors.ts';
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
import { ANSWER, ANSWER_BYTES_MAX, type CsrBody, JSON_TYPE } from './protocol.ts';
import { checkToken, TOKEN, tokenExpiresAt, tokenUrls } from './token.ts';

const TIMEOUT_MS = 10_000;
const RETRY_AFTER_MS = 60_000;

export interface RedeemOptions {
  /** Site id of this site. */
  subject: string;
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
}

interface Reply {
  status: number;
  body: string;
  retryAfter?: string;
}

type Failure = { kind: 'timeout' | 'untrusted' | 'unreachable'; text: string };

/** @throws one of the errors of errors.ts */
export async function redeemToken(token: AccessToken, options: RedeemOptions): Promise<Redeemed> {
  const { subject, now, name = token.metadata.name, machineId } = options;
  checkToken(token, `AccessToken ${token.metadata.name}`);
  if (token.metadata.annotations?.[TOKEN.site] === subject) throw new TokenOwnSiteError(token.metadata.name);
  const csr = token.metadata.annotations?.[TOKEN.csr] === 'true';
  const request = csr ? (options.request ?? createRequest({ subject })) : undefined;
  const failures: Failure[] = [];
  for (const url of tokenUrls(token, machineId)) {
    const reply = await post(url, token, { ...options, name, request });
    if (!('kind' in reply)) {
      if (reply.status !== 200) throw refusal(reply, token, url, now);
      return readAnswer(reply.body, { name, privateKey: request?.privateKey, linkCost: token.spec.linkCost }, url);
    }
    options.signal?.throwIfAborted();
    failures.push(reply);
  }
  throw noAnswer(failures, token, now);
}

/** The reply of the server, or why there is none. */
function post(
  url: string,
  token: AccessToken,
  options: RedeemOptions & { name: string; request: CertificateRequest | undefined },
): Promise<Reply | Failure> {
  const { timeoutMs = TIMEOUT_MS, signal } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const { headers, body } = form(token, options);
  return new Promise((resolve) => {
    const fail = (error: unknown) => resolve(failure(url, error, timeout.aborted ? timeoutMs : undefined));
    const request = httpsRequest(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      ca: token.spec.ca,
      minVersion: 'TLSv1.3',
      agent: false,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    request.once('error', fail);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let byteCount = 0;
      response.on('data', (chunk: Buffer) => {
        byteCount += chunk.length;
        if (byteCount > ANSWER_BYTES_MAX)
          response.destroy(new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`));
        else chunks.push(chunk);
      });
      response.once('error', fail);
      response.once('end', () => {
        const { statusCode: status = 0, headers: answered } = response;
        resolve({ status, body: Buffer.concat(chunks).toString(), retryAfter: answered['retry-after'] });
      });
    });
    request.end(body);
  });
}

function form(
  token: AccessToken,
  { name, subject, request }: { name: string; subject: string; request: CertificateRequest | undefined },
): { headers: Record<string, string>; body: string } {
  const { code } = token.spec;
  if (!request) return { headers: { name, subject }, body: code };
  const body: CsrBody = { code, csr: request.csr, name, subject };
  return { headers: { 'content-type': JSON_TYPE }, body: JSON.stringify(body) };
}

function failure(url: string, error: unknown, timedOutMs: number | undefined): Failure {
  const { host } = new URL(url);
  if (timedOutMs !== undefined)
    return { kind: 'timeout', text: `${host} did not answer within ${timedOutMs / 1000} s` };
  const code = (error as NodeJS.ErrnoException).code ?? '';
  // The names of OpenSSL's verification results, and Node's for a wrong host name.
  const untrusted = /CERT|LEAF_SIGNATURE|INVALID_(CA|PURPOSE)|PATH_LENGTH/.test(code);
  // Node's own advice, for those who start node themselves, comes after a semicolon.
  const [reason] = messageOf(error).split('; ', 1);
  return { kind: untrusted ? 'untrusted' : 'unreachable', text: `${host}: ${reason || code}` };
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
