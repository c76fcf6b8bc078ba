/**
 * What every command is given: where it works (platform, namespace), where it speaks (data on stdout, all else on stderr)
 * and when it must stop. Built once for each command from the global flags; holds no state of its own.
 */
import type { Readable, Writable } from 'node:stream';
import { cleanLines } from '../lib/text.ts';
import type { SpanAttributes } from '../lib/trace/span.ts';
import type { Tracer } from '../lib/trace/tracer.ts';
import type { ClusterClient } from './places/cluster-client.ts';

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
  /** Reaches a cluster. */
  readonly connect: (choice: ClusterChoice, env: NodeJS.ProcessEnv) => Promise<ClusterClient>;
  /** Where spans are exported. */
  readonly tracer?: Tracer;
}

export type Platform = 'local' | 'kubernetes';

/** Which cluster, as kubectl's flags say it. */
export interface ClusterChoice {
  /** Undefined: KUBECONFIG, ~/.kube/config, or the service account of this pod. */
  readonly kubeconfig: string | undefined;
  /** Name of the kubeconfig's context; undefined for its current one. */
  readonly context: string | undefined;
}

export interface Context extends Surroundings {
  readonly platform: Platform;
  /** The platform, or a cluster, was named by a flag or the environment, not found out. */
  readonly isPlatformNamed: boolean;
  readonly cluster: ClusterChoice;
  readonly namespace: string;
  readonly verbose: boolean;
  /** The global flags to repeat in advice, as they were typed. */
  readonly globals: readonly string[];
}

/** Does `run` as a span of the command, where spans are exported. */
export async function inSpan<T>(
  { tracer }: Surroundings,
  name: string,
  attributes: SpanAttributes,
  run: () => Promise<T>,
): Promise<T> {
  return tracer === undefined ? await run() : await tracer.span(name, { attributes }, run);
}

/** Data: what a script reads. An empty list of names is no line. */
export function print(context: Surroundings, text: string): void {
  context.stdout.write(text === '' ? '' : lines(text));
}

/** Everything else: what a person reads. */
export function say(context: Surroundings, text: string): void {
  context.stderr.write(lines(text));
}

/** What other sites have said is in it too. */
function lines(text: string): string {
  return cleanLines(text.endsWith('\n') ? text : `${text}\n`);
}

/** The command that a user types to go on in this namespace. */
export function commandLine({ program, globals }: Context, rest: string): string {
  return [program, ...globals, rest].join(' ');
}
