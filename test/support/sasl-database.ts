/** A Cyrus `sasldb` with one user, as saslpasswd2 would make it (a Berkeley DB hash of one bucket), and the configuration that names it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE_OCTETS = 4096;
const HASH_MAGIC = 0x061561;
const META = 8;
const HASH = 13;
const KEY_DATA = 1;
/** By which a reader knows that it hashes as the writer did. */
const HASH_CHECK = 0x5e688dd1;
const BUCKETS_AT = 96;

/** Writes database and configuration `skrouterd.conf` into `directory`. @returns attributes of the router entity */
export function saslUsers(directory: string, user: string, realm: string, password: string): { saslConfigDir: string } {
  mkdirSync(directory, { recursive: true });
  const database = join(directory, 'users.sasldb');
  const meta = Buffer.alloc(PAGE_OCTETS);
  meta.writeUInt32LE(HASH_MAGIC, 12);
  meta.writeUInt32LE(9, 16);
  meta.writeUInt32LE(PAGE_OCTETS, 20);
  meta.writeUInt8(META, 25);
  // One page follows, of the only bucket: the masks that choose among buckets are 0.
  meta.writeUInt32LE(1, 32);
  meta.writeUInt32LE(1, 88);
  meta.writeUInt32LE(HASH_CHECK, 92);
  meta.writeUInt32LE(1, BUCKETS_AT);
  const page = Buffer.alloc(PAGE_OCTETS);
  const items = [`${user}\0${realm}\0userPassword`, password];
  page.writeUInt32LE(1, 8);
  page.writeUInt16LE(items.length, 20);
  page.writeUInt8(HASH, 25);
  let end = PAGE_OCTETS;
  items.forEach((item, index) => {
    const octets = Buffer.concat([Buffer.of(KEY_DATA), Buffer.from(item)]);
    end -= octets.length;
    octets.copy(page, end);
    page.writeUInt16LE(end, 26 + 2 * index);
  });
  page.writeUInt16LE(end, 22);
  writeFileSync(database, Buffer.concat([meta, page]), { mode: 0o600 });
  const lines = [
    'pwcheck_method: auxprop',
    'auxprop_plugin: sasldb',
    `sasldb_path: ${database}`,
    'mech_list: ANONYMOUS PLAIN EXTERNAL',
  ];
  writeFileSync(join(directory, 'skrouterd.conf'), `${lines.join('\n')}\n`);
  return { saslConfigDir: directory };
}
