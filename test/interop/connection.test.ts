/**
 * What two routers agree on when one dials the other: by password, by certificate, through a proxy, over TLS for the services' own
 * clients, and where to turn when the connection is lost. Ours alone anywhere; in both roles beside the original where there is one.
 */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import rhea from 'rhea';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { ManagementClient } from '../support/management-client.ts';
import { originalRouter } from '../support/original-router.ts';
import { RheaClient } from '../support/rhea-client.ts';
import { type Entity, type Kind, RouterProcesses, routerConfig } from '../support/router-process.ts';
import { saslUsers } from '../support/sasl-database.ts';
import { connect, ending, unusedPort } from '../support/tcp.ts';

const HOST = '127.0.0.1';
const SOON_MS = 25_000;
const PORTS = [
  'west',
  'east',
  'password',
  'certificate',
  'plain',
  'proxied',
  'refuge',
  'refuges',
  'service',
  'web',
  'hasty',
  'advised',
] as const;
/** What an OPEN may carry beside what routers say of themselves. */
const OPEN_PROPERTIES = { text: 'x', count: 7, list: [1, true, 'y'], map: { deep: 2 } };
const PAIRS: readonly { dials: Kind; accepts: Kind }[] = [
  { dials: 'ours', accepts: 'ours' },
  { dials: 'ours', accepts: 'original' },
  { dials: 'original', accepts: 'ours' },
];
const RUNNABLE = PAIRS.filter((pair) => originalRouter !== undefined || !Object.values(pair).includes('original'));

/** Entities of tests have plain values; this attribute is a map. */
function withProperties([type, attributes]: Entity): Entity {
  return [type, { ...attributes, openProperties: OPEN_PROPERTIES } as unknown as Entity[1]];
}

describe.each(RUNNABLE)('$dials dials $accepts', ({ dials, accepts }) => {
  const routers = new RouterProcesses();
  const directory = mkdtempSync(join(tmpdir(), 'skuprt-connection-'));
  const passwordFile = join(directory, 'password');
  const asked: (string | undefined)[] = [];
  const protocols: (string | false | null)[] = [];
  const clientNames: (string | undefined)[] = [];
  const ports: Record<string, number> = {};
  let certificates: Certificates;
  let proxy: Server;
  let backend: ReturnType<typeof createTlsServer>;
  let west: ManagementClient;
  let east: ManagementClient;

  const listener = (name: string, more: Entity[1]): Entity => [
    'listener',
    { name, host: HOST, port: ports[name]!, ...more },
  ];
  const connector = (name: string, to: string, more: Entity[1]): Entity => [
    'connector',
    { name, host: HOST, port: ports[to]!, ...more },
  ];

  beforeAll(async () => {
    certificates = makeCertificates(directory, accepts === 'original' ? 'rsa' : 'ecdsa');
    writeFileSync(passwordFile, 'wonder\n');
    for (const name of PORTS) ports[name] = await unusedPort();
    await startServers();
    routers.startWith(accepts, 'east', eastConfig());
    routers.startWith('ours', 'refuge', routerConfig('refuge', [listener('refuge', { role: 'inter-router' })]));
    routers.startWith(dials, 'west', routerConfig('west', westEntities()));
    for (const name of ['west', 'east']) {
      const accepting = async () => (await connect(ports[name]!).catch(() => undefined))?.destroy() !== undefined;
      await eventually(`${name} accepts`, accepting, SOON_MS);
    }
    west = await ManagementClient.connect(ports.west!);
    east = await ManagementClient.connect(ports.east!);
  });
  afterAll(async () => {
    west?.close();
    east?.close();
    await routers.stop();
    proxy.close();
    proxy.closeAllConnections();
    backend.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function profile(name: string, more: Entity[1] = {}): Entity {
    const { caFile, certFile, keyFile } = certificates;
    return ['sslProfile', { name, caCertFile: caFile, certFile, privateKeyFile: keyFile, ...more }];
  }

  function eastConfig(): string {
    const tls = { sslProfile: 'tls', requireSsl: true, authenticatePeer: true };
    const entities: Entity[] = [
      profile('tls', { uidFormat: 'n' }),
      listener('east', { saslMechanisms: 'ANONYMOUS' }),
      listener('password', { role: 'normal', saslMechanisms: 'PLAIN', authenticatePeer: true }),
      listener('certificate', { host: '0.0.0.0', role: 'normal', saslMechanisms: 'EXTERNAL', ...tls }),
      listener('plain', { role: 'normal', saslMechanisms: 'ANONYMOUS' }),
      listener('hasty', { saslMechanisms: 'ANONYMOUS', initialHandshakeTimeoutSeconds: 1 }),
      listener('web', { http: true, websockets: true }),
      listener('proxied', { role: 'normal', saslMechanisms: 'ANONYMOUS' }),
      listener('advised', { saslMechanisms: 'ANONYMOUS', failoverUrls: `amqp://${HOST}:${ports.refuge}` }),
      listener('refuges', {
        role: 'inter-router',
        saslMechanisms: 'ANONYMOUS',
        failoverUrls: `amqp://${HOST}:${ports.refuge}`,
      }),
      [
        'tcpConnector',
        { name: 'backend', address: 'secure', host: 'localhost', port: backendPort(), sslProfile: 'tls' },
      ],
    ];
    const sasl = saslUsers(join(directory, 'sasl'), 'alice', 'example.com', 'wonder');
    return routerConfig('east', entities, 'interior', sasl);
  }

  function westEntities(): Entity[] {
    const alice = { role: 'normal', saslMechanisms: 'PLAIN', saslUsername: 'alice@example.com' };
    const tls = { role: 'normal', sslProfile: 'tls', saslMechanisms: 'EXTERNAL' };
    return [
      profile('tls'),
      ['proxyProfile', { name: 'way-out', host: HOST, port: proxyPort(), username: 'user', password: 'secret' }],
      listener('west', { saslMechanisms: 'ANONYMOUS' }),
      connector('right', 'password', { ...alice, saslPassword: `file:${passwordFile}` }),
      connector('wrong', 'password', { ...alice, saslPassword: 'pass:mirror' }),
      connector('named', 'certificate', { ...tls, verifyHostname: true }),
      ['connector', { name: 'misnamed', host: '127.0.0.2', port: ports.certificate!, ...tls, verifyHostname: true }],
      ['connector', { name: 'unchecked', host: '127.0.0.3', port: ports.certificate!, ...tls, verifyHostname: false }],
      withProperties(connector('open', 'plain', { role: 'normal' })),
      connector('through', 'proxied', { role: 'normal', proxyProfile: 'way-out' }),
      connector('moving', 'refuges', { role: 'inter-router' }),
      connector('staying', 'advised', { role: 'normal', allowRedirect: false }),
      [
        'tcpListener',
        {
          name: 'service',
          host: HOST,
          port: ports.service!,
          address: 'secure',
          sslProfile: 'tls',
          authenticatePeer: true,
        },
      ],
    ];
  }

  async function startServers(): Promise<void> {
    const { certFile, keyFile, caFile } = certificates;
    const files = { cert: readFileSync(certFile), key: readFileSync(keyFile), ca: readFileSync(caFile) };
    backend = createTlsServer(
      { ...files, ALPNProtocols: ['h2', 'http/1.1'], requestCert: true, rejectUnauthorized: true },
      (socket: TLSSocket) => {
        protocols.push(socket.alpnProtocol);
        clientNames.push(socket.getPeerCertificate().subject?.CN as string | undefined);
        socket.on('error', () => socket.destroy());
        socket.pipe(socket);
      },
    );
    backend.listen(0, HOST);
    await once(backend, 'listening');
    proxy = createServer().on('connect', tunnel);
    proxy.listen(0, HOST);
    await once(proxy, 'listening');
  }

  const backendPort = (): number => (backend.address() as AddressInfo).port;
  const proxyPort = (): number => (proxy.address() as AddressInfo).port;

  function tunnel(request: IncomingMessage, client: Socket, head: Buffer): void {
    const { authorization, ...headers } = { authorization: request.headers['proxy-authorization'], ...request.headers };
    asked.push(`${request.url} ${headers.host} ${authorization?.replace(/^basic/i, 'Basic')}`);
    client.on('error', () => {});
    const [host, port] = request.url!.split(':');
    const target = dial({ host, port: Number(port) }, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.write(head);
      target.pipe(client).pipe(target);
    });
    target.on('error', () => client.destroy());
  }

  async function connectorOf(name: string): Promise<Record<string, unknown> | undefined> {
    return (await west.query('connector')).find((each) => each.name === name);
  }

  async function isUp(name: string): Promise<void> {
    let seen: unknown;
    const look = async () => {
      seen = await connectorOf(name);
      return (seen as Record<string, unknown> | undefined)?.connectionStatus === 'SUCCESS';
    };
    await eventually(() => `connector ${name} is up: ${JSON.stringify(seen)}`, look, SOON_MS);
  }

  async function users(): Promise<unknown[]> {
    return (await east.query('io.skupper.router.connection')).filter(({ opened }) => opened).map(({ user }) => user);
  }

  async function userIs(wanted: string): Promise<void> {
    let seen: unknown[] = [];
    const look = async () => {
      seen = await users();
      return seen.includes(wanted);
    };
    await eventually(() => `${wanted} is among ${JSON.stringify(seen)}`, look, SOON_MS);
  }

  test('a connector comes in with its name and password, and is shown by its name', async () => {
    await isUp('right');
    await userIs('alice@example.com');
    const alice = (await east.query('io.skupper.router.connection')).find(({ user }) => user === 'alice@example.com');
    expect(alice).toMatchObject({ isAuthenticated: true, isEncrypted: false, dir: 'in' });
  });

  test('a wrong password is refused', async () => {
    await eventually('the connector has tried', async () => (await connectorOf('wrong'))?.connectionMsg, SOON_MS);
    expect((await users()).filter((user) => user === 'alice@example.com')).toHaveLength(1);
  });

  test('a certificate gives the name that the listener asks of it', async () => {
    await isUp('named');
    await userIs('bench');
    const bench = (await east.query('io.skupper.router.connection')).find(({ user }) => user === 'bench');
    expect(bench).toMatchObject({ isAuthenticated: true, isEncrypted: true });
  });

  test('the name of the other end is checked unless verifyHostname is no', async () => {
    await isUp('unchecked');
    const failed = async () => ((await connectorOf('misnamed'))?.connectionMsg ?? '') !== '';
    await eventually('the other one has failed', failed, SOON_MS);
    expect((await users()).filter((user) => user === 'bench')).toHaveLength(2);
  });

  test('what openProperties say is told in the OPEN', async () => {
    await isUp('open');
    const look = async () => {
      const connections = await east.query('io.skupper.router.connection');
      return connections.find(({ properties }) => (properties as { text?: string } | null)?.text === 'x');
    };
    const { properties } = await eventually('the connection is shown', look, SOON_MS);
    // The original carries all of them, and shows lists and maps otherwise than as such.
    expect(properties).toMatchObject(accepts === 'ours' ? OPEN_PROPERTIES : { text: 'x', count: 7 });
  });

  test('who does not open in time is dropped, and who does stays', async () => {
    const client = await RheaClient.connect(ports.hasty!, { container_id: 'quick' });
    const silent = await connect(ports.hasty!);
    await ending(silent);
    const connections = await east.query('io.skupper.router.connection');
    expect(connections.some(({ container, opened }) => container === 'quick' && opened)).toBe(true);
    client.close();
  });

  // The original ends itself at the first message over WebSocket.
  test.runIf(accepts === 'ours').each(['amqp', 'binary'])(
    'a WebSocket of subprotocol %s carries AMQP',
    async (protocol) => {
      const open = rhea.websocket_connect(WebSocket as never);
      const connection = rhea.create_container().connect({
        connection_details: open(`ws://${HOST}:${ports.web}`, [protocol], {}),
        username: 'anonymous',
        reconnect: false,
      } as never);
      connection.on('disconnected', () => {});
      await once(connection, 'connection_open');
      const receiver = connection.open_receiver(`over-${protocol}`);
      await once(receiver, 'receiver_open');
      const sender = connection.open_sender(`over-${protocol}`);
      await once(sender, 'sendable');
      const body = 'x'.repeat(200_000);
      sender.send({ body });
      const [{ message }] = (await once(receiver, 'message')) as [rhea.EventContext];
      expect(message?.body).toBe(body);
      connection.close();
    },
  );

  test('a proxy is asked for the way, with name and password', async () => {
    await isUp('through');
    const authority = `${HOST}:${ports.proxied}`;
    const credentials = Buffer.from('user:secret').toString('base64');
    expect(asked).toContain(`${authority} ${authority} Basic ${credentials}`);
  });

  test.each([
    [['h2', 'http/1.1'], 'http/1.1'],
    [['h2'], 'h2'],
    [undefined, false],
  ] as const)('a TLS client that offers %s has a backend that speaks %s', async (offers, wanted) => {
    const { caFile, certFile, keyFile } = certificates;
    const files = { ca: readFileSync(caFile), cert: readFileSync(certFile), key: readFileSync(keyFile) };
    await eventually(
      'the service is open',
      async () => (await connect(ports.service!).catch(() => undefined))?.destroy(),
      SOON_MS,
    );
    const before = protocols.length;
    const socket = connectTls({ host: HOST, port: ports.service, ...files, ALPNProtocols: offers && [...offers] });
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe(wanted);
    socket.write('hello');
    expect(String((await once(socket, 'data'))[0])).toBe('hello');
    expect(protocols.slice(before)).toContain(wanted);
    expect(clientNames.at(-1)).toBe('bench');
    socket.destroy();
  });

  test('a client without a certificate does not get to the backend', async () => {
    const socket = connectTls({ host: HOST, port: ports.service, ca: readFileSync(certificates.caFile) });
    socket.on('error', () => {});
    socket.write('hello');
    await new Promise((resolve) => socket.once('close', resolve));
  });

  test.runIf(dials === 'ours')('a connector with allowRedirect no is not led elsewhere', async () => {
    await isUp('staying');
    expect((await connectorOf('staying'))?.failoverUrls).toBe(`amqp://${HOST}:${ports.advised}`);
  });

  test('a connector learns where else to turn, and turns there', async () => {
    await isUp('moving');
    const [first, second] = [`amqp://${HOST}:${ports.refuges}`, `amqp://${HOST}:${ports.refuge}`];
    const learnt = async () => (await connectorOf('moving'))?.failoverUrls === `${first}, ${second}`;
    await eventually('the connector knows both places', learnt, SOON_MS);
    routers.kill('east');
    const moved = async () => {
      const { connectionStatus, failoverUrls } = (await connectorOf('moving')) ?? {};
      return connectionStatus === 'SUCCESS' && failoverUrls === `${second}, ${first}`;
    };
    await eventually('the connector has turned', moved, SOON_MS);
    const isNeighbour = async () => (await west.query('router.node')).some(({ id }) => id === 'refuge');
    await eventually('the other router is a neighbour', isNeighbour, SOON_MS);
  });
});
