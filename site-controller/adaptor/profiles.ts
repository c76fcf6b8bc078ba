/**
 * TLS profiles of a router and the Secrets they are made of: which files to write, and which entities must wait for them. Pure.
 *
 * A profile's new ordinal goes to the router only when the files of that revision are on disk; what uses a profile without
 * files waits for them. Control-plane reference 3.4, 3.5.
 */
import type { Secret } from '../../config/api/secret.ts';
import { secretText } from '../../config/api/secret-text.ts';
import { secretDigest, tlsMaterialOf, trustOf } from '../pki/secret.ts';
import type { AdaptorConfig } from './config.ts';
import { type Attributes, RULES } from './entity-types.ts';
import { keyOf, type ShownEntities, type WantedEntity } from './router-diff.ts';
import type { Wanted } from './wanted.ts';

export const TLS_FILES = ['ca.crt', 'tls.key', 'tls.crt'] as const;
export type TlsFile = (typeof TLS_FILES)[number];

export interface ProfileFiles {
  /** Text by file, in the order in which to write: a key before its certificate. */
  files: ReadonlyMap<TlsFile, string>;
  /** Of the Secret, whichever parts are used. */
  digest: string;
}

export interface FilePlan {
  profiles: ReadonlyMap<string, ProfileFiles>;
  /** proxyProfile to the password of its Secret. */
  passwords: ReadonlyMap<string, string>;
  /** Names of Secrets that are not there or lack what a profile needs, by what waits for them. */
  missing: ReadonlyMap<string, string>;
}

/** What is on disk now. */
export interface FilesOnDisk {
  /** Profile to the digest of the Secret that its files are of. */
  profiles: ReadonlyMap<string, string>;
  proxies: ReadonlySet<string>;
}

const FILE_ATTRIBUTES = { 'ca.crt': 'caCertFile', 'tls.crt': 'certFile', 'tls.key': 'privateKeyFile' } as const;

/** The files that the profiles of `wanted` need; those whose Secret is not there yet are missing. */
export function planFiles({ entities, config }: Wanted, secrets: ReadonlyMap<string, Secret>, certs: string): FilePlan {
  const profiles = new Map<string, ProfileFiles>();
  const passwords = new Map<string, string>();
  const missing = new Map<string, string>();
  for (const { type, name, attributes } of entities) {
    if (type === 'sslProfile' && isWritten(name, attributes, certs)) {
      const secret = secretOf(name, config, secrets);
      const files = filesOf(attributes, secrets.get(secret));
      if (files === undefined) missing.set(name, secret);
      else profiles.set(name, files);
    } else if (type === 'proxyProfile' && needsPasswordFile(attributes)) {
      const secret = config.proxies[name] ?? name;
      const found = secrets.get(secret);
      const password = found && secretText(found).password;
      if (password === undefined || !isFileName(name)) missing.set(name, secret);
      else passwords.set(name, password);
    }
  }
  return { profiles, passwords, missing };
}

/**
 * The entities that can be brought about with the files on disk: `entities`, the ordinals of profiles held back, and `frozen`,
 * keys of what must neither be made nor changed yet.
 */
export function holdBack(
  { entities, config }: Pick<Wanted, 'entities' | 'config'>,
  shown: ShownEntities,
  disk: FilesOnDisk,
  certs: string,
): { entities: WantedEntity[]; frozen: ReadonlySet<string> } {
  const frozen = new Set<string>();
  const held = entities.map((entity) => {
    const { type, name, attributes } = entity;
    if (type === 'proxyProfile' && needsPasswordFile(attributes) && !disk.proxies.has(name)) frozen.add(keyOf(entity));
    if (type !== 'sslProfile' || !isWritten(name, attributes, certs)) return entity;
    const digest = disk.profiles.get(name);
    if (digest === undefined) frozen.add(keyOf(entity));
    const before = shown.sslProfile?.find((profile) => profile.name === name);
    const isDue = digest === (config.tls[name]?.digest ?? digest);
    return isDue || before === undefined ? entity : { ...entity, attributes: withOrdinalsOf(before, attributes) };
  });
  const freezeUsers = (attribute: string, type: string) => {
    for (const entity of held) {
      if (frozen.has(`${type}/${entity.attributes[attribute]}`)) frozen.add(keyOf(entity));
    }
  };
  freezeUsers('sslProfile', 'sslProfile');
  freezeUsers('proxyProfile', 'proxyProfile');
  freezeUsers('listener', 'tcpListener');
  return { entities: held, frozen };
}

/** Secrets named by Skupper: a profile `x` is of Secret `x`, and `x-profile` too when there is no Secret of that name. */
function secretOf(profile: string, { tls }: AdaptorConfig, secrets: ReadonlyMap<string, Secret>): string {
  const named = tls[profile]?.secret;
  if (named !== undefined || secrets.has(profile)) return named ?? profile;
  return profile.replace(/-profile$/, '');
}

/** Undefined when the Secret lacks a file that the profile names. */
function filesOf(attributes: Attributes, secret: Secret | undefined): ProfileFiles | undefined {
  if (secret === undefined) return undefined;
  const material = tlsMaterialOf(secret);
  const { certificate, privateKey } = material;
  const texts = { 'ca.crt': trustOf(material), 'tls.crt': certificate, 'tls.key': privateKey };
  const needed = TLS_FILES.filter((file) => attributes[FILE_ATTRIBUTES[file]] !== undefined);
  const files = needed.map((file) => [file, texts[file]] as const);
  return files.every(isPresent) ? { files: new Map(files), digest: secretDigest(secret) } : undefined;
}

function isPresent(file: readonly [TlsFile, string | undefined]): file is readonly [TlsFile, string] {
  return file[1] !== undefined;
}

/** Whether its files are the adaptor's: those of another place are somebody else's. */
function isWritten(name: string, attributes: Attributes, certs: string): boolean {
  const isHere = Object.values(FILE_ATTRIBUTES).some((file) => String(attributes[file] ?? '').startsWith(`${certs}/`));
  return isHere && isFileName(name);
}

function isFileName(name: string): boolean {
  return !name.includes('/') && !name.startsWith('.');
}

function needsPasswordFile({ password }: Attributes): boolean {
  return String(password ?? '').startsWith('file:');
}

function withOrdinalsOf(before: Readonly<Record<string, unknown>>, attributes: Attributes): Attributes {
  const { ordinal, oldestValidOrdinal } = RULES.sslProfile.defaults;
  return {
    ...attributes,
    ordinal: Number(before.ordinal ?? ordinal),
    oldestValidOrdinal: Number(before.oldestValidOrdinal ?? oldestValidOrdinal),
  };
}
