/**
 * Tables by the number of a router or of a connection to one, as skupper-router shows them: as long as its masks of routers are
 * wide, whatever the network.
 */
import { type Typed, amqp as wire } from '../amqp/codec/value.ts';
import type { Peer } from '../core/peer.ts';
import type { Router } from '../core/router.ts';

const WIDTH = 128;
const NONE: Typed = wire.ulong(0);

/** By the index of the router where they entered the network. @param counts by `0/<id>`; empty for this router */
export function byRouter(counts: ReadonlyMap<string, number>, { mesh }: Router): Typed[] {
  const table = new Array<Typed>(WIDTH).fill(NONE);
  for (const { id, index } of mesh.routers()) {
    const count = (counts.get(`0/${id}`) ?? 0) + (index === 0 ? (counts.get('') ?? 0) : 0);
    if (index < WIDTH && count > 0) table[index] = wire.ulong(count);
  }
  return table;
}

const numbers = new WeakMap<Peer, number>();

/** The number of a connection between routers: it stays, and is free again when the connection is gone. */
function numberOf(peer: Peer, { peers }: Router): number {
  const known = numbers.get(peer);
  if (known !== undefined) return known;
  const taken = new Set([...peers.values()].map((other) => numbers.get(other)));
  let free = 0;
  while (taken.has(free)) free++;
  numbers.set(peer, free);
  return free;
}

/** By the number of the connection to the neighbour they went to. @param counts by the id of that connection */
export function byNeighbour(counts: Iterable<readonly [peerId: number, count: number]>, router: Router): number[] {
  const table = new Array<number>(WIDTH).fill(0);
  for (const [id, count] of counts) {
    const peer = router.peers.get(id);
    const number = peer && numberOf(peer, router);
    if (number !== undefined && number < WIDTH) table[number] = count;
  }
  return table;
}
