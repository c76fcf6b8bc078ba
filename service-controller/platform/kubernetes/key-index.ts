/** Objects of one kind by the service that they are of, and how that is read from what the controller made. */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { LABEL, MCS } from '../../names.ts';
import { serviceKey } from '../../records.ts';

const NONE: readonly KubeObject[] = [];

export class KeyIndex {
  private readonly keyOf: (object: KubeObject) => string | undefined;
  private readonly byKey = new Map<string, KubeObject[]>();

  constructor(keyOf: (object: KubeObject) => string | undefined) {
    this.keyOf = keyOf;
  }

  of(key: string): readonly KubeObject[] {
    return this.byKey.get(key) ?? NONE;
  }

  keys(): Iterable<string> {
    return this.byKey.keys();
  }

  /** The keys that the change is of: two when an object went from one to another. */
  changed(before: KubeObject | undefined, after: KubeObject | undefined): string[] {
    const [was, is] = [before && this.keyOf(before), after && this.keyOf(after)];
    if (before !== undefined && was !== undefined) this.drop(was, before);
    if (after !== undefined && is !== undefined) this.put(is, after);
    return [...new Set([was, is])].filter((key) => key !== undefined);
  }

  private put(key: string, object: KubeObject): void {
    const objects = this.byKey.get(key);
    if (objects === undefined) this.byKey.set(key, [object]);
    else objects.push(object);
  }

  private drop(key: string, { metadata }: KubeObject): void {
    const left = this.of(key).filter(
      (object) => object.metadata.name !== metadata.name || object.metadata.namespace !== metadata.namespace,
    );
    if (left.length === 0) this.byKey.delete(key);
    else this.byKey.set(key, left);
  }
}

/** The service that a made object is for: by its labels, else by the ServiceImport that owns it. */
export function madeFor({ metadata }: KubeObject): string | undefined {
  const { labels = {}, namespace = '', ownerReferences = [] } = metadata;
  const [name, of] = [labels[LABEL.service], labels[LABEL.namespace]];
  if (name !== undefined) return serviceKey({ namespace: of ?? namespace, name });
  const official = labels[MCS.serviceNameLabel];
  if (official !== undefined) return serviceKey({ namespace, name: official });
  const owner = ownerReferences.find(({ kind }) => kind === 'ServiceImport');
  return owner && serviceKey({ namespace, name: owner.name });
}

/** Of an EndpointSlice that Kubernetes, or whoever owns it, made for a Service. */
export function sliceOf({ metadata }: KubeObject): string | undefined {
  const name = metadata.labels?.[LABEL.serviceName];
  return name === undefined ? undefined : serviceKey({ namespace: metadata.namespace ?? '', name });
}
