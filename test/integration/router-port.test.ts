/** The port of a local site's router: where it is, and who is there. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../lib/log.ts';
import { RouterClient } from '../../lib/router-client/client.ts';
import { whoIsAt } from '../../lib/router-client/probe.ts';
import { routerEndpoint } from '../../site-controller/platform/local/router-endpoint.ts';
import { Authority } from '../support/authority.ts';
import { eventually } from '../support/eventually.ts';
import { unusedPort } from '../support/tcp.ts';

const HOST = '127.0.0.1';
const authority = new Authority('local CA');
const { certificate: cert, privateKey: key } = authority.issue('client');
const servers: Server[] = [];
const home = mkdtempSync(join(tmpdir(), 'skuprt-port-'));

afterAll(() => {
  for (const server of servers) server.close();
  rmSync(home, { recursive: true });
});

async function at(server: Server): Promise<{ host: string; port: number; ca: string; cert: string; key: string }> {
  servers.push(server);
  await once(server.listen(0, HOST), 'listening');
  const { port } = server.address() as AddressInfo;
  return { host: HOST, port, ca: authority.ca.certificate, cert, key };
}

/** A router, as far as its certificate goes. */
function routerOf(issuer: Authority): Server {
  const own = issuer.issue('router');
  return createTlsServer({ cert: own.certificate, key: own.privateKey }, (socket) => socket.on('error', () => {}));
}

describe('who is at the port of a router', () => {
  it('is the router when its certificate is of the own authority', async () => {
    expect(await whoIsAt(await at(routerOf(authority)))).toBe('router');
  });

  it.each([
    ['closes', createServer((socket) => socket.destroy())],
    ['says something else', createServer((socket) => socket.on('error', () => {}).end('220 mail ESMTP\r\n'))],
    ['has the certificate of another authority', routerOf(new Authority('another CA'))],
  ])('is another program when it %s', async (_, server) => {
    expect(await whoIsAt(await at(server))).toBe('another');
  });

  it('is nobody that is known when nothing is said, or nobody listens', async () => {
    const silent = await at(createServer((socket) => socket.on('error', () => {})));
    expect(await whoIsAt(silent, 200)).toBe('silent');
    expect(await whoIsAt({ ...silent, port: await unusedPort() })).toBe('silent');
  });
});

describe('a controller whose router has no port', () => {
  it('looks for it again and again, until it has one', async () => {
    const runtimeCerts = join(home, 'certs');
    const files = join(runtimeCerts, 'skupper-local-client');
    mkdirSync(files, { recursive: true });
    const contents = { 'ca.crt': authority.ca.certificate, 'tls.crt': cert, 'tls.key': key };
    for (const [name, text] of Object.entries(contents)) writeFileSync(join(files, name), text);
    const given = new Map<string, number>();
    const endpoint = () => routerEndpoint({ all: () => given }, { runtimeCerts });
    await expect(endpoint()).rejects.toMatchObject({ code: 'SKUPRT_ROUTER_PORT_NONE' });

    let askedCount = 0;
    const client = new RouterClient({
      containerId: 'client',
      endpoint: () => {
        askedCount += 1;
        return endpoint();
      },
      onUp: () => {},
      onDown: () => {},
      log: createLogger({ name: 'test', level: 'silent' }),
    });
    const stop = new AbortController();
    const running = client.run(stop.signal);
    await eventually('it has asked', () => askedCount > 3);
    stop.abort();
    await running;

    given.set('amqps', 5671);
    expect(await endpoint()).toEqual({ host: HOST, port: 5671, ca: authority.ca.certificate, cert, key });
  });
});
