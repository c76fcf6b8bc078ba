/** `top`, `flows`, `events`: the network as it moves. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { parseDurationMs } from '../parse.ts';
import { examples, output, type Scope } from './define.ts';

export function defineLive(program: Command, scope: Scope): void {
  defineTop(program, scope);
  defineFlows(program, scope);
  defineEvents(program, scope);
}

function defineTop(program: Command, scope: Scope): void {
  const top = program
    .command('top')
    .description('The links and services of the whole network with their traffic, live')
    .option('--once', 'print it once; so it is where nobody watches a terminal')
    .addOption(new Option('--interval <time>', 'how often it is drawn').default(1000, '1s').argParser(parseDurationMs))
    .addOption(output('json', 'yaml'))
    .action(async (flags: { once?: boolean; output?: 'json' | 'yaml'; interval: number }, self: Command) => {
      const context = await scope.context(self);
      const operation = await import('../commands/live/top.ts');
      await operation.top(context, flags);
    });
  examples(top, ['skuprt top', 'until Ctrl-C'], ['skuprt top --once -o json', 'all of it, for a script']);
}

function defineFlows(program: Command, scope: Scope): void {
  const flows = program
    .command('flows')
    .description('Connections through the network: those that are open, or as they open and end')
    .option('-f, --follow', 'as they open and end, until Ctrl-C')
    .option('--service <address>', 'only of this service')
    .option('--from <site>', 'only of clients at this site')
    .option('--to <site>', 'only to servers at this site')
    .addOption(new Option('--state <state>', 'only these').choices(['open', 'closed', 'reset', 'refused']))
    .addOption(output('json', 'yaml'))
    .action(async (flags: object, self: Command) => {
      const context = await scope.context(self);
      const { showFlows } = await import('../commands/live/flows.ts');
      await showFlows(context, flags);
    });
  examples(
    flows,
    ['skuprt flows -f --service backend', 'who connects to it'],
    ['skuprt flows -f --state refused', 'who is refused, and why'],
    ['skuprt flows -f -o json', 'one JSON text a line'],
  );
}

function defineEvents(program: Command, scope: Scope): void {
  const events = program
    .command('events')
    .description('What happened in the network: links and sites that come and go, refusals, tokens, certificates')
    .option('-f, --follow', 'go on as they happen, until Ctrl-C')
    .addOption(output('json', 'yaml'))
    .action(async (flags: { follow?: boolean; output?: 'json' | 'yaml' }, self: Command) => {
      const context = await scope.context(self);
      const { showEvents } = await import('../commands/live/events.ts');
      await showEvents(context, flags);
    });
  examples(events, ['skuprt events', 'as far as it is still known'], ['skuprt events -f', 'and what comes']);
}
