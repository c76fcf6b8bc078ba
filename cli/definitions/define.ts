/** The words that command definitions share. Light: commander and value parsers only, no operation. */
import { type Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { parseDurationMs } from '../parse.ts';

export interface Scope {
  /** Of a command on a site, on whatever platform. @throws UsageError, FileError, NotFoundError */
  context(command: Command): Promise<Context>;
  /**
   * Of a command that looks at several places: one for each `-c`, and for each `-n` where these are several. @throws as `context`
   */
  contexts(command: Command): Promise<Context[]>;
  /** Of a command on this machine, wherever the global flags lead. @throws UsageError */
  local(command: Command): Context;
  /** Of a command that only local sites have. @throws UsageError when the flags lead elsewhere */
  localSite(command: Command): Context;
  /** Of a command on a cluster. @throws UsageError, FileError, NotFoundError */
  cluster(command: Command): Promise<Context>;
}

export type Define = (program: Command, scope: Scope) => void;

/** Help starts with examples: each a command and what it does. */
export function examples(command: Command, ...lines: readonly (readonly [command: string, does: string])[]): Command {
  const width = Math.max(...lines.map(([line]) => line.length));
  const text = lines.map(([line, does]) => `  ${line.padEnd(width)}  # ${does}\n`).join('');
  return command.addHelpText('before', `Examples:\n${text}`);
}

export function output(...formats: readonly string[]): Option {
  return new Option('-o, --output <format>', 'print the data in this form').choices(formats);
}

export function timeout(defaultText: string): Option {
  return new Option('--timeout <time>', 'how long to wait at most')
    .default(parseDurationMs(defaultText), defaultText)
    .argParser(parseDurationMs);
}

export function wait(defaultState: 'configured' | 'ready'): Option {
  return new Option('--wait <state>', 'what to wait for')
    .choices(['none', 'configured', 'ready'])
    .default(defaultState);
}

export function dryRun(): Option {
  return new Option('--dry-run', 'print what would be made, and make nothing');
}

export function yes(): Option {
  return new Option('-y, --yes', 'do not ask');
}

/** `--wait` of a deletion: until the controller has cleaned up. */
export function waitGone(): Option {
  return new Option('--no-wait', 'do not wait until it is gone from the router');
}
