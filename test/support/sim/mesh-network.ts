/**
 * Meshes joined by virtual site links: messages take a random while, in order on each link, and are lost with it.
 *
 * Drives each mesh as a router does: input, drain, deadline. Everything follows from one seed.
 */
import { randomInt, SeededRandom } from '../../../lib/random.ts';
import { parseHead } from '../../../router/amqp/message/head.ts';
import { Mesh } from '../../../router/mesh/mesh.ts';
import { OriginalMesh } from './original-mesh.ts';
import { Scheduler } from './scheduler.ts';

export type MeshKind = 'ours' | 'original';
interface AnyMesh extends Omit<Pick<Mesh, keyof OriginalMesh & keyof Mesh>, 'path'> {
  path: OriginalMesh['path'];
}

export interface SimLink {
  readonly number: number;
  readonly ends: readonly [string, string];
  cost: number;
  /** Connected, as far as the ends can tell. */
  isUp: boolean;
  /** Swallows messages without either end being told. */
  isSilent: boolean;
  /** When the last message in each direction arrives. */
  readonly busyUntil: [number, number];
  epoch: number;
}

interface SimRouter {
  readonly kind: MeshKind;
  mesh: AnyMesh;
  instance: number;
  readonly addresses: Map<string, number>;
  /** `key router` as told by 'address' events. */
  readonly remote: Set<string>;
  wakeAt: number;
}

export class MeshNetwork {
  readonly scheduler = new Scheduler();
  readonly random: SeededRandom;
  readonly routers = new Map<string, SimRouter>();
  readonly links: SimLink[] = [];
  messageCount = 0;
  readonly #delayMs: readonly [number, number];

  constructor(seed: number, delayMs: readonly [number, number] = [0.5, 3]) {
    this.random = new SeededRandom(seed);
    this.#delayMs = delayMs;
  }

  addRouter(id: string, addresses: readonly string[] = [`M${id}`], kind: MeshKind = 'ours'): void {
    const treatments = new Map(addresses.map((key) => [key, 3]));
    const life = { kind, instance: 1 };
    const router: SimRouter = {
      ...life,
      mesh: this.#makeMesh(id, life),
      addresses: treatments,
      remote: new Set(),
      wakeAt: Infinity,
    };
    this.routers.set(id, router);
    for (const [key, treatment] of treatments) router.mesh.setLocalAddress(key, treatment);
    this.#drain(id);
  }

  mesh(id: string): AnyMesh {
    return this.#router(id).mesh;
  }

  /** What `id` was told of others' addresses: `key router`. */
  addressesAt(id: string): ReadonlySet<string> {
    return this.#router(id).remote;
  }

  connect(a: string, b: string, cost = 1): SimLink {
    const number = this.links.length;
    const link: SimLink = { number, ends: [a, b], cost, isUp: false, isSilent: false, busyUntil: [0, 0], epoch: 0 };
    this.links.push(link);
    this.raise(link);
    return link;
  }

  raise(link: SimLink): void {
    if (link.isUp) return;
    link.isUp = true;
    link.isSilent = false;
    link.epoch++;
    for (const id of link.ends) this.input(id, (mesh, now) => mesh.linkUp(link.number, { cost: link.cost }, now));
  }

  /** Both ends learn of it at different times, as they do of a connection that breaks. */
  cut(link: SimLink): void {
    if (!link.isUp) return;
    link.isUp = false;
    const epoch = ++link.epoch;
    for (const id of link.ends) {
      this.scheduler.after(this.#delay(), () => {
        if (link.epoch === epoch) this.input(id, (mesh, now) => mesh.linkDown(link.number, now));
      });
    }
  }

  /** Or lets it speak again. */
  silence(link: SimLink): void {
    link.isSilent = link.isUp && !link.isSilent;
  }

  /** The link is made anew at once, at another cost. */
  remake(link: SimLink, cost: number): void {
    this.cut(link);
    this.scheduler.after(20, () => {
      link.cost = cost;
      this.raise(link);
    });
  }

  /** The process ends and starts anew; its links break and come back. An instance is a second: it may be the same one. */
  restart(id: string, isSameSecond = false): void {
    const router = this.#router(id);
    const links = this.links.filter((link) => link.isUp && link.ends.includes(id));
    for (const link of links) this.cut(link);
    router.remote.clear();
    if (!isSameSecond) router.instance++;
    router.mesh = this.#makeMesh(id, router);
    for (const [key, treatment] of router.addresses) router.mesh.setLocalAddress(key, treatment);
    this.#drain(id);
    this.scheduler.after(20, () => {
      for (const link of links) this.raise(link);
    });
  }

  input(id: string, act: (mesh: AnyMesh, now: number) => void): void {
    act(this.mesh(id), this.scheduler.now);
    this.#drain(id);
  }

  addAddress(id: string, key: string): void {
    this.#router(id).addresses.set(key, 3);
    this.input(id, (mesh) => mesh.setLocalAddress(key, 3));
  }

  deleteAddress(id: string, key: string): void {
    this.#router(id).addresses.delete(key);
    this.input(id, (mesh) => mesh.deleteLocalAddress(key));
  }

  #makeMesh(routerId: string, { kind, instance }: Pick<SimRouter, 'kind' | 'instance'>): AnyMesh {
    const { now } = this.scheduler;
    if (kind === 'original') return new OriginalMesh({ routerId, instance }, this.random.next(), now);
    return new Mesh({ routerId, instance, firstSequence: Math.floor(now) }, undefined, now);
  }

  #router(id: string): SimRouter {
    const router = this.routers.get(id);
    if (router === undefined) throw new Error(`no router ${id}`);
    return router;
  }

  #drain(id: string): void {
    const router = this.#router(id);
    for (let event = router.mesh.nextEvent(); event !== undefined; event = router.mesh.nextEvent()) {
      if (event.type === 'send') this.#carry(id, event.siteLink, event.message);
      else if (event.type === 'address') {
        const entry = `${event.key} ${event.routerId}`;
        if (event.present) router.remote.add(entry);
        else router.remote.delete(entry);
      }
    }
    this.#arm(id, router);
  }

  #arm(id: string, router: SimRouter): void {
    const { mesh } = router;
    const at = mesh.deadline();
    if (at === router.wakeAt || at === Infinity) return;
    router.wakeAt = at;
    this.scheduler.at(at, () => {
      if (router.mesh !== mesh || router.wakeAt !== at) return;
      router.wakeAt = Infinity;
      this.input(id, (current, now) => current.tick(now));
    });
  }

  #carry(from: string, number: number, message: Buffer): void {
    const link = this.links[number] as SimLink;
    this.messageCount++;
    if (this.#router(from).kind === 'ours') checkTrace(message);
    if (!link.isUp) return;
    const direction = link.ends[0] === from ? 0 : 1;
    const to = link.ends[1 - direction] as string;
    const { epoch } = link;
    link.busyUntil[direction] = Math.max(link.busyUntil[direction], this.scheduler.now + this.#delay());
    this.scheduler.at(link.busyUntil[direction], () => {
      if (link.epoch !== epoch || link.isSilent) return;
      this.input(to, (mesh, now) => mesh.receive(number, message, now));
    });
  }

  #delay(): number {
    const [least, most] = this.#delayMs;
    return least + randomInt(this.random, (most - least) * 100 + 1) / 100;
  }
}

/** The original sends single messages in a loop until the radius ends them; ours never sends any where it has been. */
function checkTrace(message: Buffer): void {
  const trace = parseHead(message, 'annotations', true)?.annotations?.trace ?? [];
  if (trace.indexOf(trace.at(-1) ?? '') !== trace.length - 1)
    throw new Error(`a message ran in a loop: ${trace.join(' ')}`);
}
