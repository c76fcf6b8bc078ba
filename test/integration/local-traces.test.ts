/** One trace from the command that exports a service of a local site to what the processes of two sites make of it, and back. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SETTING } from '../../config/names.ts';
import { eventually } from '../support/eventually.ts';
import { LocalMachine } from '../support/local-machine.ts';
import { SpanCollector } from '../support/monitoring.ts';

const HOST = '127.0.0.1';
const west = new LocalMachine('shop', 'west');
const east = new LocalMachine('shop', 'east');
let collector: SpanCollector;
let server: Server;
let variables: Record<string, string>;

beforeAll(async () => {
  collector = await SpanCollector.start();
  variables = collector.environment;
  Object.assign(process.env, variables);
  server = createServer((socket) => socket.on('error', () => undefined).end()).listen(0, HOST);
  await once(server, 'listening');
  await Promise.all([west.begin(), east.begin()]);
  await west.link(east);
  const { port } = server.address() as AddressInfo;
  await west.apply('Connector', 'web', {
    routingKey: 'web',
    host: HOST,
    port,
    settings: { [SETTING.servicePort]: '80' },
  });
  // The first export of a site is told when it is settled who else is there: later, and in no trace.
  expect(await west.run('service', 'export', 'web')).toMatchObject({ code: 0 });
  await untilEast('hears of the export', true);
  expect(await west.run('service', 'unexport', 'web', '--yes')).toMatchObject({ code: 0 });
  await untilEast('hears of its end', false);
});

afterAll(async () => {
  for (const name of Object.keys(variables)) delete process.env[name];
  await Promise.all([west.end(), east.end()]);
  server.close();
  collector.stop();
});

async function untilEast(does: string, isThere: boolean): Promise<void> {
  const hears = async () =>
    readdirSync(east.paths.runtimeResources).some((name) => name.startsWith('ServiceImport')) === isThere;
  await eventually(`east ${does}`, hears);
}

/** Spans of the trace of the last such command, those of sites by the site that has them. */
function traced(command: string): { names: string[]; isUnder: (name: string, parent: string) => boolean } {
  const traceId = collector.named(command).at(-1)?.traceId;
  const spans = collector.spans.filter((span) => span.traceId === traceId);
  const parentOf = (id: string | undefined) => spans.find(({ spanId }) => spanId === id)?.name;
  return {
    names: spans.map(({ name }) => name),
    isUnder: (name, parent) => spans.some((span) => span.name === name && parentOf(span.parentSpanId) === parent),
  };
}

async function untilTraced(command: string, wanted: readonly (readonly [name: string, parent: string])[]) {
  await eventually(
    () => `${command}: ${JSON.stringify(traced(command).names)}`,
    async () => wanted.every(([name, parent]) => traced(command).isUnder(name, parent)),
  );
}

it('an export and its end are each in one trace, at the site that says so and at the one that hears of it', async () => {
  expect(await west.run('service', 'export', 'web')).toMatchObject({ code: 0 });
  await untilTraced('skuprt service export', [
    ['reconcile', 'skuprt service export'],
    ['tell clusters', 'reconcile'],
    ['merge', 'reconcile'],
    ['reconcile', 'merge'],
    ['write ServiceImport', 'reconcile'],
    ['write MultiKeyListener', 'reconcile'],
    ['pass', 'reconcile'],
    ['configure router', 'pass'],
  ]);
  expect(await west.run('service', 'unexport', 'web', '--yes')).toMatchObject({ code: 0 });
  await untilTraced('skuprt service unexport', [
    ['reconcile', 'skuprt service unexport'],
    ['tell clusters', 'reconcile'],
    ['merge', 'reconcile'],
    ['reconcile', 'merge'],
    ['delete ServiceImport', 'reconcile'],
    ['pass', 'reconcile'],
    ['configure router', 'pass'],
  ]);
});
