/** A throw-away authority and one certificate for both ends of every link, made by the `openssl` program. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CertificateFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Certificates extends CertificateFiles {
  /** Key and certificate in one file, as haproxy wants them. */
  readonly bundleFile: string;
}

/** skrouterd compares a host, also an address, with DNS names only. */
const SUBJECT_ALT_NAMES = 'subjectAltName=DNS:127.0.0.1,DNS:localhost,IP:127.0.0.1';
const NEW_KEY = {
  ecdsa: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
  rsa: ['-newkey', 'rsa:2048', '-nodes'],
} as const;

export function makeCertificates(directory: string, algorithm: keyof typeof NEW_KEY = 'ecdsa'): Certificates {
  const newKey = NEW_KEY[algorithm];
  const file = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const extensions = file('extensions');
  writeFileSync(extensions, `${SUBJECT_ALT_NAMES}\nextendedKeyUsage=serverAuth,clientAuth\n`);
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-subj',
    '/CN=bench CA',
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.crt'),
  );
  openssl('req', ...newKey, '-subj', '/CN=bench', '-keyout', file('tls.key'), '-out', file('tls.csr'));
  const issue = ['x509', '-req', '-days', '2', '-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial'];
  openssl(...issue, '-extfile', extensions, '-in', file('tls.csr'), '-out', file('tls.crt'));
  writeFileSync(file('tls.pem'), readFileSync(file('tls.crt'), 'utf8') + readFileSync(file('tls.key'), 'utf8'), {
    mode: 0o600,
  });
  return { caFile: file('ca.crt'), certFile: file('tls.crt'), keyFile: file('tls.key'), bundleFile: file('tls.pem') };
}
