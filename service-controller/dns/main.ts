/** The DNS server as a process: wires zones, where their data comes from, sockets and metrics, and runs until told to stop. */
import { once } from 'node:events';
import { systemClock } from '../../lib/clock.ts';
import { pause } from '../../lib/kube/abort.ts';
import { connectCluster } from '../../lib/kube/config.ts';
import type { Logger, LogLevel } from '../../lib/log.ts';
import { ControllerMetrics } from '../../lib/metrics.ts';
import { MetricsServer } from '../../lib/metrics-server.ts';
import { joinMetrics } from '../../lib/openmetrics.ts';
import { SeededRandom, systemRandom } from '../../lib/random.ts';
import { seenProcess } from '../../lib/seen-process.ts';
import { readVersion } from '../../lib/version.ts';
import { ExternalZone } from './external-zone.ts';
import { Responder } from './responder.ts';
import { DnsServer, type ListenAddress } from './server.ts';
import { ServiceData } from './service-data.ts';
import { ServiceZone } from './service-zone.ts';
import { KubernetesSource } from './source-kubernetes.ts';
import { LocalSource, type LocalSourceParts } from './source-local.ts';

export type LocalPlaces = Pick<LocalSourceParts, 'namespacesDirectory' | 'resourcesOf' | 'watch'>;

export interface DnsOptions {
  listen: readonly ListenAddress[];
  zones: readonly { origin: string; hasShortNames: boolean }[];
  /** External domains, answered from the DNSEndpoints of the cluster. */
  domains: readonly string[];
  /** Of `ns.dns.<zone>`. */
  nameServerAddresses: readonly string[];
  /** How long it goes on answering when it is told to stop: others learn of that a moment later. */
  lameDuckMs: number;
  /** Undefined serves none; 0 takes a free one. */
  metricsPort: number | undefined;
  logLevel: LogLevel;
  /** Local sites, or a cluster. */
  source: { local: LocalPlaces } | { kubeconfig?: string; context?: string };
  /** Told where it listens, once it does. */
  onListening?: (addresses: readonly ListenAddress[]) => void;
}

interface Source {
  readonly isSynced: boolean;
  run(signal: AbortSignal): Promise<void>;
}

/** Until `signal` aborts. @throws DnsListenError, MetricsServerListenError, KubeconfigError, ContextUnknownError, TraceSettingsError */
export async function runDnsServer(options: DnsOptions, signal: AbortSignal): Promise<void> {
  const { zones, domains, nameServerAddresses, metricsPort } = options;
  const seen = await seenProcess('dns', options.logLevel);
  const { log, tracer } = seen;
  const now = systemClock.wall();
  const metrics = new ControllerMetrics({ process: 'dns', version: readVersion(), tracer });
  const data = new ServiceData(now);
  const externalZones = domains.map((origin) => new ExternalZone(origin, now));
  const { source, close } = await openSource(options, { data, externalZones, metrics, log });
  const responder = new Responder({
    zones: [...zones.map((zone) => new ServiceZone(data, { ...zone, nameServerAddresses })), ...externalZones],
    random: new SeededRandom(Math.floor(systemRandom.next() * 2 ** 32)),
    isReady: () => source.isSynced,
  });
  const server = new DnsServer({ responder, clock: systemClock, log });
  const probes = new MetricsServer({
    metrics: async (format) => joinMetrics([await metrics.render(format), server.metrics.render(format)], format),
    logLevel: seen.levels,
    notReady: () => (signal.aborted ? 'stopping' : source.isSynced ? undefined : 'the services were not seen yet'),
  });
  const stopping = new AbortController();
  const running = source.run(stopping.signal);
  // Told where it is waited for.
  running.catch(() => undefined);
  try {
    const addresses = await server.start(options.listen);
    if (metricsPort !== undefined) await probes.start({ port: metricsPort });
    log.info({ addresses, zones: zones.map(({ origin }) => origin), domains }, 'dns server started');
    options.onListening?.(addresses);
    await Promise.race([running, told(signal)]);
    await pause(options.lameDuckMs, stopping.signal);
  } finally {
    stopping.abort();
    await server.stop();
    await probes.stop();
    await running.catch(() => undefined);
    close();
    log.info('dns server stopped');
    await seen.stop();
  }
}

async function told(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

interface SourceParts {
  data: ServiceData;
  externalZones: readonly ExternalZone[];
  metrics: ControllerMetrics;
  log: Logger;
}

async function openSource(
  { source }: DnsOptions,
  { data, externalZones, metrics, log }: SourceParts,
): Promise<{ source: Source; close: () => void }> {
  const base = { clock: systemClock, random: systemRandom, log, data };
  if ('local' in source) return { source: new LocalSource({ ...source.local, ...base }), close: () => undefined };
  const { client, server } = await connectCluster({
    ...source,
    env: process.env,
    userAgent: 'skuprt-dns',
    observer: metrics.api,
  });
  log.info({ server }, 'reading from the API server');
  const cluster = new KubernetesSource({ ...base, client, externalZones });
  for (const reflector of cluster.reflectors) {
    metrics.watch({
      kind: reflector.type.kind,
      lastEventAgeMs: () => reflector.lastEventAgeMs(),
      get size() {
        return reflector.size;
      },
    });
  }
  return { source: cluster, close: () => client.close() };
}
