/**
 * One look at a namespace, and what follows from it. Level-triggered: may be cut off anywhere and repeated; passes over different
 * namespaces know nothing of each other.
 */
import type { Resource } from '../../../config/api/index.ts';
import type { Site } from '../../../config/api/site.ts';
import type { Clock } from '../../../lib/clock.ts';
import { ApiError } from '../../../lib/kube/errors.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { decodeNetwork } from '../../exchange/network-document.ts';
import type { ClusterView } from '../../reconcile/cluster.ts';
import { allocatePorts } from '../../reconcile/listener/ports.ts';
import { type NamespacePlan, planNamespace } from '../../reconcile/namespace-plan.ts';
import type { NetworkView, Observed } from '../../reconcile/observed.ts';
import { type OutcomeInputs, statusFrom } from '../../reconcile/outcomes.ts';
import { wantsWorkloads } from '../../reconcile/policy/workloads.ts';
import { mergeRouters } from '../../reconcile/routers.ts';
import { controlsNamespace } from '../../reconcile/site/control.ts';
import { activeSite } from '../../reconcile/site/identity.ts';
import type { RehearsalBook } from '../../rehearsal-book.ts';
import type { ClusterCache } from './cluster-cache.ts';
import { CredentialCache } from './credentials.ts';
import { type EventWant, eventsOf } from './status-events.ts';
import type { WorkloadBook } from './workload-book.ts';

/** They name others, and an API server checks a binding's role. */
const LATE_KINDS: ReadonlySet<string> = new Set(['RoleBinding', 'Deployment']);
const NOTHING_HEARD: NetworkView = { sites: [], settled: false, gone: new Set() };

/** What a pass does to the API server. Each answers when it is done, and does nothing where nothing differs. */
export interface Writes {
  apply(object: KubeObject): Promise<void>;
  delete(object: KubeObject): Promise<void>;
  patchStatus(resource: Resource, namespace: string, status: object): Promise<void>;
  /**
   * When objects that were made, and taken away again before anyone saw them, would be missed: wall-clock milliseconds, Infinity when
   * none were made of late.
   */
  checkAt(namespace: string, now: number): number;
  /** Removes reports of routers whose pods are gone, and only those. */
  dropReports(namespace: string, pods: readonly string[]): Promise<void>;
}

/** What is not the business of one namespace's plan, or needs keys. */
export interface NamespaceServices {
  /** Makes the certificates that are due. Answers when the next one will be, in wall-clock milliseconds. */
  issueCertificates(observed: Observed): Promise<number>;
  /** Where tokens of this namespace are redeemed, best first. */
  grantUrls(): readonly string[];
  /** What the statuses of grants and tokens need. */
  outcomeInputs(namespace: string): OutcomeInputs;
  /** Begins to redeem tokens that are due. */
  redeemTokens(observed: Observed, site: Site): void;
  /** Begins to renew the certificates of links that are due. Answers when the next is, in wall-clock milliseconds. */
  renewLinks(observed: Observed): number;
  /** Removes grants that ended long ago. */
  removeEndedGrants(observed: Observed): Promise<void>;
}

export interface NamespacePassParts {
  cache: ClusterCache;
  writes: Writes;
  services: NamespaceServices;
  version: string;
  clock: Clock;
  onEvent: (event: EventWant) => void;
  workloads: Pick<WorkloadBook, 'maps' | 'want'>;
  rehearsals: Pick<RehearsalBook, 'look' | 'forget'>;
}

export class NamespacePass {
  private readonly parts: NamespacePassParts;
  private readonly memories = new Map<string, Memory>();

  constructor(parts: NamespacePassParts) {
    this.parts = parts;
  }

  /** When the namespace is to be looked at again though nothing changed, in wall-clock milliseconds. */
  async run(namespace: string): Promise<number> {
    const { services, writes } = this.parts;
    const observed = this.observe(namespace);
    if (!controlsNamespace(observed)) {
      this.parts.rehearsals.forget(namespace);
      return Infinity;
    }
    const site = activeSite(observed);
    const plan = planNamespace(observed, services.outcomeInputs(namespace));
    let nextRenewal = Infinity;
    if (site !== undefined) {
      services.redeemTokens(observed, site);
      nextRenewal = services.renewLinks(observed);
      for (const message of plan.faults) {
        this.parts.onEvent({ about: site, type: 'Warning', reason: 'NotApplied', message });
      }
    }
    this.parts.rehearsals.look(observed);
    const certificates = services.issueCertificates(observed);
    // Side by side: none needs what another writes, and the next pass sees to what does.
    await allOf([
      certificates,
      this.writeObjects(plan, site),
      ...this.writeStatuses(plan, observed),
      services.removeEndedGrants(observed),
      writes.dropReports(namespace, this.parts.cache.orphanReports(namespace)),
    ]);
    return Math.min(await certificates, nextRenewal, plan.requeueAt, writes.checkAt(namespace, observed.now));
  }

  /** What the namespace looks like now. */
  observe(namespace: string): Observed {
    const { cache, clock, version, services } = this.parts;
    const { resources, cluster, networkMaps } = cache.observe(namespace);
    const now = clock.wall();
    const memory = this.memoryOf(namespace);
    const secrets = [...resources.values()].filter((resource) => resource.kind === 'Secret');
    const observed: Observed = {
      now,
      version,
      namespace,
      resources,
      credentials: memory.credentials.read(secrets, now),
      router: mergeRouters([...cluster.routers.values()]),
      network: memory.network(networkMaps),
      ports: new Map(),
      hosts: [],
      grantUrls: services.grantUrls(),
      cluster,
    };
    if (activeSite(observed) === undefined) return observed;
    return { ...observed, ports: allocatePorts(observed), cluster: this.withWorkloads(observed) };
  }

  private withWorkloads(observed: Observed): ClusterView {
    const { workloads } = this.parts;
    const isWanted = wantsWorkloads(observed);
    workloads.want(observed.namespace, isWanted);
    return isWanted ? { ...observed.cluster!, workloads: workloads.maps } : observed.cluster!;
  }

  /** Nothing is left of a namespace that has nothing to be looked at. */
  forget(namespace: string): void {
    this.memories.delete(namespace);
    this.parts.rehearsals.forget(namespace);
    this.parts.workloads.want(namespace, false);
  }

  private memoryOf(namespace: string): Memory {
    const memory = this.memories.get(namespace) ?? new Memory();
    this.memories.set(namespace, memory);
    return memory;
  }

  private async writeObjects({ apply, prune }: NamespacePlan, site: Site | undefined): Promise<void> {
    const isLate = ({ kind }: KubeObject) => LATE_KINDS.has(kind);
    const early = apply.filter((object) => !isLate(object)).map((object) => this.writeObject(object, site));
    await allOf([...early, ...prune.map((object) => this.parts.writes.delete(object))]);
    await allOf(apply.filter(isLate).map((object) => this.writeObject(object, site)));
  }

  /** What an API server refuses is told to the user, who alone may know why. */
  private async writeObject(object: KubeObject, site: Site | undefined): Promise<void> {
    try {
      await this.parts.writes.apply(object);
    } catch (error) {
      if (site !== undefined && error instanceof ApiError && !error.isTransient && !error.isConflict) {
        this.parts.onEvent({ about: site, type: 'Warning', reason: 'NotApplied', message: error.message });
      }
      throw error;
    }
  }

  private writeStatuses({ outcomes }: NamespacePlan, observed: Observed): Promise<void>[] {
    const { writes, onEvent } = this.parts;
    return outcomes.map(async (outcome) => {
      const { resource } = outcome;
      const before = 'status' in resource ? resource.status : undefined;
      const after = statusFrom(outcome, observed.now);
      await writes.patchStatus(resource, observed.namespace, after);
      for (const event of eventsOf(resource, before, after)) onEvent(event);
    });
  }
}

/** What is dear to read and seldom changes, of one namespace. */
class Memory {
  readonly credentials = new CredentialCache();
  private maps: readonly KubeObject[] = [];
  private view: NetworkView = NOTHING_HEARD;

  network(maps: readonly KubeObject[]): NetworkView {
    const isSame = maps.length === this.maps.length && maps.every((map, index) => map === this.maps[index]);
    if (!isSame) {
      this.maps = maps;
      // Parts of a document that is being rewritten do not fit together: what was known stays.
      const isEmpty = maps.every(({ data }) => Object.keys(data ?? {}).length === 0);
      this.view = decodeNetwork(maps) ?? (isEmpty ? NOTHING_HEARD : this.view);
    }
    return this.view;
  }
}

/** Waits for all, also when some fail: one object that is refused keeps nothing else back. @throws the first failure */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
