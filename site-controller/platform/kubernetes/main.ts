/** The site-controller of a cluster as a process: wires client, election, events, metrics and the controller, and runs until told to stop. */
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
import type { ControllerSettings } from '../../reconcile/settings.ts';
import { Controller } from './controller.ts';
import { watchedOn } from './watched.ts';

const COMPONENT = 'skuprt-site-controller';
const LEASE_NAME = 'skupper-controller';

export interface ControllerOptions {
  settings: ControllerSettings;
  kubeconfig?: string;
  context?: string;
  /** Several replicas: one of them leads. */
  leaderElect: boolean;
  /** Of /metrics, /healthz and /readyz; 0 takes a free one. */
  metricsPort: number;
  logLevel: LogLevel;
}

/** Until `signal` aborts. @throws KubeconfigError, ContextUnknownError, TraceSettingsError */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { settings, kubeconfig, context, leaderElect, metricsPort, logLevel } = options;
  const seen = await seenProcess('site-controller', logLevel, { 'service.instance.id': settings.pod || 'local' });
  const { log, tracer } = seen;
  const base = { clock: systemClock, random: systemRandom, log };
  const metrics = new ControllerMetrics({ process: 'site-controller', version: readVersion(), tracer });
  const connection = { kubeconfig, context, env: process.env, userAgent: COMPONENT, observer: metrics.api };
  const { client, server } = await connectCluster(connection);
  const instance = settings.pod || randomUUID();
  const onDropped = () => metrics.eventDropped();
  const events = new EventRecorder({ client, ...base, component: COMPONENT, instance, onDropped });
  const { namespace } = settings;
  const election = new LeaderElection({ client, ...base }, { namespace, name: LEASE_NAME, identity: instance });
  const controller = new Controller({
    client,
    ...base,
    settings,
    watched: await watchedOn((apiVersion) => client.kindsOf(apiVersion)),
    version: readVersion(),
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
  for (const [kind, reflector] of controller.reflectors) {
    metrics.watch({
      kind,
      lastEventAgeMs: () => reflector.lastEventAgeMs(),
      get size() {
        return reflector.size;
      },
    });
  }
  metrics.rehearses(() => controller.rehearsals.counts());
  const probes = new MetricsServer({
    metrics: (format) => metrics.render(format),
    logLevel: seen.levels,
    notReady: () => (controller.isSynced ? undefined : 'the cluster was not seen yet'),
  });
  log.info({ server, controller: settings.name, version: readVersion() }, 'site-controller started');
  try {
    await probes.start({ port: metricsPort });
    await controller.run(signal);
  } finally {
    await probes.stop();
    await events.stop();
    client.close();
    log.info('site-controller stopped');
    await seen.stop();
  }
}
