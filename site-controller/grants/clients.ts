/**
 * Who holds a certificate of a CA for a link, kept as notes beside the CA (annotations of its Secret on Kubernetes), one each, so that
 * two writers never meet. By these a roll-over knows whom the new CA has reached. Pure.
 */
import { createHash } from 'node:crypto';
import { fingerprintsOf } from '../pki/inspect.ts';

const PREFIX = 'clients.skuprt.io/';
/** A CA with more clients than this knows the others by their certificates only. */
const COUNT_MAX = 1000;

export interface Client {
  /** Id of the site. */
  site: string;
  /** Of its link's Secret, at that site. */
  name: string;
  /** Fingerprint of the CA that signed its certificate. */
  issuer: string;
  /** End of its certificate, wall-clock milliseconds. */
  until: number;
  /** Fingerprints of the CAs that it trusts. */
  trusts: readonly string[];
  /** Since when it trusts these. */
  since: number;
  /** It asks for its next certificate by itself. */
  renews: boolean;
  /** Digest of the key of its first certificate, where it made that itself. */
  key?: string;
  /** Fingerprint of its own CA, by which it proved which site it is. */
  siteCa?: string;
}

export type Notes = Readonly<Record<string, string>>;

/** Those whose certificate has not ended. */
export function clientsOf(notes: Notes | undefined, now: number): Client[] {
  return Object.entries(notes ?? {}).flatMap(([key, text]) => {
    const client = key.startsWith(PREFIX) ? parse(text) : undefined;
    return client !== undefined && client.until > now ? [client] : [];
  });
}

/**
 * The notes to write for `client`: its own, and null for each that has ended. Undefined when they would say what they say already.
 * `since` moves only when it trusts others than before.
 */
export function noteClient(
  notes: Notes | undefined,
  client: Client,
  now: number,
): Record<string, string | null> | undefined {
  const key = keyOf(client);
  const before = parse(notes?.[key]);
  const isSame = before !== undefined && sorted(before.trusts) === sorted(client.trusts);
  // By what it proved who it is once, it does for good.
  const { key: ownKey = before?.key, siteCa = before?.siteCa } = client;
  const text = JSON.stringify({ ...client, since: isSame ? before.since : client.since, key: ownKey, siteCa });
  const changes: Record<string, string | null> = text === notes?.[key] ? {} : { [key]: text };
  const living = new Set(clientsOf(notes, now).map(keyOf));
  for (const known of Object.keys(notes ?? {})) {
    if (known.startsWith(PREFIX) && known !== key && !living.has(known)) changes[known] = null;
  }
  if (living.size >= COUNT_MAX && !living.has(key)) delete changes[key];
  return Object.keys(changes).length === 0 ? undefined : changes;
}

export function isClientNote(key: string): boolean {
  return key.startsWith(PREFIX);
}

/** What a site trusts that was given `bundle`. */
export function trustsOf(bundle: string): string[] {
  return fingerprintsOf(bundle);
}

function keyOf({ site, name }: Pick<Client, 'site' | 'name'>): string {
  return `${PREFIX}${createHash('sha256')
    .update(JSON.stringify([site, name]))
    .digest('hex')
    .slice(0, 24)}`;
}

function sorted(texts: readonly string[]): string {
  return texts.toSorted().join();
}

function parse(text: string | undefined): Client | undefined {
  try {
    const client = JSON.parse(text ?? '') as Client;
    return typeof client.site === 'string' && Array.isArray(client.trusts) && client.until > 0 ? client : undefined;
  } catch {
    return undefined;
  }
}
