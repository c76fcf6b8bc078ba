/**
 * A rolling restart of every router of two sites of two, under load from wrk by way of haproxy: no request fails.
 *
 * haproxy is both the load balancer in front of the routers and the backend behind them. One listener of it passes TCP on, for a
 * connection to a request; another knows HTTP and keeps connections on both sides. It is set up as an operator would: it asks
 * `/readyz`, and takes a router out when that says no twice, so that one slow answer of a busy machine takes nobody out. As the
 * guide says, the next router of a site is told to stop when the load balancer has found the one before.
 *
 * What haproxy says of requests that went wrong is told, with its termination codes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stopChild } from '../../support/child-process.ts';
import { eventually } from '../../support/eventually.ts';
import { findProgram } from '../../support/programs.ts';
import { connect, unusedPort } from '../../support/tcp.ts';
import { EAST, TwoSites, WEST } from '../../support/two-sites.ts';

const REQUESTS_MIN = 100_000;
const LOAD_SECONDS = 20;
const FOUND_MS_MAX = 30_000;
const TEST_MS_MAX = 900_000;
const EVIDENCE_LINES = 40;

const missing = ['haproxy', 'wrk'].filter((name) => findProgram(name) === undefined);
if (missing.length > 0) process.stdout.write(`rolling restart: skipped, not installed: ${missing.join(', ')}\n`);

/** What wrk says of one run. */
interface Load {
  requestCount: number;
  failures: string[];
}

describe.skipIf(missing.length > 0)('a rolling restart of all routers of two sites', () => {
  const directory = mkdtempSync(join(tmpdir(), 'rolling-'));
  const children: ChildProcess[] = [];
  const socket = join(directory, 'stats.sock');
  let sites: TwoSites;
  let balanced: { tcp: number; http: number };

  beforeAll(async () => {
    const backendPort = await unusedPort();
    haproxy('backend', backendOf(backendPort));
    sites = await TwoSites.start(backendPort);
    balanced = { tcp: await unusedPort(), http: await unusedPort() };
    haproxy('balancer', balancerOf(sites, balanced, socket));
    for (const port of [backendPort, ...Object.values(balanced)]) await accepting(port);
  });
  afterAll(async () => {
    for (const child of children.reverse()) await stopChild(child);
    await sites?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  function haproxy(name: string, config: string): void {
    const file = join(directory, `${name}.cfg`);
    writeFileSync(file, config);
    const log = openSync(join(directory, `${name}.log`), 'a');
    children.push(spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', log, log] }));
    closeSync(log);
  }

  /** What haproxy says of requests that were not served, and of who is there; both ends of the way. */
  function evidence(): string {
    const said = ['balancer', 'backend'].map((name) => {
      const lines = readFileSync(join(directory, `${name}.log`), 'utf8')
        .trim()
        .split('\n');
      return `--- ${name}\n${lines.slice(-EVIDENCE_LINES).join('\n')}`;
    });
    return [...said, sites.network.evidence()].join('\n');
  }

  /** Waits until the load balancer leads clients to all routers again. */
  async function found(): Promise<void> {
    const what = () => `haproxy finds all routers\n${evidence()}`;
    await eventually(what, async () => (await downCount(socket)) === 0, FOUND_MS_MAX);
  }

  it(
    `fails none of ${REQUESTS_MIN} requests, on connections of their own and on kept ones`,
    async () => {
      const sums = { own: 0, kept: 0 };
      let restartCount = 0;
      for (let at = 0; sums.own < REQUESTS_MIN || sums.kept < REQUESTS_MIN; ) {
        let isOver = false;
        const loads = Promise.all([wrk(balanced.tcp, ['-H', 'Connection: close']), wrk(balanced.http, [])]);
        const ended = loads.finally(() => {
          isOver = true;
        });
        const order = [...WEST, ...EAST];
        for (; !isOver; at++, restartCount++) {
          expect(await sites.restart(order[at % order.length]!)).toBe(0);
          await found();
        }
        const [own, kept] = await ended;
        const failures = { own: own.failures, kept: kept.failures };
        const none = { own: [], kept: [] };
        if (!isDeepStrictEqual(failures, none)) process.stdout.write(`${evidence()}\n`);
        expect(failures).toEqual(none);
        sums.own += own.requestCount;
        sums.kept += kept.requestCount;
        process.stdout.write(`rolling restart: ${JSON.stringify({ ...sums, restartCount })}\n`);
      }
      expect(restartCount).toBeGreaterThanOrEqual(WEST.length + EAST.length);
    },
    TEST_MS_MAX,
  );
});

async function wrk(port: number, more: readonly string[]): Promise<Load> {
  const args = [
    '-t',
    '1',
    '-c',
    '16',
    '-d',
    `${LOAD_SECONDS}s`,
    '--timeout',
    '10s',
    ...more,
    `http://127.0.0.1:${port}/`,
  ];
  const child = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const requestCount = Number(/(\d+) requests in/.exec(said)?.[1] ?? 0);
  return { requestCount, failures: said.match(/^.*(Socket errors|Non-2xx).*$/gm) ?? [] };
}

/** Servers that haproxy leads nobody to. */
async function downCount(path: string): Promise<number> {
  const stats = createConnection(path);
  stats.end('show stat\n');
  return (await text(stats)).split('\n').filter((line) => line.includes(',DOWN')).length;
}

async function accepting(port: number): Promise<void> {
  await eventually(`port ${port} accepts`, async () => {
    try {
      (await connect(port)).destroy();
      return true;
    } catch {
      return false;
    }
  });
}

const GLOBAL = `
global
  nbthread 1
  log stdout format raw local0
`;
const DEFAULTS = `
defaults
  timeout connect 3s
  timeout check 5s
  timeout client 60s
  timeout server 60s
  log global
  option dontlog-normal
`;

function backendOf(port: number): string {
  return `${GLOBAL}${DEFAULTS}
frontend backend
  mode http
  option httplog
  bind 127.0.0.1:${port}
  http-request return status 200 content-type text/plain string "fine"
`;
}

/** As an operator would have it: asks routers whether they are ready, and tries another when one refuses. */
function balancerOf(
  { routers, ports }: TwoSites,
  { tcp, http }: { tcp: number; http: number },
  socket: string,
): string {
  const servers = WEST.map(
    (id) =>
      `  server ${id} 127.0.0.1:${ports.get(id)} check port ${routers.get(id)!.httpPort} inter 500ms fastinter 200ms fall 2 rise 1`,
  ).join('\n');
  return `${GLOBAL}  stats socket ${socket}
${DEFAULTS}
listen tcp
  mode tcp
  option tcplog
  bind 127.0.0.1:${tcp}
  retries 3
  option redispatch 1
  option httpchk GET /readyz
${servers}
listen http
  mode http
  option httplog
  bind 127.0.0.1:${http}
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response
  option httpchk GET /readyz
${servers}
`;
}
