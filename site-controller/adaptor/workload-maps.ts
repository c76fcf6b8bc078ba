/** The ConfigMaps that say which pod has which address: watched one by one, which is all that an adaptor may, and only while they are asked for. */
import { NAME } from '../../config/names.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { Reflector, type ReflectorParts } from '../../lib/kube/reflector.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import { decodeWorkloads, type Workloads } from '../reconcile/policy/workload-document.ts';
import { groupName } from '../reconcile/site/identity.ts';

const CONFIG_MAPS = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' };

type Data = Readonly<Record<string, string>>;

export class WorkloadMaps {
  private readonly parts: ReflectorParts & { namespace: string };
  private readonly onChange: () => void;
  private readonly reflectors: Reflector[] = [];
  /** There are reflectors that do not run yet. */
  private readonly grown = new Wakeup();
  /** As read last, with what it was read from. */
  private known: { objects: readonly (KubeObject | undefined)[]; workloads: Workloads | undefined } | undefined;

  constructor(parts: ReflectorParts & { namespace: string }, onChange: () => void) {
    this.parts = parts;
    this.onChange = onChange;
  }

  /** Undefined while they are not all there, or not of one whole. */
  read(partCount: number): Workloads | undefined {
    while (this.reflectors.length < partCount) this.watch(groupName(NAME.workloads, this.reflectors.length));
    const { namespace } = this.parts;
    const objects = this.reflectors
      .slice(0, partCount)
      .map((reflector, index) => reflector.get(namespace, groupName(NAME.workloads, index)));
    const isKnown =
      this.known?.objects.length === partCount && objects.every((one, i) => one === this.known!.objects[i]);
    if (!isKnown) this.known = { objects, workloads: decodeWorkloads(objects.map((object) => object?.data as Data)) };
    return this.known!.workloads;
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const running: Promise<void>[] = [];
    while (!signal.aborted) {
      while (running.length < this.reflectors.length) running.push(this.reflectors[running.length]!.run(signal));
      await this.grown.wait(Infinity, signal);
    }
    await Promise.all(running);
  }

  private watch(name: string): void {
    const { namespace } = this.parts;
    const fieldSelector = `metadata.name=${name}`;
    // It may not be there yet, or the right to read it.
    const options = { type: CONFIG_MAPS, namespace, fieldSelector, onChange: this.onChange };
    this.reflectors.push(new Reflector(this.parts, options));
    this.grown.notify();
  }
}
