/**
 * Who sits where in a network under test: its routers' kinds, who dials whom, and how the links are made.
 *
 * Plain data: `network.ts` starts it. A shape says which places dial which; a list of kinds fills the places.
 */
import { originalRouter } from '../support/original-router.ts';
import type { Kind } from '../support/router-process.ts';

/** Indexes of the routers of one link. Its cost is the higher one of what both ends have configured. */
export interface LinkPlan {
  readonly dials: number;
  readonly accepts: number;
  readonly dialCost?: number;
  readonly acceptCost?: number;
}

export type Security = 'plain' | 'rsa' | 'ecdsa';

export interface Topology {
  readonly title: string;
  readonly kinds: readonly Kind[];
  readonly links: readonly LinkPlan[];
  /** Anything but plain is mutual TLS with SASL EXTERNAL, with keys of that kind. */
  readonly security: Security;
  /** Indexes of the two routers between which services are; by default the first and the last. */
  readonly ends?: readonly [number, number];
  /** Indexes of edge routers, which dial their neighbours. */
  readonly edges?: readonly number[];
  /** Of each router; by default what each kind takes by itself. */
  readonly dataConnectionCount?: number;
  /** Frames that a session of a link may have under way. */
  readonly maxSessionFrames?: number;
}

export function all(kind: Kind, count: number): Kind[] {
  return new Array<Kind>(count).fill(kind);
}

/** Ours and the original in turn. */
export function alternating(first: Kind, count: number): Kind[] {
  const second = first === 'ours' ? 'original' : 'ours';
  return Array.from({ length: count }, (_, at) => (at % 2 === 0 ? first : second));
}

/** Each place dials the next. */
export function line(count: number): LinkPlan[] {
  return Array.from({ length: count - 1 }, (_, at) => ({ dials: at, accepts: at + 1 }));
}

export function ring(count: number): LinkPlan[] {
  return Array.from({ length: count }, (_, at) => ({ dials: at, accepts: (at + 1) % count }));
}

/** Everybody with everybody; each place dials some and accepts others. */
export function fullMesh(count: number): LinkPlan[] {
  const links: LinkPlan[] = [];
  for (let one = 0; one < count; one++) {
    for (let other = one + 1; other < count; other++) {
      const isForward = (one + other) % 2 === 1;
      links.push(isForward ? { dials: one, accepts: other } : { dials: other, accepts: one });
    }
  }
  return links;
}

/** Our routers alone run anywhere, others where there is an original. */
export function runnable(topologies: readonly Topology[]): Topology[] {
  return topologies.filter(({ kinds }) => originalRouter !== undefined || !kinds.includes('original'));
}

/** The least cost from each place to each, worked out from the links alone. */
export function costsOf({ kinds, links }: Pick<Topology, 'kinds' | 'links'>): Map<number, Map<number, number>> {
  const costs = new Map(
    kinds.map((_, from) => [from, new Map(kinds.map((_, to) => [to, from === to ? 0 : Infinity]))]),
  );
  const get = (from: number, to: number): number => costs.get(from)?.get(to) ?? Infinity;
  const set = (from: number, to: number, cost: number): void => {
    if (cost < get(from, to)) costs.get(from)?.set(to, cost);
  };
  for (const { dials, accepts, dialCost = 1, acceptCost = 1 } of links) {
    set(dials, accepts, Math.max(dialCost, acceptCost));
    set(accepts, dials, Math.max(dialCost, acceptCost));
  }
  for (const via of costs.keys())
    for (const from of costs.keys()) for (const to of costs.keys()) set(from, to, get(from, via) + get(via, to));
  return costs;
}
