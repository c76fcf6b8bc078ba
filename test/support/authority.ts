/** A site's own authority, made by the product's code, and the files that an sslProfile names. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCa, issueCertificate, type KeyPair } from '../../site-controller/pki/authority.ts';
import type { CertificateFiles } from './certificates.ts';

const VALID_MS = 3_600_000;

export class Authority {
  readonly ca: KeyPair;

  constructor(name: string) {
    this.ca = createCa({ commonName: name, validMs: VALID_MS, now: Date.now() });
  }

  /** A certificate for either end of a link on 127.0.0.1. */
  issue(subject: string, uris: readonly string[] = []): KeyPair {
    const hosts = ['127.0.0.1', 'localhost'];
    return issueCertificate({
      ca: this.ca,
      subject,
      hosts,
      uris: [...uris],
      usages: ['client', 'server'],
      validMs: VALID_MS,
      now: Date.now(),
    });
  }

  /** A fresh certificate in files of `directory`, replacing those already there. */
  write(directory: string, subject: string, uris: readonly string[] = []): CertificateFiles {
    mkdirSync(directory, { recursive: true });
    const { certificate, privateKey } = this.issue(subject, uris);
    const write = (name: string, text: string): string => {
      const file = join(directory, name);
      writeFileSync(`${file}.new`, text, { mode: 0o600 });
      renameSync(`${file}.new`, file);
      return file;
    };
    return {
      caFile: write('ca.crt', this.ca.certificate),
      certFile: write('tls.crt', certificate),
      keyFile: write('tls.key', privateKey),
    };
  }
}
