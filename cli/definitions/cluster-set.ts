/** `service VERB`: services of the cluster set, and what this site sees of the others. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseName, parsePair, parseRoutingKey, parseServiceName, parseWhole } from '../parse.ts';
import { type BackendFlags, backendOptions } from './backends.ts';
import { dryRun, examples, output, type Scope, timeout, wait, waitGone, yes } from './define.ts';

export interface ExportFlags extends BackendFlags {
  label?: Record<string, string>;
  annotation?: Record<string, string>;
  priority?: number;
  weight?: number;
  locality?: 'local-first' | 'none';
  localMinimum?: number;
  versions?: string;
  wait: 'none' | 'configured' | 'ready';
  timeout: number;
  dryRun?: boolean;
  output?: string;
}

export interface UnexportFlags {
  yes?: boolean;
  wait: boolean;
  timeout: number;
}

export interface ExplainFlags {
  test: boolean;
  output?: string;
}

/** The largest number that priority and weight may be. */
const SHARE_MAX = 1000;

export function defineClusterSet(program: Command, scope: Scope): void {
  const service = program
    .command('service')
    .description('Services of the network and of the cluster set, as seen from here');
  examples(
    service,
    ['skuprt -n backend service export be-svc', 'every cluster has be-svc.backend.supercluster.local'],
    ['skuprt service status', 'where to reach the services'],
    ['skuprt -n backend service explain be-svc', 'why traffic from here goes where it goes'],
  );
  defineStatus(service, scope);
  defineExport(service, scope);
  defineUnexport(service, scope);
  defineExplain(service, scope);
}

function defineStatus(service: Command, scope: Scope): void {
  const status = service
    .command('status')
    .description('Show each service: where clients here connect to, which sites and clusters offer it')
    .argument('[address]', 'address, or NAME or NAME.NAMESPACE, of one service', parseRoutingKey)
    .addOption(output('json', 'yaml', 'name', 'wide'))
    .action(async (address: string | undefined, flags: { output?: string }, self: Command) => {
      const context = await scope.context(self);
      const { showServices } = await import('../commands/service/status.ts');
      await showServices(context, address, flags);
    });
  examples(
    status,
    ['skuprt service status', 'host and port of every service'],
    ['skuprt service status backend -o json', 'one, for scripts'],
  );
}

function defineExport(service: Command, scope: Scope): void {
  const make = backendOptions(service.command('export'))
    .description('Offer a service of this namespace to every cluster of the set, under the same name')
    .argument('<name>', 'name of the Service; on a local site the address it is exposed under', parseName)
    .addOption(pairs('--label <key=value>', 'label of the ServiceImports; repeat for several'))
    .addOption(pairs('--annotation <key=value>', 'annotation of the ServiceImports; repeat for several'))
    .option('--priority <number>', 'clusters of a lower one are used first (default: 0)', parseWhole(0, SHARE_MAX))
    .option('--weight <number>', 'share among clusters of one priority (default: 100)', parseWhole(1, SHARE_MAX))
    .addOption(
      new Option('--locality <way>', 'whether clusters prefer their own endpoints (default: local-first)').choices([
        'local-first',
        'none',
      ]),
    )
    .option(
      '--local-minimum <count>',
      'endpoints that must be ready before a cluster keeps traffic to itself (default: 1)',
      parseWhole(0, SHARE_MAX),
    )
    .option(
      '--versions <service=share,...>',
      'Services of this namespace whose pods share the connections from other clusters (kubernetes)',
    )
    .addOption(wait('ready'))
    .addOption(timeout('1m'))
    .addOption(dryRun())
    .addOption(output('json', 'yaml', 'name'))
    .action(async (name: string, flags: ExportFlags, self: Command) => {
      const context = await scope.context(self);
      const { exportService } = await import('../commands/service/export.ts');
      await exportService(context, name, flags);
    });
  examples(
    make,
    ['skuprt -n backend service export be-svc', 'be-svc.backend.supercluster.local, in every cluster'],
    ['skuprt -n west service export backend -p local', 'what expose host/ADDRESS --address backend connected'],
    ['skuprt -n shop service export web --priority 10', 'used when clusters of priority 0 have nothing ready'],
    ['skuprt -n shop service export web --weight 50', 'half the share of the others; again, to change it'],
    ['skuprt -n shop service export web --local-minimum 3', 'traffic stays in a cluster that has three ready'],
    ['skuprt -n shop service export web --versions web-v1=90,web-v2=10', 'one in ten connections goes to web-v2'],
    ['skuprt -n shop service export web --proxy-protocol v2', 'its servers are told whose each connection is'],
  );
}

function defineUnexport(service: Command, scope: Scope): void {
  const remove = service
    .command('unexport')
    .description('Offer a Service to the other clusters no longer')
    .argument('<name>', 'name of the Service', parseName)
    .addOption(yes())
    .addOption(waitGone())
    .addOption(timeout('1m'))
    .action(async (name: string, flags: UnexportFlags, self: Command) => {
      const context = await scope.context(self);
      const { unexportService } = await import('../commands/service/export.ts');
      await unexportService(context, name, flags);
    });
  examples(
    remove,
    ['skuprt -n backend service unexport be-svc', 'asks first'],
    ['skuprt -n backend service unexport be-svc --yes', 'for scripts'],
  );
}

function defineExplain(service: Command, scope: Scope): void {
  const explain = service
    .command('explain')
    .description(
      'Say who exports a service, who won each conflict, what each cluster offers, and where traffic from here goes',
    )
    .argument('<name>', 'NAME or NAME.NAMESPACE of the service', parseServiceName)
    .option('--no-test', 'make no connection')
    .addOption(output('json', 'yaml'))
    .action(async (name: string, flags: ExplainFlags, self: Command) => {
      const context = await scope.context(self);
      const { explainService } = await import('../commands/service/explain.ts');
      await explainService(context, name, flags);
    });
  examples(
    explain,
    ['skuprt -n backend service explain be-svc', 'and try one connection through each cluster'],
    ['skuprt service explain be-svc.backend', 'the same, from another namespace'],
    ['skuprt -n backend service explain be-svc --no-test -o json', 'only what is known, for scripts'],
  );
}

function pairs(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text, before: Record<string, string> | undefined) => {
    const pair = parsePair(text);
    if (before !== undefined && Object.hasOwn(before, pair[0]))
      throw new InvalidArgumentError(`${pair[0]} is given twice`);
    return { ...before, [pair[0]]: pair[1] };
  });
}
