/**
 * A cluster that does what plans of one service say: an API server that gives identities, generations and addresses, and a site-controller
 * that gives each listener a port. Whether a router listens is the test's to say. Each pass is: look, plan, write.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { isDeepEqual } from '../../../lib/kube/subset.ts';
import type { EventWant, Observed, RouterView } from '../../../service-controller/reconcile/observed.ts';
import { planService, type ServicePlan } from '../../../service-controller/reconcile/plan.ts';
import type { IpFamily } from '../../../service-controller/records.ts';
import { observed, START } from './observed-service.ts';

type Spec = Record<string, unknown>;

const PASSES_MAX = 8;

export class ServiceWorld {
  now = START;
  /** What the plan sees beside what it made. */
  view: Observed;
  /** Whether routers listen on a tcpListener that has a port. */
  listens: (entity: string) => boolean = () => true;
  /** Families of Services of this cluster. */
  serviceFamilies: readonly IpFamily[];
  events: EventWant[] = [];
  record: ServicePlan['record'];
  readonly objects = new Map<string, KubeObject>();
  /** What was written, in order: `apply Kind/name`, `prune Kind/name`, `status Kind/name`. */
  writes: string[] = [];
  private readonly applied = new Map<string, KubeObject>();
  private readonly ports = new Map<string, number>();
  private serial = 0;

  constructor(view: Observed) {
    this.view = view;
    this.serviceFamilies = view.carrier?.ipFamilies ?? ['IPv4'];
    if (view.import !== undefined) this.objects.set('ServiceImport/shop/web', view.import);
  }

  look(): Observed {
    const all = [...this.objects.values()];
    const ofKind = (...kinds: string[]) => all.filter(({ kind }) => kinds.includes(kind));
    const { carrier } = this.view;
    const listening = new Set([...this.ports.keys()].filter((entity) => this.listens(entity)));
    return {
      ...this.view,
      carrier: carrier && {
        ...carrier,
        ports: new Map(this.ports),
        routers: carrier.routers.map((router): RouterView => ({ ...router, listening })),
      },
      import: this.objects.get('ServiceImport/shop/web'),
      derived: ofKind('Service'),
      madeSlices: ofKind('EndpointSlice'),
      connectors: ofKind('Connector'),
      listeners: ofKind('Listener', 'MultiKeyListener'),
    };
  }

  /** One pass. True when it wrote or said something. */
  pass(): boolean {
    const before = this.writes.length + this.events.length;
    const { apply, prune, statuses, events, record } = planService(this.look(), this.now);
    this.record = record;
    this.events.push(...events);
    for (const object of apply) this.apply(object);
    for (const object of prune) this.prune(object);
    for (const { object, status } of statuses) this.writeStatus(object, status);
    return this.writes.length + this.events.length > before;
  }

  /** Passes until one writes nothing. @throws when there is no end to it */
  rest(): number {
    for (let count = 0; count < PASSES_MAX; count++) if (!this.pass()) return count;
    throw new Error(`no rest after ${PASSES_MAX} passes: ${this.writes.slice(-12).join(', ')}`);
  }

  find(kind: string, name: string): KubeObject | undefined {
    return [...this.objects.values()].find((object) => object.kind === kind && object.metadata.name === name);
  }

  list(kind: string): KubeObject[] {
    return [...this.objects.values()].filter((object) => object.kind === kind);
  }

  get import(): KubeObject | undefined {
    return this.objects.get('ServiceImport/shop/web');
  }

  /** With the official labels, of one source cluster. */
  slicesOf(cluster: string): KubeObject[] {
    return this.list('EndpointSlice').filter(
      ({ metadata }) => metadata.labels?.['multicluster.kubernetes.io/source-cluster'] === cluster,
    );
  }

  /** `address:port` of all ready endpoints that kube-proxy sees for a derived Service, by the name of the port; sorted. */
  targets(port: string, derived = this.derivedName): string[] {
    const found = new Set<string>();
    for (const slice of this.list('EndpointSlice')) {
      if (slice.metadata.labels?.['kubernetes.io/service-name'] !== derived) continue;
      for (const { port: number } of portsOf(slice).filter(({ name }) => name === port)) {
        for (const { addresses, conditions } of endpointsOf(slice)) {
          if (conditions.ready) for (const address of addresses) found.add(`${address}:${number}`);
        }
      }
    }
    return [...found].sort();
  }

  get derivedName(): string {
    return this.import?.metadata.annotations?.['multicluster.kubernetes.io/derived-service'] ?? '';
  }

  routerPort(entity: string): number | undefined {
    return this.ports.get(entity);
  }

  private apply(wanted: KubeObject): void {
    const key = keyOf(wanted);
    const before = this.objects.get(key);
    const last = this.applied.get(key);
    if (before !== undefined && isDeepEqual(last, wanted)) return;
    this.applied.set(key, structuredClone(wanted));
    const { uid = `uid-${++this.serial}`, generation = 0 } = before?.metadata ?? {};
    const isNewSpec = !isDeepEqual(last?.spec, wanted.spec);
    const metadata = { ...structuredClone(wanted.metadata), uid, generation: isNewSpec ? generation + 1 : generation };
    const object = {
      ...structuredClone(wanted),
      metadata,
      ...(before?.status !== undefined && { status: before.status }),
    };
    if (wanted.kind === 'Service') this.giveAddresses(object, before);
    if (wanted.kind === 'Listener' || wanted.kind === 'MultiKeyListener') this.givePort(wanted);
    this.objects.set(key, object);
    this.writes.push(`apply ${wanted.kind}/${wanted.metadata.name}`);
  }

  private prune(object: KubeObject): void {
    const key = keyOf(object);
    if (!this.objects.delete(key)) return;
    this.applied.delete(key);
    this.ports.delete(entityOf(object));
    this.writes.push(`prune ${object.kind}/${object.metadata.name}`);
  }

  private writeStatus(about: KubeObject, status: object): void {
    const isExport = about.kind === 'ServiceExport';
    const live = isExport ? this.view.export : this.objects.get(keyOf(about));
    if (live === undefined || isDeepEqual(live.status, status)) return;
    const written = { ...live, status: structuredClone(status) };
    if (isExport) this.view = { ...this.view, export: written };
    else this.objects.set(keyOf(about), written);
    this.writes.push(`status ${about.kind}/${about.metadata.name}`);
  }

  private giveAddresses(object: KubeObject, before: KubeObject | undefined): void {
    const spec = object.spec as Spec;
    const old = (before?.spec ?? {}) as { ipFamilies?: IpFamily[]; clusterIPs?: string[] };
    const asked = spec.ipFamilies as IpFamily[];
    if (asked.some((family) => !this.serviceFamilies.includes(family)))
      throw new Error('family not configured on this cluster');
    const second = spec.ipFamilyPolicy === 'PreferDualStack' ? this.serviceFamilies : [];
    const ipFamilies = [...new Set([...(old.ipFamilies ?? []), ...asked, ...second])];
    const clusterIPs = ipFamilies.map((family, index) => old.clusterIPs?.[index] ?? this.nextAddress(family));
    object.spec = { ...spec, ipFamilies, clusterIPs, clusterIP: clusterIPs[0] };
  }

  private nextAddress(family: IpFamily): string {
    const serial = ++this.serial;
    return family === 'IPv6' ? `fd00:96::${serial.toString(16)}` : `10.96.${1 + (serial >> 8)}.${serial & 255}`;
  }

  private givePort(object: KubeObject): void {
    const entity = entityOf(object);
    if (!this.ports.has(entity)) this.ports.set(entity, 2_000 + ++this.serial);
  }
}

export interface EndpointView {
  addresses: string[];
  conditions: { ready: boolean; serving: boolean; terminating: boolean };
  hostname?: string;
  zone?: string;
  nodeName?: string;
}

export function endpointsOf(slice: KubeObject): EndpointView[] {
  return slice.endpoints as EndpointView[];
}

export function portsOf(object: KubeObject): { name: string; port: number; protocol: string }[] {
  const { ports } = (object.kind === 'EndpointSlice' ? object : object.spec) as {
    ports: { name: string; port: number; protocol: string }[];
  };
  return ports;
}

export function entityOf({ kind, metadata }: KubeObject): string {
  return kind === 'Listener' ? `listener/${metadata.name}` : `multiAddress/${metadata.name}`;
}

export function keyOf({ kind, metadata }: KubeObject): string {
  return `${kind}/${metadata.namespace}/${metadata.name}`;
}

export function conditionOf(
  object: KubeObject | undefined,
  type: string,
):
  | { status: string; reason: string; message: string; lastTransitionTime: string; observedGeneration: number }
  | undefined {
  const { conditions = [] } = (object?.status ?? {}) as {
    conditions?: {
      type: string;
      status: string;
      reason: string;
      message: string;
      lastTransitionTime: string;
      observedGeneration: number;
    }[];
  };
  return conditions.find((condition) => condition.type === type);
}

/** At rest. */
export function world(parts: Partial<Observed> = {}): ServiceWorld {
  const made = new ServiceWorld(observed(parts));
  made.rest();
  return made;
}

export function specOf(object: KubeObject | undefined): Record<string, unknown> {
  return (object?.spec ?? {}) as Record<string, unknown>;
}

export function clustersOf(object: KubeObject | undefined): string[] {
  const { clusters = [] } = (object?.status ?? {}) as { clusters?: { cluster: string }[] };
  return clusters.map(({ cluster: id }) => id);
}

export function keysOf(object: KubeObject | undefined): string[] {
  const { strategy } = specOf(object) as { strategy: { priority: { routingKeys: string[] } } };
  return strategy.priority.routingKeys;
}

export const key = (id: string, port = 80) => `skuprt.service/${id}/shop/web/${port}`;
export const settingsOf = (object: KubeObject | undefined) => specOf(object).settings as Record<string, string>;
export const listenerOf = (made: ServiceWorld, id: string, port = 80) =>
  made.list('Listener').find(({ spec }) => (spec as { routingKey: string }).routingKey === key(id, port));
export const choiceOf = (made: ServiceWorld, port = 80) =>
  made.list('MultiKeyListener').find(({ spec }) => (spec as { port: number }).port === port);
/** Of the router's tcpListener. */
export const entity = (object: KubeObject | undefined) =>
  `${object?.kind === 'Listener' ? 'listener' : 'multiAddress'}/${object?.metadata.name}`;
