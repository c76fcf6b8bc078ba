/** `console`: the network as a page. */
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { parseHost, parsePort } from '../parse.ts';
import { examples, type Scope } from './define.ts';

export interface ConsoleFlags {
  port: number;
  host: string;
  open?: boolean;
  readOnly: boolean;
  signIn?: 'console-token' | 'kubernetes';
  routerHost?: string;
  routerPort: number;
  routerCredentials?: string;
  tlsCredentials?: string;
  metricsPort?: number;
}

const PORT = 8090;
const ROUTER_PORT = 5671;

export function defineConsole(program: Command, scope: Scope): void {
  const command = program
    .command('console')
    .description(
      'Serve a page that shows the network live: sites, links, services and connections, as this site sees them',
    )
    .option('--port <port>', 'where it listens; 0 takes a free one', parsePort0, PORT)
    .option('--open', 'open it in the browser')
    .addOption(
      new Option('--read-only [value]', 'only show; with false tokens can be made in it')
        .default(true)
        .argParser(parseBoolean),
    )
    .addOption(
      new Option('--host <host>', 'address that it listens on; one of another kind than loopback needs TLS')
        .default('127.0.0.1')
        .argParser(parseHost),
    )
    .addOption(
      new Option(
        '--sign-in <how>',
        'who may come in: who has the token that it prints, or who may see sites of the namespace in the cluster',
      ).choices(['console-token', 'kubernetes']),
    )
    .option('--tls-credentials <directory>', 'serve HTTPS with tls.crt and tls.key of this directory')
    .option('--router-host <host>', 'the router to ask, where it is not found by itself', parseHost)
    .option('--router-port <port>', 'its port for AMQP with TLS', parsePort, ROUTER_PORT)
    .option('--router-credentials <directory>', 'ca.crt, tls.crt and tls.key by which it knows this console')
    .option('--metrics-port <port>', 'also serve /metrics and /healthz here, to everyone', parsePort)
    .action(async (flags: ConsoleFlags, self: Command) => {
      const context = await scope.context(self);
      const { runConsole } = await import('../commands/console/run.ts');
      await runConsole(context, flags);
    });
  examples(
    command,
    ['skuprt console --open', 'look at the network'],
    ['skuprt console --read-only=false', 'and make tokens for other sites in it'],
    ['skuprt --context west console --port 0', 'of a site in a cluster, from here'],
  );
}

function parseBoolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('Give true or false.');
  return text === 'true';
}

/** A port, or 0. */
function parsePort0(text: string): number {
  return text === '0' ? 0 : parsePort(text);
}
