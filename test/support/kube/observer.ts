/** Watches one kind of an API server and tells when something first was so, to the millisecond. */

import { systemClock } from '../../../lib/clock.ts';
import type { KubeClient, ResourceType } from '../../../lib/kube/client.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { Reflector } from '../../../lib/kube/reflector.ts';
import { createLogger } from '../../../lib/log.ts';
import { systemRandom } from '../../../lib/random.ts';

interface Waiter {
  isSo: (objects: KubeObject[]) => boolean;
  resolve: (atMs: number) => void;
}

export class Observer {
  private readonly reflector: Reflector;
  private readonly waiters = new Set<Waiter>();
  private readonly stopping = new AbortController();
  private readonly over: Promise<void>;
  private readonly namespace: string;

  constructor(client: KubeClient, type: ResourceType, namespace: string) {
    this.namespace = namespace;
    const base = {
      client,
      clock: systemClock,
      random: systemRandom,
      log: createLogger({ name: 'test', level: 'silent' }),
    };
    this.reflector = new Reflector(base, { type, namespace, onChange: () => queueMicrotask(() => this.look()) });
    this.over = this.reflector.run(this.stopping.signal);
  }

  get synced(): Promise<void> {
    return this.reflector.synced;
  }

  list(): KubeObject[] {
    return [...this.reflector.list(this.namespace)];
  }

  /** When the objects first are so, on the clock of `performance.now()`. @throws when they are not within `withinMs` */
  when(what: string, isSo: (objects: KubeObject[]) => boolean, withinMs = 20_000): Promise<number> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        isSo,
        resolve: (atMs) => {
          clearTimeout(timer);
          this.waiters.delete(waiter);
          resolve(atMs);
        },
      };
      const timer = setTimeout(() => {
        this.waiters.delete(waiter);
        reject(new Error(`not within ${withinMs} ms: ${what}`));
      }, withinMs);
      this.waiters.add(waiter);
      this.look();
    });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.over;
  }

  private look(): void {
    const objects = this.list();
    for (const waiter of [...this.waiters]) if (waiter.isSo(objects)) waiter.resolve(performance.now());
  }
}
