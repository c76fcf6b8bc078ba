/** `router`: hands over to the data plane. */
import { runRouter } from '../../router/main.ts';
import type { Context } from '../context.ts';
import type { RouterFlags } from '../definitions/processes.ts';

export async function runRouterHere(context: Context, flags: RouterFlags): Promise<void> {
  const { config, exitWithStdin, drain: drainMs } = flags;
  await runRouter({ config, exitWithStdin, drainMs }, context.signal);
}
