/**
 * Messages to all while the network changes: nobody hears one twice, and when the ways have settled each hears each. Whole routers of
 * ours; and meshes mixed with the model of the original, for which the rule of wire reference 7.2 is followed by what each router knows
 * at that moment.
 */
import { describe, expect, it } from 'vitest';
import { randomInt } from '../../lib/random.ts';
import { amqp } from '../../router/amqp/codec/value.ts';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import { parseHead } from '../../router/amqp/message/head.ts';
import { Arrivals } from '../../router/core/arrivals.ts';
import type { Peer } from '../../router/core/peer.ts';
import { type Candidate, type Inlet, type Outlet, Transit } from '../../router/core/transit.ts';
import type { Mesh } from '../../router/mesh/mesh.ts';
import { type MeshKind, MeshNetwork } from '../support/sim/mesh-network.ts';
import { ADDRESS } from '../support/sim/multicast.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';

const NOBODY: Inlet = { update: () => {}, hold: () => {}, resume: () => {} };
const SIZE = 6;
const SEEDS = Array.from({ length: 6 }, (_, at) => at + 1);
const IDS = Array.from({ length: SIZE }, (_, at) => `R${at}`);
const PAIRS = IDS.flatMap((one, at) => IDS.slice(at + 1).map((other) => [one, other] as const));

/** Counts the messages that it gets, by their number. */
class CountingConsumer implements Candidate {
  readonly cost = 0;
  readonly openCount = 0;
  readonly counts = new Map<number, number>();

  take(): Outlet {
    let isFirst = true;
    return {
      queuedBytes: 0,
      write: (bytes) => {
        if (isFirst) this.count(bytes);
        isFirst = false;
      },
      end: () => {},
      abort: () => {},
      senderUpdate: () => {},
    };
  }

  done(): void {}

  private count(bytes: Buffer): void {
    const number = Number(parseHead(bytes, 'properties', true)?.properties?.messageId?.value);
    this.counts.set(number, (this.counts.get(number) ?? 0) + 1);
  }
}

function consumersIn(network: RouterNetwork): CountingConsumer[] {
  return IDS.map((id) => {
    const consumer = new CountingConsumer();
    const { router } = network.router(id);
    router.treatments.set('mc', { prefix: 'mc' }, 'multicast');
    network.router(id).input(() => {
      router.addresses.addConsumer(`M${ADDRESS}`, consumer);
      router.step(network.now);
    });
    return consumer;
  });
}

/** Messages to all over the links of a mesh network: each router passes them on by what it knows when they get there. */
class Messages {
  /** `message router`: how often it heard it. */
  readonly counts = new Map<string, number>();
  private readonly network: MeshNetwork;
  private readonly arrivals = new Map<string, Arrivals>();
  private nextNumber = 0;

  constructor(network: MeshNetwork) {
    this.network = network;
    for (const id of IDS) {
      const mesh = network.mesh(id) as Pick<Mesh, 'path'>;
      const peer = (link: number): Peer => neighbour(otherEnd(network, link - 1, id));
      this.arrivals.set(
        id,
        new Arrivals({ routerId: id, mesh, isEdge: false, peer, now: () => network.scheduler.now }),
      );
    }
  }

  send(ingress: string): number {
    const number = this.nextNumber++;
    this.pass(number, ingress, ingress, [], 0);
    return number;
  }

  private pass(number: number, ingress: string, at: string, trace: readonly string[], from: number): void {
    if (at === ingress && trace.length > 0) return;
    if (this.isOurs(at) && !this.arrivals.get(at)!.admits(transitFrom(ingress, trace, from))) return;
    const entry = `${number} ${at}`;
    this.counts.set(entry, (this.counts.get(entry) ?? 0) + 1);
    const passed = [...trace, at];
    const links = new Set<number>();
    for (const to of IDS) {
      const path = to === at ? undefined : this.network.mesh(at).path(to);
      if (path && (at === ingress || path.validOrigins.has(ingress))) links.add(path.siteLink);
    }
    for (const across of links) {
      const link = this.network.links[across]!;
      const next = otherEnd(this.network, across, at);
      if (!link.isUp || link.isSilent || passed.includes(next)) continue;
      const { epoch } = link;
      this.network.scheduler.after(0.5 + 20 * this.network.random.next(), () => {
        if (link.isUp && link.epoch === epoch) this.pass(number, ingress, next, passed, across + 1);
      });
    }
  }

  isOurs(id: string): boolean {
    return this.network.routers.get(id)?.kind === 'ours';
  }
}

function otherEnd(network: MeshNetwork, link: number, end: string): string {
  const [one, other] = network.links[link]!.ends;
  return one === end ? other : one;
}

function neighbour(containerId: string): Peer {
  return { containerId, role: 'inter-router', options: {} } as Peer;
}

function transitFrom(ingress: string, trace: readonly string[], from: number): Transit {
  const transit = new Transit(NOBODY, { reroute: () => false }, from, true);
  transit.annotations = { flags: 0, ingress: `0/${ingress}`, trace: trace.map((id) => `0/${id}`) };
  return transit;
}

describe('a message to all in a mesh of six whose links come and go', () => {
  it.each(SEEDS)('comes to nobody twice, and to everybody when the ways have settled: seed %i', (seed) => {
    const network = new RouterNetwork(seed);
    for (const id of IDS) network.addRouter(id);
    for (const [one, other] of PAIRS) network.connect(one, other, 1 + randomInt(network.random, 3));
    const consumers = consumersIn(network);
    network.scheduler.runFor(1000);
    let sentCount = 0;
    const send = (): number => {
      const sender = network.router(network.pick(IDS));
      const number = sentCount++;
      const message = composeMessage({ properties: { to: ADDRESS, messageId: amqp.ulong(number) } });
      sender.input(() => sender.router.send(ADDRESS, message, network.now));
      return number;
    };
    for (let step = 0; step < 150; step++) {
      const link = network.pick(network.links);
      if (link.isCut) network.restore(link);
      else network.cut(link);
      for (let more = randomInt(network.random, 6); more > 0; more--) {
        send();
        network.scheduler.runFor(randomInt(network.random, 15));
      }
      network.scheduler.runFor(randomInt(network.random, 120));
    }
    for (const link of network.links) network.restore(link);
    network.scheduler.runFor(20_000);
    const settled = Array.from({ length: 2 * SIZE }, () => send());
    network.scheduler.runFor(1000);
    const twice = consumers.map(({ counts }) => [...counts].filter(([, count]) => count > 1));
    expect(twice).toEqual(IDS.map(() => []));
    const heard = consumers.map(({ counts }) => settled.filter((number) => counts.get(number) === 1));
    expect(heard).toEqual(IDS.map(() => settled));
  });
});

const MIXTURES: Readonly<Record<string, (at: number) => MeshKind>> = {
  'every second one an original': (at) => (at % 2 === 0 ? 'ours' : 'original'),
  'one of ours': (at) => (at === 0 ? 'ours' : 'original'),
  'one original': (at) => (at === 0 ? 'original' : 'ours'),
};

describe.each(Object.entries(MIXTURES))('a message to all in a mesh of six of both kinds, %s', (_, kindAt) => {
  it.each(SEEDS)('comes to none of ours twice, and to everybody when the ways have settled: seed %i', (seed) => {
    const network = new MeshNetwork(seed);
    IDS.forEach((id, at) => void network.addRouter(id, [`M${id}`], kindAt(at)));
    for (const [one, other] of PAIRS) network.connect(one, other, 1 + randomInt(network.random, 3));
    network.scheduler.runUntil(30_000);
    const messages = new Messages(network);
    const pick = <T>(items: readonly T[]): T => items[randomInt(network.random, items.length)] as T;
    for (let step = 0; step < 80; step++) {
      const link = pick(network.links);
      if (link.isUp) network.cut(link);
      else network.raise(link);
      for (let more = 0; more < 8; more++) {
        messages.send(pick(IDS));
        network.scheduler.runFor(randomInt(network.random, 100));
      }
      network.scheduler.runFor(randomInt(network.random, 2000));
    }
    for (const link of network.links) network.raise(link);
    network.scheduler.runFor(150_000);
    const settled = Array.from({ length: 2 * SIZE }, () => messages.send(pick(IDS)));
    network.scheduler.runFor(1000);
    const twice = [...messages.counts].filter(([, count]) => count > 1).map(([entry]) => entry);
    expect(twice.filter((entry) => messages.isOurs(entry.split(' ')[1]!))).toEqual([]);
    const heard = settled.map((number) => IDS.map((id) => messages.counts.get(`${number} ${id}`)));
    expect(heard).toEqual(settled.map(() => IDS.map(() => 1)));
  });
});
