/** `expose`, `unexpose`, `listener VERB`, `connector VERB`: TCP services. */
import { type Command, Option } from 'commander';
import {
  parseHost,
  parseName,
  parsePort,
  parsePorts,
  parseRoutingKey,
  parseWorkload,
  type Workload,
} from '../parse.ts';
import { type BackendFlags, backendOptions, intakeOptions, shareOption } from './backends.ts';
import { dryRun, examples, output, type Scope, timeout, wait, waitGone, yes } from './define.ts';

export interface ExposeFlags extends BackendFlags {
  port: number[];
  targetPort?: number[];
  exposePodsByName?: boolean;
  includeNotReady?: boolean;
  address?: string;
  name?: string;
  wait: 'none' | 'configured' | 'ready';
  timeout: number;
  dryRun?: boolean;
  output?: string;
}

/** What `listener create` and `connector create` share. */
export interface EndFlags extends BackendFlags {
  routingKey?: string;
  host?: string;
  port?: number;
  tlsCredentials?: string;
  type?: string;
  selector?: string;
  workload?: Workload;
  includeNotReady?: boolean;
  exposePodsByName?: boolean;
  wait: 'none' | 'configured' | 'ready';
  timeout: number;
  dryRun?: boolean;
  output?: string;
}

export interface DeleteFlags {
  yes?: boolean;
  wait: boolean;
  timeout: number;
}

export type EndKind = 'Listener' | 'Connector';

export function defineExpose(program: Command, scope: Scope): void {
  const expose = shareOption(backendOptions(program.command('expose')))
    .description('Make a workload that this site can reach known to all linked sites, which then listen for it')
    .argument(
      '<kind/name>',
      'host/ADDRESS; on Kubernetes also deployment, statefulset, daemonset or service/NAME, or pods/SELECTOR',
      parseWorkload,
    )
    .requiredOption('--port <port>', 'port of the service, where other sites listen; repeat for several', parsePorts)
    .option('--target-port <port>', 'port of the workload, once for each --port (default: the same)', parsePorts)
    .option('--address <address>', 'address of the service in the network (default: the name)', parseRoutingKey)
    .option('--name <name>', 'name of the connector (default: the address)', parseName)
    .addOption(new Option('--protocol <protocol>', 'protocol of the service').choices(['tcp']))
    .option('--expose-pods-by-name', 'offer each pod under its own name too; always so for a statefulset (kubernetes)')
    .option('--include-not-ready', 'use pods that are not ready too (kubernetes)')
    .addOption(wait('configured'))
    .addOption(timeout('1m'))
    .addOption(dryRun())
    .addOption(output('json', 'yaml', 'name'))
    .action(async (workload: Workload, flags: ExposeFlags, self: Command) => {
      const context = await scope.context(self);
      const { exposeWorkload } = await import('../commands/service/expose.ts');
      await exposeWorkload(context, workload, flags);
    });
  examples(
    expose,
    ['skuprt expose host/127.0.0.1 --port 8080 --address backend', 'a server on this machine, as service backend'],
    ['skuprt expose host/db.internal --port 5432 --address db', 'a server that this machine can reach'],
    ['skuprt expose host/10.0.0.7 --port 80 --target-port 8080 --address web', 'others listen on port 80'],
    ['skuprt expose deployment/backend --port 8080', 'the ready pods of a Deployment, on Kubernetes'],
    ['skuprt expose service/shop --port 80 --port 443', 'two ports, as services shop-80 and shop-443'],
    [
      'skuprt expose deployment/web --port 80 --health-check http:/healthz --max-connections 200',
      'each pod while it is well, and 200 connections at most',
    ],
  );
  const unexpose = program
    .command('unexpose')
    .description('Take back what `expose` made')
    .argument('[kind/name]', 'as given to expose', parseWorkload)
    .option('--address <address>', 'address of the service', parseRoutingKey)
    .addOption(waitGone())
    .addOption(timeout('1m'))
    .action(async (workload: Workload | undefined, flags: { address?: string } & DeleteFlags, self: Command) => {
      const context = await scope.context(self);
      const { unexposeWorkload } = await import('../commands/service/expose.ts');
      await unexposeWorkload(context, workload, flags);
    });
  examples(
    unexpose,
    ['skuprt unexpose --address backend', 'by the address'],
    ['skuprt unexpose host/127.0.0.1 --address backend', 'by both'],
  );
}

export function defineListeners(program: Command, scope: Scope): void {
  const listener = program
    .command('listener')
    .description('Listeners: ports of this site through which clients here reach a service elsewhere');
  const options = (command: Command) =>
    intakeOptions(endOptions(command)).option(
      '--host <host>',
      'address to listen on; on Kubernetes the Service that clients use (default: 0.0.0.0; there the name)',
      parseHost,
    );
  defineEnd(listener, scope, 'Listener', options);
}

export function defineConnectors(program: Command, scope: Scope): void {
  const connector = program
    .command('connector')
    .description('Connectors: servers that this site can reach and offers to clients elsewhere');
  const options = (command: Command) =>
    shareOption(backendOptions(endOptions(command)))
      .option('--host <host>', 'host of the server (default on local sites: localhost)', parseHost)
      .addOption(
        new Option('--selector <selector>', 'pods by label (kubernetes; default: app=<name>)').conflicts([
          'host',
          'workload',
        ]),
      )
      .addOption(
        new Option('--workload <kind/name>', 'pods of a deployment, statefulset, daemonset or service (kubernetes)')
          .argParser(parseWorkload)
          .conflicts('host'),
      )
      .option('--include-not-ready', 'use pods that are not ready too (kubernetes)');
  defineEnd(connector, scope, 'Connector', options);
}

function endOptions(command: Command): Command {
  return command
    .option(
      '-r, --routing-key <key>',
      'what listeners and connectors find each other by (default: the name)',
      parseRoutingKey,
    )
    .option('--tls-credentials <name>', 'Secret with the certificate for TLS to clients or to the server', parseName)
    .option('--expose-pods-by-name', 'each pod under its own name too (kubernetes)')
    .addOption(new Option('--type <type>', 'protocol').choices(['tcp']));
}

interface EndDefinition {
  noun: Command;
  scope: Scope;
  kind: EndKind;
  /** Adds the flags that describe an end of this kind. */
  options: (command: Command) => Command;
}

const loadEnds = async () => await import('../commands/service/ends.ts');

function defineEnd(noun: Command, scope: Scope, kind: EndKind, options: (command: Command) => Command): void {
  const word = kind.toLowerCase();
  examples(
    noun,
    [`skuprt ${word} create backend 8080`, `a ${word} for service backend`],
    [`skuprt ${word} status`, 'all of them'],
  );
  const definition = { noun, scope, kind, options };
  defineMakingEnd(definition);
  defineChangingEnd(definition);
  defineLookingAtEnd(definition);
}

function defineMakingEnd({ noun, scope, kind, options }: EndDefinition): void {
  const word = kind.toLowerCase();
  const create = options(noun.command('create'))
    .description(`Make a ${word}`)
    .argument('<name>', `name of the ${word}`, parseName)
    .argument('<port>', kind === 'Listener' ? 'port to listen on' : 'port of the server', parsePort)
    .addOption(wait('configured'))
    .addOption(timeout('1m'))
    .addOption(dryRun())
    .addOption(output('json', 'yaml', 'name'))
    .action(async (name: string, port: number, flags: EndFlags, self: Command) => {
      const context = await scope.context(self);
      await (await loadEnds()).createEnd(context, kind, name, { ...flags, port });
    });
  examples(
    create,
    [
      `skuprt ${word} create backend 8080`,
      kind === 'Listener' ? 'clients here use port 8080' : 'the server on localhost:8080',
    ],
    [`skuprt ${word} create web 80 --routing-key shop-web --host 10.0.0.7`, 'name, address and host differ'],
    kind === 'Listener'
      ? ['skuprt listener create web 80 --proxy-protocol required', 'behind a load balancer that says whose they are']
      : ['skuprt connector create web 80 --health-check http:/healthz', 'used while it answers'],
  );

  const generate = options(noun.command('generate'))
    .description(`Print the resource that \`${word} create\` would make`)
    .argument('<name>', `name of the ${word}`, parseName)
    .argument('<port>', 'port', parsePort)
    .addOption(output('json', 'yaml').default('yaml'))
    .action(async (name: string, port: number, flags: EndFlags, self: Command) => {
      const context = await scope.context(self);
      await (await loadEnds()).generateEnd(context, kind, name, { ...flags, port });
    });
  examples(generate, [`skuprt ${word} generate backend 8080 > ${word}.yaml`, 'for a repository of resources']);
}

function defineChangingEnd({ noun, scope, kind, options }: EndDefinition): void {
  const word = kind.toLowerCase();
  const update = options(noun.command('update'))
    .description(`Change a ${word}; flags that are not given leave their setting as it is`)
    .argument('<name>', `name of the ${word}`, parseName)
    .option('--port <port>', 'new port', parsePort)
    .addOption(wait('configured'))
    .addOption(timeout('1m'))
    .addOption(dryRun())
    .action(async (name: string, flags: EndFlags, self: Command) => {
      const context = await scope.context(self);
      await (await loadEnds()).updateEnd(context, kind, name, flags);
    });
  examples(
    update,
    [`skuprt ${word} update backend --port 9090`, 'takes effect at once'],
    [`skuprt ${word} update backend --max-connections 100`, 'open connections stay'],
  );

  const remove = noun
    .command('delete')
    .description(`Remove a ${word}`)
    .argument('<name>', `name of the ${word}`, parseName)
    .addOption(yes())
    .addOption(waitGone())
    .addOption(timeout('1m'))
    .action(async (name: string, flags: DeleteFlags, self: Command) => {
      const context = await scope.context(self);
      await (await loadEnds()).deleteEnd(context, kind, name, flags);
    });
  examples(
    remove,
    [`skuprt ${word} delete backend`, 'asks first'],
    [`skuprt ${word} delete backend --yes`, 'for scripts'],
  );
}

function defineLookingAtEnd({ noun, scope, kind }: EndDefinition): void {
  const word = kind.toLowerCase();
  const status = noun
    .command('status [name]')
    .description(`Show the ${word}s of this site`)
    .addOption(output('json', 'yaml', 'name', 'wide'))
    .action(async (name: string | undefined, flags: { output?: string }, self: Command) => {
      const context = await scope.context(self);
      await (await loadEnds()).showEnds(context, kind, name, flags);
    });
  examples(status, [`skuprt ${word} status`, 'all of them'], [`skuprt ${word} status backend -o yaml`, 'one, in full']);
}
