/** Why a link does not come up, from what real TLS servers do to a real connector to what `link status` says. */
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TlsOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LinkEndpoint } from '../../config/api/link.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { Router } from '../../router/core/router.ts';
import { AmqpConnector } from '../../router/io/amqp-connector.ts';
import { Driver } from '../../router/io/driver.ts';
import { TlsProfiles } from '../../router/io/tls-profiles.ts';
import { entitiesOf, parseConfig } from '../../router/management/config.ts';
import { issueCertificate } from '../../site-controller/pki/authority.ts';
import { diagnose } from '../../site-controller/reconcile/link/diagnosis.ts';
import { Authority } from '../support/authority.ts';
import { eventually } from '../support/eventually.ts';
import { linkEntities, routerConfig } from '../support/router-process.ts';

const HOST = '127.0.0.1';
const HOUR_MS = 3_600_000;

const directory = mkdtempSync(join(tmpdir(), 'skuprt-link-faults-'));
const log = createLogger({ name: 'test', level: 'silent' });
const ours = new Authority('our CA');
const other = new Authority('other CA');
let driver: Driver;
let profiles: TlsProfiles;

beforeAll(() => {
  const random = () => systemRandom.next();
  const router = new Router({ id: 'west', instance: 1, version: '0', defaultDistribution: 'balanced', random }, 0);
  driver = new Driver({ router, clock: systemClock, log, backendOf: () => undefined, listen: () => {} });
  profiles = new TlsProfiles(log);
});

afterAll(() => {
  driver.stop();
  profiles.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** What the connector of a link reports after its first try on `port`. */
async function tryLink(port: number): Promise<{ status: string; message: string }> {
  const certificates = ours.write(directory, 'west');
  const config = parseConfig(routerConfig('west', linkEntities({ role: 'dial', port, certificates })), 'test');
  const [profile] = entitiesOf(config, 'sslProfile').values();
  const [entity] = entitiesOf(config, 'connector').values();
  profiles.set(profile!);
  const connector = new AmqpConnector(entity!, { driver, profiles, log, random: systemRandom, dataConnectionCount: 0 });
  const seen = new Set<string>();
  connector.start();
  try {
    return await eventually('the connector fails', () => {
      seen.add(connector.status);
      expect(seen).not.toContain('SUCCESS');
      return connector.status === 'FAILED' && { status: connector.status, message: connector.message };
    });
  } finally {
    connector.close();
  }
}

async function againstServer(options: TlsOptions) {
  const server = createServer({ requestCert: true, ca: ours.ca.certificate, ...options });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as AddressInfo;
  const state = await tryLink(port);
  server.close();
  return diagnose(endpoint(port), 'link', undefined, state, Date.now());
}

function endpoint(port: number): LinkEndpoint {
  return { name: 'inter-router', host: HOST, port: String(port) };
}

function serverCertificate(authority: Authority, { hosts = [HOST], ageMs = 0 } = {}) {
  const now = Date.now() - ageMs;
  const made = issueCertificate({
    ca: authority.ca,
    subject: 'east',
    hosts,
    usages: ['server'],
    validMs: HOUR_MS,
    now,
  });
  return { cert: made.certificate, key: made.privateKey };
}

describe('a link that cannot come up says why', () => {
  it('when the other site has a certificate of another CA', async () => {
    const { message } = await againstServer(serverCertificate(other));
    expect(message).toMatch(/is of another CA than this link trusts: use a new token/);
  });

  it('when the certificate of the other site has expired', async () => {
    const { message } = await againstServer(serverCertificate(ours, { ageMs: 2 * HOUR_MS }));
    expect(message).toMatch(/has expired: renew it at that site/);
  });

  it('when the certificate of the other site is for another host', async () => {
    const { message } = await againstServer(serverCertificate(ours, { hosts: ['east.example'] }));
    expect(message).toMatch(/is for another host: add this host at that site/);
  });

  it('when the other site does not trust the certificate of the link', async () => {
    const { message } = await againstServer({ ...serverCertificate(ours), ca: other.ca.certificate });
    expect(message).toMatch(/does not trust the certificate of this link/);
  });

  it('when nothing listens there', async () => {
    const server = createTcpServer();
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const state = await tryLink(port);
    expect(diagnose(endpoint(port), 'link', undefined, state, Date.now()).message).toMatch(/refuses connections/);
  });
});
