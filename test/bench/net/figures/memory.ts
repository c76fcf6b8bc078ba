/** Resident memory of both processes for flows that are open and idle, and what is left of it after they have closed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openFilesMax, residentKib } from '../machine.ts';
import { type Pair, withPair } from '../pair.ts';
import type { PairSystem } from '../systems.ts';
import type { Bench, Figure, Values } from './figure.ts';

const FEW = 1000;
const MANY = 10_000;
const WARM_UP_FLOWS = 100;
const SETTLE_MS = 1000;
/** How long after the last flow closed its memory is still asked for: V8 looks for what it can give back when it has been idle for a while. */
const RETURN_MS = 30_000;
/** Allocators keep some pages for what comes next. */
const KEPT_PERCENT_MAX = 20;
/** Descriptors a process needs beside its flows. */
const OTHER_FILES = 500;

export const memory: Figure = {
  name: 'memory',
  rows: [
    { id: 'memory-few', label: `memory per idle flow, ${FEW} flows`, unit: 'KiB', better: 'less' },
    {
      id: 'memory-many',
      label: `memory per idle flow, ${MANY} flows`,
      unit: 'KiB',
      better: 'less',
      goals: [{ value: 32 }],
    },
    {
      id: 'memory-kept',
      label: `memory kept ${RETURN_MS / 1000} s after they closed`,
      unit: '% of it',
      better: 'less',
      goals: [{ value: KEPT_PERCENT_MAX }],
    },
  ],

  async measure(bench, system): Promise<Values> {
    if (system.isDirect) return {};
    return withPair(bench.ground, system, (pair) => measureFresh(bench, system, pair));
  },
};

async function measureFresh(bench: Bench, system: PairSystem, pair: Pair): Promise<Values> {
  const { client } = bench;
  const settledKib = async (afterMs: number): Promise<number> => {
    await sleep(afterMs, undefined, { signal: bench.ground.signal });
    return residentKib(pair.pids);
  };
  const open = async (count: number, total: number): Promise<number> => {
    await client.call('openIdle', { port: pair.entryPort, count });
    const kib = await settledKib(SETTLE_MS);
    const openCount = await client.call('openCount', undefined);
    if (openCount !== total) throw new Error(`${total - openCount} of ${total} idle flows ended`);
    return kib;
  };
  await open(WARM_UP_FLOWS, WARM_UP_FLOWS);
  await client.call('closeFlows', undefined);
  const emptyKib = await settledKib(SETTLE_MS);

  // The same for all systems where possible; one with two descriptors a flow may not reach it.
  const many = Math.min(MANY, Math.floor((openFilesMax() - OTHER_FILES) / system.descriptorsPerFlow));
  const fewKib = await open(FEW, FEW);
  const manyKib = await open(many - FEW, many);
  await client.call('closeFlows', undefined);
  const afterKib = await settledKib(RETURN_MS);
  return {
    'memory-few': (fewKib - emptyKib) / FEW,
    'memory-many': (manyKib - emptyKib) / many,
    'memory-kept': (100 * (afterKib - emptyKib)) / (manyKib - emptyKib),
  };
}
