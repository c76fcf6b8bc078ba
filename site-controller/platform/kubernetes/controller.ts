/**
 * The controller of a cluster, or of one namespace: reflectors feed a cache, the cache says which namespaces changed, a queue looks at
 * each of them. One replica leads and writes; the others keep their caches warm, and redeem tokens, for which any will do.
 */
import { traceNews } from '../../../config/trace-annotation.ts';
import type { Clock } from '../../../lib/clock.ts';
import { AssertionError } from '../../../lib/errors.ts';
import { Applier, type OnWrite } from '../../../lib/kube/apply.ts';
import type { KubeClient } from '../../../lib/kube/client.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { type QueueObserver, WorkQueue } from '../../../lib/kube/queue.ts';
import { Reflector } from '../../../lib/kube/reflector.ts';
import type { Logger } from '../../../lib/log.ts';
import type { Random } from '../../../lib/random.ts';
import { NO_TRACER, type Tracer } from '../../../lib/trace/tracer.ts';
import { Wakeup } from '../../../lib/wakeup.ts';
import { LinkRenewals } from '../../grants/link-renewals.ts';
import type { Observed } from '../../reconcile/observed.ts';
import type { ControllerSettings } from '../../reconcile/settings.ts';
import { RehearsalBook } from '../../rehearsal-book.ts';
import { CertificateService } from './certificate-service.ts';
import { CLUSTER_SCOPE, ClusterCache } from './cluster-cache.ts';
import { ClusterPolicies } from './cluster-policies.ts';
import { GrantService } from './grant-service.ts';
import { FIELD_MANAGER, KubeWrites } from './kube-writes.ts';
import { NamespacePass } from './namespace-pass.ts';
import type { EventWant } from './status-events.ts';
import { TokenService } from './token-service.ts';
import type { WatchedKind } from './watched.ts';
import { WorkloadBook } from './workload-book.ts';

const WORKERS = 8;
const RETRY_MS = 1000;
/** An API server that was away should not be waited for long. */
const RETRY_MAX_MS = 10_000;

export interface ControllerParts {
  client: KubeClient;
  settings: ControllerSettings;
  /** See `watchedOn`. */
  watched: readonly WatchedKind[];
  version: string;
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

export class Controller {
  readonly reflectors: ReadonlyMap<string, Reflector>;
  readonly grants: GrantService;
  readonly queue: WorkQueue;
  /** Of the namespaces that it looks at while it leads. */
  readonly rehearsals: RehearsalBook;
  private readonly parts: ControllerParts;
  private readonly cache: ClusterCache;
  private readonly applier: Applier;
  private readonly pass: NamespacePass;
  private readonly certificates: CertificateService;
  private readonly tokens: TokenService;
  private readonly renewals: LinkRenewals;
  private readonly workloads: WorkloadBook;
  private readonly clusterPolicies: ClusterPolicies;
  /** The controller's own namespace changed. */
  private readonly ownDirty = new Wakeup();
  /** Aborted when this replica leads no longer; undefined while it does not. */
  private leading: AbortSignal | undefined;

  constructor(parts: ControllerParts) {
    const { client, settings, watched, version, clock, random, log, tracer, onEvent, queueObserver } = parts;
    this.parts = parts;
    this.reflectors = new Map(watched.map((kind) => [kind.kind, this.reflector(kind)]));
    const onDirty = (name: string) => this.dirty(name);
    this.cache = new ClusterCache({ settings, sources: this.reflectors, onDirty });
    const pods = () => this.reflectors.get('Pod')!.list();
    this.workloads = new WorkloadBook({ pods, clock, onDirty });
    this.applier = new Applier({
      client,
      fieldManager: FIELD_MANAGER,
      clock,
      live: ({ kind }, namespace, name) => this.reflectors.get(kind)?.get(namespace, name),
      onWrite: parts.onWrite,
    });
    const writes = new KubeWrites({ client, settings, applier: this.applier, clock, watched, tracer });
    this.clusterPolicies = new ClusterPolicies({ settings, policies: this.cache.policies, writes, clock, onEvent });
    this.certificates = new CertificateService({
      keep: writes.keep,
      remove: (namespace, name) => writes.remove('Secret', namespace, name),
      log,
      onEvent,
    });
    this.tokens = new TokenService({ api: writes, clock, random, log, tracer, onEvent, onDone: onDirty });
    this.renewals = new LinkRenewals({
      keep: (namespace, secret) =>
        writes.keep({ ...secret, metadata: { ...secret.metadata, namespace } } as unknown as KubeObject),
      clock,
      random,
      log,
      tracer,
      onRenewed: (namespace, link) => {
        if (link !== undefined)
          onEvent({ about: link, type: 'Normal', reason: 'Renewed', message: 'Certificate renewed' });
        this.dirty(namespace);
      },
      onFailed: (namespace, link, message) => {
        if (link !== undefined) onEvent({ about: link, type: 'Warning', reason: 'RenewalFailed', message });
        this.dirty(namespace);
      },
    });
    this.grants = new GrantService({
      settings,
      api: writes,
      find: (uid) => this.cache.findGrant(uid),
      namespaceOf: (siteId) => this.cache.namespaceOfSite(siteId),
      observe: (namespace) => this.observe(namespace),
      clock,
      log,
      onEvent,
      onRedeemed: (namespace) => this.dirty(namespace),
      onServed: () => this.markGranting(),
      tracer,
    });
    this.rehearsals = new RehearsalBook(log);
    this.pass = new NamespacePass({
      cache: this.cache,
      writes,
      services: {
        issueCertificates: (observed) => this.certificates.issue(observed),
        grantUrls: () => this.grants.urls,
        outcomeInputs: (namespace) => ({
          newCode: () => this.grants.newCode(),
          redemptions: (uid) => this.grants.redemptions(uid),
          grantServerCa: this.grants.ca,
          attempts: this.tokens.attempts(namespace),
        }),
        redeemTokens: (observed, site) => this.tokens.start(observed, site, this.leading!),
        renewLinks: (observed) => this.renewals.start(observed, this.leading!),
        removeEndedGrants: (observed) =>
          this.grants.removeEnded(observed, (name) => writes.remove('AccessGrant', observed.namespace, name)),
      },
      version,
      clock,
      onEvent,
      workloads: this.workloads,
      rehearsals: this.rehearsals,
    });
    this.queue = new WorkQueue(
      { run: (key) => this.look(key), clock, random, log, observer: queueObserver },
      { workers: WORKERS, retryMaxMs: RETRY_MAX_MS },
    );
  }

  /** Everything was seen once. */
  get isSynced(): boolean {
    return [...this.reflectors.values()].every(({ isSynced }) => isSynced);
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const watching = [...this.reflectors.values()].map((reflector) => reflector.run(signal));
    const synced = Promise.all([...this.reflectors.values()].map((reflector) => reflector.synced));
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([synced, stopped]);
    if (!signal.aborted) {
      this.parts.log.info({ namespaces: this.cache.namespaces().size }, 'cluster seen');
      await Promise.all([this.serveGrants(signal), this.parts.elect((leading) => this.lead(leading), signal)]);
    }
    await Promise.all(watching);
    await this.grants.stop();
  }

  private async lead(signal: AbortSignal): Promise<void> {
    this.leading = signal;
    this.parts.log.info('leading');
    try {
      // Begun first: a queue whose last term is over takes nothing.
      const working = this.queue.run(signal);
      for (const namespace of this.cache.namespaces()) this.queue.add(namespace);
      this.queue.add(this.parts.settings.namespace);
      this.dirty(CLUSTER_SCOPE);
      await working;
      await Promise.all([this.tokens.idle(), this.renewals.idle()]);
    } finally {
      this.leading = undefined;
      this.rehearsals.clear();
    }
  }

  private reflector(watched: WatchedKind): Reflector {
    const { kind, apiVersion, plural, namespaced, fieldSelector, transform, isOptional } = watched;
    const { client, clock, random, log, settings, tracer = NO_TRACER } = this.parts;
    return new Reflector(
      { client, clock, random, log },
      {
        type: { kind, apiVersion, plural, namespaced },
        namespace: settings.watchNamespace,
        fieldSelector,
        isOptional,
        transform,
        onChange: (before, after) => {
          if (after === undefined) this.forget(kind, before!);
          // A ConfigMap was written here.
          const trace = kind === 'ConfigMap' ? undefined : traceNews(before, after);
          tracer.following(trace, () => this.cache.changed(kind, before, after));
          if (kind === 'Pod') this.workloads.changed(before, after);
        },
      },
    );
  }

  /** What was written of it is not there any more, though nothing else of it was seen. */
  private forget(kind: string, { metadata: { namespace = '', name } }: KubeObject): void {
    this.applier.forget(kind, namespace, name);
    if (kind === 'Secret') this.certificates.forgetSecret(namespace, name);
  }

  private dirty(namespace: string): void {
    const isOwn = namespace === this.parts.settings.namespace;
    if (isOwn) this.ownDirty.notify();
    if (this.leading === undefined) return;
    const isConcern = namespace === CLUSTER_SCOPE ? this.clusterPolicies.isConcern : this.cache.isConcern(namespace);
    if (isOwn || isConcern) this.queue.add(namespace);
  }

  /** In milliseconds from now. */
  private async look(namespace: string): Promise<number> {
    const { clock, settings } = this.parts;
    if (namespace === CLUSTER_SCOPE) return await this.clusterPolicies.run();
    if (namespace !== settings.namespace && !this.cache.isConcern(namespace)) {
      this.pass.forget(namespace);
      this.certificates.forget(namespace);
      return Infinity;
    }
    const at = await this.pass.run(namespace);
    return Math.max(0, at - clock.wall());
  }

  private observe(namespace: string): Observed {
    return this.pass.observe(namespace);
  }

  /** Where and by which certificate tokens are redeemed is in the status of every grant. */
  private markGranting(): void {
    for (const { metadata } of this.reflectors.get('AccessGrant')!.list()) this.dirty(metadata.namespace ?? '');
  }

  private async serveGrants(signal: AbortSignal): Promise<void> {
    const { settings, log } = this.parts;
    while (!signal.aborted) {
      let waitMs = Infinity;
      try {
        await this.grants.ensure(this.observe(settings.namespace));
      } catch (err) {
        if (err instanceof AssertionError) throw err;
        log.error({ err }, 'redemption of tokens not served');
        waitMs = RETRY_MS;
      }
      await this.ownDirty.wait(waitMs, signal);
    }
  }
}
