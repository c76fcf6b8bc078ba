/**
 * Which pod has which address, as the ConfigMaps of sites have it: made of all pods of the cache when somebody asks after a change, and
 * the same for every site. Tells, not oftener than a pause allows, which namespaces are to be looked at because of pods that changed.
 */
import type { Clock } from '../../../lib/clock.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { encodeWorkloads, partCount, type Workload, type Workloads } from '../../reconcile/policy/workload-document.ts';
import { podAddresses, workloadOf } from '../../reconcile/policy/workloads.ts';

/** Pods come in crowds, and each in several steps. */
const FIRST_MS = 100;
const PAUSE_MS = 1000;

export interface WorkloadBookParts {
  pods: () => Iterable<KubeObject>;
  clock: Clock;
  /** This namespace, whose site wants to know, has to be looked at again. */
  onDirty: (namespace: string) => void;
}

interface PodEntry {
  addresses: readonly string[];
  workload: Workload;
  createdAt: string;
}

export class WorkloadBook {
  private readonly parts: WorkloadBookParts;
  private readonly wanting = new Set<string>();
  /** Each version of a pod is read once. */
  private readonly read = new WeakMap<KubeObject, PodEntry>();
  private made: readonly Readonly<Record<string, string>>[] | undefined;
  /** Parts of the last time. */
  private partCount = 1;
  private timer: NodeJS.Timeout | undefined;
  private toldAt = Number.NEGATIVE_INFINITY;

  constructor(parts: WorkloadBookParts) {
    this.parts = parts;
  }

  /** The data of the ConfigMaps. Equal pods give equal texts. */
  get maps(): readonly Readonly<Record<string, string>>[] {
    if (this.made === undefined) {
      const workloads = this.workloads();
      this.made = encodeWorkloads(workloads, partCount(workloads.size, this.partCount));
      this.partCount = this.made.length;
    }
    return this.made;
  }

  /** Whether the site of a namespace wants to be told. */
  want(namespace: string, isWanted: boolean): void {
    if (isWanted) this.wanting.add(namespace);
    else this.wanting.delete(namespace);
  }

  /** To be called with each change of a pod. */
  changed(before: KubeObject | undefined, after: KubeObject | undefined): void {
    if (isSame(before && this.entryOf(before), after && this.entryOf(after))) return;
    this.made = undefined;
    if (this.wanting.size === 0 || this.timer !== undefined) return;
    const now = this.parts.clock.now();
    this.timer = setTimeout(() => this.tell(), Math.max(FIRST_MS, this.toldAt + PAUSE_MS - now));
    this.timer.unref();
  }

  private tell(): void {
    this.timer = undefined;
    this.toldAt = this.parts.clock.now();
    for (const namespace of this.wanting) this.parts.onDirty(namespace);
  }

  /** Of two pods that claim one address, the one that was made last has it. */
  private workloads(): Workloads {
    const owners = new Map<string, PodEntry>();
    for (const pod of this.parts.pods()) {
      const entry = this.entryOf(pod);
      for (const address of entry.addresses) {
        const other = owners.get(address);
        if (other === undefined || isNewer(entry, other)) owners.set(address, entry);
      }
    }
    return new Map([...owners].map(([address, { workload }]) => [address, workload]));
  }

  private entryOf(pod: KubeObject): PodEntry {
    const known = this.read.get(pod);
    if (known !== undefined) return known;
    const createdAt = pod.metadata.creationTimestamp ?? '';
    const entry = { addresses: podAddresses(pod), workload: workloadOf(pod), createdAt };
    this.read.set(pod, entry);
    return entry;
  }
}

function isNewer(a: PodEntry, b: PodEntry): boolean {
  return a.createdAt > b.createdAt || (a.createdAt === b.createdAt && a.workload.pod > b.workload.pod);
}

/** Most changes of a pod are of its readiness. */
function isSame(a: PodEntry | undefined, b: PodEntry | undefined): boolean {
  const isAddressed = (entry: PodEntry | undefined) => (entry?.addresses.length ?? 0) > 0;
  if (!isAddressed(a) && !isAddressed(b)) return true;
  return JSON.stringify([a?.addresses, a?.workload]) === JSON.stringify([b?.addresses, b?.workload]);
}
