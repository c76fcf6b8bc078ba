/**
 * Token files: one AccessToken, readable by Skupper, that carries in annotations what Skupper's form has no place for. The certificate
 * comes last, so that a truncated file never passes for a whole one. A token is a secret: its file is 0600.
 */
import { createHash, X509Certificate } from 'node:crypto';
import type { AccessGrant } from '../../config/api/access-grant.ts';
import type { AccessToken } from '../../config/api/access-token.ts';
import { parseResources } from '../../config/api/parse.ts';
import { SKUPPER_API_VERSION } from '../../config/api/schema.ts';
import { serializeResources } from '../../config/api/serialize.ts';
import { readIfExists, writeFileAtomic } from '../../lib/files.ts';
import { TokenUnreadableError } from './errors.ts';

/** Annotations of AccessTokens. */
export const TOKEN = {
  /** "true": the server takes certificate requests, so that the private key is made where it is used. */
  csr: 'skuprt.io/csr',
  /** RFC 3339. */
  expires: 'skuprt.io/expires',
  /** JSON array: every URL, the preferred first. */
  urls: 'skuprt.io/urls',
  /** `machineMark` of the issuing machine. */
  machine: 'skuprt.io/machine',
  /** Site id of the issuer. */
  site: 'skuprt.io/site',
} as const;

export interface TokenOptions {
  /** Processed: with url, code, ca and expirationTime in its status. */
  grant: AccessGrant;
  /** Further URLs of the same server. */
  urls?: readonly string[];
  /** Site id of the issuer. */
  siteId: string;
  linkCost?: number;
  /** See `readMachineId`. */
  machineId?: string;
}

export function composeToken({ grant, urls = [], siteId, linkCost, machineId }: TokenOptions): AccessToken {
  const { url = '', code = '', ca = '', expirationTime = '' } = grant.status ?? {};
  const annotations: Record<string, string> = {
    [TOKEN.csr]: 'true',
    [TOKEN.expires]: expirationTime,
    [TOKEN.site]: siteId,
    [TOKEN.urls]: JSON.stringify([...new Set([url, ...urls])]),
  };
  if (machineId) annotations[TOKEN.machine] = machineMark(grantUidOf(url), machineId);
  return {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'AccessToken',
    metadata: { name: grant.metadata.name, annotations },
    spec: { ...(linkCost ? { linkCost } : {}), url, code, ca },
  };
}

export async function writeToken(path: string, token: AccessToken): Promise<void> {
  await writeFileAtomic(path, serializeResources([token]), { mode: 0o600 });
}

/** The token in `text`; `source` names it in messages. @throws TokenUnreadableError */
export function readToken(text: string, source: string): AccessToken {
  let resources: ReturnType<typeof parseResources>;
  try {
    resources = parseResources(text, source);
  } catch (cause) {
    throw new TokenUnreadableError(source, 'it is damaged or cut short', cause);
  }
  const [token] = resources;
  if (token?.kind !== 'AccessToken' || resources.length > 1) {
    throw new TokenUnreadableError(source, 'it does not hold exactly one AccessToken');
  }
  checkToken(token, source);
  return token;
}

/** What the schema cannot say; `source` names the token in messages. @throws TokenUnreadableError */
export function checkToken(token: AccessToken, source: string): void {
  try {
    new X509Certificate(token.spec.ca);
  } catch (cause) {
    throw new TokenUnreadableError(source, 'spec.ca does not hold a PEM certificate', cause);
  }
  let urls: unknown;
  try {
    urls = tokenUrls(token);
  } catch (cause) {
    throw new TokenUnreadableError(source, `annotation ${TOKEN.urls} is not a list of URLs`, cause);
  }
  for (const url of urls as unknown[]) {
    if (typeof url !== 'string' || !URL.canParse(url) || new URL(url).protocol !== 'https:') {
      throw new TokenUnreadableError(source, 'its URLs must begin with https://');
    }
  }
}

/** Every URL of the token; on the issuing machine itself the loopback ones first. */
export function tokenUrls(token: AccessToken, machineId?: string): string[] {
  const listed = JSON.parse(token.metadata.annotations?.[TOKEN.urls] ?? '[]') as string[];
  const urls = [...new Set([token.spec.url, ...listed])];
  const mark = token.metadata.annotations?.[TOKEN.machine];
  if (!machineId || mark !== machineMark(grantUidOf(token.spec.url), machineId)) return urls;
  return [...urls.filter(isLoopback), ...urls.filter((url) => !isLoopback(url))];
}

/** Wall-clock milliseconds; undefined when the token does not say. */
export function tokenExpiresAt(token: AccessToken): number | undefined {
  const expiresAt = Date.parse(token.metadata.annotations?.[TOKEN.expires] ?? '');
  return Number.isNaN(expiresAt) ? undefined : expiresAt;
}

/** Names a machine to those who know its id and the grant, and to nobody else. */
export function machineMark(grantUid: string, machineId: string): string {
  return createHash('sha256').update(`${grantUid}\n${machineId}`).digest('hex');
}

export async function readMachineId(): Promise<string | undefined> {
  return (await readIfExists('/etc/machine-id'))?.trim() || undefined;
}

/** Of the grant that a URL redeems. */
export function grantUidOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
