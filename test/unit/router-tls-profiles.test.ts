import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../lib/log.ts';
import { TlsProfileError, TlsProfiles } from '../../router/io/tls-profiles.ts';
import { entitiesOf, parseConfig } from '../../router/management/config.ts';
import type { SslProfileEntity } from '../../router/management/schema.ts';
import { Authority } from '../support/authority.ts';

const directory = mkdtempSync(join(tmpdir(), 'skuprt-profiles-'));
const profiles = new TlsProfiles(createLogger({ name: 'test', level: 'silent' }));

afterEach(() => {
  profiles.stop();
  rmSync(directory, { recursive: true, force: true });
});

function entity(more: object = {}): SslProfileEntity {
  const files = { caCertFile: 'ca.crt', certFile: 'tls.crt', privateKeyFile: 'tls.key' };
  const paths = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, join(directory, file)]));
  const config = parseConfig(JSON.stringify([['sslProfile', { name: 'tls', ...paths, ...more }]]), 'test');
  return entitiesOf(config, 'sslProfile').get('tls')!;
}

describe('an sslProfile', () => {
  it('without its files is no fault of its creation, and says what is missing when it is used', () => {
    profiles.set(entity({ ordinal: 4 }));
    expect(profiles.ordinal('tls')).toBe(4);
    expect(() => profiles.context('tls')).toThrow(TlsProfileError);
    expect(() => profiles.context('tls')).toThrow(/sslProfile tls: caCertFile .* cannot be read/);
  });

  it('tells its users when its files have come, also after it was deleted and created again', () => {
    mkdirSync(directory, { recursive: true });
    let toldCount = 0;
    profiles.watch('tls', () => {
      toldCount++;
    });
    new Authority('ca').write(directory, 'router');
    profiles.set(entity());
    profiles.delete('tls');
    profiles.set(entity());
    expect(toldCount).toBe(2);
    expect(profiles.context('tls')).toBeDefined();
  });

  it('keeps usable files when an update names others that are not', () => {
    mkdirSync(directory, { recursive: true });
    new Authority('ca').write(directory, 'router');
    profiles.set(entity());
    expect(() => profiles.set(entity({ certFile: '/nowhere', ordinal: 1 }))).toThrow(TlsProfileError);
    expect([profiles.ordinal('tls'), profiles.context('tls') !== undefined]).toEqual([0, true]);
  });

  it('lets all but routers speak TLS 1.2 too, unless it names versions', () => {
    mkdirSync(directory, { recursive: true });
    new Authority('ca').write(directory, 'router');
    profiles.set(entity());
    expect(profiles.publicMaterial('tls')).toMatchObject({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' });
    expect(profiles.material('tls')).toMatchObject({ minVersion: 'TLSv1.3' });
    profiles.set(entity({ protocols: 'TLSv1.3' }));
    expect(profiles.publicMaterial('tls')).toMatchObject({ minVersion: 'TLSv1.3' });
  });

  it.each([
    [undefined, 'TLSv1.3', 'TLSv1.3'],
    ['TLSv1.2', 'TLSv1.2', 'TLSv1.2'],
    ['TLSv1.2 TLSv1.3', 'TLSv1.2', 'TLSv1.3'],
  ])('with protocols %s speaks %s to %s', (protocols, minVersion, maxVersion) => {
    mkdirSync(directory, { recursive: true });
    new Authority('ca').write(directory, 'router');
    profiles.set(entity({ protocols }));
    expect(profiles.material('tls')).toMatchObject({ minVersion, maxVersion });
  });

  it('takes no uidFormat but its letters', () => {
    mkdirSync(directory, { recursive: true });
    new Authority('ca').write(directory, 'router');
    profiles.delete('tls');
    expect(() => profiles.set(entity({ uidFormat: 'nn25' }))).not.toThrow();
    expect(() => profiles.context('tls')).toThrow(/uidFormat 'nn25'/);
    expect(() => profiles.set(entity({ uidFormat: 'n' }))).not.toThrow();
    expect(() => profiles.set(entity({ uidFormat: 'x' }))).toThrow(/uidFormat 'x'/);
  });
});
