/**
 * TLS material of a local site, one directory each with ca.crt, tls.crt, tls.key: what the user put into input/certs, what
 * Secrets hold (written out for the router), what the controller makes. The first of these that has a name counts.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate } from '../../../config/api/certificate.ts';
import type { Secret } from '../../../config/api/secret.ts';
import { exists, readIfExists, writeFileAtomic } from '../../../lib/files.ts';
import { createCa, issueCertificate, type KeyPair } from '../../pki/authority.ts';
import { CertificateUnreadableError } from '../../pki/errors.ts';
import { siteUri } from '../../pki/identity.ts';
import { type CertificateFacts, chainFault, inspectCertificate } from '../../pki/inspect.ts';
import { tlsMaterialOf } from '../../pki/secret.ts';
import { CA_VALID_MS, LEAF_VALID_MS } from '../../reconcile/certificate/plan.ts';
import type { Credential } from '../../reconcile/observed.ts';
import type { SitePaths } from './paths.ts';

/** In a directory that was written from a Secret, and goes with it. */
const SECRET_MARK = '.secret';

export class Credentials {
  private readonly paths: SitePaths;

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

  /** Makes the material of a Certificate. `siteId` becomes the identity of the site's own leaf certificates. */
  async issue(
    { metadata, spec }: Certificate,
    issuer: Credential | undefined,
    siteId: string,
    now: number,
  ): Promise<void> {
    if (spec.signing) {
      const made = createCa({ commonName: spec.subject, validMs: CA_VALID_MS, now });
      return this.write(metadata.name, { ...made, ca: made.certificate });
    }
    const ca = issuer && (await keyPairOf(issuer));
    if (issuer?.ca === undefined || ca === undefined) return;
    const made = issueCertificate({
      ca,
      subject: spec.subject,
      hosts: spec.hosts ?? [],
      uris: [siteUri(siteId)],
      usages: [...(spec.server ? (['server'] as const) : []), ...(spec.client ? (['client'] as const) : [])],
      validMs: LEAF_VALID_MS,
      now,
    });
    await this.write(metadata.name, { ...made, ca: issuer.ca });
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
