/** `router`: one router in the foreground, with the flags of skrouterd too. */
import { type Command, Option } from 'commander';
import { parseDurationMs } from '../parse.ts';
import { examples, type Scope } from './define.ts';

export interface RouterFlags {
  config?: string;
  include?: string;
  daemon?: boolean;
  pidfile?: string;
  user?: string;
  testHooks?: boolean;
  exitWithStdin?: boolean;
  drain?: number;
  drainGrace?: number;
}

export function defineRouter(program: Command, scope: Scope): void {
  const router = program
    .command('router')
    .description('Run one router in the foreground, until SIGTERM; SIGHUP or a changed file applies the difference')
    .option(
      '--config <file>',
      "the router's configuration, in either of skrouterd's forms (default: what the environment variable QDROUTERD_CONF names)",
    )
    .option('--drain <time>', 'how long open connections may go on after SIGTERM (default: 5s)', parseDurationMs)
    .option(
      '--drain-grace <time>',
      'how long services accept after SIGTERM at least, for load balancers that take a moment (default: until nobody comes)',
      parseDurationMs,
    )
    .option('--exit-with-stdin', 'also stop when standard input ends')
    .addOption(hidden('--include <dir>'))
    .addOption(hidden('--daemon'))
    .addOption(hidden('--pidfile <file>'))
    .addOption(hidden('--user <name>'))
    .addOption(hidden('--test-hooks'))
    .action(async (flags: RouterFlags, self: Command) => {
      const context = scope.local(self);
      const { runRouterHere } = await import('../commands/router.ts');
      await runRouterHere(context, flags);
    });
  examples(
    router,
    ['skuprt router --config skrouterd.json', 'without any control plane'],
    [
      'QDROUTERD_CONF=/etc/skrouterd.json QDROUTERD_CONF_TYPE=json skuprt router',
      "as skupper-router's container is started",
    ],
  );
}

/** A flag of skrouterd that is taken for compatibility, or refused with a reason. */
function hidden(flags: string): Option {
  return new Option(flags, "as skrouterd's").hideHelp();
}
