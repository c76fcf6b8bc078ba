/**
 * Clusters that change what they export while the network loses, doubles, reorders and parts, one way too, and processes crash,
 * restart with clocks that are off, hand over and leave; decided by a seed.
 *
 * Meanwhile: what is shown of a cluster is a set that it told, as a whole. Afterwards: everyone shows what everyone exports.
 *
 * `SERVICES_SEEDS=1000` tries that many seeds, `SERVICES_SEED=42` the one.
 */
import { describe, expect, it } from 'vitest';
import { type Random, randomInt, SeededRandom } from '../../lib/random.ts';
import type { OwnContent } from '../../service-controller/exchange/entries.ts';
import type { ServiceRecord } from '../../service-controller/records.ts';
import {
  contentOf,
  type Faults,
  type Process,
  ServicesNetwork,
  serviceRecord,
  siteOf,
} from '../support/sim/services-network.ts';

const SEEDS = process.env.SERVICES_SEED
  ? [Number(process.env.SERVICES_SEED)]
  : Array.from({ length: Number(process.env.SERVICES_SEEDS ?? 40) }, (_, index) => index + 1);
const DEEDS = 60;
const DEED_MS_MAX = 3000;
const CALM: Faults = { loss: 0, duplication: 0, delayMs: [1, 20] };
/** A lease, the time in which a claim may be contested, and the longest pause between retries. */
const CONVERGED_MS = 45_000;

interface Cluster {
  id: string;
  services: Map<string, ServiceRecord>;
  /** Texts of every set it ever exported. */
  history: Set<string>;
  processes: Process[];
  /** The one that speaks, or believes it does. */
  leader: Process | undefined;
}

class World {
  readonly net: ServicesNetwork;
  readonly random: Random;
  readonly clusters: Cluster[];
  private readonly cuts = new Set<string>();

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.net = new ServicesNetwork(seed + 1_000_000, CALM);
    this.net.isCut = (from, to) => this.cuts.has(`${from}>${to}`);
    this.net.onDelivered = (process) => this.check(process);
    this.clusters = Array.from({ length: 2 + randomInt(this.random, 5) }, (_, index) => {
      return { id: `c${index}`, services: new Map(), history: new Set(), processes: [], leader: undefined };
    });
    for (const cluster of this.clusters) {
      this.start(cluster);
      this.lead(cluster);
    }
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[randomInt(this.random, list.length)];
  }

  start(cluster: Cluster): void {
    const skewMs = randomInt(this.random, 20_000) - 10_000;
    cluster.processes.push(this.net.start(cluster.id, { skewMs }));
  }

  /** Some process of the cluster speaks from now on; the former may not know yet. */
  lead(cluster: Cluster): void {
    cluster.leader = this.pick(cluster.processes);
    this.tell(cluster);
  }

  tell({ leader, services, history }: Cluster): void {
    const content = contentOf([...services.values()]);
    history.add(textOf(content));
    if (leader !== undefined) this.net.setOwn(leader, content);
  }

  deed(): void {
    const cluster = this.pick(this.clusters)!;
    const deeds = [
      () => this.change(cluster),
      () => this.change(cluster),
      () => this.change(cluster),
      () => this.cut(),
      () => this.cuts.clear(),
      () => this.start(cluster),
      () => this.crash(cluster),
      () => this.handOver(cluster),
      () => this.reconnect(cluster),
      () => this.leave(cluster),
      () => this.weather(),
    ];
    this.pick(deeds)!();
  }

  settle(): void {
    this.cuts.clear();
    this.net.faults = CALM;
    for (const cluster of this.clusters) {
      for (const one of cluster.processes) if (!one.isConnected) this.net.connect(one);
      if (cluster.processes.length === 0) this.start(cluster);
      if (cluster.leader === undefined) this.lead(cluster);
      for (const one of cluster.processes) if (one !== cluster.leader) this.resign(one);
    }
  }

  private change(cluster: Cluster): void {
    for (let count = 1 + randomInt(this.random, 4); count > 0; count -= 1) {
      const name = `s${randomInt(this.random, 12)}`;
      const known = cluster.services.get(name);
      const ready = randomInt(this.random, 3);
      if (known === undefined) cluster.services.set(name, serviceRecord(name, { ready }));
      else if (this.random.next() < 0.3) cluster.services.delete(name);
      else
        cluster.services.set(name, {
          ...known,
          ready,
          since: this.random.next() < 0.2 ? known.since + 1 : known.since,
        });
    }
    this.tell(cluster);
  }

  /** One way or both. */
  private cut(): void {
    const from = this.pick(this.clusters)!.id;
    const to = this.pick(this.clusters)!.id;
    this.cuts.add(`${from}>${to}`);
    if (this.random.next() < 0.5) this.cuts.add(`${to}>${from}`);
  }

  private crash(cluster: Cluster): void {
    const victim = this.pick(cluster.processes);
    if (victim === undefined) return;
    this.net.kill(victim);
    this.gone(cluster, victim);
  }

  private leave(cluster: Cluster): void {
    const { leader } = cluster;
    if (leader === undefined || this.random.next() < 0.5) return;
    this.net.leave(leader);
    this.gone(cluster, leader);
  }

  private gone(cluster: Cluster, process: Process): void {
    cluster.processes = cluster.processes.filter((one) => one !== process);
    if (cluster.leader !== process) return;
    cluster.leader = undefined;
    if (this.random.next() < 0.7) {
      this.start(cluster);
      this.lead(cluster);
    }
  }

  /** With or without a word to the former. */
  private handOver(cluster: Cluster): void {
    if (cluster.processes.length < 3) this.start(cluster);
    const former = cluster.leader;
    if (former !== undefined && this.random.next() < 0.7) this.resign(former);
    this.lead(cluster);
  }

  private resign(process: Process): void {
    this.net.turn(process, (exchange) => exchange.resign());
  }

  private reconnect(cluster: Cluster): void {
    const process = this.pick(cluster.processes);
    if (process === undefined) return;
    if (process.isConnected) this.net.disconnect(process);
    else this.net.connect(process);
  }

  private weather(): void {
    const loss = this.pick([0, 0.01, 0.1, 0.5])!;
    const duplication = this.pick([0, 0.1, 0.5])!;
    this.net.faults = {
      loss,
      duplication,
      delayMs: this.pick([
        [1, 5],
        [20, 20],
        [1, 500],
        [1, 3000],
      ] as const)!,
    };
  }

  private check(process: Process): void {
    for (const { id, siteId, services, info } of process.exchange.views()) {
      const cluster = this.clusters.find((one) => one.id === id);
      if (id === process.cluster || cluster === undefined) throw new Error(`${process.cluster} shows ${id}`);
      if (siteId !== siteOf(id)) throw new Error(`${id} is shown as of ${siteId}`);
      if (!cluster.history.has(textOf({ services, info })))
        throw new Error(
          `${process.cluster} shows what ${id} never exported: ${textOf({ services, info })}\n${[...cluster.history].slice(-4).join('\n')}`,
        );
    }
  }
}

function textOf({ services, info }: Pick<OwnContent, 'services' | 'info'>): string {
  const list = [...services.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return JSON.stringify([info.version, list.map(({ name, ready, since }) => [name, ready, since])]);
}

describe('the exchange of services among faults', () => {
  it(`is right meanwhile and complete afterwards, with ${SEEDS.length} seeds`, () => {
    for (const seed of SEEDS) {
      try {
        ordeal(seed);
      } catch (error) {
        throw new Error(`SERVICES_SEED=${seed}: ${(error as Error).message}`, { cause: error });
      }
    }
  });
});

function ordeal(seed: number): void {
  const world = new World(seed);
  const { net } = world;
  for (let deed = 0; deed < DEEDS; deed += 1) {
    world.deed();
    net.run(randomInt(world.random, DEED_MS_MAX));
  }
  world.settle();
  net.run(CONVERGED_MS);
  const expected = world.clusters.map(({ id, services }) => [id, 'live', textOf(contentOf([...services.values()]))]);
  for (const process of net.processes) {
    const shown = process.exchange.views().map((view) => [view.id, view.state, textOf(view)]);
    expect(shown, `at ${process.cluster}`).toEqual(expected.filter(([id]) => id !== process.cluster));
    expect(process.exchange.isSettled(net.now + process.skewMs)).toBe(true);
    expect(process.exchange.claims()).toEqual([]);
  }
  for (const { id, leader, processes } of world.clusters) {
    const speaking = processes.filter(({ exchange }) => exchange.isSpeaking);
    expect(speaking.length, `who speaks for ${id}`).toBe(1);
    expect(speaking[0]).toBe(leader);
  }
  atRest(world);
}

/** Nothing but digests, one for each cluster in five seconds. */
function atRest({ net, clusters }: World): void {
  net.sent.messages = 0;
  net.sent.multicasts = 0;
  net.run(20_000);
  expect(net.sent.messages).toBe(net.sent.multicasts);
  expect(net.sent.messages).toBeLessThanOrEqual(clusters.length * 5);
}
