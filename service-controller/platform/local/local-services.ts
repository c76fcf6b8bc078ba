/**
 * Services of the cluster set at a local site: the same exchange, merge and plans as in a cluster, over the files of the site. The site's
 * process runs it beside its own work; what it needs of that comes in by `LocalSiteParts`.
 *
 * Level-triggered: each pass looks at everything, and writes what differs. A site that exports nothing listens and says nothing.
 */
import { rm } from 'node:fs/promises';
import { traceNews } from '../../../config/trace-annotation.ts';
import type { Clock } from '../../../lib/clock.ts';
import { AssertionError } from '../../../lib/errors.ts';
import { writeFileAtomic } from '../../../lib/files.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { Logger } from '../../../lib/log.ts';
import { MetricsServer } from '../../../lib/metrics-server.ts';
import type { RouterEndpoint } from '../../../lib/router-client/client.ts';
import type { RouterState } from '../../../lib/router-client/state.ts';
import { NO_TRACER, type Tracer } from '../../../lib/trace/tracer.ts';
import { Wakeup } from '../../../lib/wakeup.ts';
import { TraceNotes } from '../../exchange/traces.ts';
import { CLUSTER_SET_DEFAULT } from '../../names.ts';
import { Mesh } from '../mesh.ts';
import { tellOf } from '../tell.ts';
import { keepMoved, moveTaken } from './adapt.ts';
import { ClusterName } from './cluster-name.ts';
import { isOurs, LocalView } from './local-view.ts';
import { LocalWrites, type SiteKind, type SiteResources } from './local-writes.ts';
import { Loopback } from './loopback.ts';
import { LocalSessions } from './router-session.ts';
import { ServiceFiles, type WantedExports } from './service-files.ts';

/** The Site of the namespace, once it has an identity. */
export interface LocalSite {
  name: string;
  id: string;
  /** Services of others are made reachable here. */
  imports: boolean;
}

/** What the site lends. */
export interface LocalSiteParts {
  namespace: string;
  site: () => Promise<LocalSite | undefined>;
  resources: SiteResources;
  exports: () => Promise<WantedExports>;
  /** What its router says; undefined while that is not known. */
  routerState: () => RouterState | undefined;
  endpoint: () => Promise<RouterEndpoint>;
  /** `look` is to be called after each change of any of these. */
  onChange: (look: () => void) => void;
  paths: {
    /** Directory of the files that are made here. */
    resources: string;
    /** Where `service explain` finds whom to ask. */
    address: string;
    /** Holds the id of the cluster. */
    cluster: string;
  };
  /** The first port that this user may listen on. */
  firstPort: number;
  version: string;
  clock: Clock;
  log: Logger;
  tracer?: Tracer;
}

const SITE_KINDS = ['Connector', 'Listener', 'MultiKeyListener'] as const satisfies SiteKind[];
const RETRY_MS = 1000;
/** A pass at least this often, for what nothing notifies. */
const PASS_INTERVAL_MS = 5000;

export class LocalServices {
  private readonly parts: LocalSiteParts;
  private readonly files: ServiceFiles;
  private readonly name: ClusterName;
  private readonly sessions: LocalSessions;
  private readonly mesh: Mesh;
  private readonly dirty = new Wakeup();
  private readonly tracer: Tracer;
  /** What the next pass follows from, by service. */
  private readonly traces = new TraceNotes();
  private readonly startedAt: number;
  private current: { view: LocalView; loopback: Loopback; siteId: string; writes: LocalWrites } | undefined;

  constructor(parts: LocalSiteParts) {
    const { clock, log, endpoint, namespace, paths, tracer = NO_TRACER } = parts;
    const look = () => this.dirty.notify();
    this.parts = parts;
    this.tracer = tracer;
    this.startedAt = clock.wall();
    this.files = new ServiceFiles({
      directory: paths.resources,
      namespace,
      onNoSpace: (err, file) => log.error({ err, file }, 'disk full, services of the cluster set kept in memory'),
      onExport: (before, after) => {
        const { metadata } = (after ?? before)!;
        this.ledBy(traceNews(before, after), [`${metadata.namespace}/${metadata.name}`]);
      },
    });
    this.name = new ClusterName(paths.cluster);
    this.sessions = new LocalSessions({ endpoint, onChange: look, clock, log });
    const onServices = (keys: ReadonlySet<string>) => {
      this.ledBy(tracer.keptTraceparent, keys);
      look();
    };
    this.mesh = new Mesh({ open: this.sessions.open, clock, onServices, onClusters: look, tracer });
  }

  /** Until `signal` aborts; says good-bye then, and takes the names away: nothing listens any more. */
  async run(signal: AbortSignal): Promise<void> {
    const { parts } = this;
    const server = new MetricsServer({
      metrics: async () => '',
      tell: (path, query) => tellOf(path, query, (key) => this.current?.view.explained(key, parts.clock.wall())),
    });
    try {
      await Promise.all([this.files.load(), this.name.load()]);
      const port = await server.start({ port: 0, host: '127.0.0.1' });
      await writeFileAtomic(parts.paths.address, `http://127.0.0.1:${port}\n`);
      parts.onChange(() => this.dirty.notify());
      await this.passes(signal);
    } finally {
      parts.onChange(() => {});
      this.mesh.leave();
      await this.sessions.stop();
      await server.stop();
      await rm(parts.paths.address, { force: true });
      for (const kind of ['ServiceImport', 'EndpointSlice'])
        for (const object of this.files.list(kind)) await this.files.remove(object);
    }
  }

  private async passes(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.parts;
    while (!signal.aborted) {
      let waitMs = PASS_INTERVAL_MS;
      try {
        const dueAt = await this.pass();
        waitMs = Math.max(0, Math.min(waitMs, dueAt - clock.wall()));
      } catch (err) {
        if (err instanceof AssertionError) throw err;
        log.error({ err }, 'services of the cluster set cannot be brought up to date, trying again');
        waitMs = RETRY_MS;
      }
      await this.dirty.wait(waitMs, signal);
    }
  }

  /** Answers when the next one is due at the latest, in wall-clock milliseconds. */
  private async pass(): Promise<number> {
    const { parts, files, mesh } = this;
    const site = await parts.site();
    if (site === undefined) return await this.withdraw();
    const wanted = await parts.exports();
    await this.takePart(site, wanted.exports.size > 0);
    await files.repair();
    await files.admit(wanted, parts.clock.wall());
    const [connectors, listeners, multiKey] = await this.siteResources();
    const made = [...listeners, ...multiKey].filter(isOurs);
    const { loopback, writes } = this.placesOf(site, made);
    const { isSettled, hasWaited, clusters, heard = new Set<string>(), clusterId = '' } = mesh.view;
    const view = new LocalView({
      clusterId,
      site: { id: site.id, namespace: parts.namespace },
      files,
      connectors,
      listeners: made,
      derived: writes.derived,
      router: parts.routerState(),
      clusters,
      heard,
      isSettled,
      hasWaited,
      startedAt: this.startedAt,
      loopback,
    });
    this.current = { view, loopback, siteId: site.id, writes };
    let dueAt = Infinity;
    const keys = view.keys();
    const traces = this.traces.take();
    for (const key of keys) {
      const attributes = { 'skuprt.key': key };
      const at = await this.tracer.span('reconcile', { attributes, traceparent: traces.get(key) }, () => {
        // Told where it writes something.
        this.tracer.drop();
        return writes.bringUpToDate(view, key, site.imports);
      });
      dueAt = Math.min(dueAt, at);
    }
    mesh.keepRecords(new Set(keys));
    return dueAt;
  }

  private ledBy(trace: string | undefined, keys: Iterable<string>): void {
    if (trace !== undefined) this.traces.add([...keys].map((key) => [key, trace]));
  }

  /** Under which id, and whether to say something: from the first export on. */
  private async takePart(site: LocalSite, hasExports: boolean): Promise<void> {
    const { mesh, name, sessions, parts } = this;
    if (await name.giveWay(site, sessions.claims, mesh.isSpeaking))
      parts.log.warn(
        { clusterId: name.idOf(site) },
        'another site has the id of this cluster, which takes another one',
      );
    mesh.join({ clusterId: name.idOf(site), clusterSet: CLUSTER_SET_DEFAULT, siteId: site.id });
    mesh.setInfo({ properties: {}, version: parts.version });
    // Who comes under an id that nobody knows it by hears first whether somebody has it.
    if (!hasExports || mesh.isSpeaking || !(mesh.view.isSettled || name.isKept(site))) return;
    await name.keep(site);
    mesh.speak();
  }

  private placesOf({ id }: LocalSite, made: readonly KubeObject[]): { loopback: Loopback; writes: LocalWrites } {
    if (this.current?.siteId !== id) {
      const loopback = new Loopback({ siteId: id, firstPort: this.parts.firstPort });
      keepMoved(made, loopback);
      return { loopback, writes: this.writesTo(loopback) };
    }
    const { loopback, writes } = this.current;
    moveTaken(made, loopback);
    return { loopback, writes };
  }

  private writesTo(loopback: Loopback): LocalWrites {
    const { files, mesh, tracer } = this;
    const { resources, clock } = this.parts;
    return new LocalWrites({ files, resources, loopback, mesh, clock, tracer });
  }

  /** The Site is gone: nobody carries anything. */
  private async withdraw(): Promise<number> {
    this.mesh.leave();
    this.current = undefined;
    for (const kind of ['ServiceImport', 'EndpointSlice', 'ServiceExport'])
      for (const object of this.files.list(kind)) await this.files.remove(object);
    for (const objects of await this.siteResources()) {
      for (const { kind, metadata } of objects.filter(isOurs))
        await this.parts.resources.delete(kind as SiteKind, metadata.name);
    }
    return Infinity;
  }

  private async siteResources(): Promise<[KubeObject[], KubeObject[], KubeObject[]]> {
    const lists = await Promise.all(SITE_KINDS.map((kind) => this.parts.resources.list(kind)));
    return lists as [KubeObject[], KubeObject[], KubeObject[]];
  }
}
