/** `service-controller`: the controller of the services of a cluster set. Nobody types it but who runs one outside of a pod. */
import { type Command, Option } from 'commander';
import type { GlobalFlags } from '../platform.ts';
import { examples, type Scope } from './define.ts';

/** Those that say how it is set up; `--namespace` is one of them and a flag of every command. */
export const SERVICE_FLAG_TEXTS: readonly (readonly [flag: string, does: string, env: string])[] = [
  [
    'cluster-id',
    'name of this cluster in its set, where no ClusterProperty has one (default: that of its Site)',
    'SKUPRT_CLUSTER_ID',
  ],
  ['cluster-set', 'name of the set, where no ClusterProperty has one (default: supercluster)', 'SKUPRT_CLUSTER_SET'],
  [
    'router',
    'HOST:PORT of a router on this machine, without TLS (default: the router of the Site that carries the services)',
    'SKUPRT_ROUTER',
  ],
  ['router-addresses', 'where routers are reached, in place of the addresses of their pods', 'SKUPRT_ROUTER_ADDRESSES'],
  ['leave-on-stop', 'tell the other clusters at each end that this one leaves', 'SKUPRT_LEAVE_ON_STOP'],
  ['external-domain', 'make DNSEndpoints of names in this domain', 'SKUPRT_EXTERNAL_DOMAIN'],
];

/** As typed, by the names above; true for one without a value. */
export type ServiceControllerFlags = Readonly<Record<string, string | boolean | undefined>> & {
  readonly namespace?: string;
  readonly leaderElect?: boolean;
  readonly metricsPort?: string;
};

export function defineServiceController(program: Command, scope: Scope): void {
  const controller = program
    .command('service-controller')
    .description(
      'Run the controller of the services of a cluster set in the foreground, until SIGTERM: what `install` makes pods of',
    )
    .option('--leader-elect', 'one of several replicas leads, the others stand by')
    .option('--metrics-port <port>', 'port of /metrics, /healthz and /readyz (default: 9000)');
  for (const [flag, does, env] of SERVICE_FLAG_TEXTS) {
    controller.addOption(new Option(`--${flag} [value]`, `${does} (env ${env})`));
  }
  controller.action(async (_flags: object, self: Command) => {
    const context = scope.local(self);
    const { runServiceController } = await import('../commands/service-controller.ts');
    const given = self.opts<ServiceControllerFlags>();
    await runServiceController(context, { ...given, namespace: self.optsWithGlobals<GlobalFlags>().namespace });
  });
  examples(
    controller,
    ['skuprt service-controller --leader-elect', 'in a pod'],
    ['skuprt service-controller -n skupper --router 127.0.0.1:5672', 'outside of the cluster, beside a router'],
  );
}
