/** `dns`: the server that answers for the services of a cluster set, and its place in a cluster's CoreDNS. */
import { isIP } from 'node:net';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parsePort } from '../parse.ts';
import { dryRun, examples, output, type Scope, timeout } from './define.ts';

const ZONES_DEFAULT = ['supercluster.local', 'clusterset.local'];
/** The first name that the idea had went without `svc`. */
const SHORT_ZONES_DEFAULT = ['supercluster.local'];

export interface Endpoint {
  host: string;
  port: number;
}

export interface DnsServeFlags {
  listen?: Endpoint[];
  zones: string[];
  shortNames?: string[];
  domain?: string[];
  metricsPort?: number;
}

export interface DnsInstallFlags {
  zones: string[];
  configmap: { namespace: string; name: string };
  /** Of the ConfigMap. */
  key: string;
  service: { namespace: string; name: string };
  wait: boolean;
  timeout: number;
  dryRun?: boolean;
}

export type DnsUninstallFlags = Pick<DnsInstallFlags, 'configmap' | 'key' | 'dryRun'>;
export type DnsStatusFlags = Pick<DnsInstallFlags, 'configmap' | 'key' | 'service'> & { output?: string };

export function defineDns(program: Command, scope: Scope): void {
  const dns = program.command('dns').description('Names of the services of a cluster set');
  examples(
    dns,
    ['skuprt -p local dns serve', 'names of local sites, at 127.0.0.1 port 5353'],
    ['skuprt dns install', "let the cluster's CoreDNS ask our server for our zones"],
    ['skuprt dns status', 'what CoreDNS does with our zones'],
  );
  defineServe(dns, scope);

  const install = dns
    .command('install')
    .description(
      "Add a block for each of our zones to the Corefile of the cluster's CoreDNS; all else in it stays as it is",
    )
    .addOption(zones())
    .addOption(configMap())
    .addOption(key())
    .addOption(service())
    .option('--no-wait', 'do not wait until CoreDNS answers')
    .addOption(timeout('60s'))
    .addOption(new Option('--dry-run', 'show the difference, and change nothing'))
    .action(async (flags: DnsInstallFlags, self: Command) => {
      const { installDns } = await import('../commands/dns/install.ts');
      await installDns(await scope.cluster(self), flags);
    });
  examples(
    install,
    ['skuprt dns install', 'also again, after the address of our server changed'],
    ['skuprt dns install --dry-run', 'see what would change'],
    ['skuprt dns install --configmap kube-system/rke2-coredns-rke2-coredns', 'where CoreDNS has another name'],
    ['skuprt dns install --configmap kube-system/coredns-custom --key skuprt.server', 'on k3s'],
  );

  const uninstall = dns
    .command('uninstall')
    .description('Take our blocks out of the Corefile: it is then what it was before, to the letter')
    .addOption(configMap())
    .addOption(key())
    .addOption(dryRun())
    .action(async (flags: DnsUninstallFlags, self: Command) => {
      const { uninstallDns } = await import('../commands/dns/install.ts');
      await uninstallDns(await scope.cluster(self), flags);
    });
  examples(uninstall, ['skuprt dns uninstall', 'before our server goes']);

  const status = dns
    .command('status')
    .description('Show our server, and which zones CoreDNS hands to it')
    .addOption(configMap())
    .addOption(key())
    .addOption(service())
    .addOption(output('json', 'yaml'))
    .action(async (flags: DnsStatusFlags, self: Command) => {
      const { showDns } = await import('../commands/dns/status.ts');
      await showDns(await scope.cluster(self), flags);
    });
  examples(status, ['skuprt dns status', 'also when CoreDNS is not wired']);
}

function defineServe(dns: Command, scope: Scope): void {
  const serve = dns
    .command('serve')
    .description('Answer for the services of the cluster set in the foreground, until SIGTERM: over UDP and TCP')
    .addOption(
      new Option(
        '--listen <host:port>',
        'where to listen; repeatable (default: 127.0.0.1:5353, in a pod every address)',
      ).argParser(parseEndpoints),
    )
    .addOption(zones())
    .addOption(
      new Option(
        '--short-names <zones>',
        `zones of these that also have <service>.<namespace>.<zone> (default: ${SHORT_ZONES_DEFAULT.join(',')})`,
      ).argParser(parseZones),
    )
    .addOption(
      new Option(
        '--domain <domains>',
        'external domains to answer for too, from the DNSEndpoints of this cluster',
      ).argParser(parseZones),
    )
    .option('--metrics-port <port>', 'port of /metrics, /healthz and /readyz (default: none; 9000 in a pod)', parsePort)
    .action(async (flags: DnsServeFlags, self: Command) => {
      const { serveDns } = await import('../commands/dns/serve.ts');
      const shortNames = flags.shortNames ?? SHORT_ZONES_DEFAULT.filter((zone) => flags.zones.includes(zone));
      await serveDns(await scope.context(self), { ...flags, shortNames });
    });
  examples(
    serve,
    ['skuprt -p local dns serve', 'names of all local sites: dig @127.0.0.1 -p 5353 backend.east.supercluster.local'],
    ['skuprt dns serve --listen 0.0.0.0:5353 --listen [::]:5353', 'as in a pod'],
    ['skuprt dns serve --domain apps.example.com', 'also the names of exported ingresses'],
  );
}

function zones(): Option {
  return new Option('--zones <zones>', 'zones, comma separated')
    .default(ZONES_DEFAULT, ZONES_DEFAULT.join(','))
    .argParser(parseZones);
}

function configMap(): Option {
  return new Option('--configmap <namespace/name>', 'the ConfigMap that has the Corefile')
    .default({ namespace: 'kube-system', name: 'coredns' }, 'kube-system/coredns')
    .argParser(parseNamed);
}

function key(): Option {
  return new Option('--key <key>', 'its key that has the Corefile, or a part of it').default('Corefile');
}

function service(): Option {
  return new Option('--service <namespace/name>', 'the Service of our server')
    .default({ namespace: 'skupper', name: 'skuprt-dns' }, 'skupper/skuprt-dns')
    .argParser(parseNamed);
}

function parseNamed(text: string): { namespace: string; name: string } {
  const [namespace = '', name = '', ...more] = text.split('/');
  if (namespace === '' || name === '' || more.length > 0) throw new InvalidArgumentError('Give NAMESPACE/NAME.');
  return { namespace, name };
}

function parseEndpoints(text: string, previous: Endpoint[] | undefined): Endpoint[] {
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? '';
  const isAddress = isIP(host.split('%')[0]!) === (bracketed === undefined ? 4 : 6);
  if (!isAddress || Number(port) > 65_535) {
    throw new InvalidArgumentError('Give an address and a port, such as 127.0.0.1:5353 or [::1]:5353.');
  }
  return [...(previous ?? []), { host, port: Number(port) }];
}

const ZONE = /^(?=.{1,190}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

function parseZones(text: string): string[] {
  const found = text.split(',').map((zone) => zone.trim().toLowerCase().replace(/\.$/, ''));
  if (found.some((zone) => !ZONE.test(zone))) {
    throw new InvalidArgumentError(
      'Give names of zones, comma separated, such as supercluster.local,clusterset.local.',
    );
  }
  return [...new Set(found)];
}
