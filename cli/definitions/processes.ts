/** `demo`, `router`, `version`, `completion`: what needs no site. */
import { Argument, type Command } from 'commander';
import { parseSizeBytes } from '../parse.ts';
import { examples, type Scope } from './define.ts';
import { defineRouter } from './router.ts';

export interface DemoFlags {
  keep?: boolean;
  size: number;
  dir?: string;
}

export function defineProcesses(program: Command, scope: Scope): void {
  const demo = program
    .command('demo')
    .description(
      'Make two sites on this machine, use a service of one in the other, check and measure it, remove everything',
    )
    .option('--keep', 'leave the sites running and say how to go on')
    .option('--size <size>', 'size of the transfer', parseSizeBytes, parseSizeBytes('256MiB'))
    .option('--dir <dir>', 'where to keep the files (default: a new temporary directory)')
    .action(async (flags: DemoFlags, self: Command) => {
      const context = scope.local(self);
      const { runDemo } = await import('../commands/demo.ts');
      await runDemo(context, flags);
    });
  examples(
    demo,
    ['skuprt demo', 'takes a few seconds and leaves nothing behind'],
    ['skuprt demo --keep', 'to look around in'],
  );

  program
    .command('demo-backend', { hidden: true })
    .description('The HTTP server of the demo')
    .option('--keep')
    .action(async (flags: { keep?: boolean }, self: Command) => {
      const context = scope.local(self);
      const { serveBackend } = await import('../demo/backend.ts');
      await serveBackend(context, flags);
    });

  defineRouter(program, scope);

  const probe = program
    .command('probe <targets...>', { hidden: true })
    .description('Look names up and connect, one line of JSON for each HOST:PORT')
    .action(async (targets: string[], _flags: object, self: Command) => {
      const context = scope.local(self);
      const { probeTargets } = await import('../commands/check/probe-targets.ts');
      await probeTargets(context, targets);
    });
  examples(probe, ['skuprt probe backend:8080', 'what check does in a pod']);

  const version = program
    .command('version')
    .description('Print the version')
    .action(async (_flags: object, self: Command) => {
      const context = scope.local(self);
      const { showVersion } = await import('../commands/version.ts');
      showVersion(context);
    });
  examples(version, ['skuprt version', 'of this program']);

  const completion = program
    .command('completion')
    .description('Print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'your shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish', _flags: object, self: Command) => {
      const context = scope.local(self);
      const { showCompletion } = await import('../commands/completion.ts');
      showCompletion(context, program, shell);
    });
  examples(
    completion,
    ['source <(skuprt completion bash)', 'in ~/.bashrc'],
    ['skuprt completion fish > ~/.config/fish/completions/skuprt.fish', 'once'],
  );
}
