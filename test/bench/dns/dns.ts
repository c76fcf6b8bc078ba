/** `npm run bench -- dns`: how fast the DNS server answers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { UsageError } from '../../support/arguments.ts';
import { stopChild } from '../../support/child-process.ts';
import { CLI_ENTRY, localEnv } from '../../support/cli.ts';
import { serviceImport } from '../../support/dns.ts';
import { findProgram } from '../../support/programs.ts';
import { cpuSeconds, describeMachine, residentKib, versionOf } from '../net/machine.ts';
import { percentile } from '../net/statistics.ts';
import { type DnsOptions, dnsUsage, parseDnsOptions } from './options.ts';

const NAMESPACE = 'bench';
const NAMES = 2000;
const WARM_UP_SECONDS = 3;
const CLIENTS = ['-c', '4', '-q', '200'];
const PERCENTILES = [50, 90, 99, 99.9] as const;

export async function runDns(args: readonly string[], signal: AbortSignal): Promise<void> {
  const options = parseDnsOptions(args);
  if (options === 'help') {
    say(dnsUsage);
    return;
  }
  const dnsperf = findProgram('dnsperf');
  if (dnsperf === undefined) throw new UsageError('install dnsperf first');
  const directory = await mkdtemp(join(tmpdir(), 'bench-dns-'));
  try {
    await measure(options, dnsperf, directory, signal);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(options: DnsOptions, dnsperf: string, directory: string, signal: AbortSignal): Promise<void> {
  const { services, rate, seconds, rounds, realtime } = options;
  const queries = join(directory, 'queries.txt');
  await writeFile(queries, queryLines(services));
  const before = realtime ? ['chrt', '-f', '10'] : [];
  const server = await startServer(directory, services, before);
  say(`${describeMachine()}; ${versionOf(dnsperf, '-h')}`);
  const ask = async (title: string, ...more: string[]): Promise<string> => {
    const output = join(directory, 'dnsperf.txt');
    const command = [
      ...before,
      dnsperf,
      '-s',
      '127.0.0.1',
      '-p',
      String(server.port),
      '-d',
      queries,
      ...CLIENTS,
      ...more,
    ];
    const cpuBefore = cpuSeconds([server.pid]);
    const startMs = performance.now();
    await run(command, output, signal);
    const text = await readFile(output, 'utf8');
    const share = (cpuSeconds([server.pid]) - cpuBefore) / ((performance.now() - startMs) / 1000);
    const lost = /Queries lost:\s+(\d+)/.exec(text)?.[1] ?? '?';
    const qps = Math.round(Number(/Queries per second:\s+([\d.]+)/.exec(text)?.[1]));
    if (title !== '')
      say(`${title}: ${qps} queries/s, ${lost} lost, ${share.toFixed(2)} cores, load ${loadavg()[0]!.toFixed(1)}`);
    return text;
  };
  try {
    await ask('', '-l', String(WARM_UP_SECONDS));
    for (let round = 1; round <= rounds; round += 1) {
      await ask(`round ${round}, saturation`, '-l', String(seconds));
      const text = await ask(`round ${round}, at ${rate}`, '-l', String(seconds), '-Q', String(rate), '-v');
      const latencies = Array.from(text.matchAll(/^> \S+ \S+ \S+ ([\d.]+)$/gm), ([, found]) => Number(found) * 1000);
      const shown = PERCENTILES.map((percent) => `p${percent} ${percentile(latencies, percent).toFixed(3)} ms`);
      say(`  ${latencies.length} answers: ${shown.join(', ')}`);
    }
    say(`server: ${Math.round(residentKib([server.pid]) / 1024)} MiB`);
  } finally {
    await stopChild(server.child);
  }
}

/** Steps that have no divisor in common with the number of services, so that each name comes in each role. */
function queryLines(services: number): string {
  const lines = Array.from({ length: NAMES }, (_, index) => {
    const name = `svc-${(index * 7919) % services}.${NAMESPACE}`;
    const role = index % 10;
    if (role === 0) return `_http._tcp.${name}.svc.clusterset.local SRV`;
    if (role === 1) return `${name}.supercluster.local AAAA`;
    if (role === 2) return `none-${index}.${NAMESPACE}.svc.clusterset.local A`;
    return `${name}.svc.clusterset.local A`;
  });
  return `${lines.join('\n')}\n`;
}

interface Server {
  child: ChildProcess;
  pid: number;
  port: number;
}

async function startServer(dataHome: string, services: number, before: readonly string[]): Promise<Server> {
  const resources = join(dataHome, 'skuprt', 'namespaces', NAMESPACE, 'runtime', 'resources');
  await mkdir(resources, { recursive: true });
  await writeFile(join(resources, 'imports.yaml'), imports(services));
  const command = [...before, process.execPath, CLI_ENTRY, '-p', 'local', 'dns', 'serve', '--listen', '127.0.0.1:0'];
  const child = spawn(command[0]!, command.slice(1), {
    env: { ...localEnv(), XDG_DATA_HOME: dataHome },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr! })) {
    lines.push(line);
    const port = Number(/^Answering for .*:(\d+)$/.exec(line)?.[1]);
    if (Number.isNaN(port)) continue;
    child.stderr!.resume();
    return { child, pid: child.pid!, port };
  }
  throw new Error(`the server ended:\n${lines.join('\n')}`);
}

function imports(services: number): string {
  const all = Array.from({ length: services }, (_, index) => {
    const ips = [`10.${96 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`];
    return stringify(serviceImport(`svc-${index}`, { namespace: NAMESPACE, ips }));
  });
  return all.join('---\n');
}

async function run([command, ...args]: readonly string[], output: string, signal: AbortSignal): Promise<void> {
  const file = await open(output, 'w');
  try {
    const child = spawn(command!, args, { stdio: ['ignore', file.fd, file.fd], signal });
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`${command} ended with ${code}: ${await readFile(output, 'utf8')}`);
  } finally {
    await file.close();
  }
}

function say(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}
