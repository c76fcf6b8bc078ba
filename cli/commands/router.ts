/** `router`: hands over to the data plane. Takes the flags of skrouterd, as far as they mean something here. */
import { userInfo } from 'node:os';
import { runRouter } from '../../router/main.ts';
import type { Context } from '../context.ts';
import type { RouterFlags } from '../definitions/router.ts';
import { UsageError } from '../errors.ts';

export async function runRouterHere(context: Context, flags: RouterFlags): Promise<void> {
  refuseWhatIsNotDone(flags);
  const { config, exitWithStdin, drain: drainMs, drainGrace: graceMs } = flags;
  await runRouter({ config, exitWithStdin, drainMs, graceMs, isVerbose: context.verbose }, context.signal);
}

/** `--include` names a Python library and `--test-hooks` tests of skrouterd itself: there is nothing to do for them. */
function refuseWhatIsNotDone({ daemon, pidfile, user }: RouterFlags): void {
  if (daemon || pidfile !== undefined) {
    throw new UsageError('the router stays in the foreground', {
      next: 'Leave --daemon and --pidfile out and let systemd or a container keep it running',
    });
  }
  if (user !== undefined && user !== userInfo().username) {
    throw new UsageError(`the router does not change its user to ${user}`, { next: 'Start it as that user' });
  }
}
