/**
 * A cluster in memory with controllers that come and go: what a simulation of the site-controller plays in.
 *
 * Keeps watch over what must hold at every moment, whatever fails: nothing that somebody else made is written, and no two listeners of
 * a router share a port. What is broken is collected in `faults`.
 */
import { systemClock } from '../../../lib/clock.ts';
import { linkedTo } from '../../../lib/kube/abort.ts';
import { KubeClient, type ResourceType } from '../../../lib/kube/client.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { isDeepEqual } from '../../../lib/kube/subset.ts';
import { createLogger } from '../../../lib/log.ts';
import { SeededRandom } from '../../../lib/random.ts';
import { Controller } from '../../../site-controller/platform/kubernetes/controller.ts';
import { WATCHED } from '../../../site-controller/platform/kubernetes/watched.ts';
import { settings } from '../cluster.ts';
import { FakeApi, type Faults } from '../kube/fake-api.ts';
import type { Change } from '../kube/fake-store.ts';
import { CuttableTransport } from './cuttable-transport.ts';

const log = createLogger({ name: 'test', level: 'silent' });
const TYPES: ReadonlyMap<string, ResourceType> = new Map(WATCHED.map((type) => [type.kind, type]));

export function typeOf(kind: string): ResourceType {
  return TYPES.get(kind)!;
}

/** One life of a controller: from its start until it is killed. */
interface Life {
  kill(): void;
  isOver: Promise<void>;
}

export class ControllerWorld {
  readonly api: FakeApi;
  /** What was broken of what must always hold. */
  readonly faults: string[] = [];
  /** Writes of the controllers by `kind namespace/name`, in order. */
  readonly written: string[] = [];
  private readonly seed: number;
  private readonly userMade = new Set<string>();
  private isUser = false;
  private endTerm: () => void = () => undefined;
  private readonly lives: Life[] = [];

  constructor(seed: number, faults: Partial<Faults>) {
    this.seed = seed;
    this.api = new FakeApi({ types: [...TYPES.values()], seed, faults });
    this.api.store.listen((change) => this.check(change));
  }

  /** Kills the controller that runs, if one does, and starts another, with nothing but what the API server knows. */
  startController(): void {
    this.killController();
    const line = new CuttableTransport(this.api.transport());
    const stop = new AbortController();
    const random = new SeededRandom(this.seed * 1000 + this.lives.length);
    const base = { clock: systemClock, random, log };
    const controller = new Controller({
      ...base,
      client: new KubeClient({ transport: line, ...base }),
      settings: settings({ enableGrants: false }),
      watched: WATCHED,
      version: '1.2.3',
      onEvent: () => undefined,
      elect: async (lead, signal) => {
        while (!signal.aborted) {
          const term = linkedTo(signal);
          this.endTerm = () => term.abort();
          await lead(term.signal);
          term.unlink();
        }
      },
    });
    const isOver = controller.run(stop.signal).catch((error: unknown) => {
      this.faults.push(`the controller fell: ${error instanceof Error ? error.stack : String(error)}`);
    });
    const kill = () => {
      line.cut();
      stop.abort();
    };
    this.lives.push({ kill, isOver });
  }

  /** The controller leads no longer, and then again. */
  interruptLeading(): void {
    this.endTerm();
  }

  /** As SIGKILL does: what is on its way to the server may still arrive, and no answer is seen. */
  killController(): void {
    this.lives.at(-1)?.kill();
  }

  /** Resolves when nothing of any controller is left; time has to pass meanwhile. */
  async ended(): Promise<void> {
    await Promise.all(this.lives.map(({ isOver }) => isOver));
  }

  /** What `act` does is done by somebody else than the controller. */
  asUser<T>(act: () => T): T {
    this.isUser = true;
    try {
      return act();
    } finally {
      this.isUser = false;
    }
  }

  isUserMade({ metadata }: KubeObject): boolean {
    return this.userMade.has(metadata.uid!);
  }

  /** Made by a controller and not in use by somebody else. */
  isControllers(object: KubeObject): boolean {
    return !this.isUserMade(object) && !isReport(object);
  }

  /** Every object of every kind. */
  objects(): KubeObject[] {
    return [...TYPES.values()].flatMap((type) => this.api.store.list(type));
  }

  /** Removes what has owners of which none is there any more, as the garbage collector of a cluster does. */
  collectGarbage(): void {
    const uids = new Set(this.objects().map(({ metadata }) => metadata.uid));
    for (const { kind, metadata } of this.objects()) {
      const { namespace, name, ownerReferences = [] } = metadata;
      if (ownerReferences.length === 0 || ownerReferences.some(({ uid }) => uids.has(uid))) continue;
      const place = { namespace, name, subresource: undefined };
      this.asUser(() => this.api.store.get(typeOf(kind), place) && this.api.store.remove(typeOf(kind), place));
    }
  }

  private check({ type, object, before }: Change): void {
    if (object.kind === 'ConfigMap' && type !== 'DELETED') this.checkPorts(object);
    if (this.isUser) {
      if (type === 'ADDED') this.userMade.add(object.metadata.uid!);
      return;
    }
    const { kind, metadata } = object;
    const what = `${type} ${kind} ${metadata.namespace}/${metadata.name}`;
    this.written.push(what);
    if (
      this.userMade.has(metadata.uid!) &&
      !isReport(object) &&
      (type === 'DELETED' || !isStatusOnly(before!, object))
    ) {
      this.faults.push(`not ours to write: ${what}`);
    }
  }

  private checkPorts({ metadata, data }: KubeObject): void {
    const config = (data as Record<string, string> | undefined)?.['skrouterd.json'];
    if (config === undefined || this.isUser) return;
    const entities = JSON.parse(config) as [string, { port?: number | string }][];
    const ports = entities.filter(([type]) => /listener$/i.test(type)).map(([, { port }]) => String(port));
    if (new Set(ports).size !== ports.length) {
      this.faults.push(`ports are given twice in ${metadata.namespace}/${metadata.name}: ${ports.sort().join(' ')}`);
    }
  }
}

/** Shared with the routers, which write into it. */
function isReport({ kind, metadata }: KubeObject): boolean {
  return kind === 'ConfigMap' && /^skupper-(network|router)-status/.test(metadata.name);
}

function isStatusOnly(before: KubeObject, after: KubeObject): boolean {
  const plain = ({ status: _status, metadata, ...rest }: KubeObject) => ({
    ...rest,
    metadata: { ...metadata, resourceVersion: undefined },
  });
  return isDeepEqual(plain(before), plain(after));
}
