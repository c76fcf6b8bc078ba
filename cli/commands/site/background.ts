/** Starting the site of a namespace as a process that outlives this one and its terminal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import type { ResourceOf } from '../../../config/api/index.ts';
import { readIfExists } from '../../../lib/files.ts';
import { type Context, commandLine, say } from '../../context.ts';
import { FailedError } from '../../errors.ts';
import { type LocalSite, outcomeOf, type SettleOptions, siteProcess } from '../../local.ts';
import { type Probe, waitFor } from '../../wait.ts';

const LOG_TAIL_LINES = 5;

/**
 * Starts `site run` detached (its own session, no descriptor of ours) and waits as asked.
 * @throws FailedError with the end of the log when the process ends instead
 */
export async function startInBackground(
  context: Context,
  local: LocalSite,
  site: ResourceOf<'Site'>,
  options: SettleOptions,
): Promise<void> {
  const name = site.metadata.name;
  const log = await open(local.paths.siteLog, 'a', 0o600);
  const [command, ...args] = context.self;
  const verbose = context.verbose ? ['--verbose'] : [];
  const child = spawn(command!, [...args, '-n', context.namespace, ...verbose, 'site', 'run'], {
    detached: true,
    cwd: '/',
    env: context.env,
    stdio: ['ignore', log.fd, log.fd],
  });
  // This process may end while that one goes on, whatever the wait comes to.
  child.unref();
  const logStart = (await log.stat()).size;
  await log.close();
  const failure = once(child, 'error').then(([error]) => error as Error);
  const ended = once(child, 'exit').then(([code, signal]) => `ended with ${signal ?? `exit code ${code}`}`);
  let end: string | undefined;
  void Promise.race([ended, failure.then((error) => `did not start: ${error.message}`)]).then((text) => {
    end = text;
  });

  await waitFor(
    context,
    {
      what: `site "${name}" to be ${options.wait === 'none' ? 'started' : options.wait}`,
      timeoutMs: options.timeout,
      afterwards: `The site goes on starting in the background. See ${commandLine(context, 'site status')}, log in ${local.paths.siteLog}`,
    },
    async (): Promise<Probe<true>> => {
      if (end !== undefined) throw await startFailure(context, local, name, end, logStart);
      if ((await siteProcess(local)) !== child.pid) return { pending: 'the process starts' };
      if (options.wait === 'none') return { done: true };
      const found = await local.store.get('Site', name);
      const outcome = found === undefined ? undefined : outcomeOf(found, options.wait);
      if (outcome?.status === 'Error') {
        throw new FailedError(`Site "${name}": ${outcome.message}`, {
          next: `It runs on; change it with ${commandLine(context, 'site update')}`,
        });
      }
      const isReady =
        outcome?.status === 'Ready' && (options.wait === 'configured' || (await isThere(local.paths.ready)));
      return isReady ? { done: true } : { pending: outcome?.message ?? 'not seen yet' };
    },
  );
  say(context, options.wait === 'none' ? `Site "${name}" is starting.` : `Site "${name}" is ${options.wait}.`);
}

async function isThere(file: string): Promise<boolean> {
  return (await readIfExists(file)) !== undefined;
}

async function startFailure(
  context: Context,
  local: LocalSite,
  name: string,
  end: string,
  logStart: number,
): Promise<FailedError> {
  const log = await readFile(local.paths.siteLog);
  const tail = log.subarray(logStart).toString().trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
  return new FailedError(`The process of site "${name}" ${end}${tail === '' ? '' : `; it said:\n${tail}`}`, {
    next: `Correct that, then ${commandLine(context, 'site start')}; the whole log is ${local.paths.siteLog}`,
  });
}
