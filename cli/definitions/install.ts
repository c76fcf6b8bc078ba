/** `install`, `upgrade`, `uninstall`: the controller and the kinds of a cluster. */
import { type Command, Option } from 'commander';
import { dryRun, examples, output, type Scope, timeout, wait, yes } from './define.ts';

export interface InstallFlags {
  namespaceScope?: boolean;
  image?: string;
  enabledAccessTypes?: string;
  defaultAccessType?: string;
  clusterHost?: string;
  services?: boolean;
  clusterId?: string;
  clusterSet?: string;
  dnsZones?: string;
  dnsDomain?: string;
  dnsEndpoints?: boolean;
  force?: boolean;
  wait: 'none' | 'configured' | 'ready';
  timeout: number;
  dryRun?: boolean;
  output?: string;
}

export interface UninstallFlags {
  namespaceScope?: boolean;
  crds?: boolean;
  force?: boolean;
  yes?: boolean;
  wait: boolean;
  timeout: number;
}

export function defineInstall(program: Command, scope: Scope): void {
  const install = program
    .command('install')
    .description(
      'Install the controllers, the DNS server and their kinds into a cluster; what is there already stays or is brought up to date',
    );
  examples(
    install,
    ['skuprt install', 'for the sites of all namespaces, in namespace skupper'],
    ['skuprt --context west install', 'into another cluster of the kubeconfig'],
    ['skuprt -n west install --namespace-scope', 'for this namespace only, without rights beyond it'],
    [
      'skuprt install --enabled-access-types local,nodeport --default-access-type nodeport --cluster-host 192.0.2.10',
      'where there is no load balancer: sites are reached at the ports of a node',
    ],
    ['skuprt install --image registry.example.com/skuprt:1.0.0', 'from a registry of your own'],
    [
      'skuprt install --cluster-id east --cluster-set supercluster',
      'with the name of this cluster in the set that exports services to each other',
    ],
    ['skuprt install --dry-run -o yaml', 'print the manifests; no cluster is needed'],
  );
  installOptions(install)
    .addOption(dryRun())
    .addOption(output('yaml', 'json', 'name'))
    .action(async (flags: InstallFlags, self: Command) => {
      const { installController } = await import('../commands/install/install.ts');
      await installController(await scope.cluster(self), flags);
    });

  const upgrade = program
    .command('upgrade')
    .description('Bring the controller and the kinds of a cluster to the version of this program');
  examples(upgrade, ['skuprt upgrade', 'one controller after the other; sites and links stay up']);
  installOptions(upgrade).action(async (flags: InstallFlags, self: Command) => {
    const { upgradeController } = await import('../commands/install/install.ts');
    await upgradeController(await scope.cluster(self), flags);
  });

  defineUninstall(program, scope);
}

function installOptions(command: Command): Command {
  return command
    .addOption(namespaceScope())
    .option(
      '--image <image>',
      'image of controllers and routers (env SKUPRT_IMAGE; default: that of this version, or from where the present one came)',
    )
    .option(
      '--enabled-access-types <types>',
      'how sites may be reached, comma separated (default: local,loadbalancer,route, or as it is set up now)',
    )
    .option('--default-access-type <type>', 'the one that sites get which do not choose')
    .option('--cluster-host <host>', 'a host by which nodes are reached, for nodeport access')
    .option(
      '--services',
      'with services of a cluster set: service-controller and DNS (default: as it is set up now, else yes)',
    )
    .option('--no-services', 'without them; where they are there, they and all that they made are removed')
    .option(
      '--cluster-id <name>',
      'name of this cluster in its set (default: that of the site which carries its services)',
    )
    .option('--cluster-set <name>', 'the set that this cluster belongs to (default: supercluster)')
    .option(
      '--dns-zones <zones>',
      'zones of the DNS server, comma separated (default: supercluster.local,clusterset.local)',
    )
    .option('--dns-domain <domain>', 'a domain of your own for which DNSEndpoints are made, for external-dns')
    .option('--dns-endpoints', 'also add the kind DNSEndpoint, where external-dns has not')
    .option('--force', 'also over a newer version, or what somebody else installed')
    .addOption(wait('ready'))
    .addOption(timeout('3m'));
}

function defineUninstall(program: Command, scope: Scope): void {
  const uninstall = program
    .command('uninstall')
    .description('Remove the controller from a cluster; the kinds and what is of them stay, unless --crds is given');
  examples(
    uninstall,
    ['skuprt uninstall', 'once no site is left'],
    ['skuprt uninstall --crds --force --yes', 'everything: the kinds, and with them every site of the cluster'],
  );
  uninstall
    .addOption(namespaceScope())
    .option('--crds', 'also remove the kinds, and with them every resource of them')
    .option('--force', 'although there are sites')
    .addOption(yes())
    .option('--no-wait', 'do not wait until it is gone')
    .addOption(timeout('1m'))
    .action(async (flags: UninstallFlags, self: Command) => {
      const { uninstallController } = await import('../commands/install/uninstall.ts');
      await uninstallController(await scope.cluster(self), flags);
    });
}

function namespaceScope(): Option {
  return new Option('--namespace-scope', 'a controller of the namespace given by -n only, which runs there');
}
