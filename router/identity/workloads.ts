/**
 * What runs at which address of the cluster, as the control plane says it: all of it anew, or what has changed. Who reads finds the
 * same object as long as nothing of it changes.
 */
import type { Workload, WorkloadSource } from './client.ts';

export const WORKLOADS_MAX = 100_000;
/** Of a name, and of labels together. */
export const WORKLOAD_TEXT_LENGTH_MAX = 8192;

export interface WorkloadChange {
  /** Of the control plane's state. Several changes may share one: the first of them replaces all that was known, or none does. */
  readonly revision: number;
  readonly replace: boolean;
  readonly set: ReadonlyMap<string, Workload>;
  readonly gone: readonly string[];
}

export class WorkloadTable implements WorkloadSource {
  revision = 0;
  /** The last one that the control plane has named. */
  toldRevision = 0;
  private byHost = new Map<string, Workload>();
  /** What a replacement takes the place of: most of it comes again. */
  private replaced: ReadonlyMap<string, Workload> = new Map();

  of(host: string): Workload | undefined {
    // Most come as they are kept.
    return this.byHost.get(host) ?? this.byHost.get(plainHost(host));
  }

  get count(): number {
    return this.byHost.size;
  }

  /** @returns what is wrong with it; nothing has changed then */
  change({ revision, replace, set, gone }: WorkloadChange): string | undefined {
    if (!replace && revision < this.toldRevision)
      return `revision ${revision} is older than ${this.toldRevision}, which is known`;
    const added = [...set.keys()].filter((host) => replace || !this.byHost.has(plainHost(host)));
    const before = replace ? 0 : this.byHost.size;
    if (before + added.length > WORKLOADS_MAX) return `there would be more than ${WORKLOADS_MAX} addresses`;
    if (revision !== this.toldRevision) this.replaced = new Map();
    if (replace) {
      this.replaced = this.byHost;
      this.byHost = new Map();
    }
    for (const host of gone) this.byHost.delete(plainHost(host));
    for (const [address, workload] of set) {
      const host = plainHost(address);
      const known = this.byHost.get(host) ?? this.replaced.get(host);
      this.byHost.set(host, known !== undefined && isSame(known, workload) ? known : workload);
    }
    this.toldRevision = revision;
    this.revision++;
    return undefined;
  }
}

function isSame(one: Workload, other: Workload): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** IPv4 as such, where a socket of both families has taken the connection; no zone. */
function plainHost(host: string): string {
  const zone = host.indexOf('%');
  const bare = (zone < 0 ? host : host.slice(0, zone)).toLowerCase();
  return bare.startsWith('::ffff:') && bare.includes('.') ? bare.slice('::ffff:'.length) : bare;
}
