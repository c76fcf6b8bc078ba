/**
 * `npm run soak -- --minutes N`: opens, half closes, resets and abandons TCP connections at random through a line of three routers, and
 * looks what is left when it is over. Progress goes to stderr, the result to stdout. Exit codes: 0 nothing is left and all went as
 * planned, 1 something is, 2 usage, 130 interrupted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../../lib/random.ts';
import { UsageError } from '../support/arguments.ts';
import { HOW_TO_HAVE_IT, originalRouter } from '../support/original-router.ts';
import { Flows } from './flows.ts';
import { Line } from './line.ts';
import { Losses } from './losses.ts';
import { parseOptions, type SoakOptions, usage } from './options.ts';
import { TcpMemory } from './tcp-memory.ts';

/** For links to be up, and the connections of the start to be gone. */
const REST_MS = 8000;
const PROGRESS_MS = 10_000;
/** Connections at once change this often: from a few to all. */
const TIDE_MS = 15_000;
const TICK_MS = 20;
/** New connections of one tick. */
const BURST = 20;
/** What is over is gone by then. */
const LEFTOVER_PATIENCE_MS = 90_000;
const LEFTOVER_POLL_MS = 1000;

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

try {
  const options = parseOptions(process.argv.slice(2), Date.now() % 1_000_000);
  if (options.mixed && originalRouter === undefined)
    throw new UsageError(`--mixed needs the original: ${HOW_TO_HAVE_IT}`);
  process.exitCode = (await soak(options)) ? 0 : 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
if (interrupted.signal.aborted) process.exitCode = 130;

/** @returns whether nothing is left, and all went as planned */
async function soak(options: SoakOptions): Promise<boolean> {
  const { minutes, seed, mixed, flowCountMax } = options;
  const random = new SeededRandom(seed);
  const ways = { served: [] as readonly number[], unserved: [] as readonly number[] };
  const flows = new Flows(random, ways);
  const backend = await flows.serve();
  const line = await Line.start(backend.port, mixed, options.losses);
  try {
    Object.assign(ways, line.ways);
    await sleep(REST_MS);
    await line.leftovers.noteRest();
    const start = line.leftovers.memoryMiB();
    say(`seed ${seed}, up to ${flowCountMax} connections at once through A - B${mixed ? ' (original)' : ''} - C`);
    const startedMs = performance.now();
    const endMs = startedMs + minutes * 60_000;
    // Of their own: connections of a seed are the same with and without.
    const losses = options.losses ? new Losses(new SeededRandom(seed + 1), line, flows, startedMs) : undefined;
    const tcpMemory = new TcpMemory();
    let middle: Record<string, number> | undefined;
    let told = startedMs;
    for (let now = startedMs; now < endMs && !interrupted.signal.aborted; now = performance.now()) {
      const tide = (1 + Math.sin(((now - startedMs) / TIDE_MS) * Math.PI)) / 2;
      const wanted = Math.max(1, Math.round(flowCountMax * tide));
      for (let more = Math.min(BURST, wanted - flows.openCount); more > 0; more--) void flows.run();
      if (middle === undefined && now - startedMs >= (endMs - startedMs) / 2) middle = line.leftovers.memoryMiB();
      if (now - told >= PROGRESS_MS) {
        told = now;
        tcpMemory.look();
        progress((now - startedMs) / 1000, flows, line);
      }
      losses?.tick(now);
      await sleep(TICK_MS);
    }
    losses?.finish();
    const seconds = (performance.now() - startedMs) / 1000;
    await line.whole();
    const left = await restOf(flows, line, losses);
    const end = line.leftovers.memoryMiB();
    report(seconds, flows, { start, middle: middle ?? end, end }, left, losses);
    const failureCount = losses ? flows.faultCount + losses.lateCount : flows.failureCount;
    const isFine = left.length === 0 && failureCount === 0;
    if (tcpMemory.problem !== undefined) process.stdout.write(`${tcpMemory.problem}\n`);
    if (!isFine) for (const warning of line.leftovers.warnings()) say(warning);
    return isFine;
  } finally {
    await line.stop();
    await backend.close();
  }
}

/** What is left once all had time to go. */
async function restOf(flows: Flows, line: Line, losses: Losses | undefined): Promise<string[]> {
  const deadlineMs = performance.now() + LEFTOVER_PATIENCE_MS;
  for (;;) {
    losses?.tick(performance.now());
    const left = await line.leftovers.left();
    if (flows.openCount > 0) left.push(`${flows.openCount} clients are not over`);
    if (flows.servedCount > 0) left.push(`${flows.servedCount} connections at the server are not over`);
    if (left.length === 0 || performance.now() > deadlineMs) return left;
    await sleep(LEFTOVER_POLL_MS);
  }
}

type Memory = Record<string, number>;

function progress(seconds: number, flows: Flows, line: Line): void {
  const failures = flows.failureCount > 0 ? `, ${flows.failureCount} failures` : '';
  const clock = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
  say(
    `${clock}  ${flows.doneCount} done, ${flows.openCount} open${failures}, memory ${shown(line.leftovers.memoryMiB())}`,
  );
}

function report(
  seconds: number,
  flows: Flows,
  memory: Record<'start' | 'middle' | 'end', Memory>,
  left: readonly string[],
  losses: Losses | undefined,
): void {
  const faults = losses ? `, ${flows.faultCount} of them not by a lost link` : '';
  const lines = [
    `${flows.doneCount} connections in ${Math.round(seconds)} s, ${(flows.octets / 2 ** 30).toFixed(2)} GiB checked, ${flows.failureCount} failures${faults}`,
    ...[...flows.done].map(([kind, count]) => `  ${kind}: ${count}`),
    ...flows.failures.map((failure) => `  FAILED ${failure}`),
    ...[...(losses?.counts ?? [])].map(([what, count]) => `  lost, ${what}: ${count}`),
    ...(losses?.late ?? []).map((what) => `  LATE ${what}`),
    ...Object.entries(memory).map(([when, each]) => `memory at the ${when}: ${shown(each)}`),
    ...(left.length === 0 ? ['left over: nothing'] : left.map((what) => `LEFT OVER: ${what}`)),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function shown(memory: Memory): string {
  return `${Object.entries(memory)
    .map(([id, mebibytes]) => `${id} ${mebibytes}`)
    .join(', ')} MiB`;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
