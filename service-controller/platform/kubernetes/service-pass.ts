/**
 * One look at a service, and what follows from it: its word to the others first, then what is to be written. Level-triggered: may be cut
 * off anywhere and repeated; passes over different services know nothing of each other.
 */
import type { Clock } from '../../../lib/clock.ts';
import { ApiError } from '../../../lib/kube/errors.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { EventWant, Observed } from '../../reconcile/observed.ts';
import { planService, type ServicePlan } from '../../reconcile/plan.ts';
import { ownExport } from '../../reconcile/serviceexport/own-record.ts';
import type { ServiceRecord } from '../../records.ts';

/** What a pass does to the API server. Each does nothing where nothing differs. */
export interface Writes {
  /** When to look for it again, in wall-clock milliseconds. */
  apply(object: KubeObject): Promise<number>;
  delete(object: KubeObject): Promise<void>;
  patchStatus(object: KubeObject, status: object): Promise<void>;
  keepSince(made: KubeObject, since: string): Promise<void>;
}

export interface ServicePassParts {
  observe: (key: string) => Observed;
  writes: Writes;
  clock: Clock;
  /** What this cluster says of the service; undefined takes it back. */
  onRecord: (key: string, record: ServiceRecord | undefined) => void;
  onEvent: (event: EventWant) => void;
}

export class ServicePass {
  private readonly parts: ServicePassParts;
  /** By service: when what was made of late is looked for. */
  private readonly checks = new Map<string, number>();

  constructor(parts: ServicePassParts) {
    this.parts = parts;
  }

  /** What this cluster may say of the service now, with nothing written. */
  recordOf(key: string): ServiceRecord | undefined {
    const { plan, since } = this.look(key);
    return since === undefined ? plan.record : undefined;
  }

  /** Says what is the matter with an export in a cluster that takes no part, and does no more. */
  async explain(key: string): Promise<void> {
    const { plan } = this.look(key);
    for (const event of plan.events) this.parts.onEvent(event);
    const exports = plan.statuses.filter(({ object }) => object.kind === 'ServiceExport');
    await allOf(exports.map(({ object, status }) => this.parts.writes.patchStatus(object, status)));
  }

  /** When the service is to be looked at again though nothing changed, in wall-clock milliseconds. */
  async run(key: string): Promise<number> {
    const { onRecord, onEvent, writes, clock } = this.parts;
    const { plan, observed, since } = this.look(key);
    for (const event of plan.events) onEvent(event);
    try {
      // Nobody is told of an export before it is known for good how old it is.
      if (since !== undefined) await writes.keepSince(observed.export!, since);
      onRecord(key, plan.record);
      await this.write(key, plan);
    } catch (error) {
      this.tell(observed, error);
      throw error;
    }
    return Math.min(plan.requeueAt, this.checkAt(key, clock.wall()));
  }

  /** Nothing is left of a service that is of no concern. */
  forget(key: string): void {
    this.checks.delete(key);
  }

  private look(key: string): { plan: ServicePlan; observed: Observed; since: string | undefined } {
    const observed = this.parts.observe(key);
    const plan = planService(observed, this.parts.clock.wall());
    return { plan, observed, since: ownExport(observed)?.sinceAnnotation };
  }

  /** In the order of the plan as far as it matters: an import owns the rest, and slices lead to what is there before them. */
  private async write(key: string, { apply, prune, statuses }: ServicePlan): Promise<void> {
    const { writes } = this.parts;
    for (const phase of phasesOf(apply)) {
      const checks = await allOf(phase.map((object) => writes.apply(object)));
      const at = Math.min(...checks);
      if (at !== Infinity) this.checks.set(key, at);
    }
    const pruning = async () => {
      for (const group of groupsOf(prune)) await allOf(group.map((object) => writes.delete(object)));
    };
    await allOf([pruning(), ...statuses.map(({ object, status }) => writes.patchStatus(object, status))]);
  }

  private checkAt(key: string, now: number): number {
    const at = this.checks.get(key) ?? Infinity;
    if (at > now) return at;
    this.checks.delete(key);
    return Infinity;
  }

  /** What an API server refuses is told to the user, who alone may know why. */
  private tell(observed: Observed, error: unknown): void {
    const about = observed.export ?? observed.import;
    if (about === undefined || !(error instanceof ApiError) || error.isTransient || error.isConflict) return;
    this.parts.onEvent({ about, type: 'Warning', reason: 'NotApplied', message: error.message });
  }
}

/** Kinds that need nothing of each other are written side by side. */
const PHASES: Readonly<Record<string, number>> = { ServiceImport: 0, EndpointSlice: 2 };
const PHASE = 1;

function phasesOf(objects: readonly KubeObject[]): KubeObject[][] {
  const phases: KubeObject[][] = [[], [], []];
  for (const object of objects) phases[PHASES[object.kind] ?? PHASE]!.push(object);
  return phases.filter((phase) => phase.length > 0);
}

/** Neighbours of one kind. */
function groupsOf(objects: readonly KubeObject[]): KubeObject[][] {
  const groups: KubeObject[][] = [];
  for (const object of objects) {
    const last = groups.at(-1);
    if (last?.[0]?.kind === object.kind) last.push(object);
    else groups.push([object]);
  }
  return groups;
}

/** Waits for all, also when some fail: one object that is refused keeps no other of its kind back. @throws the first failure */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}
