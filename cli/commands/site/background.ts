/** Starting the site of a namespace as a process that outlives this one and its terminal. */
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResourceOf } from '../../../config/api/index.ts';
import { exists } from '../../../lib/files.ts';
import { type Context, commandLine, say } from '../../context.ts';
import { FailedError } from '../../errors.ts';
import { type LocalPlace, siteProcess } from '../../places/local.ts';
import { outcomeOf, type SettleOptions } from '../../resources.ts';
import { type Probe, waitFor } from '../../wait.ts';

const LOG_TAIL_LINES = 5;
const REGISTRATION_MS = 10_000;
const POLL_MS = 20;

/** A `site run` that was started. */
interface Launch {
  pid: number | undefined;
  /** Size of the log before it. */
  logStart: number;
  /** How it ended, once it did. */
  end?: string;
}

/**
 * Starts `site run` detached (its own session, no descriptor of ours) and waits as asked.
 * @throws FailedError with the end of the log when the process ends instead
 */
export async function startInBackground(
  context: Context,
  local: LocalPlace,
  site: ResourceOf<'Site'>,
  options: SettleOptions,
): Promise<void> {
  const { name } = site.metadata;
  const launch = await launchSite(context, local);
  const what = `site "${name}" to be ${options.wait === 'none' ? 'started' : options.wait}`;
  const look = `See ${commandLine(context, 'site status')}, log in ${local.paths.siteLog}`;
  const afterwards = `The site goes on starting in the background. ${look}`;
  try {
    await waitFor(context, { what, timeoutMs: options.timeout, afterwards }, async (): Promise<Probe<true>> => {
      if (launch.end !== undefined) throw await startFailure(context, local, name, launch);
      if ((await siteProcess(local)) !== launch.pid) return { pending: 'the process starts' };
      if (options.wait === 'none') return { done: true };
      return await probeSite(context, local, name, options);
    });
  } finally {
    // Whoever stops the site right after an interrupted start must find its process.
    await untilRegistered(local, launch);
  }
  say(context, options.wait === 'none' ? `Site "${name}" is starting.` : `Site "${name}" is ${options.wait}.`);
}

async function launchSite(context: Context, local: LocalPlace): Promise<Launch> {
  const log = await open(local.paths.siteLog, 'a', 0o600);
  const logStart = (await log.stat()).size;
  const [command, ...args] = context.self;
  const verbose = context.verbose ? ['--verbose'] : [];
  const child = spawn(command!, [...args, '-p', 'local', '-n', context.namespace, ...verbose, 'site', 'run'], {
    detached: true,
    cwd: '/',
    env: context.env,
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  // This process may end while that one goes on, whatever the wait comes to.
  child.unref();
  const launch: Launch = { pid: child.pid, logStart };
  child.once('error', (error) => {
    launch.end = `did not start: ${error.message}`;
  });
  child.once('exit', (code, signal) => {
    launch.end = `ended with ${signal ?? `exit code ${code}`}`;
  });
  return launch;
}

async function probeSite(
  context: Context,
  local: LocalPlace,
  name: string,
  { wait }: SettleOptions,
): Promise<Probe<true>> {
  const found = await local.resources.get('Site', name);
  const outcome = found === undefined ? undefined : outcomeOf(found, wait);
  if (outcome?.status === 'Error') {
    throw new FailedError(`Site "${name}": ${outcome.message}`, {
      next: `It runs on; change it with ${commandLine(context, 'site update')}`,
    });
  }
  const isReady = outcome?.status === 'Ready' && (wait === 'configured' || (await exists(local.paths.ready)));
  return isReady ? { done: true } : { pending: outcome?.message ?? 'not seen yet' };
}

async function untilRegistered(local: LocalPlace, launch: Launch): Promise<void> {
  const deadline = performance.now() + REGISTRATION_MS;
  while (launch.end === undefined && (await siteProcess(local)) !== launch.pid && performance.now() < deadline) {
    await sleep(POLL_MS);
  }
}

async function startFailure(context: Context, local: LocalPlace, name: string, launch: Launch): Promise<FailedError> {
  const log = await readFile(local.paths.siteLog);
  const tail = log.subarray(launch.logStart).toString().trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
  return new FailedError(`The process of site "${name}" ${launch.end}${tail === '' ? '' : `; it said:\n${tail}`}`, {
    next: `Correct that, then ${commandLine(context, 'site start')}; the whole log is ${local.paths.siteLog}`,
  });
}
