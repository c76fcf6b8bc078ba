/**
 * sslProfiles: the files they name, read into what `node:tls` takes, and read again when they change on disk, so that
 * certificates are renewed without a link being dropped: new connections use the new files.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions, type SecureVersion } from 'node:tls';
import { messageOf, SkuprtError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { SslProfileEntity } from '../management/schema.ts';

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
  digest: string;
  material: SecureContextOptions;
  context: SecureContext;
  watchers: Set<() => void>;
}

export class TlsProfiles {
  private readonly profiles = new Map<string, Profile>();
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

  /** Creates or replaces a profile. @throws TlsProfileError when its files cannot be used */
  set(entity: SslProfileEntity): void {
    const { material, digest } = readMaterial(entity);
    const context = makeContext(entity, material);
    const profile = this.profiles.get(entity.name);
    if (!profile) {
      this.profiles.set(entity.name, { entity, digest, material, context, watchers: new Set() });
      return;
    }
    Object.assign(profile, { entity, digest, material, context });
    for (const changed of profile.watchers) changed();
  }

  delete(name: string): void {
    this.profiles.delete(name);
  }

  /** @throws TlsProfileError when there is none of that name */
  context(name: string): SecureContext {
    return this.find(name).context;
  }

  /** The certificates, keys and versions themselves: what a listening socket takes. */
  material(name: string): SecureContextOptions {
    return this.find(name).material;
  }

  ordinal(name: string): number {
    return Number(this.find(name).entity.ordinal ?? 0);
  }

  /** Calls back after the profile's files or attributes have changed. @returns stops that */
  watch(name: string, changed: () => void): () => void {
    const { watchers } = this.find(name);
    watchers.add(changed);
    return () => watchers.delete(changed);
  }

  private find(name: string): Profile {
    const profile = this.profiles.get(name);
    if (!profile)
      throw new TlsProfileError(`sslProfile ${name} does not exist`, { next: 'Create it before its users' });
    return profile;
  }

  private poll(): void {
    for (const { entity, digest } of this.profiles.values()) {
      try {
        if (readMaterial(entity).digest === digest) continue;
        this.set(entity);
        this.log.info({ name: entity.name }, 'certificates of an sslProfile read again');
      } catch (error) {
        // Files are replaced one by one: a pair that does not fit yet is looked at again at the next poll.
        this.log.warn(
          { name: entity.name, err: error },
          'certificates of an sslProfile cannot be used, the old ones stay',
        );
      }
    }
  }
}

function readMaterial(entity: SslProfileEntity): { material: SecureContextOptions; digest: string } {
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
    passphrase: password(entity.password),
    ciphers: entity.ciphers || CIPHERS,
    minVersion: minVersion(entity.protocols),
  };
  return { material, digest: hash.digest('hex') };
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

/** The oldest version named, TLS 1.3 when none is. */
function minVersion(protocols: string | undefined): SecureVersion {
  return protocols?.split(/[\s,]+/).includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3';
}

/** `env:NAME`, `pass:TEXT`, `literal:TEXT`, `file:PATH`, or the text itself (wire reference 1.1). */
function password(text: string | undefined): string | undefined {
  if (!text) return undefined;
  const [, form, rest] = /^(env|pass|literal|file):(.*)$/s.exec(text) ?? [];
  if (form === 'env') return process.env[rest!];
  if (form === 'file') return readFileSync(rest!, 'utf8').trimEnd();
  return form === undefined ? text : rest;
}
