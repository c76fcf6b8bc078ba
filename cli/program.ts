/**
 * The command tree: global flags, every command's definition, and the way from what was typed to an exit code.
 * Definitions are light (commander only); an action loads its operation from cli/commands when it runs.
 */
import { Command, CommanderError, Option } from 'commander';
import type { Surroundings } from './context.ts';
import { defineClusterSet } from './definitions/cluster-set.ts';
import { type Define, examples, type Scope } from './definitions/define.ts';
import { defineDev } from './definitions/dev.ts';
import { defineDns } from './definitions/dns.ts';
import { defineInstall } from './definitions/install.ts';
import { defineKubeAdaptor } from './definitions/kube-adaptor.ts';
import { defineLinks, defineTokens } from './definitions/links.ts';
import { defineNetwork } from './definitions/network.ts';
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
  ['Looking:', [defineNetwork]],
  ['Clusters:', [defineInstall, defineDns]],
  ['More:', [defineProcesses, defineSiteController, defineServiceController, defineKubeAdaptor, defineDev]],
];

const GO_FLAG_COMMANDS: ReadonlySet<string> = new Set(['site-controller', 'service-controller', 'kube-adaptor']);

/** Runs one command line to its end and gives its exit code; everything that can go wrong has been told on stderr. */
export async function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const program = buildProgram(surroundings);
  try {
    await program.parseAsync(withRouterFlags(withLongFlags(args)), { from: 'user' });
    return EXIT.ok;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return reportMisuse(surroundings, thrown);
    const verbose = program.opts<GlobalFlags>().verbose === true;
    surroundings.stderr.write(describeError(thrown, verbose));
    return exitCodeOf(thrown);
  }
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

export function buildProgram(surroundings: Surroundings): Command {
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
      ).argParser(parseName),
    )
    .option('-c, --context <name>', 'context of the kubeconfig; implies platform kubernetes')
    .option('--kubeconfig <file>', 'kubeconfig file; implies platform kubernetes')
    .option('-v, --verbose', 'more detail: error codes here, debug level in the logs of processes');
  const flagsOf = (command: Command) => command.optsWithGlobals<GlobalFlags>();
  const scope: Scope = {
    local: (command) => localContext(flagsOf(command), surroundings),
    localSite: (command) => localSiteContext(flagsOf(command), surroundings),
    context: async (command) => (await loadChoice()).chooseContext(flagsOf(command), surroundings),
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

/** What commander refused: an unknown command, a bad value, a missing argument; asking for help is no error. */
function reportMisuse(surroundings: Surroundings, misuse: CommanderError): number {
  if (misuse.exitCode === 0) return EXIT.ok;
  // Without a subcommand commander has already shown the help, on stderr.
  if (misuse.code !== 'commander.help') {
    const error = new UsageError(misuse.message.replace(/^error: /, '').trim());
    surroundings.stderr.write(describeError(error, false));
  }
  return EXIT.usage;
}
