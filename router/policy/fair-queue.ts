/**
 * Who waits, by client: sites take turns, the clients of a site take turns in its turns, and each one's are served in the order in which
 * they came. One that asks for much waits behind itself, not in front of the others; and a site gets no more by naming more clients. A turn
 * costs the same however many wait.
 */
import { siteOf } from './keys.ts';

export class FairQueue<T> {
  private readonly sites = new Map<string, Site<T>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** @param client as of `workloadKey` */
  push(client: string, waiter: T): void {
    const key = siteOf(client);
    const site = this.sites.get(key) ?? { size: 0, clients: new Map<string, Set<T>>() };
    const own = site.clients.get(client) ?? new Set();
    if (own.has(waiter)) return;
    own.add(waiter);
    site.clients.set(client, own);
    site.size++;
    this.sites.set(key, site);
    this.count++;
  }

  /** Takes out the first of the client whose turn it is. */
  shift(): T | undefined {
    const [turn] = this.sites;
    if (turn === undefined) return undefined;
    const [key, site] = turn;
    const [client, own] = site.clients.entries().next().value!;
    const [first] = own;
    this.sites.delete(key);
    this.sites.set(key, site);
    site.clients.delete(client);
    site.clients.set(client, own);
    this.remove(client, first!);
    return first;
  }

  /** Takes out the last of who has most, for one who has less: undefined when nobody has. */
  pushOut(client: string): T | undefined {
    const key = siteOf(client);
    const largest = most(this.sites, ({ size }) => size);
    if (largest === undefined) return undefined;
    const [greedy, site] = largest;
    const [name, own] = most(site.clients, ({ size }) => size)!;
    const isLess =
      greedy === key
        ? (site.clients.get(client)?.size ?? 0) + 1 < own.size
        : (this.sites.get(key)?.size ?? 0) + 1 < site.size;
    if (!isLess) return undefined;
    const last = [...own].at(-1)!;
    this.remove(name, last);
    return last;
  }

  /** @returns whether it was there */
  remove(client: string, waiter: T): boolean {
    const key = siteOf(client);
    const site = this.sites.get(key);
    const own = site?.clients.get(client);
    if (site === undefined || own?.delete(waiter) !== true) return false;
    site.size--;
    if (own.size === 0) site.clients.delete(client);
    if (site.size === 0) this.sites.delete(key);
    this.count--;
    return true;
  }
}

interface Site<T> {
  /** Of all its clients. */
  size: number;
  /** Whose turn is next stands first. */
  readonly clients: Map<string, Set<T>>;
}

function most<V>(map: ReadonlyMap<string, V>, sizeOf: (value: V) => number): [string, V] | undefined {
  let largest: [string, V] | undefined;
  for (const entry of map) if (largest === undefined || sizeOf(entry[1]) > sizeOf(largest[1])) largest = entry;
  return largest;
}
