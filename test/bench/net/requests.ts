/** HTTP load by `wrk` where it is installed, else by our own client. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram } from '../../support/programs.ts';
import type { Bench } from './figures/figure.ts';
import type { HttpLoad, HttpResult } from './http-load.ts';
import { cpuSeconds } from './machine.ts';

const run = promisify(execFile);
const wrk = findProgram('wrk');

export const httpGenerator = wrk === undefined ? 'own client (install wrk for less load)' : 'wrk';

export async function measureHttp(bench: Bench, load: HttpLoad): Promise<HttpResult> {
  if (wrk === undefined) return bench.client.call('http', load);
  const url = `http://127.0.0.1:${load.port}/${load.close ? 'close' : ''}`;
  const options = ['-t', '1', '-c', String(load.connections), '-d', `${load.seconds}s`, '--latency', url];
  const { stdout } = await run(wrk, options, { signal: bench.ground.signal });
  return parseWrk(stdout);
}

/** The same with the CPU seconds that these processes spend per 10,000 requests; undefined without processes. */
export async function measureHttpCpu(
  bench: Bench,
  pids: readonly number[],
  load: HttpLoad,
): Promise<HttpResult & { cpu: number | undefined }> {
  const before = cpuSeconds(pids);
  const result = await measureHttp(bench, load);
  const cpu = ((cpuSeconds(pids) - before) * 10_000) / result.count;
  return { ...result, cpu: pids.length === 0 ? undefined : cpu };
}

/** Throws when a request failed: a rate with failures in it means nothing. */
export function parseWrk(output: string): HttpResult {
  const failure = /^\s*(Socket errors|Non-2xx).*$/m.exec(output);
  if (failure !== null) throw new Error(`wrk: ${failure[0].trim()}`);
  const perSecond = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(output)?.[1]);
  const count = Number(/^\s*(\d+) requests in /m.exec(output)?.[1]);
  return { count, perSecond, p50Ms: latencyMs(output, 50), p99Ms: latencyMs(output, 99) };
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function latencyMs(output: string, percent: number): number {
  const [, value, unit = ''] = new RegExp(`^\\s*${percent}%\\s+([\\d.]+)(us|ms|s|m)$`, 'm').exec(output) ?? [];
  return Number(value) * (UNIT_MS[unit] ?? Number.NaN);
}
