/** `kube-adaptor`: hands over to the adaptor beside a router, or to what it does before the router starts. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { ADAPTOR_DEFAULTS, type AdaptorOptions } from '../../site-controller/adaptor/options.ts';
import { runAdaptor, runAdaptorInit } from '../../site-controller/adaptor/run.ts';
import type { Context } from '../context.ts';
import type { KubeAdaptorFlags } from '../definitions/kube-adaptor.ts';
import { UsageError } from '../errors.ts';

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

export async function runKubeAdaptor(context: Context, flags: KubeAdaptorFlags): Promise<void> {
  const options = await adaptorOptions(context, flags);
  await (flags.init ? runAdaptorInit(options, context.signal) : runAdaptor(options, context.signal));
}

/** Flags first, then Skupper's environment, then what every pod has. */
async function adaptorOptions(context: Context, flags: KubeAdaptorFlags): Promise<AdaptorOptions> {
  const { env, cluster, verbose } = context;
  const certs = flags.certs ?? ADAPTOR_DEFAULTS.certs;
  return {
    namespace: flags.namespace ?? (await namespaceOf(context.env)),
    configMap: flags.configMap ?? env.SKUPPER_ROUTER_CONFIG ?? ADAPTOR_DEFAULTS.configMap,
    pod: flags.pod ?? env.HOSTNAME ?? hostname(),
    certs,
    proxies: flags.proxies ?? (flags.certs === undefined ? ADAPTOR_DEFAULTS.proxies : `${certs}-proxies`),
    bind: flags.bind,
    routerConfig: flags.routerConfig ?? ADAPTOR_DEFAULTS.routerConfig,
    kubeconfig: cluster.kubeconfig,
    context: cluster.context,
    healthPort: flags.healthPort ?? ADAPTOR_DEFAULTS.healthPort,
    metricsPort: flags.metricsPort ?? ADAPTOR_DEFAULTS.metricsPort,
    logLevel: verbose ? 'debug' : 'info',
  };
}

async function namespaceOf(env: NodeJS.ProcessEnv): Promise<string> {
  const named = env.SKUPPER_NAMESPACE ?? env.NAMESPACE;
  if (named) return named;
  try {
    return (await readFile(NAMESPACE_FILE, 'utf8')).trim();
  } catch (cause) {
    throw new UsageError('It is not known which namespace this is', { cause, next: 'Give --namespace' });
  }
}
