/**
 * The files of a router's TLS and proxy profiles: written whole or not at all, removed when their profile is gone.
 *
 * Beside each profile's files lies the digest of the Secret that they are of. It is taken away first and written last, so that
 * after a crash in between they are written again.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfExists, writeFileAtomic } from '../../lib/files.ts';
import { type FilePlan, type FilesOnDisk, type ProfileFiles, TLS_FILES } from './profiles.ts';

const DIGEST = '.digest';
const PASSWORD = 'password.txt';
const SECRET_MODE = 0o600;
const PUBLIC_MODE = 0o644;

export class ProfileDirectory {
  private readonly certs: string;
  private readonly proxies: string;

  constructor({ certs, proxies }: { certs: string; proxies: string }) {
    this.certs = certs;
    this.proxies = proxies;
  }

  /** Writes what differs. @returns names of the profiles whose files are new */
  async write({ profiles, passwords }: FilePlan): Promise<string[]> {
    const written: string[] = [];
    for (const [name, files] of profiles) if (await this.writeProfile(name, files)) written.push(name);
    for (const [name, password] of passwords) {
      const file = join(this.proxies, name, PASSWORD);
      if ((await readIfExists(file)) === password) continue;
      await writeFileAtomic(file, password, { mode: SECRET_MODE });
      written.push(name);
    }
    return written;
  }

  /** Removes the files of profiles that are not among these. */
  async prune(profiles: ReadonlySet<string>, proxies: ReadonlySet<string>): Promise<void> {
    const disk = await this.read();
    const gone = [
      ...[...disk.profiles.keys()].filter((name) => !profiles.has(name)).map((name) => join(this.certs, name)),
      ...[...disk.proxies].filter((name) => !proxies.has(name)).map((name) => join(this.proxies, name)),
    ];
    await Promise.all(gone.map((directory) => rm(directory, { recursive: true, force: true })));
  }

  async read(): Promise<FilesOnDisk> {
    const profiles = new Map<string, string>();
    const proxies = new Set<string>();
    for (const name of await directories(this.certs)) {
      const digest = await readIfExists(join(this.certs, name, DIGEST));
      if (digest !== undefined) profiles.set(name, digest);
    }
    for (const name of await directories(this.proxies)) {
      if ((await readIfExists(join(this.proxies, name, PASSWORD))) !== undefined) proxies.add(name);
    }
    return { profiles, proxies };
  }

  private async writeProfile(name: string, { files, digest }: ProfileFiles): Promise<boolean> {
    const directory = join(this.certs, name);
    const mark = join(directory, DIGEST);
    if ((await readIfExists(mark)) === digest && (await hasExactly(directory, files))) return false;
    await mkdir(directory, { recursive: true, mode: 0o755 });
    await rm(mark, { force: true });
    for (const [file, text] of files) {
      await writeFileAtomic(join(directory, file), text, { mode: file === 'tls.key' ? SECRET_MODE : PUBLIC_MODE });
    }
    const surplus = TLS_FILES.filter((file) => !files.has(file));
    await Promise.all(surplus.map((file) => rm(join(directory, file), { force: true })));
    await writeFileAtomic(mark, digest);
    return true;
  }
}

async function hasExactly(directory: string, files: ProfileFiles['files']): Promise<boolean> {
  const present = new Set(await readdir(directory).catch(() => []));
  return TLS_FILES.every((file) => present.has(file) === files.has(file));
}

async function directories(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
