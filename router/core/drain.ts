/**
 * A router on its way out of the network, as far as the core has to do with it: others forget its services and take other ways
 * where there are any. What comes all the same is served as long as whoever sends it has no other way; what is open goes on.
 *
 * Its connectors stay, passed over and untold (`bridge.draining`); its links cost so much that no way leads by it. When sockets
 * close and the process ends is for `io/drain.ts`. Edge routers are told, and go to another interior router when they have one.
 */
import { tellDraining } from './edge-serving.ts';
import type { Peer } from './peer.ts';
import type { Router } from './router.ts';

/** More than any way costs, and less than a connector that is passed over. */
const DRAINING_COST = 100_000;

/** @param draining `false` takes it back */
export function drainRouter(router: Router, draining: boolean, now: number): void {
  if (draining === router.draining) return;
  router.bridge.now = now;
  router.bridge.setDraining(draining);
  for (const peer of router.peers.values()) {
    if (peer.linked) router.mesh.setCost(peer.id, costOf(router, peer), now);
    else tellDraining(peer, draining);
  }
  router.step(now);
}

/** What the network is told that a link costs from here. */
export function costOf(router: Pick<Router, 'draining'>, peer: Peer): number {
  return router.draining ? peer.cost + DRAINING_COST : peer.cost;
}

/** What a router that drains waits for: flows, and ends of streams of others that pass. */
export function openCountOf({ bridge, peers }: Pick<Router, 'bridge' | 'peers'>): number {
  let count = bridge.flows.size;
  for (const { ends } of peers.values()) for (const { transit } of ends) if (transit.windowed) count++;
  return count;
}
