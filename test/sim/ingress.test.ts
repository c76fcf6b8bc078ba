/**
 * Where a message entered the network, as consumers hear of it: true for every message, and not to be had for one whose
 * neighbour could not have got it from there.
 */
import { describe, expect, it } from 'vitest';
import { meshIdOf } from '../../router/core/edge-names.ts';
import type { Peer } from '../../router/core/peer.ts';
import { type Inlet, Transit } from '../../router/core/transit.ts';
import { ADDRESS, Consumer, MESSAGE, send } from '../support/sim/multicast.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';

const NOBODY: Inlet = { update: () => {}, hold: () => {}, resume: () => {} };

function networkOf(...links: [string, string, number?][]): RouterNetwork {
  const network = new RouterNetwork(1);
  const ids = new Set(links.map(([one]) => one).concat(links.map(([, other]) => other)));
  for (const id of ids) network.addRouter(id);
  for (const [one, other, cost] of links) network.connect(one, other, cost);
  for (const { router } of network.routers.values()) router.treatments.set('mc', { prefix: 'mc' }, 'multicast');
  network.scheduler.runFor(500);
  return network;
}

/** Interior routers A and B, and edge routers at them. */
function withEdges(...edges: [string, string][]): RouterNetwork {
  const network = networkOf(['A', 'B']);
  for (const [edge, interior] of edges) {
    network.addRouter(edge, 'edge');
    attach(network, edge, interior);
  }
  return network;
}

/** The edge has somebody who wants to send. */
function attach(network: RouterNetwork, edge: string, interior: string): void {
  const { router } = network.router(edge);
  router.treatments.set('mc', { prefix: 'mc' }, 'multicast');
  network.connect(edge, interior);
  network.router(edge).input(() => router.addresses.watch(`M${ADDRESS}`, { reachable: () => {} }));
  network.scheduler.runFor(500);
}

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

  it('cannot be that of a router that the neighbour is not on the way from: such a message is dropped', () => {
    const network = networkOf(['A', 'B'], ['A', 'C']);
    const consumer = new Consumer(network, 'A');
    network.scheduler.runFor(500);
    claim(network, 'B', 'A', 'C');
    expect(consumer.heard).toEqual([]);
    send(network, 'C');
    expect(consumer.heard).toEqual(['0/C']);
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

  it('is the edge router for a message of its client, at interior routers and other edges', () => {
    const network = withEdges(['E', 'A'], ['F', 'B'], ['G', 'B']);
    const consumers = ['E', 'F', 'G', 'A', 'B'].map((id) => new Consumer(network, id));
    network.scheduler.runFor(500);
    for (const id of ['E', 'B', 'G', 'A', 'F']) send(network, id);
    const everybody = ['0/E', '0/B', '0/G', '0/A', '0/F'];
    expect(consumers.map(({ heard }) => heard)).toEqual(consumers.map(() => everybody));
  });

  it('is none for an edge router that says it is another', () => {
    const network = withEdges(['E', 'A'], ['F', 'A']);
    network.addRouter('L', 'edge');
    Object.assign(Reflect.get(network.router('L').router, 'edgeMesh') as object, { id: meshIdOf('E') });
    attach(network, 'L', 'A');
    expect(network.router('L').router.edgeMeshId).toBe(meshIdOf('E'));
    const consumers = ['A', 'B', 'F'].map((id) => new Consumer(network, id));
    network.scheduler.runFor(500);
    send(network, 'L');
    send(network, 'E');
    expect(consumers.map(({ heard }) => heard)).toEqual(consumers.map(() => [undefined, '0/E']));
  });

  it('is that of the edge router when it has changed to another interior router', () => {
    const network = withEdges(['E', 'A']);
    network.connect('E', 'B');
    const consumer = new Consumer(network, 'B');
    network.scheduler.runFor(500);
    send(network, 'E');
    network.cut(network.links.find(({ ends: [from, to] }) => from === 'E' && to === 'A')!);
    network.scheduler.runFor(500);
    send(network, 'E');
    expect(consumer.heard).toEqual(['0/E', '0/E']);
  });
});
