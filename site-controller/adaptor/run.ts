/** Runs an adaptor, or its preparation, in this process: wiring of client, cluster, health and metrics. */
import { systemClock } from '../../lib/clock.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { createLogger } from '../../lib/log.ts';
import { formatOf, METRICS_TYPE } from '../../lib/openmetrics.ts';
import { systemRandom } from '../../lib/random.ts';
import { seenProcess } from '../../lib/seen-process.ts';
import { Adaptor } from './adaptor.ts';
import { servePage } from './http.ts';
import { initRouter } from './init.ts';
import { KubeCluster } from './kube-cluster.ts';
import { renderMetrics } from './metrics.ts';
import type { AdaptorOptions } from './options.ts';

const USER_AGENT = 'skuprt-kube-adaptor';

/** Runs until `signal` aborts. @throws SkuprtError when it cannot start */
export async function runAdaptor(options: AdaptorOptions, signal: AbortSignal): Promise<void> {
  const seen = await seenProcess('kube-adaptor', options.logLevel, { 'service.instance.id': options.pod });
  const { log } = seen;
  const client = await connect(options);
  try {
    const base = { clock: systemClock, random: systemRandom, log };
    const cluster = new KubeCluster({ client, ...options, ...base });
    const adaptor = new Adaptor({ options, cluster, ...base, tracer: seen.tracer });
    const health = () => {
      const problem = adaptor.problem();
      return problem === undefined ? { status: 200, text: 'OK\n' } : { status: 503, text: `${problem}\n` };
    };
    const { bind: host, healthPort, metricsPort } = options;
    await servePage({ host, port: healthPort, path: '/healthz', render: health }, signal);
    const metrics = (accept: string | undefined) => {
      const format = formatOf(accept);
      return { status: 200, text: renderMetrics(adaptor, format), type: METRICS_TYPE[format] };
    };
    await servePage({ host, port: metricsPort, path: '/metrics', render: metrics }, signal);
    log.info({ namespace: options.namespace, configMap: options.configMap, pod: options.pod }, 'adaptor started');
    await adaptor.run(signal);
  } finally {
    client.close();
    await seen.stop();
  }
}

/** Writes the router's first configuration. @throws AdaptorInitError when it does not come in time */
export async function runAdaptorInit(options: AdaptorOptions, signal: AbortSignal): Promise<void> {
  const log = createLogger({ name: 'kube-adaptor', level: options.logLevel });
  const client = await connect(options);
  try {
    const base = { clock: systemClock, random: systemRandom, log };
    await initRouter({ options, cluster: new KubeCluster({ client, ...options, ...base }), ...base }, signal);
  } finally {
    client.close();
  }
}

/** In a pod nothing is loaded that only kubeconfigs need. */
async function connect({ kubeconfig, context }: AdaptorOptions): Promise<KubeClient> {
  const { env } = process;
  const isPod = kubeconfig === undefined && context === undefined && env.KUBERNETES_SERVICE_HOST !== undefined;
  if (!isPod) {
    const { connectCluster } = await import('../../lib/kube/config.ts');
    const cluster = await connectCluster({ kubeconfig, context, env, userAgent: USER_AGENT });
    return cluster.client;
  }
  const { InCluster } = await import('../../lib/kube/in-cluster.ts');
  const { HttpTransport } = await import('../../lib/kube/transport.ts');
  const { KubeClient } = await import('../../lib/kube/client.ts');
  const transport = new HttpTransport(new InCluster(env, () => systemClock.now()));
  return new KubeClient({ transport, clock: systemClock, random: systemRandom, userAgent: USER_AGENT });
}
