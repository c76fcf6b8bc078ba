/**
 * TLS material of a local site, one directory each with ca.crt, tls.crt, tls.key: what the user put into input/certs, what
 * Secrets hold (written out for the router), what the controller makes. The first of these that has a name counts.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Secret } from '../../../config/api/secret.ts';
import { secretText } from '../../../config/api/secret-text.ts';
import { CONTROLLED_LABEL } from '../../../config/names.ts';
import { exists, readIfExists, writeFileAtomic } from '../../../lib/files.ts';
import { isClientNote } from '../../grants/clients.ts';
import type { KeyPair } from '../../pki/authority.ts';
import { CertificateUnreadableError } from '../../pki/errors.ts';
import { type CertificateFacts, chainFault, inspectCertificate } from '../../pki/inspect.ts';
import { tlsMaterialOf, tlsSecret } from '../../pki/secret.ts';
import type { Credential } from '../../reconcile/observed.ts';
import type { SitePaths } from './paths.ts';

/** In a directory that was written from a Secret, and goes with it. */
const SECRET_MARK = '.secret';
/** What a Secret has in annotations. */
const NOTES = '.notes.json';
/** The whole of what is being written to the other files. */
const JOURNAL = '.pending.json';

export class Credentials {
  private readonly paths: SitePaths;
  /** The write that is under way. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(paths: SitePaths) {
    this.paths = paths;
  }

  /** Writes Secrets out and removes what was written of Secrets that are gone. */
  async materialize(secrets: readonly Secret[]): Promise<void> {
    const names = new Set(secrets.map(({ metadata }) => metadata.name));
    for (const secret of secrets) {
      const { ca, certificate, privateKey } = tlsMaterialOf(secret);
      if (ca === undefined && certificate === undefined) continue;
      await this.write(secret.metadata.name, { ca, certificate, privateKey }, true);
    }
    for (const name of await directories(this.paths.runtimeCerts)) {
      const directory = join(this.paths.runtimeCerts, name);
      if (!names.has(name) && (await exists(join(directory, SECRET_MARK))))
        await rm(directory, { recursive: true, force: true });
    }
  }

  async observe(now: number): Promise<Map<string, Credential>> {
    const found = new Map<string, Credential>();
    for (const root of [this.paths.runtimeCerts, this.paths.inputCerts]) {
      for (const name of await directories(root)) found.set(name, await read(join(root, name), now));
    }
    return found;
  }

  /** All of it in the form of Secrets; what the controller made bears the label of it. */
  async secrets(): Promise<Map<string, Secret>> {
    await this.recover();
    const found = new Map<string, Secret>();
    for (const root of [this.paths.runtimeCerts, this.paths.inputCerts]) {
      for (const name of await directories(root)) {
        const directory = join(root, name);
        const isOurs = root === this.paths.runtimeCerts && !(await exists(join(directory, SECRET_MARK)));
        found.set(name, await readSecret(directory, name, isOurs));
      }
    }
    return found;
  }

  /** The certificate and key of that name, undefined when either is missing. */
  async keyPair(name: string): Promise<KeyPair | undefined> {
    const secret = (await this.secrets()).get(name);
    const { certificate, privateKey } = secret === undefined ? {} : tlsMaterialOf(secret);
    return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey };
  }

  /** Keeps a Secret that the controller made. One that was cut off is completed by the next `secrets`. */
  keep(secret: Secret): Promise<void> {
    return this.inTurn(async () => {
      const directory = join(this.paths.runtimeCerts, secret.metadata.name);
      const kept = await readNotes(directory);
      const clients = Object.entries(kept).filter(([key]) => isClientNote(key));
      const annotations = { ...secret.metadata.annotations, ...Object.fromEntries(clients) };
      const whole: Secret = { ...secret, metadata: { ...secret.metadata, annotations } };
      await writeFileAtomic(join(directory, JOURNAL), JSON.stringify(whole), { mode: 0o600 });
      await this.writeWhole(directory, whole);
    });
  }

  /** Changes notes beside a CA that the controller made; null removes one. */
  note(name: string, changes: Readonly<Record<string, string | null>>): Promise<void> {
    return this.inTurn(async () => {
      const directory = join(this.paths.runtimeCerts, name);
      if (!(await exists(directory))) return;
      const notes = Object.entries({ ...(await readNotes(directory)), ...changes }).filter(([, text]) => text !== null);
      await writeChanged(join(directory, NOTES), JSON.stringify(Object.fromEntries(notes)), 0o600);
    });
  }

  private async recover(): Promise<void> {
    for (const name of await directories(this.paths.runtimeCerts)) {
      const directory = join(this.paths.runtimeCerts, name);
      const journal = await readIfExists(join(directory, JOURNAL));
      if (journal !== undefined) await this.inTurn(() => this.writeWhole(directory, JSON.parse(journal) as Secret));
    }
  }

  private async writeWhole(directory: string, secret: Secret): Promise<void> {
    const values = secretText(secret);
    await this.write(secret.metadata.name, tlsMaterialOf(secret));
    await writeChanged(join(directory, 'next.crt'), values['next.crt']);
    await writeChanged(join(directory, 'next.key'), values['next.key'], 0o600);
    await writeChanged(join(directory, NOTES), JSON.stringify(secret.metadata.annotations ?? {}), 0o600);
    await rm(join(directory, JOURNAL), { force: true });
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.last.then(work, work);
    this.last = done.catch(() => undefined);
    return done;
  }

  private async write(name: string, material: Partial<KeyPair> & { ca?: string }, fromSecret = false): Promise<void> {
    const directory = join(this.paths.runtimeCerts, name);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // The certificate goes last: whoever finds it finds the rest.
    await writeChanged(join(directory, 'ca.crt'), material.ca);
    await writeChanged(join(directory, 'tls.key'), material.privateKey, 0o600);
    await writeChanged(join(directory, 'tls.crt'), material.certificate);
    if (fromSecret) await writeChanged(join(directory, SECRET_MARK), '');
  }
}

/** The certificate and key of a credential, undefined when either is missing. */
export async function keyPairOf({ directory }: Credential): Promise<KeyPair | undefined> {
  const [certificate, privateKey] = await Promise.all([
    readIfExists(join(directory, 'tls.crt')),
    readIfExists(join(directory, 'tls.key')),
  ]);
  return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey };
}

async function readSecret(directory: string, name: string, isOurs: boolean): Promise<Secret> {
  const [ca, certificate, privateKey, nextCertificate, nextKey] = await Promise.all(
    ['ca.crt', 'tls.crt', 'tls.key', 'next.crt', 'next.key'].map((file) => readIfExists(join(directory, file))),
  );
  const secret = tlsSecret(name, { ca, certificate, privateKey });
  if (!isOurs) return secret;
  const next = tlsSecret(name, { certificate: nextCertificate, privateKey: nextKey }).data ?? {};
  const data = { ...secret.data };
  if (next['tls.crt'] !== undefined) data['next.crt'] = next['tls.crt'];
  if (next['tls.key'] !== undefined) data['next.key'] = next['tls.key'];
  const metadata = { name, labels: { [CONTROLLED_LABEL]: 'true' }, annotations: await readNotes(directory) };
  return { ...secret, metadata, data };
}

async function readNotes(directory: string): Promise<Record<string, string>> {
  return JSON.parse((await readIfExists(join(directory, NOTES))) ?? '{}') as Record<string, string>;
}

async function read(directory: string, now: number): Promise<Credential> {
  const [ca, certificate, hasKey] = await Promise.all([
    readIfExists(join(directory, 'ca.crt')),
    readIfExists(join(directory, 'tls.crt')),
    exists(join(directory, 'tls.key')),
  ]);
  return { directory, hasKey, ca: ca ?? certificate, ...examine(certificate, ca ?? certificate, now) };
}

function examine(
  certificate: string | undefined,
  ca: string | undefined,
  now: number,
): { certificate: CertificateFacts | undefined; fault: Credential['fault'] } {
  if (certificate === undefined) return { certificate: undefined, fault: undefined };
  try {
    const facts = inspectCertificate(certificate);
    return { certificate: facts, fault: ca === undefined ? undefined : chainFault(certificate, ca, now) };
  } catch (error) {
    if (!(error instanceof CertificateUnreadableError)) throw error;
    return { certificate: undefined, fault: 'not a certificate' };
  }
}

async function writeChanged(path: string, content: string | undefined, mode = 0o644): Promise<void> {
  if (content === undefined) return rm(path, { force: true });
  if ((await readIfExists(path)) !== content) await writeFileAtomic(path, content, { mode });
}

async function directories(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
