/** `kube-adaptor`: what runs beside a router in its pod. Nobody types it but who develops or runs without pods. */
import { type Command, InvalidArgumentError } from 'commander';
import type { GlobalFlags } from '../platform.ts';
import { examples, type Scope } from './define.ts';

export interface KubeAdaptorFlags {
  /** As given; the pod's own when absent. */
  namespace?: string;
  init?: boolean;
  configMap?: string;
  pod?: string;
  routerConfig?: string;
  certs?: string;
  proxies?: string;
  bind?: string;
  healthPort?: number;
  metricsPort?: number;
}

export function defineKubeAdaptor(program: Command, scope: Scope): void {
  const adaptor = program
    .command('kube-adaptor')
    .description('Keep one router as its ConfigMap says, and report what it does: runs beside the router in its pod')
    .option('--init', "write the router's first configuration, and end")
    .option('--config-map <name>', 'the ConfigMap of the router (env SKUPPER_ROUTER_CONFIG; default: skupper-router)')
    .option('--pod <name>', 'the name that the router is known by (env HOSTNAME)')
    .option('--router-config <file>', 'the configuration file that --init writes')
    .option('--certs <dir>', 'where the files of TLS profiles are')
    .option('--proxies <dir>', 'where the files of proxy profiles are')
    .option('--bind <host>', 'what listeners bind to instead of every interface')
    .option('--health-port <port>', 'port of /healthz (default: 9191)', parsePort)
    .option('--metrics-port <port>', 'port of /metrics (default: 9000)', parsePort)
    .action(async (flags: KubeAdaptorFlags, self: Command) => {
      const context = scope.local(self);
      const { runKubeAdaptor } = await import('../commands/kube-adaptor.ts');
      await runKubeAdaptor(context, { ...flags, namespace: self.optsWithGlobals<GlobalFlags>().namespace });
    });
  examples(
    adaptor,
    ['skuprt kube-adaptor --init', 'in the init container'],
    ['skuprt kube-adaptor', 'in the pod of the router'],
  );
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new InvalidArgumentError('Not a port.');
  return port;
}
