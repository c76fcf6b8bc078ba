/**
 * `npm run bench -- net`: rounds of figures of systems, innermost the systems, so that each figure of one round is
 * taken on all of them within seconds. The order rotates from round to round.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCertificates } from '../../support/certificates.ts';
import type { BackendHandlers } from './backend.ts';
import type { ClientHandlers } from './client.ts';
import type { DelayHandlers } from './delay.ts';
import { writeDocument } from './document.ts';
import type { Bench, Figure } from './figures/figure.ts';
import { type NetOptions, parseOptions, usage } from './options.ts';
import { Processes } from './processes.ts';
import { renderGoals, renderReport } from './report.ts';
import { Results } from './results.ts';
import type { System } from './systems.ts';

/** Nothing that is measured takes longer, so something hangs. */
const MEASURE_MS_MAX = 180_000;

const BUILD = fileURLToPath(new URL('../../../tools/build.ts', import.meta.url));

const progress = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

export async function runNet(args: readonly string[], signal: AbortSignal): Promise<void> {
  const options = parseOptions(args);
  if (options === 'help') {
    process.stdout.write(usage);
    return;
  }
  const systems = options.systems.filter(({ missing }) => missing === undefined);
  for (const { name, missing } of options.systems) if (missing !== undefined) progress(`skipping ${name}: ${missing}`);

  progress('building what the package ships');
  execFileSync(process.execPath, [BUILD], { stdio: ['ignore', 2, 2] });

  const processes = new Processes();
  const killAll = (): void => processes.killAll();
  process.on('exit', killAll);
  const directory = mkdtempSync(join(tmpdir(), 'skuprt-bench-'));
  try {
    const backend = processes.load<BackendHandlers>('backend.ts');
    const backendPort = await backend.call('port', undefined);
    const client = processes.load<ClientHandlers>('client.ts');
    const delay = processes.load<DelayHandlers>('delay.ts');
    const ground = { processes, directory, certificates: makeCertificates(directory), backendPort, signal };
    const results = await measureAll({ ground, backend, client, delay, seconds: options.seconds }, options, systems);
    const report = renderReport(options, systems, results);
    process.stdout.write(report);
    if (options.out !== undefined) writeFileSync(options.out, report);
    const rows = options.figures.flatMap((figure) => figure.rows);
    if (options.docs) writeDocument(`${renderGoals(rows, results)}\n${report}`);
  } finally {
    await processes.stopAll();
    process.off('exit', killAll);
    if (options.keep) progress(`configurations and logs are in ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
}

async function measureAll(bench: Bench, options: NetOptions, systems: readonly System[]): Promise<Results> {
  const results = new Results(options.rounds);
  for (let round = 0; round < options.rounds; round++) {
    const order = systems.map((_, index) => systems[(index + round) % systems.length] as System);
    for (const figure of options.figures) {
      for (const system of order) {
        bench.ground.signal.throwIfAborted();
        progress(`round ${round + 1}/${options.rounds}  ${figure.name.padEnd(8)} ${system.name}`);
        await measureOne(bench, { round, figure, system }, results);
      }
    }
  }
  return results;
}

/** A measurement that fails is noted; the others go on. */
async function measureOne(
  bench: Bench,
  { round, figure, system }: { round: number; figure: Figure; system: System },
  results: Results,
): Promise<void> {
  try {
    const values = await within(MEASURE_MS_MAX, figure.measure(bench, system));
    for (const [rowId, value] of Object.entries(values)) results.add(round, system.name, rowId, value);
  } catch (error) {
    bench.ground.signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    progress(`  failed: ${message}`);
    results.addFailure(round, system.name, figure.name, message);
  } finally {
    await bench.client.call('closeFlows', undefined);
    await bench.ground.processes.stopSystems();
  }
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
