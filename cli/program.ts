/**
 * The command tree: global flags, every command's definition, and the way from what was typed to an exit code.
 * Definitions are light (commander only); an action loads its operation from cli/commands when it runs.
 */
import { Command, CommanderError, Option } from 'commander';
import { messageOf, SkuprtError } from '../lib/errors.ts';
import { cleanLines } from '../lib/text.ts';
import type { SpanAttributes } from '../lib/trace/span.ts';
import { readVersion } from '../lib/version.ts';
import type { Surroundings } from './context.ts';
import { defineClusterSet } from './definitions/cluster-set.ts';
import { defineConsole } from './definitions/console.ts';
import { type Define, examples, type Scope } from './definitions/define.ts';
import { defineDev } from './definitions/dev.ts';
import { defineDns } from './definitions/dns.ts';
import { defineInstall } from './definitions/install.ts';
import { defineKubeAdaptor } from './definitions/kube-adaptor.ts';
import { defineLinks, defineTokens } from './definitions/links.ts';
import { defineLive } from './definitions/live.ts';
import { defineNetwork } from './definitions/network.ts';
import { definePolicies } from './definitions/policies.ts';
import { defineProcesses } from './definitions/processes.ts';
import { defineServiceController } from './definitions/service-controller.ts';
import { defineConnectors, defineExpose, defineListeners } from './definitions/services.ts';
import { defineSite } from './definitions/site.ts';
import { defineSiteController } from './definitions/site-controller.ts';
import { describeError, EXIT, exitCodeOf, UsageError } from './errors.ts';
import { parseName } from './parse.ts';
import { type GlobalFlags, localContext, localSiteContext } from './platform.ts';

const loadChoice = async () => await import('./places/choose.ts');

const GROUPS: readonly (readonly [heading: string, defines: readonly Define[]])[] = [
  ['Sites:', [defineSite]],
  ['Links:', [defineTokens, defineLinks]],
  ['Services:', [defineExpose, defineListeners, defineConnectors, defineClusterSet]],
  ['Policies:', [definePolicies]],
  ['Looking:', [defineLive, defineNetwork, defineConsole]],
  ['Clusters:', [defineInstall, defineDns]],
  ['More:', [defineProcesses, defineSiteController, defineServiceController, defineKubeAdaptor, defineDev]],
];

const GO_FLAG_COMMANDS: ReadonlySet<string> = new Set(['site-controller', 'service-controller', 'kube-adaptor']);

/** Runs one command line to its end and gives its exit code; everything that can go wrong has been told on stderr. */
export async function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = surroundings.env;
  if (!OTEL_EXPORTER_OTLP_ENDPOINT && !OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) return await runCommand(args, surroundings);
  const { traced } = await import('./tracing.ts');
  const words = commandMeant(buildProgram(surroundings), args);
  return await traced(words, surroundings, (seen) => runCommand(args, seen));
}

async function runCommand(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const program = buildProgram(surroundings);
  const { tracer } = surroundings;
  if (tracer !== undefined) program.hook('preAction', (_program, command) => tracer.set(givenTo(command)));
  try {
    await program.parseAsync(withKnownFlags(args), { from: 'user' });
    return EXIT.ok;
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      // Help is no work.
      if (thrown.exitCode === 0) tracer?.drop();
      return reportMisuse(surroundings, thrown, commandMeant(program, args));
    }
    tracer?.set({ 'error.type': thrown instanceof SkuprtError ? thrown.code : 'Error' });
    if (exitCodeOf(thrown) !== EXIT.usage) tracer?.fail(messageOf(thrown));
    const verbose = program.opts<GlobalFlags>().verbose === true;
    surroundings.stderr.write(cleanLines(describeError(thrown, verbose)));
    return exitCodeOf(thrown);
  }
}

/** What is told of a command: the names of its flags, and no value, which may be a secret. */
function givenTo(command: Command): SpanAttributes {
  const isGiven = (each: Command, option: Option) => each.getOptionValueSource(option.attributeName()) === 'cli';
  const parents: Command[] = [];
  for (let each: Command | null = command; each !== null; each = each.parent) parents.push(each);
  const flags = parents.flatMap((each) => each.options.filter((option) => isGiven(each, option)));
  return { 'skuprt.flags': flags.map(({ long, short }) => long ?? short ?? '').join(' ') };
}

/** With the flags of other programs whose place some commands take as flags of ours. */
export function withKnownFlags(args: readonly string[]): string[] {
  return withRouterFlags(withLongFlags(args));
}

/** Skupper's processes are started with Go's flags: `-namespace west`. */
function withLongFlags(args: readonly string[]): string[] {
  const start = args.findIndex((arg) => GO_FLAG_COMMANDS.has(arg));
  return args.map((arg, index) => (start >= 0 && index > start && /^-[a-z][a-z-]+(=|$)/.test(arg) ? `-${arg}` : arg));
}

/** `router` takes the short flags of skrouterd; some of them are other flags elsewhere. */
const ROUTER_FLAGS: Readonly<Record<string, string>> = {
  c: '--config',
  I: '--include',
  d: '--daemon',
  P: '--pidfile',
  U: '--user',
  T: '--test-hooks',
};

function withRouterFlags(args: readonly string[]): string[] {
  const start = args.indexOf('router');
  if (start < 0 || args.slice(0, start).some((arg) => !arg.startsWith('-'))) return [...args];
  return args.flatMap((arg, index) => {
    const [, letter, value] = /^-([cIdPUT])(?!-)(.*)$/.exec(arg) ?? [];
    if (index <= start || letter === undefined) return [arg];
    return value ? [ROUTER_FLAGS[letter]!, value] : [ROUTER_FLAGS[letter]!];
  });
}

/** Each value of a flag that may be given several times; the last one counts where one is wanted. */
function listed(values: string[], parse: (text: string) => string = (text) => text) {
  return (text: string): string => {
    values.push(parse(text));
    return values[values.length - 1]!;
  };
}

export function buildProgram(surroundings: Surroundings): Command {
  const given = { contexts: [] as string[], namespaces: [] as string[] };
  const program = new Command('skuprt')
    .description('Services in places that cannot reach each other talk as if they were in one place.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      writeErr: (text) => surroundings.stderr.write(text),
      // Told once, by reportMisuse, in the form of every other error.
      outputError: () => {},
      getOutHasColors: () => surroundings.color,
    })
    .configureHelp({ showGlobalOptions: true })
    .helpCommand(true)
    .addOption(
      new Option(
        '-p, --platform <platform>',
        'local or kubernetes (env SKUPRT_PLATFORM, SKUPPER_PLATFORM; default: kubernetes where a kubeconfig is, but a local site that is there in the namespace comes first)',
      ),
    )
    .addOption(
      new Option(
        '-n, --namespace <name>',
        "the namespace to work in (default: the kubeconfig context's, or default)",
      ).argParser(listed(given.namespaces, parseName)),
    )
    .addOption(
      new Option('-c, --context <name>', 'context of the kubeconfig; implies platform kubernetes').argParser(
        listed(given.contexts),
      ),
    )
    .option('--kubeconfig <file>', 'kubeconfig file; implies platform kubernetes')
    .version(readVersion(), '-V, --version', 'print the version')
    .option('-v, --verbose', 'more detail: error codes here, debug level in the logs of processes');
  const flagsOf = (command: Command) => command.optsWithGlobals<GlobalFlags>();
  const scope: Scope = {
    local: (command) => localContext(flagsOf(command), surroundings),
    localSite: (command) => localSiteContext(flagsOf(command), surroundings),
    context: async (command) => (await loadChoice()).chooseContext(flagsOf(command), surroundings),
    contexts: async (command) => {
      const { chooseContexts } = await loadChoice();
      return chooseContexts(flagsOf(command), given, surroundings);
    },
    cluster: async (command) => (await loadChoice()).clusterContextOf(flagsOf(command), surroundings),
  };
  examples(
    program,
    ['skuprt demo', 'two sites on this machine, a service of one used in the other'],
    ['skuprt init', 'a site here'],
    ['skuprt token create east.token', 'let another site link to this one'],
    ['skuprt link create east.token', 'at the other site: link to it'],
    ['skuprt expose host/127.0.0.1 --port 8080 --address backend', 'a server here, for all linked sites'],
    ['skuprt service status', 'where to reach the services'],
  );
  for (const [heading, defines] of GROUPS) {
    program.commandsGroup(heading);
    for (const define of defines) define(program, scope);
  }
  return program;
}

/** What commander refused: an unknown command, a bad value, a missing argument; asking for help or the version is no error. */
function reportMisuse(surroundings: Surroundings, misuse: CommanderError, meant: readonly string[]): number {
  if (misuse.exitCode === 0) return EXIT.ok;
  // Without a subcommand commander has already shown the help, on stderr.
  if (misuse.code !== 'commander.help') {
    const next = `See ${[surroundings.program, ...meant, '--help'].join(' ')}`;
    const error = new UsageError(misuse.message.replace(/^error: /, '').trim(), { next });
    surroundings.stderr.write(cleanLines(describeError(error, false)));
  }
  return EXIT.usage;
}

/** The words of the command that was meant, as far as there is one. */
function commandMeant(program: Command, args: readonly string[]): string[] {
  const takesNext = (arg = '') =>
    program.options.some((option) => option.required && [option.short, option.long].includes(arg));
  const words = args.filter((arg, index) => !arg.startsWith('-') && !takesNext(args[index - 1]));
  const meant: string[] = [];
  let command = program;
  for (const word of words) {
    const found = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (found === undefined) break;
    command = found;
    meant.push(found.name());
  }
  return meant;
}
