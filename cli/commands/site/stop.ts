/** `site stop`: ends the processes of the namespace in order; and what `delete` needs of it. */
import { runningSite } from '../../../site-controller/platform/local/lock.ts';
import { type Context, say } from '../../context.ts';
import { FailedError } from '../../errors.ts';
import { type LocalPlace, openLocal, siteProcess } from '../../places/local.ts';
import { requireSite } from '../../resources.ts';
import { type Probe, waitFor } from '../../wait.ts';

export async function stopSite(context: Context, flags: { timeout: number }): Promise<void> {
  const local = openLocal(context);
  const site = await requireSite(context, local);
  const name = site.metadata.name;
  if ((await siteProcess(local)) === undefined) say(context, `Site "${name}" does not run.`);
  await stopProcesses(context, local, name, flags.timeout);
  say(context, `Site "${name}" is stopped.`);
}

/** SIGTERM to the site, which stops its router; a router that lost its site gets its own. */
export async function stopProcesses(
  context: Context,
  local: LocalPlace,
  name: string,
  timeoutMs: number,
): Promise<void> {
  for (const [what, file] of [
    [`site "${name}"`, local.paths.sitePid],
    [`the router of site "${name}"`, local.paths.routerPid],
  ] as const) {
    const pid = await runningSite(file);
    if (pid === undefined) continue;
    sendTerm(pid, what);
    await waitFor(
      context,
      {
        what: `${what} to stop`,
        timeoutMs,
        afterwards: `It was asked to stop and goes on doing so; process ${pid}`,
      },
      async (): Promise<Probe<true>> =>
        (await runningSite(file)) === pid ? { pending: 'connections are still open' } : { done: true },
    );
  }
}

function sendTerm(pid: number, what: string): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return;
    throw new FailedError(`Process ${pid} of ${what} cannot be stopped: ${code}`, {
      next: 'Use the account that started it',
    });
  }
}
