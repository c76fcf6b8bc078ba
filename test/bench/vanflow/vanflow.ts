/**
 * `npm run bench -- vanflow`: what telling of flows costs. Parts of equal length alternate on the same two routers: new
 * flows at a steady rate while nobody listens, and while a collector hears of each. What is compared is the processor time
 * of both routers, which a busy machine changes less than times, and what a bulk flow beside them gets.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Certificates, makeCertificates } from '../../support/certificates.ts';
import { HOW_TO_HAVE_IT, originalRouter } from '../../support/original-router.ts';
import {
  type Entity,
  type Kind,
  linkEntities,
  routerCommand,
  routerConfig,
  tcpConnectorEntity,
  tcpListenerEntity,
} from '../../support/router-process.ts';
import { unusedPort } from '../../support/tcp.ts';
import type { BackendHandlers } from '../net/backend.ts';
import type { ClientHandlers } from '../net/client.ts';
import { bytesPerSecond } from '../net/counter.ts';
import { cpuSeconds, describeMachine } from '../net/machine.ts';
import { Pair } from '../net/pair.ts';
import { Processes } from '../net/processes.ts';
import type { Remote } from '../net/rpc.ts';
import { spread } from '../net/statistics.ts';
import type { CollectorHandlers } from './collector.ts';
import type { FlowResult, LoadHandlers } from './load.ts';
import { parseVanflowOptions, type VanflowOptions, vanflowUsage } from './options.ts';

const ADDRESS = 'bench';
const ROUTER_COUNT = 2;
/** What is told late is told within: skupper-router keeps flows that are over for 5 s. */
const TELLING_MS_MAX = 15_000;
/** Of each part: what is over is told in this time by us, and its cost counted. */
const TAIL_MS = 1500;

interface Ground {
  readonly directory: string;
  readonly certificates: Certificates;
  readonly processes: Processes;
  readonly backendPort: number;
  readonly load: Remote<LoadHandlers>;
  readonly client: Remote<ClientHandlers>;
  readonly collector: Remote<CollectorHandlers>;
  readonly signal: AbortSignal;
}

interface Network {
  readonly kind: Kind;
  readonly pair: Pair;
  readonly amqpPort: number;
}

interface Part {
  cpuSeconds: number;
  flows: FlowResult;
  /** Of the bulk flow beside them. */
  bulkMbitPerSecond: number | undefined;
}

interface Round {
  silent: Part;
  told: Part;
  /** Of the flows of `told`: how many the collector knows whole. */
  wholeCount: number;
}

const progress = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

export async function runVanflow(args: readonly string[], signal: AbortSignal): Promise<void> {
  const options = parseVanflowOptions(args);
  if (options === 'help') {
    process.stdout.write(vanflowUsage);
    return;
  }
  const kinds: Kind[] = originalRouter === undefined ? ['ours'] : ['ours', 'original'];
  if (originalRouter === undefined) progress(`skipping skrouterd: ${HOW_TO_HAVE_IT}`);
  const processes = new Processes();
  const killAll = (): void => processes.killAll();
  process.on('exit', killAll);
  const directory = mkdtempSync(join(tmpdir(), 'skuprt-bench-'));
  try {
    const backend = processes.load<BackendHandlers>('backend.ts');
    const ground: Ground = {
      directory,
      certificates: makeCertificates(directory),
      processes,
      backendPort: await backend.call('port', undefined),
      load: processes.load<LoadHandlers>('../vanflow/load.ts'),
      client: processes.load<ClientHandlers>('client.ts'),
      collector: processes.load<CollectorHandlers>('../vanflow/collector.ts'),
      signal,
    };
    for (const kind of kinds) process.stdout.write(await measure(ground, kind, options));
    process.stdout.write(`- machine: ${describeMachine()}, shared by load, collector, backend and routers\n`);
  } finally {
    await processes.stopAll();
    process.off('exit', killAll);
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(ground: Ground, kind: Kind, options: VanflowOptions): Promise<string> {
  const network = await start(ground, kind);
  try {
    await network.pair.firstByte();
    await ground.load.call('flows', { port: network.pair.entryPort, perSecond: options.rate, seconds: 3 });
    const alone: Round[] = [];
    const beside: Round[] = [];
    for (let round = 0; round < options.rounds; round++) {
      progress(`round ${round + 1}/${options.rounds}  ${kind}`);
      alone.push(await measureRound(ground, network, options, false));
      beside.push(await measureRound(ground, network, options, true));
    }
    return render(kind, options, alone, beside);
  } finally {
    await network.pair.stop();
  }
}

async function measureRound(
  ground: Ground,
  network: Network,
  options: VanflowOptions,
  withBulk: boolean,
): Promise<Round> {
  const { collector } = ground;
  const silent = await measurePart(ground, network, options, withBulk);
  await collector.call('begin', { port: network.amqpPort, sources: ROUTER_COUNT });
  await sleep(TAIL_MS);
  const told = await measurePart(ground, network, options, withBulk);
  const deadlineMs = performance.now() + TELLING_MS_MAX;
  let counts = await collector.call('counts', undefined);
  while (counts.whole < told.flows.done && performance.now() < deadlineMs) {
    await sleep(100, undefined, { signal: ground.signal });
    counts = await collector.call('counts', undefined);
  }
  await collector.call('end', undefined);
  await sleep(TAIL_MS);
  return { silent, told, wholeCount: counts.whole };
}

async function measurePart(
  { load, client }: Ground,
  { pair }: Network,
  { rate, seconds }: VanflowOptions,
  withBulk: boolean,
): Promise<Part> {
  if (withBulk) await client.call('startBulk', { port: pair.entryPort, count: 1, direction: 'down' });
  const before = await client.call('received', undefined);
  const cpuBefore = cpuSeconds(pair.pids);
  const flows = await load.call('flows', { port: pair.entryPort, perSecond: rate, seconds });
  const after = await client.call('received', undefined);
  if (!withBulk) await sleep(TAIL_MS);
  const used = cpuSeconds(pair.pids) - cpuBefore;
  await client.call('closeFlows', undefined);
  return {
    cpuSeconds: used,
    flows,
    bulkMbitPerSecond: withBulk ? (bytesPerSecond(before, after) * 8) / 1e6 : undefined,
  };
}

async function start(ground: Ground, kind: Kind): Promise<Network> {
  const { directory, certificates, processes, backendPort } = ground;
  const [entryPort, linkPort, amqpPort] = [await unusedPort(), await unusedPort(), await unusedPort()];
  const command = (id: string, entities: readonly Entity[]): ChildProcess => {
    const config = join(directory, `${kind}-${id}.json`);
    writeFileSync(config, routerConfig(id, [...entities, ['address', { prefix: 'mc', distribution: 'multicast' }]]));
    return processes.start({ ...routerCommand(kind, config), logFile: join(directory, `${kind}-${id}.log`) });
  };
  const clients: Entity = [
    'listener',
    { name: 'clients', host: '127.0.0.1', port: amqpPort, authenticatePeer: false, saslMechanisms: 'ANONYMOUS' },
  ];
  const children = [
    command('accepting', [
      ...linkEntities({ role: 'accept', port: linkPort, certificates }),
      tcpConnectorEntity(ADDRESS, backendPort),
    ]),
    command('dialling', [
      ...linkEntities({ role: 'dial', port: linkPort, certificates }),
      clients,
      tcpListenerEntity(ADDRESS, entryPort),
    ]),
  ];
  return { kind, amqpPort, pair: new Pair(ground, entryPort, children) };
}

function render(kind: Kind, { rate, seconds, rounds }: VanflowOptions, alone: Round[], beside: Round[]): string {
  const name = kind === 'ours' ? 'skuprt' : 'skrouterd';
  const perThousand = (of: 'silent' | 'told') =>
    spread(alone.map((round) => (round[of].cpuSeconds / round[of].flows.done) * 1000));
  const extra = spread(
    alone.map(({ silent, told }) => told.cpuSeconds / told.flows.done / (silent.cpuSeconds / silent.flows.done) - 1),
  );
  const core = spread(alone.map(({ silent, told }) => (told.cpuSeconds - silent.cpuSeconds) / seconds));
  const bulk = (of: 'silent' | 'told') => spread(beside.map((round) => round[of].bulkMbitPerSecond ?? 0));
  const ratio = spread(
    beside.map(({ silent, told }) => (told.bulkMbitPerSecond ?? 0) / (silent.bulkMbitPerSecond ?? 1) - 1),
  );
  const p99 = (of: 'silent' | 'told') => spread(alone.map((round) => round[of].flows.p99Ms));
  const all = [...alone, ...beside];
  const done = all.reduce((sum, { told }) => sum + told.flows.done, 0);
  const whole = all.reduce((sum, { wholeCount }) => sum + wholeCount, 0);
  const failed = all.reduce((sum, { silent, told }) => sum + silent.flows.failed + told.flows.failed, 0);
  type Row = { median: number; min: number; max: number };
  const cell = ({ median, min, max }: Row, digits: number, scale = 1): string =>
    `${(median * scale).toFixed(digits)} (${(min * scale).toFixed(digits)} to ${(max * scale).toFixed(digits)})`;
  return [
    `## ${name}: ${rate} new flows a second, ${rounds} rounds of ${seconds} s, median (min to max)`,
    '',
    '| | nobody listens | a collector hears of each | difference |',
    '|---|---|---|---|',
    `| processor of both routers, ms per flow | ${cell(perThousand('silent'), 3)} | ${cell(perThousand('told'), 3)} | ${cell(extra, 1, 100)} % |`,
    `| of one core | | | ${cell(core, 1, 100)} % |`,
    `| a bulk flow beside them, Mbit/s | ${cell(bulk('silent'), 0)} | ${cell(bulk('told'), 0)} | ${cell(ratio, 1, 100)} % |`,
    `| connection, one octet there and back: p99 ms | ${cell(p99('silent'), 1)} | ${cell(p99('told'), 1)} | |`,
    '',
    `- flows: ${done} told of, ${whole} of them known whole by the collector (octets both ways, end, connector); ${failed} failed`,
    '',
  ].join('\n');
}
