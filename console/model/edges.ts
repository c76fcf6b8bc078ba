/**
 * Edge routers that were lost. The router that one hangs on knows it at once, and takes its addresses back in the whole network; to wait for
 * its heartbeats would take much longer. One whose address was never seen, of whatever make, is not judged by it. Pure.
 */
import { EDGE_GONE_MS } from './limits.ts';

export class Edges {
  /** Whose address was there once; since when it is not. */
  private readonly seen = new Map<string, number | undefined>();

  /** @param takers sources whose address somebody takes messages for; undefined when that is not known now */
  look(edges: readonly string[], takers: ReadonlySet<string> | undefined, now: number): void {
    const known = new Set(edges);
    for (const source of this.seen.keys()) if (!known.has(source)) this.seen.delete(source);
    if (takers === undefined) return;
    for (const source of edges) {
      if (takers.has(source)) this.seen.set(source, undefined);
      else if (this.seen.has(source)) this.seen.set(source, this.seen.get(source) ?? now);
    }
  }

  isGone(source: string, now: number): boolean {
    const since = this.seen.get(source);
    return since !== undefined && now - since >= EDGE_GONE_MS;
  }
}
