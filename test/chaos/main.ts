/**
 * `npm run chaos -- --minutes N`: connections over six routers while these and their links fail. Progress goes to stderr, the result to
 * stdout. Exit codes: 0 nothing was wrong and nothing is left, 1 something was, 2 usage, 130 interrupted.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../../lib/random.ts';
import { UsageError } from '../support/arguments.ts';
import { History } from './history.ts';
import { type ChaosOptions, parseOptions, usage } from './options.ts';
import { EDGES, Ring, ROUTER_COUNT } from './ring.ts';
import { Traffic } from './traffic.ts';
import { Troubles } from './troubles.ts';

const TICK_MS = 20;
const PROGRESS_MS = 10_000;
/** For links to be up, and what the start tried to be gone. */
const REST_MS = 8000;
/** What is over is gone by then. */
const LEFTOVER_PATIENCE_MS = 90_000;
const LEFTOVER_POLL_MS = 1000;
/** Heaps grow to what they need at most, and are not given back all. */
const MEMORY_GROWTH_MIB_MAX = 200;
/** Of the run's own turns. */
const LATE_MS_MAX = 500;

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

try {
  process.exitCode = (await chaos(parseOptions(process.argv.slice(2), Date.now() % 1_000_000))) ? 0 : 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
if (interrupted.signal.aborted) process.exitCode = 130;

/** @returns whether all went as it is to go */
async function chaos({ minutes, flowCount, seed, mayBreak }: ChaosOptions): Promise<boolean> {
  let traffic: Traffic | undefined;
  const server = await Traffic.serve(() => traffic);
  const ring = await Ring.start(server.port);
  try {
    await sleep(REST_MS);
    await ring.leftovers.noteRest();
    const memory = ring.leftovers.memoryMiB();
    const startedMs = performance.now();
    const endMs = startedMs + minutes * 60_000;
    const history = new History(ROUTER_COUNT, EDGES, startedMs);
    traffic = new Traffic(new SeededRandom(seed), ring.ways, history);
    // Of their own: the connections of a seed are the same whenever troubles come.
    const troubles = new Troubles(new SeededRandom(seed + 1), ring, history, startedMs, say);
    say(`seed ${seed}, ${flowCount} connections at once over ${ROUTER_COUNT} routers and ${EDGES.length} links`);
    const delay = monitorEventLoopDelay();
    delay.enable();
    let told = startedMs;
    for (let now = startedMs; now < endMs && !interrupted.signal.aborted; now = performance.now()) {
      if (traffic.openCount < flowCount) void traffic.run();
      troubles.tick(now);
      if (now - told >= PROGRESS_MS) {
        told = now;
        say(`${summary(traffic)}, memory ${shown(ring.leftovers.memoryMiB())}`);
      }
      await sleep(TICK_MS);
    }
    troubles.finish(performance.now());
    const left = await restOf(ring, traffic, memory);
    const crashes = ring.crashes();
    report(seed, minutes, traffic, troubles, [...crashes, ...left]);
    const lateMs = Math.round(delay.max / 1e6);
    if (lateMs > LATE_MS_MAX)
      process.stdout.write(`the run itself was late by ${lateMs} ms: troubles took longer than they are told to\n`);
    const { wrongCount, hungCount, brokenCount } = traffic;
    const isFine = wrongCount + hungCount === 0 && (mayBreak || brokenCount === 0);
    const isOver = left.length === 0 && crashes.length === 0;
    if (!isFine || !isOver) for (const warning of ring.leftovers.warnings()) say(warning);
    return isFine && isOver;
  } finally {
    await ring.stop();
    await server.close();
  }
}

/** What is left once all had time to go, in words. */
async function restOf(ring: Ring, traffic: Traffic, before: Record<string, number>): Promise<string[]> {
  while (traffic.openCount > 0) await sleep(TICK_MS);
  try {
    await ring.whole();
  } catch (error) {
    return [(error as Error).message];
  }
  const deadlineMs = performance.now() + LEFTOVER_PATIENCE_MS;
  for (;;) {
    const left = await ring.leftovers.left();
    if (traffic.servedCount > 0) left.push(`${traffic.servedCount} connections at the server are not over`);
    if (left.length === 0) break;
    if (performance.now() > deadlineMs) return left;
    await sleep(LEFTOVER_POLL_MS);
  }
  return Object.entries(ring.leftovers.memoryMiB())
    .filter(([id, mebibytes]) => mebibytes > before[id]! + MEMORY_GROWTH_MIB_MAX)
    .map(([id, mebibytes]) => `${id} has ${mebibytes} MiB, and had ${before[id]} MiB`);
}

function summary({ done, openCount, excusedCount, brokenCount, wrongCount, hungCount }: Traffic): string {
  const doneCount = [...done.values()].reduce((sum, count) => sum + count, 0);
  const ends = `${excusedCount} lost with an end or all ways, ${brokenCount} broken, ${hungCount} hung, ${wrongCount} wrong`;
  return `${doneCount} done, ${openCount} open, ${ends}`;
}

function report(seed: number, minutes: number, traffic: Traffic, troubles: Troubles, left: readonly string[]): void {
  const lines = [
    `seed ${seed}, ${minutes} min: ${summary(traffic)}, ${(traffic.octets / 2 ** 30).toFixed(2)} GiB checked`,
    ...[...traffic.done].map(([kind, count]) => `  ${kind}: ${count}`),
    ...[...troubles.counts].map(([kind, count]) => `  ${kind}: ${count} times`),
    `  longest pause of one that came to its end: ${Math.round(traffic.pauseMsMax)} ms`,
    ...traffic.told.map((what) => `  FAILED ${what}`),
    ...(left.length === 0 ? ['left over: nothing'] : left.map((what) => `LEFT OVER: ${what}`)),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function shown(memory: Record<string, number>): string {
  return `${Object.values(memory).join(' ')} MiB`;
}

function say(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 23)} ${text}\n`);
}
