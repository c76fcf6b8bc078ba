/**
 * `npm run bench -- policy`: what deciding who may connect costs. Pairs of routers that differ in their policies alone run at once and have
 * short turns, in random order. Which pair has which policies is swapped, and pairs are started anew, so that neither the machine's other
 * work nor what makes one process faster than its twin is taken for the cost of policies; `estimate.ts` says how.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Random, systemRandom } from '../../../lib/random.ts';
import { makeCertificates } from '../../support/certificates.ts';
import type { BackendHandlers } from '../net/backend.ts';
import type { ClientHandlers } from '../net/client.ts';
import { describeMachine } from '../net/machine.ts';
import type { Ground } from '../net/pair.ts';
import { Processes } from '../net/processes.ts';
import type { Remote } from '../net/rpc.ts';
import { ADDRESS, CASE_NAMES, CASES, type Case, specsOf } from './cases.ts';
import { decisionMicroseconds } from './decision.ts';
import type { Turn } from './estimate.ts';
import { GovernedPair } from './governed-pair.ts';
import { type PolicyOptions, parsePolicyOptions, policyUsage } from './options.ts';
import { render } from './report.ts';

const CONCURRENT = 16;
/** New processes compile while they run: a connection costs twice as much in the first seconds as after twenty. */
const WARM_UP_TURNS = 40;
/** After policies have changed: what was never asked before is compiled, and what a thousand others left is collected. */
const SETTLE_TURNS = 10;
/** What is left of the last connections of a turn belongs to it. */
const REST_MS = 20;
/** A turn in which a router of a very busy machine lost its link for a moment is repeated. */
const TRIES = 5;

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
    const client = processes.load<ClientHandlers>('client.ts');
    const turns: Turn[] = [];
    for (let generation = 0; generation < options.generations; generation++)
      turns.push(...(await measure(ground, client, { ...options, generation })));
    process.stdout.write(render(options, turns, systemRandom));
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

/** One generation: as many pairs as cases, until each has had each. */
async function measure(
  ground: Ground,
  client: Remote<ClientHandlers>,
  { generation, generations, policies, rounds, milliseconds }: PolicyOptions & { generation: number },
): Promise<Turn[]> {
  const turns: Turn[] = [];
  const pairs: GovernedPair[] = [];
  try {
    // One after the other: a busy machine takes long enough with one.
    for (const _ of CASE_NAMES) pairs.push(await GovernedPair.start(ground));
    for (const [phase] of CASE_NAMES.entries()) {
      progress(`generation ${generation + 1}/${generations}, swap ${phase + 1}/${CASE_NAMES.length}`);
      const governed = pairs.map((pair, at) => ({ pair, name: CASE_NAMES[(at + phase) % CASE_NAMES.length]! }));
      await Promise.all(governed.map(({ pair, name }) => pair.govern(specsOf(name, policies))));
      for (let round = phase === 0 ? -WARM_UP_TURNS : -SETTLE_TURNS; round < rounds; round++) {
        for (const { pair, name } of shuffled<{ pair: GovernedPair; name: Case }>(governed, systemRandom)) {
          ground.signal.throwIfAborted();
          const turn = await turnOf(client, pair, milliseconds / 1000);
          if (round >= 0) turns.push({ generation, phase, round, name, ...turn });
        }
      }
    }
    return turns;
  } finally {
    await Promise.all(pairs.map((pair) => pair.stop()));
  }
}

async function turnOf(
  client: Remote<ClientHandlers>,
  pair: GovernedPair,
  seconds: number,
): Promise<Pick<Turn, 'perSecond' | 'cpuMs'>> {
  for (let tries = 1; ; tries++) {
    const before = pair.runningSeconds;
    try {
      const load = { port: pair.entryPort, connections: CONCURRENT, seconds, close: true };
      const { count, perSecond } = await client.call('http', load);
      await sleep(REST_MS);
      return { perSecond, cpuMs: ((pair.runningSeconds - before) * 1000) / count };
    } catch (error) {
      if (tries === TRIES) throw error;
      progress(`a turn is repeated: ${error}`);
      await pair.firstByte();
    }
  }
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  const left = [...values];
  return values.map(() => left.splice(Math.floor(random.next() * left.length), 1)[0]!);
}
