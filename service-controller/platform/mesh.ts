/**
 * This cluster's part in the exchange: who it is there, what it says, and which services a word of the others concerns.
 *
 * Every replica listens; one speaks, from the moment it is told to until it hears that another does: the exchange itself sees to that,
 * so that a cluster whose API server is away is not silent though nobody holds its Lease. What is said is what was known last.
 */
import type { Clock } from '../../lib/clock.ts';
import { isDeepEqual } from '../../lib/kube/subset.ts';
import { NO_TRACER, type Tracer } from '../../lib/trace/tracer.ts';
import { TraceNotes, type Traces } from '../exchange/traces.ts';
import type { ClusterInfo, ClusterView, IngressRecord, ServiceRecord } from '../records.ts';

/** What is known of the other clusters, and of ourselves among them. */
export interface MeshView {
  clusterId: string;
  clusterSet: string;
  isSettled: boolean;
  hasWaited: boolean;
  clusters: readonly ClusterView[];
  /** Ids of all that were among `clusters` since this process began. */
  heard: ReadonlySet<string>;
}

export interface MeshIdentity {
  clusterId: string;
  clusterSet: string;
  /** Of the Site that carries the services. */
  siteId: string;
}

export interface OwnWord {
  info: ClusterInfo;
  services: ReadonlyMap<string, ServiceRecord>;
  ingresses: ReadonlyMap<string, IngressRecord>;
  /** What led to the last changes, by service. */
  traces?: Traces;
}

/** One membership, under one identity. */
export interface MeshSession {
  /** The other clusters of the set. */
  views(): readonly ClusterView[];
  /** What led to changes of `views()` since the last call, by service. */
  takeTraces?(): Traces;
  isSettled(): boolean;
  /** Settled, and long enough there for every living cluster to have been heard. */
  hasWaited(): boolean;
  /** Speaks from now on. */
  setOwn(own: OwnWord): void;
  /** Ends with a good-bye, when this process speaks. */
  leave(): void;
  /** Ends without: another process goes on. */
  stop(): void;
}

export type OpenSession = (identity: MeshIdentity, onChange: () => void) => MeshSession;

export interface MeshParts {
  open: OpenSession;
  clock: Clock;
  /** What the others say of these services changed. */
  onServices: (keys: ReadonlySet<string>) => void;
  /** A cluster came, fell silent, spoke again or left; or it is known now who is there. What it does not export matters too. */
  onClusters: () => void;
  onIngresses?: () => void;
  /** What the others have changed is a span, and so is what follows from it. */
  tracer?: Tracer;
}

/** What the others have changed. */
interface Heard {
  /** Which of them. */
  from: readonly string[];
  /** Services. */
  keys: ReadonlySet<string>;
  /** One came, went, fell silent or spoke again. */
  isMember: boolean;
  traces: Traces;
}

const SETTLE_LOOK_MS = 250;
const NO_TRACES: Traces = new Map();

export class Mesh {
  private readonly parts: MeshParts;
  private readonly services = new Map<string, ServiceRecord>();
  private ingresses: ReadonlyMap<string, IngressRecord> = new Map();
  private info: ClusterInfo = { properties: {}, version: '' };
  private readonly traces = new TraceNotes();
  private session: { identity: MeshIdentity; machine: MeshSession } | undefined;
  private known = new Map<string, ClusterView>();
  /** Ids of all that were ever known under this identity: who of them is absent left, and is not only silent. */
  private readonly everKnown = new Set<string>();
  private isSettled = false;
  private hasWaited = false;
  private speaks = false;
  private isFlushing = false;
  private settling: NodeJS.Timeout | undefined;

  constructor(parts: MeshParts) {
    this.parts = parts;
  }

  get identity(): MeshIdentity | undefined {
    return this.session?.identity;
  }

  /** When each was heard is told by the wall clock, as plans count; the exchange has the one that never goes back. */
  get clusters(): readonly ClusterView[] {
    const { clock } = this.parts;
    const aheadMs = clock.wall() - clock.now();
    return (this.session?.machine.views() ?? []).map((view) => ({ ...view, heardAt: view.heardAt + aheadMs }));
  }

  /** What this process would say, or says. */
  get own(): OwnWord {
    return { info: this.info, services: new Map(this.services), ingresses: this.ingresses };
  }

  get isSpeaking(): boolean {
    return this.speaks;
  }

  get view(): Omit<MeshView, 'clusterId' | 'clusterSet'> & Partial<MeshView> {
    const { clusterId, clusterSet } = this.session?.identity ?? {};
    const { isSettled, hasWaited, clusters, everKnown: heard } = this;
    return { clusterId, clusterSet, isSettled, hasWaited, clusters, heard };
  }

  /** Takes part under this identity; a former one leaves, when it spoke. What was said is kept, and said again when told to speak. */
  join(identity: MeshIdentity): void {
    if (isDeepEqual(identity, this.session?.identity)) return;
    this.leave();
    this.session = { identity, machine: this.parts.open(identity, () => this.heard()) };
    this.watchSettling();
  }

  /** From now on this process speaks for the cluster, with what was set. */
  speak(): void {
    this.speaks = true;
    this.flush();
  }

  /** Ends the part of this cluster. */
  leave(): void {
    this.end((machine) => machine.leave());
  }

  /** Ends that of this process. */
  stop(): void {
    this.end((machine) => machine.stop());
  }

  setInfo(info: ClusterInfo): void {
    if (isDeepEqual(info, this.info)) return;
    this.info = info;
    this.flushSoon();
  }

  setIngresses(ingresses: ReadonlyMap<string, IngressRecord>): void {
    if (isDeepEqual([...ingresses], [...this.ingresses])) return;
    this.ingresses = ingresses;
    this.flushSoon();
  }

  /** What this cluster says of one of its services; undefined takes it back. True when that is something else than before. */
  setRecord(key: string, record: ServiceRecord | undefined): boolean {
    const before = this.services.get(key);
    if (isDeepEqual(before, record)) return false;
    if (record === undefined) this.services.delete(key);
    else this.services.set(key, record);
    const { keptTraceparent } = this.parts.tracer ?? NO_TRACER;
    if (this.speaks && keptTraceparent !== undefined) this.traces.add([[key, keptTraceparent]]);
    this.flushSoon();
    return true;
  }

  /** Those that are not of the cluster any more are taken back. */
  keepRecords(keys: ReadonlySet<string>): void {
    for (const key of [...this.services.keys()]) if (!keys.has(key)) this.setRecord(key, undefined);
  }

  /** Services that some other cluster exports, in one namespace or in all. */
  remoteKeys(namespace?: string): Set<string> {
    const keys = new Set<string>();
    for (const { services } of this.clusters) {
      for (const key of services.keys()) if (namespace === undefined || key.startsWith(`${namespace}/`)) keys.add(key);
    }
    return keys;
  }

  /** Some other cluster exports it. */
  hasRemote(key: string): boolean {
    return this.session?.machine.views().some(({ services }) => services.has(key)) ?? false;
  }

  private end(how: (machine: MeshSession) => void): void {
    clearTimeout(this.settling);
    if (this.session !== undefined) how(this.session.machine);
    this.session = undefined;
    this.known = new Map();
    this.everKnown.clear();
    this.isSettled = false;
    this.hasWaited = false;
    this.speaks = false;
  }

  /** Records are compared by identity: one that nobody changed is the same object. */
  private heard(): void {
    const before = this.known;
    this.known = new Map(this.clusters.map((view) => [view.id, view]));
    for (const id of this.known.keys()) this.everKnown.add(id);
    const keys = new Set<string>();
    const from: string[] = [];
    let [isMember, isIngress] = [false, false];
    for (const id of new Set([...before.keys(), ...this.known.keys()])) {
      const [was, is] = [before.get(id), this.known.get(id)];
      const count = keys.size;
      isMember ||= was?.state !== is?.state;
      const isOther = !isDeepEqual(was?.info, is?.info) || was?.siteId !== is?.siteId;
      changedKeys(was?.services, is?.services, isOther, keys);
      isIngress ||= isOther || was?.ingresses !== is?.ingresses;
      if (was?.state !== is?.state || isOther || keys.size > count) from.push(id);
    }
    const { onClusters, onIngresses } = this.parts;
    const traces = this.session?.machine.takeTraces?.() ?? NO_TRACES;
    this.merged({ from, keys, isMember, traces }, () => {
      if (isMember) onClusters();
      if (isIngress) onIngresses?.();
    });
    this.checkSettled();
  }

  /** A merge for each trace that led to changes, and one for what none did, with `others`. */
  private merged({ from, keys, isMember, traces }: Heard, others: () => void): void {
    const { tracer = NO_TRACER, onServices } = this.parts;
    const merge = (some: ReadonlySet<string>, traceparent?: string) => {
      const attributes = { 'skuprt.clusters': from.join(' '), 'skuprt.services': some.size };
      tracer.spanNow('merge', { attributes, traceparent }, () => {
        if (traceparent === undefined) {
          if (!isMember && some.size === 0) tracer.drop();
          others();
        }
        if (some.size > 0) onServices(some);
      });
    };
    const rest = new Set(keys);
    for (const [key, trace] of traces) if (rest.delete(key)) merge(new Set([key]), trace);
    merge(rest);
  }

  /** Time alone settles the view. */
  private watchSettling(): void {
    clearTimeout(this.settling);
    if (this.session === undefined || this.checkSettled()) return;
    this.settling = setTimeout(() => this.watchSettling(), SETTLE_LOOK_MS);
  }

  private checkSettled(): boolean {
    const machine = this.session?.machine;
    const { isSettled, hasWaited } = this;
    // Once known, who is there stays known: a connection that is lost makes clusters lost, and not unknown.
    this.isSettled ||= machine?.isSettled() ?? false;
    this.hasWaited ||= machine?.hasWaited() ?? false;
    if (this.isSettled !== isSettled || this.hasWaited !== hasWaited) this.parts.onClusters();
    return this.hasWaited;
  }

  /** Once for all that changes in one turn. */
  private flushSoon(): void {
    if (this.isFlushing || !this.speaks) return;
    this.isFlushing = true;
    queueMicrotask(() => {
      this.isFlushing = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.speaks) this.session?.machine.setOwn({ ...this.own, traces: this.traces.take() });
  }
}

function changedKeys(
  was: ReadonlyMap<string, ServiceRecord> | undefined,
  is: ReadonlyMap<string, ServiceRecord> | undefined,
  isAll: boolean,
  into: Set<string>,
): void {
  if (was === is && !isAll) return;
  for (const [key, record] of was ?? []) if (isAll || is?.get(key) !== record) into.add(key);
  for (const [key, record] of is ?? []) if (isAll || was?.get(key) !== record) into.add(key);
}
