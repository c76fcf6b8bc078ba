/** The service-controller of a cluster as a process: wires client, election, events, metrics, router and the controller. */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../../lib/clock.ts';
import { connectCluster } from '../../../lib/kube/config.ts';
import { EventRecorder } from '../../../lib/kube/events.ts';
import { LeaderElection } from '../../../lib/kube/leader.ts';
import type { LogLevel } from '../../../lib/log.ts';
import { ControllerMetrics } from '../../../lib/metrics.ts';
import { MetricsServer } from '../../../lib/metrics-server.ts';
import { systemRandom } from '../../../lib/random.ts';
import { seenProcess } from '../../../lib/seen-process.ts';
import { readVersion } from '../../../lib/version.ts';
import { LEASE_ADDRESS, MANAGER } from '../../names.ts';
import { tellOf } from '../tell.ts';
import { LEADER_TIMES, ServiceController } from './controller.ts';
import { exchangeMetrics } from './metrics.ts';
import { RouterSessions } from './router-sessions.ts';
import type { ServiceSettings } from './settings.ts';

export interface ServiceControllerOptions {
  settings: ServiceSettings;
  kubeconfig?: string;
  context?: string;
  /** Several replicas: one of them leads. */
  leaderElect: boolean;
  /** Of /metrics, /healthz and /readyz; 0 takes a free one. */
  metricsPort: number;
  logLevel: LogLevel;
}

const PROCESS = 'service-controller';

/** Until `signal` aborts. @throws KubeconfigError, ContextUnknownError, TraceSettingsError */
export async function runServiceController(options: ServiceControllerOptions, signal: AbortSignal): Promise<void> {
  const { settings, kubeconfig, context, leaderElect, metricsPort, logLevel } = options;
  const version = readVersion();
  const seen = await seenProcess(PROCESS, logLevel, { 'service.instance.id': settings.pod || 'local' });
  const { log, tracer } = seen;
  const base = { clock: systemClock, random: systemRandom, log };
  const metrics = new ControllerMetrics({ process: PROCESS, version, tracer });
  const connection = { kubeconfig, context, env: process.env, userAgent: MANAGER, observer: metrics.api };
  const { client, server } = await connectCluster(connection);
  const instance = settings.pod || randomUUID();
  const onDropped = () => metrics.eventDropped();
  const events = new EventRecorder({ client, ...base, component: MANAGER, instance, onDropped });
  // Of a process without a pod, where nobody else knows where it listens.
  let address: string | undefined;
  const annotations = (): Record<string, string> => (address === undefined ? {} : { [LEASE_ADDRESS]: address });
  const lease = { namespace: settings.namespace, name: MANAGER, identity: instance, annotations, ...LEADER_TIMES };
  const election = new LeaderElection({ client, ...base }, lease);
  const sessions = new RouterSessions({ client, settings, ...base, carrier: () => controller.carrierNamespace });
  const controller: ServiceController = new ServiceController({
    ...base,
    client,
    settings,
    version,
    open: sessions.open,
    onEvent: (event) => events.record(event),
    onWrite: (verb, kind, object) => {
      metrics.written(verb, kind);
      log.debug({ verb, kind, ...object }, 'written');
    },
    queueObserver: metrics.queue,
    tracer,
    elect: async (lead, until) => {
      const told = async (leading: AbortSignal) => {
        metrics.leads(true);
        await lead(leading).finally(() => metrics.leads(false));
      };
      await (leaderElect ? election.run(until, told) : told(until));
    },
  });
  watchMetrics(metrics, controller);
  exchangeMetrics(metrics.registry, {
    clusters: () => controller.mesh.clusters,
    ownCount: () => controller.mesh.own.services.size,
    refusedClaimCount: () => sessions.refusedClaimCount,
    counts: () => {
      sessions.refresh();
      return sessions.counts;
    },
  });
  const probes = new MetricsServer({
    metrics: (format) => metrics.render(format),
    logLevel: seen.levels,
    notReady: () => notReady(controller),
    tell: (path, query) => tellOf(path, query, (key) => controller.explain(key)),
  });
  log.info({ server, version }, 'service-controller started');
  try {
    const port = await probes.start({ port: metricsPort });
    if (settings.pod === '') address = `http://127.0.0.1:${port}`;
    await controller.run(signal);
  } finally {
    await sessions.stop();
    await probes.stop();
    await events.stop();
    client.close();
    log.info('service-controller stopped');
    await seen.stop();
  }
}

function watchMetrics(metrics: ControllerMetrics, { reflectors }: ServiceController): void {
  for (const [kind, reflector] of reflectors) {
    metrics.watch({
      kind,
      lastEventAgeMs: () => reflector.lastEventAgeMs(),
      get size() {
        return reflector.size;
      },
    });
  }
}

function notReady(controller: ServiceController): string | undefined {
  const kinds = controller.unsynced();
  return kinds.length === 0 ? undefined : `not seen yet, or no such kind in the cluster: ${kinds.join(', ')}`;
}
