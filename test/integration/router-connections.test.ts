/** What listeners and connectors ask of a connection and tell it: who may come in and as whom, limits, and where else to turn. */
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import rhea from 'rhea';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { makeCertificates } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { RheaClient } from '../support/rhea-client.ts';
import type { Entity } from '../support/router-process.ts';
import { saslUsers } from '../support/sasl-database.ts';
import { connect, ending, unusedPort } from '../support/tcp.ts';

const CONNECTIONS_MAX = 12;
const network = new LiveNetwork();
const ports = new Map<string, number>();
let west: LiveRouter;
let management: ManagementClient;
let tls: { cert: string; key: string; ca: string };

async function listener(router: LiveRouter, name: string, attributes: Entity[1]): Promise<void> {
  const port = await unusedPort();
  ports.set(name, port);
  router.entities.push(['listener', { name, host: '127.0.0.1', port, ...attributes }]);
}

function portOf(name: string): number {
  return ports.get(name)!;
}

beforeAll(async () => {
  west = await network.router('west');
  const files = makeCertificates(network.directory);
  const read = (file: string): string => readFileSync(file, 'utf8');
  tls = { cert: read(files.certFile), key: read(files.keyFile), ca: read(files.caFile) };
  const mapping = join(network.directory, 'names.json');
  writeFileSync(mapping, JSON.stringify({ bench: 'the bench' }));
  const site = join(network.directory, 'www');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), '<p>here</p>');
  writeFileSync(join(network.directory, 'secret.txt'), 'not for you');
  const profile = { caCertFile: files.caFile, certFile: files.certFile, privateKeyFile: files.keyFile };
  const sasl = saslUsers(join(network.directory, 'sasl'), 'alice', 'example.com', 'wonder');
  network.routerAttributes(west, sasl);
  west.entities.push(
    ['sslProfile', { name: 'by-name', uidFormat: 'n', ...profile }],
    ['sslProfile', { name: 'mapped', uidFormat: 'n', uidNameMappingFile: mapping, ...profile }],
    ['sslProfile', { name: 'by-print', uidFormat: 'o2', ...profile }],
  );
  ports.set('amqp', await network.amqp(west));
  await listener(west, 'passwords', { saslMechanisms: 'PLAIN', authenticatePeer: true });
  await listener(west, 'both', { saslMechanisms: 'PLAIN ANONYMOUS' });
  await listener(west, 'strict', { saslMechanisms: 'ANONYMOUS PLAIN', authenticatePeer: true });
  for (const sslProfile of ['by-name', 'mapped', 'by-print']) {
    await listener(west, sslProfile, { sslProfile, saslMechanisms: 'EXTERNAL', requireSsl: true });
  }
  await listener(west, 'mixed', { sslProfile: 'by-name', saslMechanisms: 'ANONYMOUS' });
  await listener(west, 'encrypted', { sslProfile: 'by-name', saslMechanisms: 'ANONYMOUS', requireEncryption: true });
  west.entities.push(['policy', { maxConnections: CONNECTIONS_MAX }]);
  await listener(west, 'ipv4', { host: '', socketAddressFamily: 'IPv4', saslMechanisms: 'ANONYMOUS' });
  await listener(west, 'hasty', { initialHandshakeTimeoutSeconds: 1 });
  await listener(west, 'limits', { saslMechanisms: 'ANONYMOUS', maxSessions: 2, maxSessionFrames: 5, linkCapacity: 7 });
  await listener(west, 'web', {
    http: true,
    httpRootDir: site,
    websockets: true,
    initialHandshakeTimeoutSeconds: 1,
  });
  await listener(west, 'web-only', { http: true, httpRootDir: 'disabled', websockets: false });
  await listener(west, 'secure-web', { http: true, sslProfile: 'by-name', requireSsl: true });
  await network.start();
  management = await ManagementClient.connect(portOf('amqp'));
});
afterAll(async () => {
  management?.close();
  await network.stop();
});

async function shown(container: string): Promise<Record<string, unknown>> {
  return await eventually(`${container} is shown`, async () =>
    (await management.query('connection')).find((each) => each.container === container),
  );
}

/** Connects, and says how it ended. */
async function attempt(name: string, options: Partial<rhea.ConnectionOptions>): Promise<string> {
  const connection = rhea
    .create_container()
    .connect({ host: '127.0.0.1', port: portOf(name), reconnect: false, ...options } as rhea.ConnectionOptions);
  return await new Promise((resolve) => {
    connection.on('connection_open', () => {
      connection.close();
      resolve('open');
    });
    connection.on('connection_error', () => resolve('refused'));
    connection.on('error', () => resolve('refused'));
    connection.on('disconnected', () => resolve('refused'));
  });
}

function plainLogin(password: string): Partial<rhea.ConnectionOptions> {
  return { username: 'alice@example.com', password };
}

describe('SASL PLAIN', () => {
  test('lets in who has the password, and shows who it is', async () => {
    const client = await RheaClient.connect(portOf('passwords'), { container_id: 'alice-1', ...plainLogin('wonder') });
    expect(await shown('alice-1')).toMatchObject({ user: 'alice@example.com', isAuthenticated: true });
    client.close();
  });

  test.each(['passwords', 'both', 'strict'])('refuses a wrong password (%s)', async (name) => {
    expect(await attempt(name, plainLogin('wrong'))).toBe('refused');
  });

  test('without a name, a client comes in where it need not authenticate, and nowhere else', async () => {
    const anonymous = { username: 'anonymous' };
    expect(await attempt('both', anonymous)).toBe('open');
    expect(await attempt('strict', anonymous)).toBe('refused');
    expect(await attempt('passwords', anonymous)).toBe('refused');
  });

  test('a client without a SASL layer comes in where it need not authenticate, and nowhere else', async () => {
    expect(await attempt('both', {})).toBe('open');
    expect(await attempt('strict', {})).toBe('refused');
  });
});

/** rhea's types know nothing of EXTERNAL. */
function withCertificate(container_id: string): Partial<rhea.ConnectionOptions> {
  const { cert, key, ca } = tls;
  const options = { transport: 'tls', cert, key, ca, container_id, username: undefined, enable_sasl_external: true };
  return options as Partial<rhea.ConnectionOptions>;
}

describe('a certificate', () => {
  test.each([
    ['by-name', 'bench'],
    ['mapped', 'the bench'],
  ])('gives the name that uidFormat asks for (%s)', async (name, wanted) => {
    const client = await RheaClient.connect(portOf(name), withCertificate(`c-${name}`));
    expect(await shown(`c-${name}`)).toMatchObject({ user: wanted, isAuthenticated: true });
    client.close();
  });

  test('leaves fields out that it does not have, and gives the fingerprint', async () => {
    const client = await RheaClient.connect(portOf('by-print'), withCertificate('printed'));
    expect((await shown('printed')).user).toMatch(/^[0-9a-f]{64}$/);
    client.close();
  });

  test('is demanded where EXTERNAL is named', async () => {
    expect(await attempt('by-name', { transport: 'tls', ca: tls.ca, username: 'anonymous' } as never)).toBe('refused');
  });
});

describe('a listener with an sslProfile', () => {
  test('takes clients with and without TLS unless it requires it', async () => {
    expect(await attempt('mixed', { username: 'anonymous' })).toBe('open');
    expect(await attempt('mixed', { transport: 'tls', ca: tls.ca, username: 'anonymous' } as never)).toBe('open');
    expect(await attempt('encrypted', { username: 'anonymous' })).toBe('refused');
    expect(await attempt('encrypted', { transport: 'tls', ca: tls.ca, username: 'anonymous' } as never)).toBe('open');
  });
});

describe('initialHandshakeTimeoutSeconds', () => {
  test('drops who says nothing, and leaves who has opened', async () => {
    const opened = await RheaClient.connect(portOf('hasty'), { container_id: 'quick' });
    const silent = await connect(portOf('hasty'));
    await ending(silent);
    expect(await shown('quick')).toMatchObject({ opened: true });
    opened.close();
  });
});

describe('limits of a listener', () => {
  test('are told to the peer and hold', async () => {
    const client = await RheaClient.connect(portOf('limits'));
    const { connection } = client as unknown as { connection: { remote: { open: { channel_max: number } } } };
    expect(connection.remote.open.channel_max).toBe(1);
    await client.receiver({ source: 'limited' });
    const { sender } = await client.sender('limited');
    expect((sender as unknown as { credit: number }).credit).toBe(7);
    const { session } = sender as unknown as { session: { remote: { begin: { incoming_window: number } } } };
    expect(session.remote.begin.incoming_window).toBe(5);
    client.close();
  });
});

describe('http', () => {
  test('carries AMQP over WebSocket', async () => {
    const open = rhea.websocket_connect(WebSocket as never);
    const connection = rhea.create_container().connect({
      connection_details: open(`ws://127.0.0.1:${portOf('web')}`, ['amqp'], {}),
      container_id: 'web-client',
      username: 'anonymous',
      reconnect: false,
    } as never);
    connection.on('disconnected', () => {});
    await once(connection, 'connection_open');
    expect(await shown('web-client')).toMatchObject({ dir: 'in', role: 'normal' });
    const receiver = connection.open_receiver('over-web');
    await once(receiver, 'receiver_open');
    const sender = connection.open_sender('over-web');
    await once(sender, 'sendable');
    const body = 'x'.repeat(300_000);
    sender.send({ body });
    const [{ message }] = (await once(receiver, 'message')) as [rhea.EventContext];
    expect(message?.body).toBe(body);
    connection.close();
  });

  test('drops a WebSocket on which no AMQP connection is opened in time', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${portOf('web')}`, ['amqp']);
    await once(socket, 'open');
    socket.on('error', () => {});
    await once(socket, 'close');
  });

  test('refuses a WebSocket of another kind, and any where they are off', async () => {
    for (const [name, protocol] of [
      ['web', 'chat'],
      ['web-only', 'amqp'],
    ] as const) {
      const socket = new WebSocket(`ws://127.0.0.1:${portOf(name)}`, [protocol]);
      const [error] = await once(socket, 'error');
      expect(String(error)).toMatch(/Unexpected server response|socket hang up|ECONNRESET/);
    }
  });

  test('serves the files of its directory, and none beside it', async () => {
    const url = `http://127.0.0.1:${portOf('web')}`;
    const page = await fetch(`${url}/`);
    expect([page.status, page.headers.get('content-type'), await page.text()]).toEqual([
      200,
      'text/html; charset=utf-8',
      '<p>here</p>',
    ]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    for (const path of ['/%2e%2e/secret.txt', '/..%2fsecret.txt', '/nothing', '/%00']) {
      expect((await fetch(url + path)).status).toBe(404);
    }
    expect((await fetch(`http://127.0.0.1:${portOf('web-only')}/`)).status).toBe(404);
  });

  test('is served over TLS where there is an sslProfile', async () => {
    const socket = connectTls({ host: '127.0.0.1', port: portOf('secure-web'), ca: tls.ca });
    await once(socket, 'secureConnect');
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(String((await once(socket, 'data'))[0])).toContain('200 OK');
    socket.destroy();
  });
});

describe('maxConnections of the policy', () => {
  test('holds for all listeners together, and what was denied is counted', async () => {
    const crowd: RheaClient[] = [];
    const counts = async () => (await management.query('policy'))[0]!;
    while (Number((await counts()).connectionsCurrent) < CONNECTIONS_MAX) {
      crowd.push(await RheaClient.connect(portOf(crowd.length % 2 === 0 ? 'both' : 'limits')));
    }
    expect(await attempt('both', { username: 'anonymous' })).toBe('refused');
    expect(await counts()).toMatchObject({
      connectionsDenied: 1,
      totalDenials: 1,
      connectionsCurrent: CONNECTIONS_MAX,
    });
    crowd.pop()!.close();
    const isIn = async () => (await attempt('both', { username: 'anonymous' })) === 'open';
    await eventually('there is room again', isIn);
    for (const client of crowd) client.close();
    const isEmpty = async () => Number((await counts()).connectionsCurrent) <= CONNECTIONS_MAX - crowd.length;
    await eventually('the crowd has gone', isEmpty);
  });
});

describe('socketAddressFamily', () => {
  test('IPv4 of a listener without host leaves IPv6 out', async () => {
    expect(await attempt('ipv4', { username: 'anonymous' })).toBe('open');
    expect(await attempt('ipv4', { host: '::1', username: 'anonymous' })).toBe('refused');
  });
});

test('a connector says why the other end was refused, and not only that it is gone', async () => {
  const twin = rhea.create_container({ id: west.id });
  twin.sasl_server_mechanisms.enable_anonymous();
  twin.on('connection_error', () => {});
  const server = twin.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const own = { type: 'connector', name: 'to-itself' };
  try {
    const attributes = { host: '127.0.0.1', port, role: 'inter-router' };
    expect((await management.ask('CREATE', own, attributes)).status).toBe(201);
    const read = async () => (await management.query('connector')).find(({ name }) => name === own.name);
    await eventually('it is told', async () => String((await read())?.connectionMsg).includes("this router's own id"));
    expect((await read())?.connectionStatus).toBe('FAILED');
  } finally {
    await management.ask('DELETE', own);
    server.close();
  }
});
