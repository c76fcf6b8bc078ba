/** `policy VERB`: who may connect to, expose and import services, and which sites may link. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Direction, Limits, Operation, PolicyRule, Verification } from '../../lib/policy/types.ts';
import { parseCount, parseName } from '../parse.ts';
import { dryRun, examples, output, type Scope, timeout, yes } from './define.ts';

export interface PolicyFlags {
  cluster?: boolean;
  service?: string[];
  serviceNamespace?: string[];
  routingKey?: string[];
  action?: PolicyRule['action'];
  operation?: Operation[];
  fromSite?: string[];
  fromNamespace?: string[];
  fromWorkload?: string[];
  fromServiceAccount?: string[];
  direction?: Direction;
  host?: string[];
  verification?: Verification;
  connectionsPerSecond?: number;
  concurrentConnections?: number;
  bytesPerSecond?: number;
  per?: Limits['per'];
  queueLength?: number;
  queueSeconds?: number;
  onlyTell?: boolean;
  enforceExisting?: boolean;
}

export interface PolicyApplyFlags {
  wait: 'none' | 'ready';
  timeout: number;
  dryRun?: boolean;
  output?: string;
}

export type PolicyMakeFlags = PolicyFlags & PolicyApplyFlags;

export interface PolicyDeleteFlags {
  cluster?: boolean;
  yes?: boolean;
}

export interface PolicyExplainFlags {
  from: string;
  to: string;
  workload?: string;
  serviceAccount?: string;
  labels?: Record<string, string>;
  output?: string;
}

export function definePolicies(program: Command, scope: Scope): void {
  const policy = program
    .command('policy')
    .description('Policies: who may connect to, expose and import services, and which sites may link');
  examples(
    policy,
    ['skuprt policy create backend --service backend --from-site west', 'only site west gets at service backend'],
    ['skuprt policy explain --from west --to backend', 'may it, and who says so'],
  );
  defineMaking(policy, scope);
  defineApplying(policy, scope);
  defineLooking(policy, scope);
  defineConvert(policy, scope);
}

function defineMaking(policy: Command, scope: Scope): void {
  const create = applyOptions(ruleOptions(policy.command('create')))
    .description('Make a policy with one rule; others are written as files and applied')
    .argument('<name>', 'name of the policy', parseName)
    .action(async (name: string, flags: PolicyMakeFlags, self: Command) => {
      const context = await scope.context(self);
      const { createPolicy } = await import('../commands/policy/generate.ts');
      await createPolicy(context, name, flags);
    });
  examples(
    create,
    ['skuprt policy create backend --service backend --from-site west', 'nobody else'],
    ['skuprt policy create slow --service backend --connections-per-second 50 --per Site', 'for each client site'],
    ['skuprt policy create links --cluster --operation Link --from-site west', 'which sites may link'],
    ['skuprt policy create try --from-site west --only-tell', 'refuses nothing, and tells what it would refuse'],
  );
  const generate = ruleOptions(policy.command('generate'))
    .description('Print the policy that `policy create` would make')
    .argument('<name>', 'name of the policy', parseName)
    .addOption(output('json', 'yaml').default('yaml'))
    .action(async (name: string, flags: PolicyFlags & { output?: string }, self: Command) => {
      const context = await scope.context(self);
      const { generatePolicy } = await import('../commands/policy/generate.ts');
      await generatePolicy(context, name, flags);
    });
  examples(generate, [
    'skuprt policy generate backend --service backend --from-site west > policy.yaml',
    'to go on from',
  ]);
}

function defineApplying(policy: Command, scope: Scope): void {
  const apply = applyOptions(policy.command('apply'))
    .description('Check the policies of a file, warn about what is probably not meant, and put them in force')
    .argument('<file>', 'YAML or JSON; - for stdin')
    .action(async (file: string, flags: PolicyApplyFlags, self: Command) => {
      const context = await scope.context(self);
      const { applyPolicyFile } = await import('../commands/policy/apply.ts');
      await applyPolicyFile(context, file, flags);
    });
  examples(
    apply,
    ['skuprt policy apply policy.yaml', 'new ones, and changes'],
    ['skuprt policy apply policy.yaml --dry-run', 'only the check and the warnings'],
  );
  const remove = policy
    .command('delete')
    .description('Remove a policy')
    .argument('<name>', 'name of the policy', parseName)
    .option('--cluster', 'a ClusterAccessPolicy')
    .addOption(yes())
    .action(async (name: string, flags: PolicyDeleteFlags, self: Command) => {
      const context = await scope.context(self);
      const { deletePolicy } = await import('../commands/policy/apply.ts');
      await deletePolicy(context, name, flags);
    });
  examples(
    remove,
    ['skuprt policy delete backend', 'asks first'],
    ['skuprt policy delete links --cluster --yes', 'for scripts'],
  );
}

function defineLooking(policy: Command, scope: Scope): void {
  const status = policy
    .command('status [name]')
    .alias('list')
    .description('Show the policies here, how much they govern, and what about them is probably not meant')
    .addOption(output('json', 'yaml', 'name'))
    .action(async (name: string | undefined, flags: { output?: string }, self: Command) => {
      const context = await scope.context(self);
      const { showPolicies } = await import('../commands/policy/status.ts');
      await showPolicies(context, name, flags);
    });
  examples(status, ['skuprt policy status', 'all of them'], ['skuprt policy status backend -o yaml', 'one, whole']);
  const explain = policy
    .command('explain')
    .description(
      'Say whether a client may connect to a service, and which policy says so, without trying; exit code 5 when not',
    )
    .requiredOption('--from <client>', 'SITE, SITE/NAMESPACE or SITE/NAMESPACE/POD')
    .requiredOption('--to <service>', 'name or routing key of the service, or NAMESPACE/NAME')
    .option('--workload <name>', 'what owns the pod, where it cannot be seen')
    .option('--service-account <name>', 'service account of the pod, where it cannot be seen')
    .addOption(new Option('--labels <labels>', 'labels of the pod, such as app=web,tier=a').argParser(parseLabels))
    .addOption(output('json', 'yaml'))
    .action(async (flags: PolicyExplainFlags, self: Command) => {
      const contexts = await scope.contexts(self);
      const { explainPolicies } = await import('../commands/policy/explain.ts');
      await explainPolicies(contexts, flags);
    });
  examples(
    explain,
    ['skuprt policy explain --from west --to backend', 'by this site, and by what routers of others answer'],
    ['skuprt -c a -c b policy explain --from west/web/frontend-1 --to shop/backend', 'by policies of two clusters'],
    ['skuprt -n west -n east policy explain --from west --to backend', 'by those of two local sites'],
  );
}

function defineConvert(policy: Command, scope: Scope): void {
  const convert = policy
    .command('convert')
    .description('Print policies of Skupper 1 (SkupperClusterPolicy) as policies of skuprt; notes tell what differs')
    .argument('<file>', 'YAML or JSON; - for stdin')
    .addOption(output('json', 'yaml').default('yaml'))
    .action(async (file: string, flags: { output?: string }, self: Command) => {
      const { convertPolicyFile } = await import('../commands/policy/convert.ts');
      await convertPolicyFile(scope.local(self), file, flags);
    });
  examples(convert, [
    'kubectl get skupperclusterpolicies -o yaml | skuprt policy convert - > policies.yaml',
    'all of a cluster',
  ]);
}

function applyOptions(command: Command): Command {
  return command
    .addOption(new Option('--wait <state>', 'what to wait for').choices(['none', 'ready']).default('ready'))
    .addOption(timeout('1m'))
    .addOption(dryRun())
    .addOption(output('json', 'yaml', 'name'));
}

function ruleOptions(command: Command): Command {
  const repeated = (flags: string, text: string) => new Option(flags, `${text}; repeat for several`).argParser(collect);
  return command
    .option('--cluster', 'a ClusterAccessPolicy, for the administrator of a cluster')
    .addOption(repeated('--service <name>', 'services by name (default: all)'))
    .addOption(repeated('--service-namespace <name>', 'services by namespace, with --cluster'))
    .addOption(repeated('-r, --routing-key <key>', 'services by routing key'))
    .addOption(
      new Option('--action <action>', 'what the rule does (default: Allow, or Limit with limits)').choices([
        'Allow',
        'Deny',
        'Limit',
      ]),
    )
    .addOption(
      new Option('--operation <operation...>', 'what it is about (default: Connect)').choices([
        'Connect',
        'Expose',
        'Import',
        'Link',
      ]),
    )
    .addOption(repeated('--from-site <site>', 'clients by name or id of their site (default: all)'))
    .addOption(repeated('--from-namespace <name>', 'clients by namespace'))
    .addOption(repeated('--from-workload <name>', 'clients by what owns their pod'))
    .addOption(repeated('--from-service-account <name>', 'clients by service account'))
    .addOption(new Option('--direction <direction>', 'links by who dials').choices(['Incoming', 'Outgoing']))
    .addOption(repeated('--host <host>', 'links of this site by the host that they go to'))
    .addOption(
      new Option('--verification <least>', 'how well clients must be known').choices(['local', 'link', 'path', 'none']),
    )
    .option('--connections-per-second <count>', 'limit, of each router', parseCount)
    .option('--concurrent-connections <count>', 'limit, of each router', parseCount)
    .option('--bytes-per-second <count>', 'limit, of each router, both directions together', parseCount)
    .addOption(new Option('--per <what>', 'what shares the limits').choices(['Rule', 'Site', 'Workload']))
    .option('--queue-length <count>', 'how many connections wait beyond the limits', parseCount)
    .option('--queue-seconds <count>', 'for how long they wait (default: 5)', parseCount)
    .option('--only-tell', 'refuse nothing; logs, metrics and events tell what would be refused')
    .option('--enforce-existing', 'reset open connections that are not allowed any more');
}

function collect(text: string, previous: readonly string[] | undefined): string[] {
  if (text === '') throw new InvalidArgumentError('Give a name; * stands for any characters.');
  return [...(previous ?? []), text];
}

function parseLabels(text: string): Record<string, string> {
  const pairs = text.split(',').map((part) => part.split('='));
  if (pairs.some((pair) => pair.length !== 2 || pair[0] === ''))
    throw new InvalidArgumentError('Give KEY=VALUE,KEY=VALUE.');
  return Object.fromEntries(pairs);
}
