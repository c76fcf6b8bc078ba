/** Does what the plan of one service says, in the files of a local site. Writes only what differs. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../lib/clock.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { NO_TRACER, type Tracer } from '../../../lib/trace/tracer.ts';
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
  /** Each write is a span. */
  tracer?: Tracer;
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
    let present: Map<string, KubeObject> | undefined;
    for (let count = 0; count < LOOKS_MAX; count += 1) {
      const observed = view.observe(key);
      const plan = planHere(observed, this.parts.clock.wall(), imports);
      dueAt = plan.requeueAt;
      const since = ownExport(observed)?.sinceAnnotation;
      let isOther = since !== undefined && (await this.keepSince(observed, since));
      if (this.parts.mesh.setRecord(key, plan.record)) this.note('tell clusters', key);
      // The view is of one moment, what is done is kept up with here.
      present ??= new Map([...observed.connectors, ...observed.listeners].map((object) => [idOf(object), object]));
      for (const object of plan.apply) isOther = (await this.apply(view, key, object, present)) || isOther;
      for (const object of plan.prune) await this.remove(key, object, present);
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
    present: Map<string, KubeObject>,
  ): Promise<boolean> {
    const { loopback, resources } = this.parts;
    if (SITE_KINDS.includes(object.kind)) {
      const wanted = adapted(object, loopback, view.offersOf(key));
      const known = present.get(idOf(wanted));
      if (known !== undefined && isSame(wanted, known)) return false;
      await resources.apply(wanted);
      present.set(idOf(wanted), wanted);
      this.note(`write ${wanted.kind}`, wanted.metadata.name);
      return false;
    }
    if (object.kind === 'Service') return this.keepDerived(key, withAddress(object, loopback));
    if (object.kind === 'ServiceImport') return await this.put(importHere(object, loopback));
    const slice = sliceHere(object, view.clusterId, loopback);
    if (slice !== undefined) await this.put(slice);
    return false;
  }

  private async put(object: KubeObject): Promise<boolean> {
    const { files } = this.parts;
    const isOther = await files.put(object);
    if (isOther) this.note(`write ${object.kind}`, object.metadata.name);
    return isOther;
  }

  private note(what: string, name: string): void {
    const { tracer = NO_TRACER } = this.parts;
    tracer.done(what, { kind: 'internal', attributes: { 'skuprt.name': name } }, 0);
  }

  private keepDerived(key: string, service: KubeObject): boolean {
    const services = this.derived.get(key) ?? new Map<string, KubeObject>();
    const before = services.get(service.metadata.name);
    if (isDeepStrictEqual(before, service)) return false;
    services.set(service.metadata.name, service);
    this.derived.set(key, services);
    return true;
  }

  private async remove(key: string, object: KubeObject, present: Map<string, KubeObject>): Promise<void> {
    const { files, resources } = this.parts;
    const { kind, metadata } = object;
    if (kind === 'Service') {
      if (this.derived.get(key)?.delete(metadata.name) && this.derived.get(key)?.size === 0) this.derived.delete(key);
      return;
    }
    const isOfSite = SITE_KINDS.includes(kind);
    const isThere = isOfSite ? present.delete(idOf(object)) : await files.remove(object);
    if (!isThere) return;
    if (isOfSite) await resources.delete(kind as SiteKind, metadata.name);
    this.note(`delete ${kind}`, metadata.name);
  }

  private async putStatus(view: LocalView, key: string, { object, status }: StatusWrite): Promise<void> {
    const { files, clock } = this.parts;
    // As it was written last: the plan saw what was there before.
    const present = files.find(object);
    if (present === undefined) return;
    const fault = object.kind === 'ServiceImport' ? listenFaultOf(view.listenersOf(key)) : undefined;
    const told = fault === undefined ? status : withFault(present, status, fault, clock.wall());
    await this.put({ ...present, status: told });
  }

  private async keepSince({ export: made }: Observed, since: string): Promise<boolean> {
    const present = made && this.parts.files.find(made);
    if (present === undefined) return false;
    const annotations = { ...present.metadata.annotations, [EXPORT_ANNOTATION.since]: since };
    return await this.parts.files.put({ ...present, metadata: { ...present.metadata, annotations } });
  }
}

function idOf({ kind, metadata }: KubeObject): string {
  return `${kind}/${metadata.name}`;
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
