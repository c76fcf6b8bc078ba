/**
 * The holder's side of a renewal: what its link has to trust now, and its next certificate when one is due. Nothing in the answer is
 * taken on trust: what it says must verify the certificate that will be used.
 */
import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import Value from 'typebox/value';
import type { AccessToken } from '../../config/api/access-token.ts';
import type { Secret } from '../../config/api/secret.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Tracer } from '../../lib/trace/tracer.ts';
import { chainFault, fingerprintsOf, inspectCertificate } from '../pki/inspect.ts';
import { createRequest } from '../pki/request.ts';
import { type TlsMaterial, tlsMaterialOf, tlsSecret } from '../pki/secret.ts';
import { algorithmOf } from '../pki/signature.ts';
import { renewalTime } from '../reconcile/certificate/validity.ts';
import { RenewalFailedError } from './errors.ts';
import { type HttpProxy, post } from './post.ts';
import { JSON_TYPE, RENEW_PATH, RenewAnswer, type RenewBody, renewalText } from './protocol.ts';
import { TOKEN, tokenUrls } from './token.ts';

/** Annotations of the Secret of a link. */
export const RENEWAL = {
  /** JSON array: where to ask, the preferred first. */
  urls: 'skuprt.io/renew-urls',
  /** PEM bundle by which to trust who answers there. */
  ca: 'skuprt.io/renew-ca',
} as const;

export interface RenewOptions {
  /** Wall-clock milliseconds. */
  now: number;
  proxy?: HttpProxy;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** The way to the other site: HTTPS when absent. */
  send?: typeof post;
  tracer?: Tracer;
}

/** The annotations of what a token is redeemed for; none when its issuer renews nothing, as Skupper's do. */
export function renewalNotes(token: AccessToken, machineId?: string): Record<string, string> {
  const site = token.metadata.annotations?.[TOKEN.site];
  if (token.metadata.annotations?.[TOKEN.csr] !== 'true' || site === undefined) return {};
  const urls = tokenUrls(token, machineId).map((url) => new URL(url).origin + RENEW_PATH + encodeURIComponent(site));
  return { [RENEWAL.urls]: JSON.stringify([...new Set(urls)]), [RENEWAL.ca]: token.spec.ca };
}

/** Whether the certificate of that Secret can be renewed at all. */
export function isRenewable(secret: Secret): boolean {
  return urlsOf(secret).length > 0;
}

/** When its certificate is to be replaced, wall-clock milliseconds; Infinity when it cannot be read. */
export function renewalTimeOf(secret: Secret): number {
  try {
    return renewalTime(inspectCertificate(tlsMaterialOf(secret).certificate ?? ''));
  } catch {
    return Infinity;
  }
}

/** The Secret as it is to be from now on; undefined when nothing of it changes. @throws RenewalFailedError */
export async function renewLink(secret: Secret, options: RenewOptions): Promise<Secret | undefined> {
  const held = tlsMaterialOf(secret);
  const isDue = options.now >= renewalTimeOf(secret);
  const first = await ask(secret, held, isDue, options);
  const result = first.answer.rotate && !isDue ? await ask(secret, held, true, options) : first;
  return changed(secret, held, result, options.now);
}

interface Asked {
  answer: RenewAnswer;
  /** Of the request for the next certificate. */
  privateKey: string | undefined;
}

async function ask(secret: Secret, held: TlsMaterial, wantsNext: boolean, options: RenewOptions): Promise<Asked> {
  const { proxy, timeoutMs, signal, tracer, send = post } = options;
  const { name } = secret.metadata;
  const ca = secret.metadata.annotations?.[RENEWAL.ca] ?? held.ca ?? '';
  const request = wantsNext ? createRequest({ subject: name }) : undefined;
  const failures: string[] = [];
  for (const url of urlsOf(secret)) {
    const body = JSON.stringify(requestBody(url, name, held, request?.csr));
    const how = { ca, proxy, timeoutMs, signal, tracer };
    const reply = await send(url, { headers: { 'content-type': JSON_TYPE }, body, ...how });
    signal?.throwIfAborted();
    if ('kind' in reply) failures.push(reply.text);
    else if (reply.status === 200) return { answer: answerOf(name, reply.body), privateKey: request?.privateKey };
    else failures.push(`${new URL(url).host}: ${reply.status} ${reply.body.trim().split('\n', 1)[0]!.slice(0, 200)}`);
  }
  throw new RenewalFailedError(name, failures.join('; '));
}

function requestBody(url: string, name: string, held: TlsMaterial, csr: string | undefined): RenewBody {
  const siteId = decodeURIComponent(new URL(url).pathname.slice(RENEW_PATH.length));
  const claim = { name, trusts: fingerprintsOf(held.ca ?? '').slice(0, 16), ...(csr !== undefined && { csr }) };
  try {
    const key = createPrivateKey(held.privateKey ?? '');
    const signature = sign(algorithmOf(key)?.hash ?? 'sha256', Buffer.from(renewalText(siteId, claim)), key);
    return { ...claim, certificate: held.certificate ?? '', signature: signature.toString('base64') };
  } catch (cause) {
    throw new RenewalFailedError(name, `its key cannot be used: ${messageOf(cause)}`);
  }
}

function answerOf(name: string, text: string): RenewAnswer {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = undefined;
  }
  if (!Value.Check(RenewAnswer, answer)) throw new RenewalFailedError(name, 'the answer is not one of a renewal');
  return answer;
}

function changed(secret: Secret, held: TlsMaterial, { answer, privateKey }: Asked, now: number): Secret | undefined {
  const { name } = secret.metadata;
  const next = answer.certificate === undefined ? held : { certificate: answer.certificate, privateKey };
  const fault = materialFault(next, answer.ca, held, now);
  if (fault !== undefined) throw new RenewalFailedError(name, `the answer cannot be used: ${fault}`);
  const urls = answer.urls.filter((url) => URL.canParse(url) && new URL(url).protocol === 'https:');
  const annotations = {
    ...secret.metadata.annotations,
    [RENEWAL.ca]: answer.serverCa,
    // Those known so far stay behind those told: one may lead there where another does not.
    [RENEWAL.urls]: JSON.stringify([...new Set([...urls, ...urlsOf(secret)])].slice(0, 16)),
  };
  const after = tlsSecret(name, { ...next, ca: answer.ca });
  const isSame =
    JSON.stringify(after.data) === JSON.stringify(tlsSecret(name, held).data) &&
    annotations[RENEWAL.ca] === secret.metadata.annotations?.[RENEWAL.ca] &&
    annotations[RENEWAL.urls] === secret.metadata.annotations?.[RENEWAL.urls];
  if (isSame) return undefined;
  const { namespace, labels, ownerReferences, resourceVersion } = secret.metadata;
  const kept = {
    ...(namespace !== undefined && { namespace }),
    ...(labels && { labels }),
    ...(ownerReferences && { ownerReferences }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  return { ...after, metadata: { name, ...kept, annotations } };
}

function materialFault(next: TlsMaterial, ca: string, held: TlsMaterial, now: number): string | undefined {
  try {
    const { certificate = '', privateKey = '' } = next;
    const leaf = new X509Certificate(certificate);
    if (!leaf.checkPrivateKey(createPrivateKey(privateKey))) return 'its certificate is for another key';
    if (inspectCertificate(certificate).subject !== inspectCertificate(held.certificate ?? '').subject) {
      return 'its certificate is for another name';
    }
    const fault = chainFault(certificate, ca, now);
    return fault === undefined ? undefined : `its certificate is ${fault}`;
  } catch (error) {
    return messageOf(error);
  }
}

function urlsOf(secret: Secret): string[] {
  try {
    const urls = JSON.parse(secret.metadata.annotations?.[RENEWAL.urls] ?? '[]') as unknown;
    return Array.isArray(urls) ? urls.filter((url) => typeof url === 'string' && URL.canParse(url)) : [];
  } catch {
    return [];
  }
}
