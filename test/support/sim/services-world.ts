/**
 * Clusters in memory, each with two service-controllers that come and go, and a mesh between them: what a simulation of the services of a
 * cluster set plays in. Stands in for what the controllers do not do themselves: cluster addresses, router ports, router reports.
 *
 * Keeps watch over what must hold at every moment, whatever fails, in `faults`.
 */
import { systemClock } from '../../../lib/clock.ts';
import { KubeClient, type ResourceType } from '../../../lib/kube/client.ts';
import { LEASE, LeaderElection } from '../../../lib/kube/leader.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { createLogger } from '../../../lib/log.ts';
import { ControllerMetrics } from '../../../lib/metrics.ts';
import { SeededRandom } from '../../../lib/random.ts';
import type { Tracer } from '../../../lib/trace/tracer.ts';
import { LABEL, MANAGER } from '../../../service-controller/names.ts';
import { LEADER_TIMES, ServiceController } from '../../../service-controller/platform/kubernetes/controller.ts';
import { serviceSettings } from '../../../service-controller/platform/kubernetes/settings.ts';
import { TYPES } from '../../../service-controller/platform/kubernetes/watched.ts';
import type { EventWant } from '../../../service-controller/reconcile/observed.ts';
import { FakeApi, type Faults } from '../kube/fake-api.ts';
import type { Change } from '../kube/fake-store.ts';
import { CuttableTransport } from './cuttable-transport.ts';
import { ServicesBus } from './services-bus.ts';

export type Kind = keyof typeof TYPES;

const log = createLogger({ name: 'test', level: 'silent' });
const HOME = 'skupper';
const FIRST_PORT = 1024;
const LATER_MS = 5;

export interface Life {
  readonly controller: ServiceController;
  /** Holds the Lease. */
  readonly isLeading: boolean;
  kill(): void;
  stop(): void;
  isOver: Promise<void>;
}

export class ServicesWorld {
  readonly bus: ServicesBus;
  readonly clusters: ServicesCluster[];
  readonly faults: string[] = [];

  private siteCount = 0;

  constructor(names: readonly string[], seed: number, faults: Partial<Faults> = {}) {
    this.bus = new ServicesBus(seed);
    this.clusters = names.map((name, index) => new ServicesCluster(this, name, seed * 100 + index, faults));
  }

  nextSite(): number {
    return this.siteCount++;
  }
}

export class ServicesCluster {
  readonly name: string;
  readonly api: FakeApi;
  readonly siteId: string;
  /** Writes of the controllers, in order. */
  readonly written: string[] = [];
  /** The same by verb and kind. */
  readonly wrote: string[] = [];
  /** What the controllers told users, in order. */
  readonly events: EventWant[] = [];
  /** Of the controllers that are started from now on. */
  tracer: Tracer | undefined;
  private readonly world: ServicesWorld;
  private readonly seed: number;
  private readonly lives: Life[] = [];
  private readonly living = new Set<ServiceController>();
  private readonly ports = new Map<string, number>();
  private readonly silent = new Set<string>();
  private isUser = false;
  private addressCount = 0;

  constructor(world: ServicesWorld, name: string, seed: number, faults: Partial<Faults>) {
    this.world = world;
    this.name = name;
    this.seed = seed;
    const types: ResourceType[] = [...Object.values(TYPES), LEASE];
    this.api = new FakeApi({ types, seed, faults });
    this.put('Namespace', undefined, HOME, {});
    // Counted from 1 in each API server; sites of different clusters must not be taken for one.
    for (let count = world.nextSite(); count > 0; count -= 1) this.put('Namespace', undefined, `other-${count}`, {});
    this.siteId = this.put('Site', HOME, name, { spec: {} }).metadata.uid!;
    const status = { podIP: `10.${seed % 200}.0.1`, conditions: [{ type: 'Ready', status: 'True' }] };
    const labels = { 'skupper.io/component': 'router' };
    this.put('Pod', HOME, 'router', { metadata: { labels }, spec: {} });
    this.status('Pod', HOME, 'router', status);
    this.put('ConfigMap', HOME, 'skupper-router', { data: { 'skrouterd.json': '[]' } });
    this.put('ConfigMap', HOME, 'skupper-router-status', { data: {} });
    this.api.store.listen((change) => this.changed(change));
  }

  /** Starts a replica with nothing but what the API server knows. */
  startController(flags: Record<string, string | boolean> = {}): Life {
    const line = new CuttableTransport(this.api.transport());
    const [stopping, killed] = [new AbortController(), new AbortController()];
    const random = new SeededRandom(this.seed * 1000 + this.lives.length);
    const base = { clock: systemClock, random, log };
    const client = new KubeClient({ transport: line, ...base });
    const lease = { namespace: HOME, name: MANAGER, identity: `replica-${this.lives.length}`, ...LEADER_TIMES };
    const election = new LeaderElection({ client, ...base }, lease);
    const controller = new ServiceController({
      ...base,
      client,
      settings: serviceSettings({ namespace: HOME, 'cluster-id': this.name, ...flags }, {}),
      version: '1.2.3',
      open: this.world.bus.opener(killed.signal),
      onWrite: (verb, kind) => this.wrote.push(`${verb} ${kind}`),
      onEvent: (event) => this.events.push(event),
      tracer: this.tracer,
      queueObserver: new ControllerMetrics({ process: MANAGER, version: '1.2.3', tracer: this.tracer }).queue,
      elect: (lead, signal) => election.run(signal, lead),
    });
    const isOver = controller.run(stopping.signal).catch((error: unknown) => {
      this.world.faults.push(`${this.name}: fell: ${error instanceof Error ? error.stack : String(error)}`);
    });
    this.living.add(controller);
    const life: Life = {
      controller,
      get isLeading() {
        return election.isLeader;
      },
      kill: () => {
        this.living.delete(controller);
        line.cut();
        killed.abort();
        stopping.abort();
      },
      stop: () => {
        this.living.delete(controller);
        stopping.abort();
      },
      isOver,
    };
    this.lives.push(life);
    return life;
  }

  /** Replicas that were neither killed nor stopped. */
  get livingCount(): number {
    return this.living.size;
  }

  get leader(): Life | undefined {
    return this.lives.find(({ isLeading }) => isLeading);
  }

  killAll(): void {
    for (const life of this.lives) life.kill();
  }

  async ended(): Promise<void> {
    await Promise.all(this.lives.map(({ isOver }) => isOver));
  }

  /** Made or changed by somebody else than the controllers. */
  put(kind: Kind, namespace: string | undefined, name: string, members: object): KubeObject {
    const type: ResourceType = TYPES[kind];
    const { metadata, ...rest } = members as { metadata?: object };
    const body = { apiVersion: type.apiVersion, kind, metadata: { name, ...metadata }, ...rest } as KubeObject;
    return this.asUser(() => {
      const place = { namespace, name, subresource: undefined };
      if (this.api.store.get(type, place) === undefined) return this.api.store.create(type, body, namespace);
      return this.api.store.merge(type, place, { ...(metadata !== undefined && { metadata }), ...rest });
    });
  }

  status(kind: Kind, namespace: string | undefined, name: string, status: object): void {
    const place = { namespace, name, subresource: 'status' };
    this.asUser(() => this.api.store.merge(TYPES[kind], place, { status }));
  }

  remove(kind: Kind, namespace: string | undefined, name: string): void {
    const place = { namespace, name, subresource: undefined };
    this.asUser(() => {
      if (this.find(kind, namespace, name) !== undefined) this.api.store.remove(TYPES[kind], place);
    });
  }

  find(kind: Kind, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.api.store.get(TYPES[kind], { namespace, name });
  }

  list(kind: Kind, namespace?: string): KubeObject[] {
    return this.api.store.list(TYPES[kind], namespace);
  }

  /** What the controllers made of one kind. */
  made(kind: Kind): KubeObject[] {
    return this.list(kind).filter(({ metadata }) => metadata.labels?.[LABEL.managedBy] === MANAGER);
  }

  private asUser<T>(act: () => T): T {
    const before = this.isUser;
    this.isUser = true;
    try {
      return act();
    } finally {
      this.isUser = before;
    }
  }

  private changed({ type, object }: Change): void {
    const { kind, metadata } = object;
    if (kind === 'Lease') return;
    if (!this.isUser) {
      this.written.push(`${type} ${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
      const isTheirs = metadata.labels?.[LABEL.managedBy] === MANAGER || OWN_KINDS.has(kind);
      if (!isTheirs || (type === 'DELETED' && kind === 'ServiceExport'))
        this.world.faults.push(
          `${this.name}: not ours to write: ${type} ${kind} ${metadata.namespace}/${metadata.name}`,
        );
    }
    // Later, since whoever watches has to hear of this change first.
    if (kind === 'Service' && type === 'ADDED') setTimeout(() => this.giveAddress(object), LATER_MS);
    if (kind === 'Listener' || kind === 'MultiKeyListener') setTimeout(() => this.giveRouterPort(object), LATER_MS);
  }

  /** As an API server does. */
  private giveAddress({ metadata }: KubeObject): void {
    const { namespace, name } = metadata;
    const { clusterIP } = (this.find('Service', namespace, name)?.spec ?? { clusterIP: 'gone' }) as {
      clusterIP?: string;
    };
    if (clusterIP !== undefined) return;
    this.addressCount += 1;
    const ip = `10.96.${Math.floor(this.addressCount / 250)}.${(this.addressCount % 250) + 1}`;
    this.put('Service', namespace, name, { spec: { clusterIP: ip, clusterIPs: [ip], ipFamilies: ['IPv4'] } });
  }

  /** As the site-controller and the adaptor do. */
  private giveRouterPort({ kind, metadata }: KubeObject): void {
    const name = `${kind === 'Listener' ? 'listener' : 'multiAddress'}/${metadata.name}`;
    if (this.find(kind as Kind, metadata.namespace, metadata.name) === undefined) this.ports.delete(name);
    else if (!this.ports.has(name)) this.ports.set(name, FIRST_PORT + this.api.store.version);
    else return;
    this.tellPorts(metadata.namespace);
  }

  /** A router's listener listens no more, or does again. */
  setListening(entity: string, isListening: boolean): void {
    if (isListening) this.silent.delete(entity);
    else this.silent.add(entity);
    this.tellPorts(HOME);
  }

  private tellPorts(namespace: string | undefined): void {
    const entities = [...this.ports].map(([entity, port]) => ['tcpListener', { name: entity, port: String(port) }]);
    this.put('ConfigMap', namespace, 'skupper-router', {
      data: { 'skrouterd.json': JSON.stringify(entities) },
    });
    const listeners = Object.fromEntries(
      [...this.ports.keys()].map((entity) => [
        entity,
        { operStatus: this.silent.has(entity) ? 'down' : 'up', message: '' },
      ]),
    );
    const report = {
      id: 'r',
      routerIds: [],
      connections: [],
      connectors: {},
      listeners,
      tcpConnectors: {},
      consumers: {},
    };
    this.put('ConfigMap', namespace, 'skupper-router-status', { data: { router: JSON.stringify(report) } });
  }
}

/** What the controllers write of others: statuses, an annotation, names of the cluster. */
const OWN_KINDS: ReadonlySet<string> = new Set(['ServiceExport', 'ServiceImport', 'ClusterProperty']);
