/** Does what the plan of one service says, in the files of a local site. Writes only what differs. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../lib/clock.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { EXPORT_ANNOTATION } from '../../names.ts';
import type { Observed, StatusWrite } from '../../reconcile/observed.ts';
import { planService, type ServicePlan } from '../../reconcile/plan.ts';
import { withConditions } from '../../reconcile/serviceexport/conditions.ts';
import { ownExport } from '../../reconcile/serviceexport/own-record.ts';
import type { Mesh } from '../mesh.ts';
import { adapted, importHere, sliceHere, withAddress } from './adapt.ts';
import type { LocalView } from './local-view.ts';
import { type Loopback, listenFault } from './loopback.ts';
import type { ServiceFiles } from './service-files.ts';

/** Those of the site's resources that are made here. */
export type SiteKind = 'Connector' | 'Listener' | 'MultiKeyListener';

export interface SiteResources {
  list(kind: SiteKind): Promise<readonly object[]>;
  apply(resource: object): Promise<void>;
  delete(kind: SiteKind, name: string): Promise<void>;
}

export interface LocalWritesParts {
  files: ServiceFiles;
  resources: SiteResources;
  loopback: Loopback;
  mesh: Pick<Mesh, 'setRecord'>;
  clock: Clock;
}

const SITE_KINDS: readonly string[] = ['Connector', 'Listener', 'MultiKeyListener'];
/** An import has to be there before its slices and its status, an address of a pod before slices name it. */
const LOOKS_MAX = 4;

export class LocalWrites {
  /** By key: derived Services of pods of other clusters. */
  readonly derived = new Map<string, Map<string, KubeObject>>();
  private readonly parts: LocalWritesParts;

  constructor(parts: LocalWritesParts) {
    this.parts = parts;
  }

  /** Answers when to look again though nothing changed, in wall-clock milliseconds. `imports`: what others have is made reachable. */
  async bringUpToDate(view: LocalView, key: string, imports: boolean): Promise<number> {
    let dueAt = Infinity;
    for (let count = 0; count < LOOKS_MAX; count += 1) {
      const observed = view.observe(key);
      const plan = planHere(observed, this.parts.clock.wall(), imports);
      dueAt = plan.requeueAt;
      const since = ownExport(observed)?.sinceAnnotation;
      let isOther = since !== undefined && (await this.keepSince(observed, since));
      this.parts.mesh.setRecord(key, plan.record);
      // Listeners are compared with those of the look.
      const present = [...observed.connectors, ...observed.listeners];
      for (const object of plan.apply) isOther = (await this.apply(view, key, object, present)) || isOther;
      for (const object of plan.prune) await this.remove(key, object);
      for (const write of plan.statuses) await this.putStatus(view, key, write);
      if (!isOther) break;
    }
    return dueAt;
  }

  /** True when the next look sees more than this one. */
  private async apply(
    view: LocalView,
    key: string,
    object: KubeObject,
    present: readonly KubeObject[],
  ): Promise<boolean> {
    const { files, loopback, resources } = this.parts;
    if (SITE_KINDS.includes(object.kind)) {
      const wanted = adapted(object, loopback, view.offersOf(key));
      const known = present.find(
        ({ kind, metadata }) => kind === wanted.kind && metadata.name === wanted.metadata.name,
      );
      if (known === undefined || !isSame(wanted, known)) await resources.apply(wanted);
      return false;
    }
    if (object.kind === 'Service') return this.keepDerived(key, withAddress(object, loopback));
    if (object.kind === 'ServiceImport') return await files.put(importHere(object, loopback));
    const slice = sliceHere(object, view.clusterId, loopback);
    if (slice !== undefined) await files.put(slice);
    return false;
  }

  private keepDerived(key: string, service: KubeObject): boolean {
    const services = this.derived.get(key) ?? new Map<string, KubeObject>();
    const before = services.get(service.metadata.name);
    if (isDeepStrictEqual(before, service)) return false;
    services.set(service.metadata.name, service);
    this.derived.set(key, services);
    return true;
  }

  private async remove(key: string, object: KubeObject): Promise<void> {
    const { files, resources } = this.parts;
    const { kind, metadata } = object;
    if (SITE_KINDS.includes(kind)) await resources.delete(kind as SiteKind, metadata.name);
    else if (kind !== 'Service') await files.remove(object);
    else if (this.derived.get(key)?.delete(metadata.name) && this.derived.get(key)?.size === 0)
      this.derived.delete(key);
  }

  private async putStatus(view: LocalView, key: string, { object, status }: StatusWrite): Promise<void> {
    const { files, clock } = this.parts;
    // As it was written last: the plan saw what was there before.
    const present = files.find(object);
    if (present === undefined) return;
    const fault = object.kind === 'ServiceImport' ? listenFaultOf(view.listenersOf(key)) : undefined;
    const told = fault === undefined ? status : withFault(present, status, fault, clock.wall());
    await files.put({ ...present, status: told });
  }

  private async keepSince({ export: made }: Observed, since: string): Promise<boolean> {
    const present = made && this.parts.files.find(made);
    if (present === undefined) return false;
    const annotations = { ...present.metadata.annotations, [EXPORT_ANNOTATION.since]: since };
    return await this.parts.files.put({ ...present, metadata: { ...present.metadata, annotations } });
  }
}

/** A site that imports nothing has no more than what the others reach its own services by. */
function planHere(observed: Observed, now: number, imports: boolean): ServicePlan {
  const plan = planService(observed, now);
  if (imports) return plan;
  const made = [
    ...(observed.import === undefined ? [] : [observed.import]),
    ...observed.madeSlices,
    ...observed.listeners,
  ];
  return {
    ...plan,
    apply: plan.apply.filter(({ kind }) => kind === 'Connector'),
    prune: [...made, ...plan.prune.filter(({ kind }) => kind === 'Connector' || kind === 'Service')],
    statuses: plan.statuses.filter(({ object }) => object.kind === 'ServiceExport'),
  };
}

function listenFaultOf(listeners: readonly KubeObject[]): string | undefined {
  return listeners
    .filter(({ kind }) => kind === 'MultiKeyListener')
    .map(listenFault)
    .find((fault) => fault !== undefined);
}

/** Ready is not true where nothing listens. */
function withFault(present: KubeObject, status: object, message: string, now: number): object {
  const findings = [{ type: 'Ready', status: 'False' as const, reason: 'CannotListen', message }];
  const [ready] = withConditions(present, findings, [], now).conditions;
  const { conditions } = status as { conditions: { type: string }[] };
  return { ...status, conditions: conditions.map((condition) => (condition.type === 'Ready' ? ready : condition)) };
}

/** What a user would see of it; the site adds an identity and a status. */
function isSame(wanted: KubeObject, known: KubeObject): boolean {
  const shown = ({ spec, metadata: { labels = {}, annotations = {} } }: KubeObject) => ({ spec, labels, annotations });
  return isDeepStrictEqual(JSON.parse(JSON.stringify(shown(wanted))), JSON.parse(JSON.stringify(shown(known))));
}
