/** Objects of one kind by namespace and name. */
import type { KubeObject } from './object.ts';

const NONE: ReadonlyMap<string, KubeObject> = new Map();

export class ObjectStore {
  private readonly namespaces = new Map<string, Map<string, KubeObject>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(namespace: string | undefined, name: string): KubeObject | undefined {
    return this.namespaces.get(namespace ?? '')?.get(name);
  }

  /** What was there before. */
  set(object: KubeObject): KubeObject | undefined {
    const { namespace = '', name } = object.metadata;
    const objects = this.namespaces.get(namespace) ?? new Map<string, KubeObject>();
    this.namespaces.set(namespace, objects);
    const before = objects.get(name);
    objects.set(name, object);
    if (before === undefined) this.count += 1;
    return before;
  }

  delete(namespace: string | undefined, name: string): KubeObject | undefined {
    const objects = this.namespaces.get(namespace ?? '');
    const before = objects?.get(name);
    if (objects === undefined || before === undefined) return undefined;
    objects.delete(name);
    if (objects.size === 0) this.namespaces.delete(namespace ?? '');
    this.count -= 1;
    return before;
  }

  /** Of one namespace, or of all. */
  *list(namespace?: string): Iterable<KubeObject> {
    if (namespace !== undefined) yield* (this.namespaces.get(namespace) ?? NONE).values();
    else for (const objects of this.namespaces.values()) yield* objects.values();
  }
}
