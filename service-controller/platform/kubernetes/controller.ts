/**
 * The service-controller of a cluster: reflectors feed a cache, the cache and the exchange say which services changed, a queue looks at
 * each. One replica leads: it speaks for the cluster and writes; the others listen and keep their caches warm.
 */
import { traceNews } from '../../../config/trace-annotation.ts';
import type { Clock } from '../../../lib/clock.ts';
import { Applier, type OnWrite } from '../../../lib/kube/apply.ts';
import type { KubeClient } from '../../../lib/kube/client.ts';
import { type QueueObserver, WorkQueue } from '../../../lib/kube/queue.ts';
import { Reflector } from '../../../lib/kube/reflector.ts';
import type { Logger } from '../../../lib/log.ts';
import type { Random } from '../../../lib/random.ts';
import { NO_TRACER, type Tracer } from '../../../lib/trace/tracer.ts';
import { MANAGER } from '../../names.ts';
import { type ExplainedService, explainObserved } from '../../reconcile/explain.ts';
import type { EventWant, Observed } from '../../reconcile/observed.ts';
import { Mesh, type OpenSession } from '../mesh.ts';
import { EXTERNAL_KEY, ExternalNames } from './external-names.ts';
import { publicProperties } from './identity.ts';
import { KubeWrites, type KubeWritesParts } from './kube-writes.ts';
import { isClusterLeaving } from './leaving.ts';
import { Naming } from './naming.ts';
import { ServiceCache } from './service-cache.ts';
import { ServicePass } from './service-pass.ts';
import type { ServiceSettings } from './settings.ts';
import { isOurs } from './trim.ts';
import { type SourceName, type Watched, watchedFor } from './watched.ts';

const WORKERS = 16;
/**
 * Of the Lease. Another replica has to speak before the lease in the exchange ends, which is 15 s from the last of heartbeats that are 5 s
 * apart: so that a controller that dies is not noticed elsewhere.
 */
export const LEADER_TIMES = { leaseDurationMs: 7000, renewDeadlineMs: 5000, retryPeriodMs: 1500 } as const;
/** An API server that was away should not be waited for long. */
const RETRY_MAX_MS = 10_000;

export interface ServiceControllerParts {
  client: KubeClient;
  settings: ServiceSettings;
  version: string;
  open: OpenSession;
  clock: Clock;
  random: Random;
  log: Logger;
  onEvent: (event: EventWant) => void;
  onWrite?: OnWrite;
  queueObserver?: QueueObserver;
  tracer?: Tracer;
  /** Runs `lead` while this replica is the one to write; resolves when `signal` aborts. */
  elect: (lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal) => Promise<void>;
}

export class ServiceController {
  readonly reflectors: ReadonlyMap<SourceName, Reflector>;
  readonly mesh: Mesh;
  readonly queue: WorkQueue;
  private readonly parts: ServiceControllerParts;
  private readonly cache: ServiceCache;
  private readonly applier: Applier;
  private readonly naming: Naming;
  private readonly pass: ServicePass;
  private readonly external: ExternalNames;
  private readonly startedAt: number;
  private isLeading = false;

  constructor(parts: ServiceControllerParts) {
    const { settings, clock, random, log, tracer, onEvent, queueObserver } = parts;
    this.parts = parts;
    this.startedAt = clock.wall();
    this.reflectors = new Map(watchedFor(settings).map((watched) => [watched.name, this.reflector(watched)]));
    this.cache = new ServiceCache({
      settings,
      sources: this.reflectors,
      onDirty: (key) => this.dirty(key),
      onAllDirty: () => this.allDirty(),
      onNamespace: (namespace) => this.dirtied(this.mesh.remoteKeys(namespace)),
      onExternal: () => this.externalDirty(),
      onIdentity: () => this.identityChanged(),
    });
    this.mesh = new Mesh({
      open: parts.open,
      clock,
      onServices: (keys) => this.dirtied(keys),
      onClusters: () => this.allDirty(),
      onIngresses: () => this.externalDirty(),
      tracer,
    });
    this.applier = new Applier({
      client: parts.client,
      fieldManager: MANAGER,
      clock,
      live: ({ kind }, namespace, name) => this.reflectors.get(kind as SourceName)?.get(namespace, name),
      onWrite: parts.onWrite,
    });
    const writes = new KubeWrites({ ...parts, applier: this.applier } satisfies KubeWritesParts);
    this.naming = new Naming({
      settings,
      cache: this.cache,
      mesh: this.mesh,
      open: parts.open,
      clock,
      log,
      makeProperty: (name, value) => writes.makeProperty(name, value),
      isLeading: () => this.isLeading,
      onChange: () => this.joined(),
      onEvent,
    });
    this.pass = new ServicePass({
      observe: (key) => this.observe(key),
      writes,
      clock,
      onRecord: (key, record) => {
        if (this.mesh.setRecord(key, record)) this.externalDirty();
      },
      onEvent,
    });
    this.external = new ExternalNames({ settings, cache: this.cache, mesh: this.mesh, writes, log, onEvent });
    this.queue = new WorkQueue(
      { run: (key) => this.look(key), clock, random, log, observer: queueObserver },
      { workers: WORKERS, retryMaxMs: RETRY_MAX_MS },
    );
  }

  /** Of the Site that carries the services. */
  get carrierNamespace(): string | undefined {
    return this.cache.carrier.choice.site?.metadata.namespace;
  }

  /** Everything was seen once. */
  get isSynced(): boolean {
    return this.unsynced().length === 0;
  }

  /** Why a service is here what it is; undefined when nothing is known of it. By `serviceKey`. */
  explain(key: string): ExplainedService | undefined {
    if (!this.isSynced || (!this.cache.isConcern(key) && !this.mesh.hasRemote(key))) return undefined;
    const { router, routerAddresses } = this.parts.settings;
    const explained = explainObserved(this.observe(key), this.parts.clock.wall());
    if (router === undefined || routerAddresses.length === 0) return explained;
    // The addresses in slices are for show there.
    const shown = new Set(routerAddresses.map(({ address }) => address));
    const targets = explained.targets.map((target) =>
      shown.has(target.host) ? { ...target, host: router.host } : target,
    );
    return { ...explained, targets };
  }

  /** Kinds of which not all was seen. */
  unsynced(): SourceName[] {
    return [...this.reflectors].filter(([, { isSynced }]) => !isSynced).map(([name]) => name);
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const watching = [...this.reflectors.values()].map((reflector) => reflector.run(signal));
    const synced = Promise.all([...this.reflectors.values()].map((reflector) => reflector.synced));
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([synced, stopped]);
    if (!signal.aborted) {
      this.parts.log.info({ services: this.cache.keys().size }, 'cluster seen');
      this.identityChanged();
      await Promise.all([this.naming.run(signal), this.parts.elect((leading) => this.lead(leading), signal)]);
    }
    await Promise.all(watching);
    await this.end();
  }

  private async lead(signal: AbortSignal): Promise<void> {
    this.isLeading = true;
    try {
      // Begun first: a queue whose last term is over takes nothing.
      const working = this.queue.run(signal);
      this.naming.look();
      this.joined();
      await working;
    } finally {
      // What this process said last stays said: another one that leads is heard, and none may come while the API server is away.
      this.isLeading = false;
    }
  }

  /** Good-bye is said when the cluster goes, and not when a replica does. */
  private async end(): Promise<void> {
    const { client, settings } = this.parts;
    if (this.mesh.isSpeaking && (settings.leaveOnStop || (await isClusterLeaving(client, settings.namespace))))
      this.mesh.leave();
    else this.mesh.stop();
  }

  private reflector({ name, type, transform, ...options }: Watched): Reflector {
    const { client, clock, random, log, tracer = NO_TRACER } = this.parts;
    return new Reflector(
      { client, clock, random, log },
      {
        ...options,
        type,
        transform,
        onChange: (before, after) => {
          if (after === undefined) this.applier.forget(type.kind, before?.metadata.namespace, before!.metadata.name);
          // What was written here is no news.
          const trace = isOurs(after ?? before!) ? undefined : traceNews(before, after);
          tracer.following(trace, () => this.cache.changed(name, before, after));
        },
      },
    );
  }

  private identityChanged(): void {
    this.mesh.setInfo({ properties: publicProperties(this.cache.properties().values()), version: this.parts.version });
    this.naming.look();
  }

  /** Under another identity, or as the one to speak: everything is said in one word, so that nothing is taken back in between. */
  private joined(): void {
    if (!this.isLeading) return;
    if (this.mesh.identity !== undefined) {
      const keys = this.cache.exportedKeys();
      for (const key of keys) this.mesh.setRecord(key, this.pass.recordOf(key));
      this.mesh.keepRecords(new Set(keys));
      this.external.tell();
      this.mesh.speak();
    }
    this.allDirty();
  }

  private allDirty(): void {
    this.dirtied(this.cache.keys());
    this.dirtied(this.mesh.remoteKeys());
  }

  private dirtied(keys: Iterable<string>): void {
    for (const key of keys) this.dirty(key);
    this.externalDirty();
  }

  private externalDirty(): void {
    if (this.external.isConcern) this.dirty(EXTERNAL_KEY);
  }

  private dirty(key: string): void {
    if (this.isLeading) this.queue.add(key);
  }

  private observe(key: string): Observed {
    const { identity } = this.mesh;
    const { isSettled, hasWaited, clusters, heard } = this.mesh.view;
    const { clusterId = '', clusterSet = '' } = identity ?? {};
    const view = { clusterId, clusterSet, isSettled, hasWaited, clusters, heard };
    const observed = this.cache.observe(key, view, this.startedAt);
    // Without an identity there is nobody to carry for, whatever Sites there are.
    return identity === undefined ? { ...observed, carrier: undefined, carrierFault: this.naming.fault } : observed;
  }

  /** In milliseconds from now. */
  private async look(key: string): Promise<number> {
    const { clock } = this.parts;
    if (key === EXTERNAL_KEY) return this.external.run();
    if (!this.cache.isConcern(key) && !this.mesh.hasRemote(key)) {
      if (this.mesh.setRecord(key, undefined)) this.externalDirty();
      this.pass.forget(key);
      this.queue.forget(key);
      return Infinity;
    }
    if (this.mesh.identity === undefined) {
      await this.pass.explain(key);
      return Infinity;
    }
    const at = await this.pass.run(key);
    return Math.max(0, at - clock.wall());
  }
}
