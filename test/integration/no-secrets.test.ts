/**
 * Two local sites as a user has them, from their first start over a token that is redeemed, a wrong one, a service, to a dump for a report;
 * with logs at their loudest, spans of everything, and frames traced. Nothing that is said anywhere has a private key, a code or a password in it.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SETTING } from '../../config/names.ts';
import { createLogger } from '../../lib/log.ts';
import { RouterClient } from '../../lib/router-client/client.ts';
import { eventually } from '../support/eventually.ts';
import { freePort, LocalMachine } from '../support/local-machine.ts';
import { SpanCollector } from '../support/monitoring.ts';

const HOST = '127.0.0.1';
const WAIT_MS = 60_000;
const PASSWORD = 'correct-horse-battery-staple';
const TYPES = [
  'router',
  'listener',
  'connector',
  'sslProfile',
  'tcpListener',
  'tcpConnector',
  'connection',
  'tcpConnection',
  'router.node',
  'router.address',
  'router.link',
  'log',
  'logStats',
  'site',
];

const west = new LocalMachine('west', 'west');
const east = new LocalMachine('east', 'east');
const directory = mkdtempSync(join(tmpdir(), 'skuprt-secrets-'));
const server = createServer((_, response) => response.end('hello'));
/** What was said, by where. */
const said = new Map<string, string>();
let collector: SpanCollector;

async function run(machine: LocalMachine, args: readonly string[], code = 0): Promise<string> {
  const outcome = await machine.run(...args);
  const name = `${machine.site}: skuprt ${args.join(' ')}`;
  said.set(name, outcome.out + outcome.err);
  expect({ name, code: outcome.code, err: outcome.code === code ? '' : outcome.err }).toEqual({ name, code, err: '' });
  return outcome.out;
}

/** Private keys, codes and passwords that are kept anywhere under the data home of a machine, and what could be taken for parts of them. */
function secretsOf(machine: LocalMachine): Set<string> {
  const found = new Set<string>();
  for (const entry of readdirSync(machine.home, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.log')) continue;
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    const keys = [...text.matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----([\s\S]+?)-----END/g)].map(([, body]) => body!);
    for (const [, encoded] of text.matchAll(/tls\.key: (\S+)/g)) {
      found.add(encoded!.slice(0, 60));
      keys.push(
        Buffer.from(encoded!, 'base64')
          .toString()
          .replace(/-----[^-]+-----/g, ''),
      );
    }
    for (const body of keys) {
      const [first = '', second = ''] = body.trim().split(/\s+/);
      found.add(first);
      // Behind that, a key of a curve has its public half, which everybody may see.
      if (second.length >= 24) found.add(second.slice(0, 24));
    }
    for (const [, code] of text.matchAll(/\bcode: "?([\w-]{12,})"?/g)) found.add(code!);
    for (const [, password] of text.matchAll(/\bpassword: "?(\S+?)"?$/gm)) found.add(password!);
  }
  return found;
}

/** Both its log, and what its router has said. */
function takeLogs(machine: LocalMachine): void {
  said.set(`${machine.site}: log of the site`, machine.output);
  said.set(`${machine.site}: log of the router`, readFileSync(machine.paths.routerLog, 'utf8'));
}

async function takeManagement(machine: LocalMachine): Promise<void> {
  const stop = new AbortController();
  const client = new RouterClient({
    containerId: 'reader',
    endpoint: async () => machine.routerEndpoint(),
    onUp: () => {},
    onDown: () => {},
    onMessage: () => {},
    log: createLogger({ name: 'reader', level: 'silent' }),
  });
  const running = client.run(stop.signal);
  await eventually('the router is asked', () => client.isUp, WAIT_MS);
  for (const type of TYPES) {
    const entities = await client.query(type).catch(() => undefined);
    if (entities !== undefined) said.set(`${machine.site}: management of ${type}`, JSON.stringify(entities));
  }
  await client.close();
  stop.abort();
  await running;
}

async function takeMetrics(machine: LocalMachine): Promise<void> {
  const config = JSON.parse(readFileSync(machine.paths.routerConfig, 'utf8')) as [
    string,
    { http?: boolean; port: number },
  ][];
  const [, { port }] = config.find(([type, { http }]) => type === 'listener' && http === true)!;
  for (const path of ['metrics', 'healthz', 'readyz']) {
    const headers = { accept: 'application/openmetrics-text' };
    said.set(`${machine.site}: /${path}`, await (await fetch(`http://${HOST}:${port}/${path}`, { headers })).text());
  }
}

beforeAll(async () => {
  collector = await SpanCollector.start();
  // Patience for a machine that is slow.
  const patience = { OTEL_EXPORTER_OTLP_TIMEOUT: '30000' };
  Object.assign(process.env, collector.environment, patience, { OTEL_TRACES_SAMPLER: 'always_on' });
  server.listen(0, HOST);
  await once(server, 'listening');
  await Promise.all([west.begin(), east.begin()]);
  for (const machine of [west, east]) {
    // From here on its log says everything.
    process.kill(Number.parseInt(readFileSync(machine.paths.sitePid, 'utf8'), 10), 'SIGUSR2');
    const { spec } = (await machine.store.get('Site', machine.site))!;
    const settings = { ...spec.settings, [SETTING.routerLogging]: 'trace' };
    await machine.apply('Site', machine.site, { ...spec, settings });
  }
}, 2 * WAIT_MS);

afterAll(async () => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  await west.end();
  await east.end();
  server.close();
  collector?.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('two sites that have done all that sites do', () => {
  it(
    'work',
    async () => {
      const token = join(directory, 'east.yaml');
      await run(east, ['token', 'issue', token]);
      const wrong = join(directory, 'wrong.yaml');
      writeFileSync(wrong, readFileSync(token, 'utf8').replace(/(\bcode: "?)[\w-]{4}/, '$1AAAA'));
      await run(west, ['token', 'redeem', wrong, '--timeout', '20s'], 5);
      await run(west, ['token', 'redeem', token, '--name', 'to-east']);
      const { port } = server.address() as AddressInfo;
      await run(east, ['expose', `host/${HOST}`, '--port', String(port), '--address', 'web']);
      const listening = await freePort();
      await run(west, ['listener', 'create', 'own', String(listening), '--routing-key', 'web', '--host', HOST]);
      await eventually(
        () => `the service answers\n${west.output}`,
        async () =>
          (await fetch(`http://${HOST}:${listening}/?password=${PASSWORD}`).catch(() => undefined))?.ok === true,
        WAIT_MS,
      );
      for (const machine of [west, east]) {
        // The commands of one of them have told enough; what sends spans is dear to load.
        if (machine === east) process.env.OTEL_TRACES_EXPORTER = 'none';
        for (const args of [
          ['status', '-o', 'yaml'],
          ['link', 'status', '-o', 'json'],
          ['token', 'status', '-o', 'yaml'],
          ['network', 'status', '-o', 'json'],
          ['service', 'status', '-o', 'json'],
        ])
          await run(machine, args);
        said.set(`${machine.site}: skuprt check`, JSON.stringify(await machine.run('check', '-o', 'json')));
        const dump = join(directory, `${machine.site}.tar.gz`);
        await run(machine, ['debug', 'dump', dump]);
        said.set(
          `${machine.site}: dump`,
          execFileSync('tar', ['-xzOf', dump], { maxBuffer: 2 ** 28 }).toString('latin1'),
        );
        await takeManagement(machine);
        await takeMetrics(machine);
      }
    },
    3 * WAIT_MS,
  );

  it('have told enough that their silence means something', async () => {
    await eventually(
      'spans are sent',
      () => collector.named('pass').length > 0 && collector.named('connection').length > 0,
      WAIT_MS,
    );
    const spans = (name: string) => collector.named(name).filter(({ status }) => status.message === undefined);
    await eventually(
      'a redemption is one trace of both sites, and the link that it made came up',
      () => {
        const [redeemed] = spans('redeem token');
        const [answered] = spans('redemption');
        const isLinked = spans('link').some(({ service }) => service === 'skuprt-router');
        return isLinked && redeemed !== undefined && redeemed.traceId === answered?.traceId;
      },
      WAIT_MS,
    );
    await eventually(
      () => `commands are one trace with what was done about them: ${collector.spans.map(({ name }) => name).join()}`,
      () => {
        const isWithin = (name: string, service: string, command: string) => {
          const traces = spans(command).map(({ traceId }) => traceId);
          return spans(name).some((span) => span.service.endsWith(service) && traces.includes(span.traceId));
        };
        return (
          isWithin('wait', 'cli', 'skuprt expose') &&
          isWithin('configure router', 'site-controller', 'skuprt expose') &&
          isWithin('configure router', 'site-controller', 'skuprt listener create') &&
          isWithin('redemption', 'site-controller', 'skuprt token redeem')
        );
      },
      WAIT_MS,
    );
    for (const machine of [west, east]) takeLogs(machine);
    said.set('spans', collector.text);
    expect(said.get('west: log of the site')).toContain('"level":"debug"');
    expect(said.get('west: log of the site')).toMatch(/"traceId":"[0-9a-f]{32}"/);
    expect(said.get('west: log of the router')).toContain('"level":"debug"');
    expect(said.get('west: dump')!.length).toBeGreaterThan(10_000);
    expect(said.get('west: management of sslProfile')).toContain('tls.crt');
    expect(said.get('west: /metrics')).toContain('# EOF');
    expect([...said.keys()].filter((name) => name.includes('management')).length).toBeGreaterThan(16);
  });

  it('have said no private key, no code and no password anywhere', () => {
    const secrets = new Set([...secretsOf(west), ...secretsOf(east), PASSWORD]);
    const token = readFileSync(join(directory, 'east.yaml'), 'utf8');
    const code = /\bcode: "?([\w-]+)/.exec(token)![1]!;
    secrets.add(code);
    // Of each site: CA, server, client, links; each key has some lines.
    expect(secrets.size).toBeGreaterThan(20);
    const leaks = [...said].flatMap(([where, text]) => {
      const found = [...secrets].filter((secret) => text.includes(secret));
      if (/PRIVATE KEY-----\s*[A-Za-z0-9+/]/.test(text)) found.push('a key in PEM');
      return found.map((secret) => `${where}: ${secret.slice(0, 8)}...`);
    });
    expect(leaks).toEqual([]);
  });
});
