/**
 * What every command is given: where it works (namespace, data directory), where it speaks (data on stdout, all else on
 * stderr) and when it must stop. Built once for each command from the global flags; holds no state of its own.
 */
import type { Readable, Writable } from 'node:stream';

/** The process around the command line, as far as commands may see it. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** A person watches stderr: spinners are drawn. */
  readonly interactive: boolean;
  /** A person can answer on stdin. */
  readonly canAsk: boolean;
  readonly color: boolean;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** What a user types to start it. */
  readonly program: string;
  /** How to start this same command line again: executable and leading arguments. */
  readonly self: readonly string[];
}

export interface Context extends Surroundings {
  readonly namespace: string;
  readonly verbose: boolean;
}

/** Data: what a script reads. An empty list of names is no line. */
export function print(context: Surroundings, text: string): void {
  context.stdout.write(text === '' || text.endsWith('\n') ? text : `${text}\n`);
}

/** Everything else: what a person reads. */
export function say(context: Surroundings, text: string): void {
  context.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** The command that a user types to go on in this namespace. */
export function commandLine(context: Context, rest: string): string {
  const { program, namespace } = context;
  return namespace === 'default' ? `${program} ${rest}` : `${program} -n ${namespace} ${rest}`;
}
