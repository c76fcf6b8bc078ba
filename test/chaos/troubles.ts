/** What happens to the ring, at random: routers are killed, restarted and frozen, links are cut and fall silent, parts are cut off. */
import { type Random, randomInt } from '../../lib/random.ts';
import type { History } from './history.ts';
import { EDGES, type Ring, ROUTER_COUNT } from './ring.ts';

/** From one trouble to the next. */
const PAUSE_MS_MIN = 1500;
const PAUSE_MS_MAX = 7000;
/** All at once. */
const COUNT_MAX = 3;
const LASTS_MS_MIN = 100;
const LASTS_MS_MAX = 8000;

export const TROUBLES = ['kill', 'restart', 'freeze', 'cut', 'silence', 'split', 'silent split'] as const;
type Kind = (typeof TROUBLES)[number];

interface Trouble {
  readonly endMs: number;
  readonly end: (nowMs: number) => void;
}

export class Troubles {
  readonly counts = new Map<Kind, number>();
  private readonly random: Random;
  private readonly ring: Ring;
  private readonly history: History;
  private readonly say: (text: string) => void;
  private current: Trouble[] = [];
  /** Routers and links that something happens to. */
  private readonly busyRouters = new Set<number>();
  private readonly busyEdges = new Set<number>();
  private nextMs: number;

  constructor(random: Random, ring: Ring, history: History, nowMs: number, say: (text: string) => void) {
    this.random = random;
    this.ring = ring;
    this.history = history;
    this.say = say;
    this.nextMs = nowMs + PAUSE_MS_MIN;
  }

  /** To be called often. */
  tick(nowMs: number): void {
    for (const trouble of this.current) if (trouble.endMs <= nowMs) trouble.end(nowMs);
    this.current = this.current.filter(({ endMs }) => endMs > nowMs);
    if (nowMs < this.nextMs) return;
    this.nextMs = nowMs + PAUSE_MS_MIN + randomInt(this.random, PAUSE_MS_MAX - PAUSE_MS_MIN);
    if (this.current.length < COUNT_MAX) this.begin(nowMs);
  }

  /** All ends now. */
  finish(nowMs: number): void {
    for (const { end } of this.current) end(nowMs);
    this.current = [];
  }

  private begin(nowMs: number): void {
    const kind = TROUBLES[randomInt(this.random, TROUBLES.length)]!;
    const at = randomInt(this.random, ROUTER_COUNT);
    const edge = randomInt(this.random, EDGES.length);
    const lastsMs = LASTS_MS_MIN + randomInt(this.random, LASTS_MS_MAX - LASTS_MS_MIN);
    const endMs = nowMs + lastsMs;
    let end: Trouble['end'] | undefined;
    if (kind === 'kill' || kind === 'restart') end = this.death(kind, at, nowMs);
    else if (kind === 'freeze') end = this.freeze(at, nowMs);
    else if (kind === 'cut' || kind === 'silence') end = this.edges(kind, [edge], nowMs);
    else end = this.edges(kind === 'split' ? 'cut' : 'silence', edgesAround(at), nowMs);
    // Something happens to it already.
    if (end === undefined) return;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    const [one, two] = EDGES[edge]!;
    const what = kind === 'cut' || kind === 'silence' ? `R${one}-R${two}` : `R${at}`;
    this.say(`${kind} ${what} for ${lastsMs} ms`);
    this.current.push({ endMs, end });
  }

  private death(kind: 'kill' | 'restart', at: number, nowMs: number): Trouble['end'] | undefined {
    if (this.busyRouters.has(at)) return undefined;
    this.busyRouters.add(at);
    this.history.router(at, false, nowMs);
    this.history.death(at, nowMs);
    if (kind === 'kill') this.ring.kill(at);
    else this.ring.terminate(at);
    return () => {
      this.ring.restart(at, () => {
        this.history.death(at, performance.now());
        this.history.router(at, true, performance.now());
        this.busyRouters.delete(at);
      });
    };
  }

  private freeze(at: number, nowMs: number): Trouble['end'] | undefined {
    if (this.busyRouters.has(at)) return undefined;
    this.busyRouters.add(at);
    this.history.router(at, false, nowMs);
    this.ring.freeze(at, true);
    return (endMs) => {
      this.ring.freeze(at, false);
      this.history.router(at, true, endMs);
      this.busyRouters.delete(at);
    };
  }

  private edges(how: 'cut' | 'silence', wanted: readonly number[], nowMs: number): Trouble['end'] | undefined {
    const edges = wanted.filter((edge) => !this.busyEdges.has(edge));
    if (edges.length === 0) return undefined;
    for (const edge of edges) {
      this.busyEdges.add(edge);
      this.history.edge(edge, false, nowMs);
      this.ring[how](edge, true);
    }
    return (endMs) => {
      for (const edge of edges) {
        this.ring[how](edge, false);
        this.history.edge(edge, true, endMs);
        this.busyEdges.delete(edge);
      }
    };
  }
}

/** Those between this router with its next one, and all others. */
function edgesAround(at: number): number[] {
  const part = [at, (at + 1) % ROUTER_COUNT];
  return EDGES.flatMap(([one, two], edge) => (part.includes(one) !== part.includes(two) ? [edge] : []));
}
