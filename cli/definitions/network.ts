/** `network status`, `check`, `debug dump`: looking at the whole. */
import type { Command } from 'commander';
import { examples, output, type Scope } from './define.ts';

export function defineNetwork(program: Command, scope: Scope): void {
  const network = program.command('network').description('The whole network, as this site sees it');
  examples(network, ['skuprt network status', 'a picture and a tree']);
  const status = network
    .command('status')
    .description(
      'Show all sites, their links with direction, cost and state, and the services with listeners and connectors',
    )
    .addOption(output('json', 'yaml'))
    .action(async (flags: { output?: string }, self: Command) => {
      const context = await scope.context(self);
      const { showNetwork } = await import('../commands/network/status.ts');
      await showNetwork(context, flags);
    });
  examples(status, ['skuprt network status', 'a picture and a tree'], ['skuprt network status -o yaml', 'all of it']);

  const graph = network
    .command('graph')
    .description('The network as a picture: sites with their services, and links')
    .addOption(output('dot', 'svg', 'mermaid').default('mermaid'))
    .action(async (flags: { output: 'dot' | 'svg' | 'mermaid' }, self: Command) => {
      const context = await scope.context(self);
      const { showGraph } = await import('../commands/network/graph.ts');
      await showGraph(context, flags);
    });
  examples(
    graph,
    ['skuprt network graph -o svg > network.svg', 'for a browser'],
    ['skuprt network graph -o dot | dot -Tpng > network.png', 'drawn by Graphviz'],
  );

  const check = program
    .command('check')
    .description(
      'Look at everything that a site needs: cluster, rights, controller, site, links, services, certificates, names',
    )
    .addOption(output('json', 'yaml'))
    .action(async (flags: { output?: string }, self: Command) => {
      const context = await scope.context(self);
      const operation = await import('../commands/check/check.ts');
      await operation.check(context, flags);
    });
  examples(
    check,
    ['skuprt check --context west', 'before it is installed, and after'],
    ['skuprt -n east check', 'a local site: also whether its servers answer'],
  );

  const debug = program.command('debug').description('Finding faults: a dump for a report; how processes say more');
  examples(
    debug,
    ['skuprt debug dump', 'what a report of a fault needs'],
    ['skuprt site update --router-logging debug', 'routers say more at once; info brings them back'],
  );
  debug.addHelpText('after', LOG_LEVELS);
  const dump = debug
    .command('dump')
    .description(
      'Pack resources, status, router configuration and logs of this site for a report; keys and codes are left out',
    )
    .argument('[file]', 'the .tar.gz to write (default: skuprt-dump-<namespace>-<time>.tar.gz)')
    .action(async (file: string | undefined, _flags: object, self: Command) => {
      const context = await scope.context(self);
      const { dumpSite } = await import('../commands/debug/dump.ts');
      await dumpSite(context, file);
    });
  examples(dump, ['skuprt -n east debug dump east.tar.gz', 'everything needed to look at a fault elsewhere']);
}

const LOG_LEVELS = `
Log levels, changed while processes run:
  routers                 skuprt site update --router-logging info,ROUTER_CORE:debug
  controllers             kubectl -n skupper port-forward deploy/skupper-controller 9000
                          curl -X PUT 'localhost:9000/log-level?level=debug'
  controllers, adaptors,  kill -USR2 PID, between debug and the usual level
  local sites             (not routers)
At the start: -v before the command, such as skuprt -v site start, skuprt -v dev`;
