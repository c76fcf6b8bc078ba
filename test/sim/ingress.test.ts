/**
 * Where a message entered the network, as consumers hear of it: true for every message, and not to be had for one whose
 * neighbour could not have got it from there.
 */
import { describe, expect, it } from 'vitest';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import type { Peer } from '../../router/core/peer.ts';
import { type Candidate, type Inlet, type Outlet, Transit } from '../../router/core/transit.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';

const ADDRESS = 'mc/news';
const NOBODY: Inlet = { update: () => {}, hold: () => {}, resume: () => {} };

class Consumer implements Candidate, Outlet {
  readonly cost = 0;
  readonly openCount = 0;
  readonly queuedBytes = 0;
  readonly heard: (string | undefined)[] = [];

  constructor(network: RouterNetwork, at: string) {
    const { router } = network.router(at);
    this.ingressOf = (transit) => router.ingressOf(transit);
    router.treatments.set('mc', { prefix: 'mc' }, 'multicast');
    network.router(at).input(() => {
      router.addresses.addConsumer(`M${ADDRESS}`, this);
      router.step(network.now);
    });
  }

  private readonly ingressOf: (transit: Transit) => string | undefined;

  take(transit: Transit): Outlet {
    this.heard.push(this.ingressOf(transit));
    return this;
  }

  done(): void {}
  write(): void {}
  end(): void {}
  abort(): void {}
  senderUpdate(): void {}
}

function networkOf(...links: [string, string, number?][]): RouterNetwork {
  const network = new RouterNetwork(1);
  const ids = new Set(links.map(([one]) => one).concat(links.map(([, other]) => other)));
  for (const id of ids) network.addRouter(id);
  for (const [one, other, cost] of links) network.connect(one, other, cost);
  for (const { router } of network.routers.values()) router.treatments.set('mc', { prefix: 'mc' }, 'multicast');
  network.scheduler.runFor(500);
  return network;
}

const MESSAGE = composeMessage({ properties: { to: ADDRESS } });

/** `at` hands its neighbour a message that it says has come from `origin`. */
function claim(network: RouterNetwork, at: string, neighbour: string, origin: string): void {
  const sender = network.router(at);
  sender.input(() => {
    const transit = new Transit(NOBODY, sender.router.forwarder, 0, true);
    transit.to = ADDRESS;
    transit.whole = true;
    transit.annotations = { flags: 0, ingress: `0/${origin}`, trace: [`0/${origin}`] };
    const isTo = ({ role, containerId }: Peer): boolean => role === 'inter-router' && containerId === neighbour;
    const peer = [...sender.router.peers.values()].find(isTo);
    transit.attach(undefined, peer!.take(transit)!, MESSAGE);
    transit.end(true);
  });
  network.scheduler.runFor(50);
}

function send(network: RouterNetwork, at: string): void {
  const sender = network.router(at);
  sender.input(() => sender.router.send(ADDRESS, MESSAGE, network.now));
  network.scheduler.runFor(50);
}

describe('the ingress that a consumer hears', () => {
  it('is that of the router whose client sent the message, over any number of routers and by equal ways', () => {
    // Two ways of equal cost from A to D.
    const network = networkOf(['A', 'B'], ['A', 'C'], ['B', 'D'], ['C', 'D'], ['D', 'E']);
    const consumers = ['A', 'B', 'C', 'D', 'E'].map((id) => new Consumer(network, id));
    network.scheduler.runFor(500);
    for (const id of ['A', 'B', 'C', 'D', 'E']) send(network, id);
    const everybody = ['0/A', '0/B', '0/C', '0/D', '0/E'];
    expect(consumers.map(({ heard }) => heard)).toEqual(consumers.map(() => everybody));
  });

  it('is still right when the network has found other ways', () => {
    const network = networkOf(['A', 'B'], ['B', 'C'], ['A', 'D', 2], ['D', 'C', 2]);
    const consumer = new Consumer(network, 'C');
    network.scheduler.runFor(500);
    send(network, 'A');
    network.cut(network.links[0]!);
    network.scheduler.runFor(500);
    send(network, 'A');
    expect(consumer.heard).toEqual(['0/A', '0/A']);
  });

  it('is none when a neighbour says it of a router that it is not on the way from', () => {
    const network = networkOf(['A', 'B'], ['A', 'C']);
    const consumer = new Consumer(network, 'A');
    network.scheduler.runFor(500);
    claim(network, 'B', 'A', 'C');
    expect(consumer.heard).toEqual([undefined]);
    send(network, 'C');
    expect(consumer.heard).toEqual([undefined, '0/C']);
  });

  it('is none for a router that nobody knows', () => {
    const network = networkOf(['A', 'B']);
    const consumer = new Consumer(network, 'A');
    network.scheduler.runFor(500);
    claim(network, 'B', 'A', 'Z');
    expect(consumer.heard).toEqual([undefined]);
  });

  it('cannot be the own one for what came by a link: such a message is dropped', () => {
    const network = networkOf(['A', 'B']);
    const consumer = new Consumer(network, 'A');
    network.scheduler.runFor(500);
    claim(network, 'B', 'A', 'A');
    expect(consumer.heard).toEqual([]);
    send(network, 'B');
    expect(consumer.heard).toEqual(['0/B']);
  });

  it('is the interior router for a message from its edge, and known at edges', () => {
    const network = networkOf(['A', 'B']);
    network.addRouter('E', 'edge');
    network.router('E').router.treatments.set('mc', { prefix: 'mc' }, 'multicast');
    network.connect('E', 'A');
    network.scheduler.runFor(500);
    network.router('E').input(() => network.router('E').router.addresses.watch(`M${ADDRESS}`, { reachable: () => {} }));
    const [atEdge, atB] = [new Consumer(network, 'E'), new Consumer(network, 'B')];
    network.scheduler.runFor(500);
    send(network, 'E');
    send(network, 'B');
    expect(atB.heard).toEqual(['0/A', '0/B']);
    expect(atEdge.heard).toEqual(['0/E', '0/B']);
  });
});
