/**
 * `npm run bench -- policy`: what deciding who may connect costs. The same two routers get other policies from turn to turn, under the same load,
 * a new connection for each request: what differs between processes, and what else the machine does, is on both sides of a comparison. Turns
 * are short and many, and compared within their round alone. Beside the rate, the processor time of both routers for each connection is
 * compared, which a busy machine changes less.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from '../../support/certificates.ts';
import type { BackendHandlers } from '../net/backend.ts';
import type { ClientHandlers } from '../net/client.ts';
import { describeMachine, runningSeconds } from '../net/machine.ts';
import type { Ground } from '../net/pair.ts';
import { Processes } from '../net/processes.ts';
import type { Remote } from '../net/rpc.ts';
import { medianInterval, spread } from '../net/statistics.ts';
import { ADDRESS, CASE_NAMES, CASES, type Case, specsOf } from './cases.ts';
import { decisionMicroseconds } from './decision.ts';
import { GovernedPair } from './governed-pair.ts';
import { type PolicyOptions, parsePolicyOptions, policyUsage } from './options.ts';

const CONCURRENT = 16;
const WARM_UP_SECONDS = 5;
/** After policies have changed: what was decided before is decided again, and what a thousand others left is collected. */
const SETTLE_SECONDS = 2;

interface Sample {
  readonly perSecond: number;
  readonly cpuMs: number;
}

const progress = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

export async function runPolicy(args: readonly string[], signal: AbortSignal): Promise<void> {
  const options = parsePolicyOptions(args);
  if (options === 'help') {
    process.stdout.write(policyUsage);
    return;
  }
  const processes = new Processes();
  const killAll = (): void => processes.killAll();
  process.on('exit', killAll);
  const directory = mkdtempSync(join(tmpdir(), 'skuprt-bench-'));
  try {
    const backendPort = await processes.load<BackendHandlers>('backend.ts').call('port', undefined);
    const ground = { directory, certificates: makeCertificates(directory), processes, backendPort, signal };
    process.stdout.write(await measure(ground, processes.load<ClientHandlers>('client.ts'), options));
    process.stdout.write(decisions(options));
    process.stdout.write(`- machine: ${describeMachine()}, shared by load, backend and routers\n`);
  } finally {
    await processes.stopAll();
    process.off('exit', killAll);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same without sockets. */
function decisions({ policies }: PolicyOptions): string {
  const lines = CASE_NAMES.map((name) => {
    const microseconds = decisionMicroseconds(ADDRESS, specsOf(name, policies));
    return `${microseconds.toFixed(2)} us with ${CASES[name]}`;
  });
  return `- the deciding itself, both ends of a connection, in one process: ${lines.join('; ')}\n`;
}

async function measure(ground: Ground, client: Remote<ClientHandlers>, options: PolicyOptions): Promise<string> {
  const samples = new Map<Case, Sample[]>(CASE_NAMES.map((name) => [name, []]));
  const governed = await GovernedPair.start(ground);
  try {
    for (const name of CASE_NAMES) {
      await governed.govern(specsOf(name, options.policies));
      await sample(client, governed, WARM_UP_SECONDS);
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const name of orderOf(round)) {
        ground.signal.throwIfAborted();
        progress(`round ${round + 1}/${options.rounds}  ${CASES[name]}`);
        await governed.govern(specsOf(name, options.policies));
        await sample(client, governed, SETTLE_SECONDS);
        samples.get(name)!.push(await sample(client, governed, options.seconds));
      }
    }
    return render(options, samples);
  } finally {
    await governed.stop();
  }
}

/** Each case is first, in the middle and last equally often. */
function orderOf(round: number): Case[] {
  const first = round % CASE_NAMES.length;
  const order = [...CASE_NAMES.slice(first), ...CASE_NAMES.slice(0, first)];
  return Math.floor(round / CASE_NAMES.length) % 2 === 0 ? order : order.reverse();
}

async function sample(
  client: Remote<ClientHandlers>,
  { pair: { entryPort, pids } }: GovernedPair,
  seconds: number,
): Promise<Sample> {
  const running = (): number => pids.reduce((sum, pid) => sum + runningSeconds(pid), 0);
  const before = running();
  const load = { port: entryPort, connections: CONCURRENT, seconds, close: true };
  const { count, perSecond } = await client.call('http', load);
  return { perSecond, cpuMs: ((running() - before) * 1000) / count };
}

function render({ policies, rounds, seconds }: PolicyOptions, samples: ReadonlyMap<Case, readonly Sample[]>): string {
  const of = (name: Case): readonly Sample[] => samples.get(name)!;
  const cell = (values: readonly number[], digits: number): string => {
    const { median, min, max } = spread(values);
    return `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
  };
  /** Of each round by itself: what else the machine does changes from round to round. */
  const against = (name: Case, value: (sample: Sample) => number): string => {
    const changes = of(name).map((each, round) => (value(each) / value(of('none')[round]!) - 1) * 100);
    const [low, high] = medianInterval(changes);
    return `${spread(changes).median.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`;
  };
  const rows = CASE_NAMES.map((name) => {
    const rate = of(name).map(({ perSecond }) => perSecond);
    const cpu = of(name).map(({ cpuMs }) => cpuMs);
    const words = name === 'none' ? CASES[name] : `${policies} ${CASES[name]}`;
    const changes =
      name === 'none'
        ? '| |'
        : `${against(name, ({ perSecond }) => perSecond)} | ${against(name, ({ cpuMs }) => cpuMs)} |`;
    return `| ${words} | ${cell(rate, 0)} | ${cell(cpu, 3)} | ${changes}`;
  });
  return [
    `## Access policies: a new connection for each request, ${CONCURRENT} at a time, ${rounds} rounds of ${seconds} s`,
    '',
    'Median (min to max); of changes within a round, median (95 % interval of the median).',
    '',
    '| | connections/s | processor of both routers, ms per connection | rate, % | processor, % |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
