/**
 * Several clusters with one service among them, whose plans are carried out: what each says the others hear while they are connected, and
 * a router listens while one of its keys leads to a connector with endpoints. No loss and no delay: what an exchange does is another test's.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { ownExport } from '../../../service-controller/reconcile/serviceexport/own-record.ts';
import type { ClusterView, IpFamily, ServiceRecord } from '../../../service-controller/records.ts';
import {
  carrier,
  cluster,
  DUAL,
  dualCarrier,
  madeExport,
  observed,
  START,
  service,
  silent,
  slice,
} from './observed-service.ts';
import { entityOf, ServiceWorld } from './service-world.ts';

export const VARIANTS = ['plain', 'more ports', 'other number', 'headless', 'headless by address'] as const;
export type Variant = (typeof VARIANTS)[number];

const PORTS: Record<Variant, { name: string; protocol: string; port: number }[]> = {
  plain: [{ name: 'http', protocol: 'TCP', port: 80 }],
  'more ports': [
    { name: 'http', protocol: 'TCP', port: 80 },
    { name: 'admin', protocol: 'TCP', port: 81 },
    { name: 'dns', protocol: 'UDP', port: 53 },
  ],
  'other number': [{ name: 'http', protocol: 'TCP', port: 8080 }],
  headless: [{ name: 'http', protocol: 'TCP', port: 80 }],
  'headless by address': [{ name: 'http', protocol: 'TCP', port: 80 }],
};

interface Heard {
  record: ServiceRecord | undefined;
  at: number;
}

interface MemberFamilies {
  /** Pods have addresses of both families. */
  isDual: boolean;
  serviceFamilies?: readonly IpFamily[];
}

/** One after the other: both; both, but one of Services; one. */
const FAMILIES: readonly MemberFamilies[] = [
  { isDual: true },
  { isDual: true, serviceFamilies: ['IPv4'] },
  { isDual: false },
];

export class Member {
  readonly id: string;
  readonly world: ServiceWorld;
  /** By the mesh; a cluster that left is not connected either. */
  isConnected = true;
  hasLeft = false;
  isSettled = true;
  hasWaited = true;
  startedAt = START;
  variant: Variant = 'plain';
  /** What the cluster was told last of each other one, whatever its controller forgot. */
  readonly told = new Map<string, Heard>();
  /** What its controller knows: what it was told since it began. */
  readonly known = new Map<string, Heard>();
  readonly heard = new Set<string>();
  /** Left, or exported no longer, while this one could not know whether all were heard: after another restart it takes them for silent. */
  readonly doubtful = new Set<string>();

  constructor(id: string, { isDual, serviceFamilies = isDual ? DUAL : ['IPv4'] }: MemberFamilies) {
    this.id = id;
    const router = isDual ? dualCarrier() : carrier();
    this.world = new ServiceWorld(
      observed({ clusterId: id, carrier: { ...router, siteId: `site-${id}` }, startedAt: START }),
    );
    this.world.serviceFamilies = serviceFamilies;
  }

  get isExporting(): boolean {
    return this.world.view.export !== undefined;
  }

  export(variant: Variant, now: number): void {
    if (this.isExporting) return;
    this.variant = variant;
    const made = madeExport();
    const { annotations: _since, ...metadata } = made.metadata;
    const isHeadless = variant.startsWith('headless');
    const ipFamilies = variant === 'headless by address' ? DUAL : ['IPv4'];
    this.world.view = {
      ...this.world.view,
      export: {
        ...made,
        metadata: { ...metadata, uid: `uid-${this.id}-${now}`, creationTimestamp: new Date(now).toISOString() },
      },
      service: service({
        ports: PORTS[variant],
        ipFamilies,
        ...(isHeadless && { clusterIP: 'None', clusterIPs: ['None'] }),
      }),
    };
    this.ready(1);
  }

  /** So many pods are ready, of two. */
  ready(count: number): void {
    const isByAddress = this.variant === 'headless by address';
    const ports = PORTS[this.variant].map((port) => ({ ...port, port: port.port + 1000 }));
    const pods = [0, 1].map((index) => ({
      address: `10.9${this.id.length}.0.${index}`,
      ...(!isByAddress && { hostname: `web-${index}` }),
      ready: index < count,
    }));
    const sixes = pods.map((pod, index) => ({ ...pod, address: `fd00:${this.id.length}::${index}` }));
    const slices = [slice(pods, { ports })];
    if (isByAddress) slices.push(slice(sixes, { name: 'web-2', family: 'IPv6', ports }));
    this.world.view = { ...this.world.view, slices };
  }

  restart(now: number): void {
    this.known.clear();
    this.heard.clear();
    this.isSettled = false;
    this.hasWaited = false;
    this.startedAt = now;
  }
}

export class ClusterSet {
  now = START;
  readonly members: readonly Member[];

  constructor(ids: readonly string[]) {
    this.members = ids.map((id, index) => new Member(id, FAMILIES[index % FAMILIES.length]!));
    for (const member of this.members) member.world.listens = (entity) => this.listens(member, entity);
  }

  areConnected(a: Member, b: Member): boolean {
    return a.isConnected && b.isConnected && !a.hasLeft && !b.hasLeft;
  }

  /** A good-bye reaches those that are connected. */
  leave(member: Member): void {
    for (const other of this.members) {
      if (other === member || !this.areConnected(other, member)) continue;
      other.told.delete(member.id);
      other.known.delete(member.id);
      if (!other.hasWaited) other.doubtful.add(member.id);
    }
    member.hasLeft = true;
  }

  /** Until no cluster writes anything. @throws when there is no end to it */
  rest(check: (member: Member) => void = () => {}): void {
    for (let round = 0; round < 8; round++) {
      this.exchange();
      let passes = 0;
      for (const member of this.members) {
        if (member.hasLeft) continue;
        this.keepSince(member);
        member.world.writes = [];
        passes += member.world.rest();
        check(member);
      }
      if (passes === 0) return;
    }
    throw new Error('the clusters do not come to rest');
  }

  private exchange(): void {
    for (const member of this.members) {
      for (const other of this.members) {
        if (other === member || !this.areConnected(member, other)) continue;
        const heard = { record: other.world.record, at: this.now };
        const isWithdrawn = heard.record === undefined && member.told.get(other.id)?.record !== undefined;
        if (isWithdrawn && !member.isSettled) member.doubtful.add(other.id);
        member.told.set(other.id, heard);
        member.known.set(other.id, heard);
        member.heard.add(other.id);
      }
    }
    for (const member of this.members) {
      const { world, id, isSettled, hasWaited, startedAt, heard } = member;
      world.now = this.now;
      world.view = {
        ...world.view,
        clusterId: id,
        isSettled,
        hasWaited,
        startedAt,
        heard: new Set(heard),
        clusters: this.viewsOf(member),
      };
    }
  }

  private viewsOf(member: Member): ClusterView[] {
    return [...member.known].map(([id, { record, at }]) => {
      const other = this.members.find((candidate) => candidate.id === id)!;
      const state = this.areConnected(member, other) ? 'live' : 'lost';
      const view = record === undefined ? silent(id) : cluster(id, record);
      return { ...view, state, heardAt: at };
    });
  }

  /** As the controller does it, before anybody is told. */
  private keepSince({ world }: Member): void {
    const own = ownExport(world.look());
    const made = world.view.export;
    if (made === undefined || own?.sinceAnnotation === undefined) return;
    const metadata = { ...made.metadata, annotations: { 'skuprt.io/since': own.sinceAnnotation } };
    world.view = { ...world.view, export: { ...made, metadata } };
  }

  private listens(member: Member, entity: string): boolean {
    const listener = [...member.world.objects.values()].find(
      (object) => (object.kind === 'Listener' || object.kind === 'MultiKeyListener') && entityOf(object) === entity,
    );
    return keysOf(listener).some((key) =>
      this.members.some((other) => (other === member || this.areConnected(member, other)) && offers(other, key)),
    );
  }
}

export function keysOf(listener: KubeObject | undefined): string[] {
  const spec = (listener?.spec ?? {}) as { routingKey?: string; strategy?: { priority: { routingKeys: string[] } } };
  return spec.routingKey === undefined ? (spec.strategy?.priority.routingKeys ?? []) : [spec.routingKey];
}

/** A connector of that key, with endpoints. */
export function offers({ world }: Member, key: string): boolean {
  return world.list('Connector').some(({ spec }) => {
    const { routingKey, settings } = spec as { routingKey: string; settings: Record<string, string> };
    return routingKey === key && settings['skuprt.io/endpoints'] !== '';
  });
}
