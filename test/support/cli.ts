/** The command line, in this process on captured streams, or as the child process that a user starts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { Surroundings } from '../../cli/context.ts';
import { buildProgram, runCommandLine, withKnownFlags } from '../../cli/program.ts';

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

export const CLI_ENTRY = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

/** The environment of tests of local sites, whatever cluster this machine's kubeconfig leads to. */
export function localEnv(): NodeJS.ProcessEnv {
  const { KUBECONFIG: _kubeconfig, SKUPPER_PLATFORM: _platform, ...env } = process.env;
  return { ...env, SKUPRT_PLATFORM: 'local' };
}

/** Nobody watches and nobody can answer. */
export function surroundings(given: Partial<Surroundings> = {}): Surroundings {
  return {
    env: {},
    stdin: new PassThrough().end(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    interactive: false,
    canAsk: false,
    color: false,
    signal: new AbortController().signal,
    program: 'skuprt',
    self: [process.execPath, CLI_ENTRY],
    connect: () => Promise.reject(new Error('no cluster is to be reached here')),
    ...given,
  };
}

/** Runs one command in this process. */
export async function runHere(args: readonly string[], given: Partial<Surroundings> = {}): Promise<Outcome> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const said = Promise.all([text(stdout), text(stderr)]);
  const code = await runCommandLine(args, surroundings({ stdout, stderr, ...given }));
  stdout.end();
  stderr.end();
  const [out, err] = await said;
  return { code, out, err };
}

/** Runs one command as a child process with its own data directory. */
export async function runChild(dataHome: string, args: readonly string[], stdin = ''): Promise<Outcome> {
  const { NO_COLOR: _noColor, FORCE_COLOR: _forceColor, ...env } = localEnv();
  const child = spawn(process.execPath, [CLI_ENTRY, ...args], { env: { ...env, XDG_DATA_HOME: dataHome } });
  child.stdin.end(stdin);
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code: code ?? -1, out, err };
}

/** Words of a line are set off by spaces; what stands in '' is one, as a path may be. */
export function argumentsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

/** What is typed after the command's name in a line of a shell, as far as it is about this command. */
export function wordsOf(line: string): string[] {
  return line
    .split(/\s[>|#&]/, 1)[0]!
    .trim()
    .split(/\s+/);
}

/** Lets the command line understand the words, and runs nothing. */
export async function understood(words: readonly string[]): Promise<boolean> {
  const program = buildProgram(surroundings());
  let isUnderstood = false;
  const disarm = (command: Command): void => {
    if (command.commands.length === 0) {
      command.action(() => {
        isUnderstood = true;
      });
    }
    command.commands.forEach(disarm);
  };
  disarm(program);
  await program.parseAsync(withKnownFlags(words), { from: 'user' });
  return isUnderstood;
}
