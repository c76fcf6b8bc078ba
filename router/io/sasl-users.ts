/**
 * Who may come in by SASL PLAIN: the names and passwords of Cyrus SASL's `sasldb`, made with saslpasswd2, as the file named by
 * `saslConfigDir` and `saslConfigName` of the router says (wire reference 1.2). Read only; nothing is cached beyond the file's own life.
 *
 * The database is a Berkeley DB hash: pages of pairs, each key `name NUL realm NUL property`. All pages are gone through, which needs
 * none of its hashing; pairs too large for a page are left out.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { messageOf, SkuprtError } from '../../lib/errors.ts';

export class SaslUsersError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_SASL_USERS';
  readonly fault = 'environment';
}

const DATABASE_OCTETS_MAX = 16 * 1024 * 1024;
const HASH_MAGIC = 0x061561;
const PAGE_TYPES = [2, 13];
const PAGE_HEADER_OCTETS = 26;
const KEY_DATA = 1;
const DEFAULT_DATABASE = '/etc/sasldb2';
const PROPERTY = 'userPassword';

export interface SaslConfig {
  /** Without it the system's own place. */
  saslConfigDir?: string;
  saslConfigName: string;
}

/** Whether name and password are those of a user of the database; one who is not there, or no database: false. @throws SaslUsersError */
export function isUser(config: SaslConfig, name: string, password: string): boolean {
  const at = name.lastIndexOf('@');
  const [user, realm] = at < 0 ? [name, hostname()] : [name.slice(0, at), name.slice(at + 1)];
  const known = readUsers(databaseOf(config)).get(`${user}\0${realm}`);
  // Digests have one length, so that the time says nothing about the password.
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(known ?? ''), digest(password)) && known !== undefined;
}

/** The mechanisms that `mech_list` of the configuration leaves; undefined: all. @throws SaslUsersError */
export function mechanismList(config: SaslConfig): string[] | undefined {
  return settingOf(config, 'mech_list')?.split(/\s+/);
}

/** @throws SaslUsersError */
function databaseOf(config: SaslConfig): string {
  return settingOf(config, 'sasldb_path') ?? DEFAULT_DATABASE;
}

/** Of a line `name: value`. @throws SaslUsersError */
function settingOf({ saslConfigDir, saslConfigName }: SaslConfig, name: string): string | undefined {
  if (saslConfigDir === undefined) return undefined;
  const text = read(join(saslConfigDir, `${saslConfigName}.conf`)).toString('utf8');
  const line = text.split(/\r?\n/).find((each) => each.split(':', 1)[0]!.trim() === name);
  return line?.slice(line.indexOf(':') + 1).trim() || undefined;
}

function read(file: string): Buffer {
  try {
    if (statSync(file).size > DATABASE_OCTETS_MAX) throw new Error(`it is larger than ${DATABASE_OCTETS_MAX} octets`);
    return readFileSync(file);
  } catch (error) {
    throw new SaslUsersError(`SASL users: ${file} cannot be read: ${messageOf(error)}`, {
      next: 'Check saslConfigDir, saslConfigName and the permissions of the files',
      cause: error,
    });
  }
}

/** Passwords by `name NUL realm`. @throws SaslUsersError */
function readUsers(file: string): Map<string, string> {
  const bytes = read(file);
  if (bytes.length < 72 || bytes.readUInt32LE(12) !== HASH_MAGIC) {
    throw new SaslUsersError(`SASL users: ${file} is not a Berkeley DB hash`, { next: 'Make it with saslpasswd2 -f' });
  }
  const pageOctets = bytes.readUInt32LE(20);
  const users = new Map<string, string>();
  if (pageOctets < 512 || pageOctets > 65_536) return users;
  for (let start = pageOctets; start + pageOctets <= bytes.length; start += pageOctets) {
    for (const [key, value] of pairsOf(bytes.subarray(start, start + pageOctets))) {
      const [name, realm, property] = key.toString('utf8').split('\0');
      if (property === PROPERTY) users.set(`${name}\0${realm}`, value.toString('utf8').replace(/\0$/, ''));
    }
  }
  return users;
}

/** Items are stored from the page's end downwards, keys and values in turn, each behind an octet that tells its kind. */
function* pairsOf(page: Buffer): Generator<[Buffer, Buffer]> {
  if (!PAGE_TYPES.includes(page.readUInt8(25))) return;
  const count = Math.min(page.readUInt16LE(20), (page.length - PAGE_HEADER_OCTETS) / 2);
  const offset = (index: number): number =>
    index < 0 ? page.length : Math.min(page.readUInt16LE(PAGE_HEADER_OCTETS + 2 * index), page.length);
  const item = (index: number): Buffer | undefined => {
    const octets = page.subarray(offset(index), offset(index - 1));
    return octets[0] === KEY_DATA ? octets.subarray(1) : undefined;
  };
  for (let index = 0; index + 1 < count; index += 2) {
    const [key, value] = [item(index), item(index + 1)];
    if (key && value) yield [key, value];
  }
}
