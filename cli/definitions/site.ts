/** `init`, `delete`, `status` and `site VERB`: the site of a namespace. */
import { type Command, Option } from 'commander';
import {
  parseFlowMemory,
  parseHost,
  parseHosts,
  parseName,
  parsePause,
  parsePort,
  parseRouterLogging,
} from '../parse.ts';
import { dryRun, examples, output, type Scope, timeout, wait, waitGone, yes } from './define.ts';

/** The site as flags describe it; a flag that was not given is undefined. */
export interface SiteFlags {
  enableLinkAccess?: boolean;
  /** False only by --no-link-access. */
  linkAccess: boolean;
  linkAccessType?: string;
  enableHa?: boolean;
  /** False only by --no-ha. */
  ha?: boolean;
  edge?: boolean;
  serviceAccount?: string;
  host?: string[];
  bindHost?: string;
  linkPort?: number;
  import?: boolean;
  importHost?: string;
  /** Seconds. */
  flowPause?: number;
  /** As the router reads it. */
  flowMemory?: string;
  routerLogging?: string;
}

export interface CreateSiteFlags extends SiteFlags {
  install?: boolean;
  systemd?: boolean;
  wait: 'none' | 'configured' | 'ready';
  timeout: number;
  dryRun?: boolean;
  output?: string;
}

export interface DeleteSiteFlags {
  all?: boolean;
  yes?: boolean;
  wait: boolean;
  timeout: number;
}

export function defineSite(program: Command, scope: Scope): void {
  const site = program
    .command('site')
    .description('The site of this namespace: make, look at, change, stop, start, remove');
  examples(site, ['skuprt site create east --enable-link-access', 'make it'], ['skuprt site status', 'look at it']);

  examples(
    defineCreate(program.command('init'), scope, true),
    ['skuprt init', 'a site here; other sites can link to it'],
    ['skuprt -n west init west --no-link-access', 'a second one in its own namespace, which only dials out'],
    ['skuprt init east --host east.example --link-port 55671', 'tell other sites how to reach this one'],
    ['skuprt init --systemd', 'run it as a systemd user service'],
    [
      'skuprt init --context west -n shop',
      'in namespace shop of a cluster; installs the controller when there is none',
    ],
  );
  examples(
    defineCreate(site.command('create'), scope, false),
    ['skuprt site create east --enable-link-access', 'a site that other sites can link to'],
    ['skuprt -n west site create west', 'a second one in its own namespace, which only dials out'],
    ['skuprt site create east --dry-run', 'print the resources'],
  );
  defineUpdate(site, scope);
  defineStatus(site.command('status [name]'), scope, 'skuprt site status');
  defineStatus(program.command('status'), scope, 'skuprt status');
  defineGenerate(site, scope);
  defineLifecycle(site, scope);
  defineDrain(program, scope);
  defineDelete(program.command('delete'), scope, 'skuprt delete');
  defineDelete(site.command('delete [name]'), scope, 'skuprt site delete');
}

function siteOptions(command: Command): Command {
  return command
    .addOption(new Option('--enable-link-access', 'let other sites link to this one').conflicts('linkAccess'))
    .option('--no-link-access', 'only dial out: no port is opened for other sites')
    .addOption(
      new Option(
        '--link-access-type <type>',
        'how other sites reach this one: default, local, loadbalancer, nodeport, route, ingress, ... (kubernetes)',
      ).conflicts('linkAccess'),
    )
    .addOption(new Option('--enable-ha', 'two routers, so that one may fail (kubernetes)').conflicts('ha'))
    .option('--no-ha', 'one router (kubernetes)')
    .option('--edge', 'an edge site: it links to other sites, and none links to it')
    .option('--service-account <name>', 'run the router as this service account (kubernetes)', parseName)
    .option(
      '--host <host>',
      'host or address by which other sites reach this one; repeat for several (local)',
      parseHosts,
    )
    .option('--bind-host <host>', 'address to accept links on (local; default: all)', parseHost)
    .option('--link-port <port>', 'port to accept links on (local; default: the next free one from 55671)', parsePort)
    .option('--import', 'listen here for services that other sites expose')
    .option('--no-import', 'do not')
    .option('--import-host <host>', 'address that imported services listen on (local; default: 127.0.0.1)', parseHost)
    .option(
      '--flow-pause <time>',
      'how long open connections wait for a way when theirs is lost; 0: not at all (default: 10s)',
      parsePause,
    )
    .option(
      '--flow-memory <size>',
      'what a router may hold for connections (default: an eighth of its memory, 512MiB at most)',
      parseFlowMemory,
    )
    .option(
      '--router-logging <levels>',
      'what its routers log, LEVEL or MODULE:LEVEL, such as info,ROUTER_CORE:debug; routers that run take it over at once (default: info)',
      parseRouterLogging,
    );
}

function defineCreate(command: Command, scope: Scope, linkAccessByDefault: boolean): Command {
  return siteOptions(command)
    .description(
      `Make a site in this namespace: on this machine it is started in the background, on Kubernetes its controller runs it${linkAccessByDefault ? '; the same as site create --enable-link-access' : ''}`,
    )
    .argument('[name]', 'name of the site (default: the namespace, or this host)', parseName)
    .option('--systemd', 'write a systemd user unit instead of starting a background process (local)')
    .option('--install', 'install the controller first where the cluster has none (kubernetes)')
    .option('--no-install', 'never')
    .addOption(wait('ready'))
    .addOption(timeout('3m'))
    .addOption(dryRun())
    .addOption(output('json', 'yaml', 'name'))
    .action(async (name: string | undefined, flags: CreateSiteFlags, self: Command) => {
      const context = await scope.context(self);
      const { createSite } = await import('../commands/site/create.ts');
      await createSite(context, name, flags, linkAccessByDefault);
    });
}

function defineUpdate(site: Command, scope: Scope): void {
  const command = siteOptions(site.command('update [name]'))
    .description('Change the site; flags that are not given leave their setting as it is')
    .addOption(wait('ready'))
    .addOption(timeout('30s'))
    .addOption(dryRun())
    .action(async (name: string | undefined, flags: CreateSiteFlags, self: Command) => {
      const context = await scope.context(self);
      const { updateSite } = await import('../commands/site/update.ts');
      await updateSite(context, name, flags);
    });
  examples(
    command,
    ['skuprt site update --enable-link-access', 'let other sites link to this one'],
    ['skuprt site update --no-import', 'no longer listen for services that others expose'],
    ['skuprt site update --router-logging debug', 'routers that run say more; info brings them back'],
  );
}

function defineStatus(command: Command, scope: Scope, example: string): void {
  command
    .description('Show the site: its state, where others reach it, how many sites it sees')
    .addOption(output('json', 'yaml', 'name', 'wide'))
    .action(async (...given: unknown[]) => {
      const self = given.at(-1) as Command;
      const context = await scope.context(self);
      const { showSite } = await import('../commands/site/status.ts');
      await showSite(context, self.args[0], self.opts<{ output?: string }>());
    });
  examples(
    command,
    [example, 'one site, its state and what is wrong if it is not ready'],
    [`${example} -o json`, 'for scripts'],
  );
}

function defineGenerate(site: Command, scope: Scope): void {
  const command = siteOptions(site.command('generate'))
    .description('Print the resources that `site create` would make')
    .argument('<name>', 'name of the site', parseName)
    .addOption(output('json', 'yaml').default('yaml'))
    .action(async (name: string, flags: CreateSiteFlags, self: Command) => {
      const context = await scope.context(self);
      const { generateSite } = await import('../commands/site/create.ts');
      await generateSite(context, name, flags);
    });
  examples(command, ['skuprt site generate east --enable-link-access > site.yaml', 'for a repository of resources']);
}

function defineLifecycle(site: Command, scope: Scope): void {
  const run = site
    .command('run')
    .description(
      'Run the site of this namespace in the foreground, until SIGTERM or Ctrl-C: for containers and systemd units',
    )
    .action(async (_flags: object, self: Command) => {
      const context = scope.localSite(self);
      const { runSiteHere } = await import('../commands/site/run.ts');
      await runSiteHere(context);
    });
  examples(run, ['skuprt -n east site run', 'run the site that `init` made, in the foreground']);

  const start = site
    .command('start')
    .description('Start the stopped site of this namespace in the background')
    .addOption(wait('ready'))
    .addOption(timeout('1m'))
    .action(async (flags: Pick<CreateSiteFlags, 'wait' | 'timeout'>, self: Command) => {
      const context = scope.localSite(self);
      const { startSite } = await import('../commands/site/start.ts');
      await startSite(context, flags);
    });
  examples(start, ['skuprt -n east site start', 'go on after `site stop` or a restart of the machine']);

  const stop = site
    .command('stop')
    .description('Stop the site of this namespace; its resources and certificates stay')
    .addOption(timeout('1m'))
    .action(async (flags: { timeout: number }, self: Command) => {
      const context = scope.localSite(self);
      const { stopSite } = await import('../commands/site/stop.ts');
      await stopSite(context, flags);
    });
  examples(stop, ['skuprt -n east site stop', 'open connections may end first; then links close']);
}

function defineDrain(program: Command, scope: Scope): void {
  const define = (name: string, draining: boolean): Command =>
    program
      .command(name)
      .argument('[router]', 'which router of the site, as `skupper-router-2` (default: all of them)', parseName)
      .addOption(timeout('1m'))
      .action(async (router: string | undefined, flags: { timeout: number; wait?: boolean }, self: Command) => {
        const context = await scope.context(self);
        const { drainSite } = await import('../commands/site/drain.ts');
        await drainSite(context, router, { draining, ...flags });
      });
  examples(
    define('drain', true)
      .description(
        'Take routers out of the network before they go: others take their services and ways, open connections end by themselves',
      )
      .option('--wait', 'wait until nothing is open any more (local)'),
    ['skuprt drain', 'the site of this namespace'],
    ['skuprt drain --wait --timeout 10m && skuprt site stop', 'stop a local site without breaking a connection'],
    ['skuprt -n shop drain skupper-router-2', 'one of two routers (kubernetes)'],
  );
  examples(
    define('undrain', false).description('Let routers serve again that were drained'),
    ['skuprt undrain', 'all of the site'],
    ['skuprt -n shop undrain skupper-router-2', 'one of two (kubernetes)'],
  );
}

function defineDelete(command: Command, scope: Scope, example: string): void {
  command
    .description(
      'Remove the site of this namespace: on this machine with everything, on Kubernetes with what was made for it',
    )
    .option('--all', 'remove every resource of skuprt and Skupper in the namespace too (kubernetes)')
    .addOption(yes())
    .addOption(waitGone())
    .addOption(timeout('1m'))
    .action(async (...given: unknown[]) => {
      const self = given.at(-1) as Command;
      const context = await scope.context(self);
      const { deleteSite } = await import('../commands/site/delete.ts');
      await deleteSite(context, self.args[0], self.opts<DeleteSiteFlags>());
    });
  examples(command, [example, 'asks first'], [`${example} --yes`, 'for scripts']);
}
