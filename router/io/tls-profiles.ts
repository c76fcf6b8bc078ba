/**
 * sslProfiles: the files they name, read into what `node:tls` takes, and read again when they change on disk, so that
 * certificates are renewed without a link being dropped: new connections use the new files.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type SecureVersion,
  type TLSSocket,
} from 'node:tls';
import { messageOf, SkuprtError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { SslProfileEntity } from '../management/schema.ts';
import type { CertificateExpiry } from '../telemetry/router-counters.ts';
import { type Expiry, firstExpiry } from './certificate-expiry.ts';
import type { HandshakeCount } from './handshake-faults.ts';
import { peerName, UID_FORMAT } from './peer-name.ts';
import { secretText } from './secret-text.ts';

const POLL_MS = 1000;
/** A client that has connected and does not go on is not waited for longer. */
export const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;

/** AES-128 first: as safe as needed and a third faster than OpenSSL's own first choice. */
const CIPHERS =
  'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:' +
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384';

export class TlsProfileError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_TLS_PROFILE';
  readonly fault = 'caller';
}

interface Profile {
  entity: SslProfileEntity;
  /** undefined while the files cannot be used: they may be on their way. */
  ready: Ready | undefined;
  problem: TlsProfileError | undefined;
}

interface Ready {
  digest: string;
  material: SecureContextOptions;
  context: SecureContext;
  /** Made when it is first wanted. */
  publicContext?: SecureContext;
  /** Of `uidNameMappingFile`: better names for user ids. */
  names: ReadonlyMap<string, string>;
  expiry: Expiry;
}

export class TlsProfiles {
  /** Of clients of all listeners. */
  readonly handshakes: HandshakeCount = { failedCount: 0 };
  private readonly profiles = new Map<string, Profile>();
  /** By name: they stay when a profile is deleted and created again. */
  private readonly watchers = new Map<string, Set<() => void>>();
  private readonly log: Logger;
  private readonly timer: NodeJS.Timeout;

  constructor(log: Logger) {
    this.log = log;
    this.timer = setInterval(() => this.poll(), POLL_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /**
   * Creates or replaces a profile. One whose files cannot be used yet waits for them, and its users with it.
   * @throws TlsProfileError when there are usable ones already: they stay
   */
  set(entity: SslProfileEntity): void {
    let ready: Ready | undefined;
    let problem: TlsProfileError | undefined;
    try {
      ready = read(entity);
    } catch (error) {
      if (!(error instanceof TlsProfileError) || this.profiles.get(entity.name)?.ready) throw error;
      problem = error;
      if (this.profiles.get(entity.name)?.problem?.message !== problem.message)
        this.log.warn({ name: entity.name, err: error }, 'an sslProfile waits for its files');
    }
    this.profiles.set(entity.name, { entity, ready, problem });
    if (ready) this.tell(entity.name);
  }

  delete(name: string): void {
    this.profiles.delete(name);
  }

  /** @throws TlsProfileError when there is none of that name */
  context(name: string): SecureContext {
    return this.ready(name).context;
  }

  /** The certificates, keys and versions themselves: what a listening socket takes. */
  material(name: string): SecureContextOptions {
    return this.ready(name).material;
  }

  /**
   * As `context`, for those that are no routers: clients and backends of services, and clients of AMQP and HTTP. Unless the
   * profile names versions they may speak TLS 1.2 too.
   */
  publicContext(name: string): SecureContext {
    const ready = this.ready(name);
    ready.publicContext ??= createSecureContext(this.publicMaterial(name));
    return ready.publicContext;
  }

  /** As `material`, for those that are no routers. */
  publicMaterial(name: string): SecureContextOptions {
    const { material } = this.ready(name);
    return this.profiles.get(name)?.entity.protocols ? material : { ...material, minVersion: PUBLIC_MIN_VERSION };
  }

  /** Who the verified certificate of `socket` says its peer is, in the form that the profile of the listener asks for. */
  peerName(socket: TLSSocket, name: string | undefined): string | undefined {
    const profile = name === undefined ? undefined : this.profiles.get(name);
    return peerName(socket, profile?.entity, profile?.ready?.names);
  }

  /** When the certificates of the profiles that are in use expire. */
  *expiries(): Iterable<CertificateExpiry> {
    for (const [profile, { ready }] of this.profiles) {
      for (const [certificate, at] of Object.entries(ready?.expiry ?? {}) as ['own' | 'ca', number | undefined][]) {
        if (at !== undefined) yield { profile, certificate, expirySeconds: at / 1000 };
      }
    }
  }

  /** 0 for a profile that does not exist. */
  ordinal(name: string): number {
    return Number(this.profiles.get(name)?.entity.ordinal ?? 0);
  }

  /** Calls back after the profile's files or attributes have changed. @returns stops that */
  watch(name: string, changed: () => void): () => void {
    const watchers = this.watchers.get(name) ?? new Set();
    this.watchers.set(name, watchers.add(changed));
    return () => {
      watchers.delete(changed);
      if (watchers.size === 0) this.watchers.delete(name);
    };
  }

  private ready(name: string): Ready {
    const profile = this.profiles.get(name);
    if (profile?.ready) return profile.ready;
    throw (
      profile?.problem ??
      new TlsProfileError(`sslProfile ${name} does not exist`, { next: 'Create it before its users' })
    );
  }

  private tell(name: string): void {
    for (const changed of [...(this.watchers.get(name) ?? [])]) changed();
  }

  private poll(): void {
    for (const profile of [...this.profiles.values()]) {
      const { entity } = profile;
      try {
        if (readMaterial(entity).digest === profile.ready?.digest) continue;
        this.set(entity);
        this.log.info({ name: entity.name }, 'certificates of an sslProfile read again');
      } catch (error) {
        // Files are replaced one by one: a pair that does not fit yet is looked at again at the next poll.
        if (error instanceof TlsProfileError && !profile.ready) {
          profile.problem = error;
          continue;
        }
        this.log.warn(
          { name: entity.name, err: error },
          'certificates of an sslProfile cannot be used, the old ones stay',
        );
      }
    }
  }
}

type Material = Pick<Ready, 'material' | 'digest' | 'names'>;

function readMaterial(entity: SslProfileEntity): Material {
  const hash = createHash('sha256');
  const read = (attribute: string, file: string | undefined): string | undefined => {
    if (!file) return undefined;
    try {
      const text = readFileSync(file, 'utf8');
      hash.update(attribute).update(text);
      return text;
    } catch (error) {
      throw new TlsProfileError(`sslProfile ${entity.name}: ${attribute} ${file} cannot be read: ${messageOf(error)}`, {
        next: 'Check the path and its permissions',
        cause: error,
      });
    }
  };
  const material: SecureContextOptions = {
    ca: read('caCertFile', entity.caCertFile),
    cert: read('certFile', entity.certFile),
    key: read('privateKeyFile', entity.privateKeyFile),
    passphrase: secretText(entity.password),
    ciphers: entity.ciphers || CIPHERS,
    ...versions(entity.protocols),
  };
  const names = namesOf(entity, read('uidNameMappingFile', entity.uidNameMappingFile));
  return { material, digest: hash.digest('hex'), names };
}

/** @throws TlsProfileError */
function read(entity: SslProfileEntity): Ready {
  const { uidFormat } = entity;
  if (uidFormat && !UID_FORMAT.test(uidFormat)) {
    throw new TlsProfileError(`sslProfile ${entity.name}: uidFormat '${uidFormat}' is not one`, {
      next: 'Give up to 7 of the letters c, s, l, o, u and n, and at most one of 1, 2 and 5',
    });
  }
  const material = readMaterial(entity);
  const { cert, ca } = material.material;
  const expiry = { own: firstExpiry(cert, 1), ca: firstExpiry(ca) };
  return { ...material, context: makeContext(entity, material.material), expiry };
}

/** @param text a JSON object of names by user id */
function namesOf(entity: SslProfileEntity, text: string | undefined): ReadonlyMap<string, string> {
  if (text === undefined) return new Map();
  try {
    const pairs = Object.entries(JSON.parse(text) as object);
    return new Map(pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string' && pair[1] !== ''));
  } catch (error) {
    throw new TlsProfileError(`sslProfile ${entity.name}: uidNameMappingFile is not JSON: ${messageOf(error)}`, {
      next: 'Make it an object of names by user id',
      cause: error,
    });
  }
}

function makeContext(entity: SslProfileEntity, material: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(material);
  } catch (error) {
    throw new TlsProfileError(`sslProfile ${entity.name}: ${messageOf(error)}`, {
      next: 'Check that certFile and privateKeyFile are PEM files that belong together',
      cause: error,
    });
  }
}

const PUBLIC_MIN_VERSION: SecureVersion = 'TLSv1.2';
const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const satisfies SecureVersion[];

/** From the oldest to the newest version named; TLS 1.3 when none is. */
function versions(protocols: string | undefined): { minVersion: SecureVersion; maxVersion: SecureVersion } {
  const named = protocols?.split(/[\s,]+/) ?? [];
  const known = VERSIONS.filter((version) => named.includes(version));
  return { minVersion: known[0] ?? 'TLSv1.3', maxVersion: known.at(-1) ?? 'TLSv1.3' };
}
