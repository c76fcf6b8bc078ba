/** What flags of connectors, listeners and the site do on a local site as a user has it: processes, commands, real servers. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type Server } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket, type Server as TcpServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseProxyHeader } from '../../router/io/proxy-protocol.ts';
import { eventually } from '../support/eventually.ts';
import { freePort, LocalMachine } from '../support/local-machine.ts';

const HOST = '127.0.0.1';
const WAIT_MS = 30_000;

const west = new LocalMachine('west', 'west');
const servers: (Server | TcpServer)[] = [];
const sockets: Socket[] = [];
const unwell = new Set<string>();

async function listening(server: Server | TcpServer): Promise<number> {
  servers.push(server.listen(0, HOST));
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Says its name, and 503 to who looks at it while it is unwell. */
function named(name: string): Promise<number> {
  return listening(
    createHttp((request, response) => {
      response.statusCode = request.url === '/health' && unwell.has(name) ? 503 : 200;
      response.setHeader('connection', 'close').end(name);
    }),
  );
}

async function skuprt(line: string): Promise<string> {
  const { code, out, err } = await west.run(...line.split(' '));
  expect({ line, code, err: code === 0 ? '' : err }).toEqual({ line, code: 0, err: '' });
  return out;
}

/** The name of the server that answers there; what went wrong is no name. */
async function answer(port: number): Promise<string> {
  try {
    return await (await fetch(`http://${HOST}:${port}/`)).text();
  } catch {
    return '';
  }
}

async function answers(port: number): Promise<string> {
  const found = new Set<string>();
  for (let count = 0; count < 8; count++) found.add(await answer(port));
  return [...found].sort().join(' ');
}

function open(port: number): Socket {
  const socket = connect(port, HOST);
  socket.on('error', () => socket.destroy());
  sockets.push(socket);
  return socket;
}

/** Sends a word and reads it back; false when the connection ends instead. */
async function echoes(socket: Socket): Promise<boolean> {
  if (socket.destroyed) return false;
  return await new Promise((resolve) => {
    socket.once('close', () => resolve(false));
    socket.once('data', () => resolve(true));
    socket.write('word');
  });
}

beforeAll(async () => {
  await west.begin();
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await west.end();
  for (const server of servers) server.close();
});

describe('servers of a local site', () => {
  it('are told whose each connection is', async () => {
    const port = await listening(
      createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', (bytes: Buffer) => {
          const header = parseProxyHeader(bytes);
          socket.end(header.state === 'whole' ? JSON.stringify(header.client) : header.state);
        });
      }),
    );
    const front = await freePort();
    await skuprt(`connector create told ${port} --host ${HOST} --proxy-protocol v2`);
    await skuprt(`listener create told ${front} --host ${HOST} --wait ready`);
    const said = async () => {
      const socket = open(front);
      const told = once(socket, 'data', { signal: AbortSignal.timeout(WAIT_MS) }).catch(() => ['']);
      await once(socket, 'connect').catch(() => undefined);
      const { localPort } = socket;
      return { localPort, text: String((await told)[0]) };
    };
    let last = await said();
    await eventually(
      () => `a header arrives: ${last.text}`,
      async () => {
        last = await said();
        return last.text !== '';
      },
      WAIT_MS,
    );
    expect(JSON.parse(last.text)).toEqual({ host: HOST, port: last.localPort, localHost: HOST, localPort: front });
  });

  it('get no connections while their health check fails and another does well, and get them again', async () => {
    const front = await freePort();
    const check =
      '--health-check http:/health --health-check-interval 1s --unhealthy-threshold 1 --healthy-threshold 1';
    for (const name of ['one', 'two']) {
      await skuprt(`connector create ${name} ${await named(name)} --host ${HOST} -r web ${check}`);
    }
    await skuprt(`listener create web ${front} --host ${HOST} --wait ready`);
    const come = (names: string) =>
      eventually(
        () => `answers come from ${names} only\n${west.output}`,
        async () => (await answers(front)) === names,
        WAIT_MS,
      );
    await come('one two');
    unwell.add('one');
    await come('two');
    await eventually(
      'the status of the connector says why',
      async () => /503/.test(await skuprt('connector status one')),
      WAIT_MS,
    );
    expect(await skuprt('connector status one')).toContain('http:/health, every 1 s');
    unwell.clear();
    await come('one two');
  });

  it('and their clients keep open connections while settings change', async () => {
    const front = await freePort();
    const port = await listening(createServer((socket) => void socket.on('error', () => undefined).pipe(socket)));
    await skuprt(`connector create kept ${port} --host ${HOST}`);
    await skuprt(`listener create kept ${front} --host ${HOST} --wait ready`);
    let first = open(front);
    await eventually(
      'a connection',
      async () => {
        if (await echoes(first)) return true;
        first = open(front);
        return false;
      },
      WAIT_MS,
    );
    await skuprt('listener update kept --max-connections 1');
    await eventually('a second one is refused', async () => !(await echoes(open(front))), WAIT_MS);
    await skuprt('connector update kept --connect-timeout 3s --max-connections 5');
    await eventually(
      'the router has the connector with its limit',
      async () => readFileSync(west.paths.routerConfig, 'utf8').includes('"connectTimeoutSeconds":3'),
      WAIT_MS,
    );
    await skuprt('listener update kept --max-connections 0');
    await eventually('a second one is served', async () => echoes(open(front)), WAIT_MS);
    expect(await echoes(first)).toBe(true);
  });
});

describe('settings of the site for its router', () => {
  it('hold from the next start on', async () => {
    await skuprt('site update --flow-memory 64MiB --flow-pause 1m');
    await west.stop();
    west.start();
    const config = JSON.parse(readFileSync(west.paths.routerConfig, 'utf8')) as [string, Record<string, unknown>][];
    const [, { port }] = config.find(([, { http }]) => http === true)!;
    const metrics = async () => {
      try {
        return await (await fetch(`http://${HOST}:${port}/metrics`)).text();
      } catch {
        return '';
      }
    };
    await eventually(
      () => `the router has 64 MiB\n${west.output}`,
      async () => /^skuprt_router_flow_memory_limit_bytes 67108864$/m.test(await metrics()),
      WAIT_MS,
    );
  });

  it('that cannot be used are told', async () => {
    const { metadata, spec } = (await west.store.get('Site', 'west'))!;
    await west.apply('Site', metadata.name, {
      ...spec,
      settings: { ...spec.settings, 'skuprt.io/flow-memory': 'much' },
    });
    await eventually(
      'the site says so',
      async () => (await skuprt('site status')).includes('settings.skuprt.io/flow-memory: "much" is not'),
      WAIT_MS,
    );
  });
});
