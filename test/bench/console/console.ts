/**
 * `npm run bench -- console`: what a console costs routers that have nothing to do. Two local sites, as `skuprt site run` makes them; the console is a
 * process of its own beside one of them, and a page is somebody who reads its stream of changes. The turns are compared within
 * their round alone, since what else the machine does changes what the same work takes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readPidFile } from '../../../site-controller/platform/local/process-identity.ts';
import { stopChild } from '../../support/child-process.ts';
import { type OpenedConsole, openConsole } from '../../support/console-demo.ts';
import { LocalMachine } from '../../support/local-machine.ts';
import { describeMachine, runningSeconds } from '../net/machine.ts';
import { spread } from '../net/statistics.ts';
import { type ConsoleOptions, consoleUsage, parseConsoleOptions } from './options.ts';

const TURNS = { none: 'no console', unseen: 'a console that nobody looks at', seen: 'one page open' } as const;
type Turn = keyof typeof TURNS;
const TURN_NAMES = Object.keys(TURNS) as Turn[];
const ROUTERS = ['beside it', 'at the other site'] as const;
/** After a console has come or gone: what it asks at first is not what it costs as long as it is there. */
const SETTLE_MS = 4000;
/** The start of two sites. */
const WARM_UP_MS = 15_000;

/** Processor time of each router, ms for each second. */
type Sample = readonly number[];

export async function runConsole(args: readonly string[], signal: AbortSignal): Promise<void> {
  const options = parseConsoleOptions(args);
  if (options === 'help') {
    process.stdout.write(consoleUsage);
    return;
  }
  const [west, east] = [new LocalMachine('west', 'west'), new LocalMachine('east', 'east')];
  try {
    await Promise.all([west.begin(), east.begin()]);
    await west.link(east);
    const pids = await Promise.all([west, east].map(async ({ paths }) => (await readPidFile(paths.routerPid))!.pid));
    await sleep(WARM_UP_MS, undefined, { signal });
    process.stdout.write(render(options, await measure(west, pids, options, signal)));
    process.stdout.write(`- machine: ${describeMachine()}\n`);
  } finally {
    await Promise.all([west.end(), east.end()]);
  }
}

async function measure(
  site: LocalMachine,
  pids: readonly number[],
  { rounds, seconds }: ConsoleOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<Turn, readonly Sample[]>> {
  const samples = new Map<Turn, Sample[]>(TURN_NAMES.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const turn of orderOf(round)) {
      process.stderr.write(`round ${round + 1}/${rounds}  ${TURNS[turn]}\n`);
      const sample = await withConsole(site, turn, async () => {
        await sleep(SETTLE_MS, undefined, { signal });
        return await sampleOf(pids, seconds, signal);
      });
      samples.get(turn)!.push(sample);
    }
  }
  return samples;
}

/** Each turn is first, in the middle and last equally often. */
function orderOf(round: number): Turn[] {
  const first = round % TURN_NAMES.length;
  const order = [...TURN_NAMES.slice(first), ...TURN_NAMES.slice(0, first)];
  return Math.floor(round / TURN_NAMES.length) % 2 === 0 ? order : order.reverse();
}

async function withConsole<T>(site: LocalMachine, turn: Turn, during: () => Promise<T>): Promise<T> {
  if (turn === 'none') return await during();
  const opened = await openConsole(site);
  const leaving = new AbortController();
  try {
    if (turn === 'seen') await look(opened, leaving.signal);
    return await during();
  } finally {
    leaving.abort();
    await stopChild(opened.process);
  }
}

/** As a page does that shows the network, until it is left. */
async function look({ address }: OpenedConsole, signal: AbortSignal): Promise<void> {
  const { origin, hash } = new URL(address);
  const headers = { authorization: `Bearer ${hash.replace('#token=', '')}`, accept: 'text/event-stream' };
  const answer = await fetch(`${origin}/api/v1/changes`, { headers, signal });
  if (!answer.ok || answer.body === null) throw new Error(`the console answered with ${answer.status}`);
  const reader = answer.body.getReader();
  await reader.read();
  const readOn = async () => {
    while (!(await reader.read()).done);
  };
  void readOn().catch(() => undefined);
}

async function sampleOf(pids: readonly number[], seconds: number, signal: AbortSignal): Promise<Sample> {
  const before = pids.map(runningSeconds);
  const startedAt = performance.now();
  await sleep(seconds * 1000, undefined, { signal });
  const tookMs = performance.now() - startedAt;
  return pids.map((pid, index) => ((runningSeconds(pid) - before[index]!) * 1e6) / tookMs);
}

function render({ rounds, seconds }: ConsoleOptions, samples: ReadonlyMap<Turn, readonly Sample[]>): string {
  const cell = (values: readonly number[]): string => {
    const { median, min, max } = spread(values);
    return `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;
  };
  const rows = TURN_NAMES.flatMap((turn) =>
    ROUTERS.map((router, index) => {
      const values = samples.get(turn)!.map((sample) => sample[index]!);
      const ratios = values.map((value, round) => value / samples.get('none')![round]![index]!);
      return `| ${TURNS[turn]} | ${router} | ${cell(values)} | ${turn === 'none' ? '' : `${cell(ratios)} x`} |`;
    }),
  );
  return [
    `Median (min-max) of ${rounds} rounds of ${seconds} s a turn.`,
    '',
    '| | router | processor, ms per second | against none, same round |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
