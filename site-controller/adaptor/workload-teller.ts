/**
 * Tells the router which pod has which address: everything after each connection, then what changed. Knows what the router was told,
 * and takes nothing as told before the router has answered.
 */
import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, SkuprtError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import { type RouterClient, RouterRefusedError, type WorkloadChange } from '../../lib/router-client/client.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { Workload, Workloads } from '../reconcile/policy/workload-document.ts';

/** Addresses of one message. */
const BATCH_COUNT_MAX = 1000;
/** Where no policy asks any more. */
export const NOBODY: Workloads = new Map();

type Telling = WorkloadChange & { set: Workloads };

export interface WorkloadTellerParts {
  client: Pick<RouterClient, 'isUp' | 'setWorkloads'>;
  /** What the router is to know; undefined: as it is. */
  wanted: () => Workloads | undefined;
  clock: Clock;
  random: Random;
  log: Logger;
}

export class WorkloadTeller {
  private readonly parts: WorkloadTellerParts;
  private readonly wakeup = new Wakeup();
  private readonly backoff: Backoff;
  private revision = 0;
  private connectionCount = 0;
  /** What the router has; undefined when that is not known. */
  private told: Map<string, Workload> | undefined;
  /** The router at hand cannot be told. */
  private isUnable = false;

  constructor(parts: WorkloadTellerParts) {
    this.parts = parts;
    this.backoff = new Backoff(parts.random, { initialMs: 200, maxMs: 10_000 });
  }

  /** Something changed. */
  look(): void {
    this.wakeup.notify();
  }

  /** The router is another one, or the same one started again. */
  reconnected(): void {
    this.connectionCount += 1;
    this.told = undefined;
    this.isUnable = false;
    this.look();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs = Infinity;
      try {
        await this.tell();
        this.backoff.reset();
      } catch (err) {
        if (!(err instanceof SkuprtError) || err.fault === 'ours') throw err;
        this.told = undefined;
        if (err instanceof RouterRefusedError) this.refused(err);
        else waitMs = this.backoff.nextMs();
      }
      await this.wakeup.wait(waitMs, signal);
    }
  }

  private async tell(): Promise<void> {
    const { client, wanted } = this.parts;
    const workloads = wanted();
    if (!client.isUp || this.isUnable || workloads === undefined) return;
    // Nobody asks, and nothing was told: a router that cannot be told is left in peace.
    if (this.told === undefined && workloads.size === 0) return;
    for (const change of this.changesTo(workloads)) {
      const { connectionCount } = this;
      await client.setWorkloads(change);
      // It came back meanwhile: what it has is not known.
      if (this.connectionCount !== connectionCount) return;
      this.note(change);
    }
  }

  private changesTo(workloads: Workloads): Telling[] {
    const { told } = this;
    const set = [...workloads].filter(([address, workload]) => !isSame(workload, told?.get(address)));
    const gone = told === undefined ? [] : [...told.keys()].filter((address) => !workloads.has(address));
    const count = Math.ceil(Math.max(set.length, gone.length) / BATCH_COUNT_MAX);
    // Above what an adaptor before this one has given.
    this.revision = Math.max(this.revision + 1, Math.floor(this.parts.clock.wall()));
    return Array.from({ length: count }, (_, index) => {
      const [from, to] = [index * BATCH_COUNT_MAX, (index + 1) * BATCH_COUNT_MAX];
      return {
        revision: this.revision,
        replace: told === undefined && index === 0,
        set: new Map(set.slice(from, to)),
        gone: gone.slice(from, to),
      };
    });
  }

  private note({ set, gone }: Telling): void {
    this.told ??= new Map();
    for (const address of gone) this.told.delete(address);
    for (const [address, workload] of set) this.told.set(address, workload);
  }

  /** One that does not know the operation, such as the original, is asked once a connection. */
  private refused(err: RouterRefusedError): void {
    this.isUnable = true;
    this.parts.log.warn({ problem: messageOf(err) }, 'router cannot be told which pod has which address');
  }
}

function isSame(a: Workload, b: Workload | undefined): boolean {
  return (
    b !== undefined &&
    a.namespace === b.namespace &&
    a.workload === b.workload &&
    a.pod === b.pod &&
    a.serviceAccount === b.serviceAccount &&
    a.labels === b.labels
  );
}
