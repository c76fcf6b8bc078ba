/**
 * Session affinity: the same choice for the same client, by rendezvous hashing. Each of several choices gets a score that
 * follows from the client and the choice alone, and the highest wins: no router keeps a table, all choose alike, and when
 * choices come or go only the clients of those move.
 *
 * A client is a number of 32 bits, the hash of its address. It travels with its stream as a delivery annotation, so routers
 * on the way and the one with the backends choose by it too; others pass it on and balance as ever (docs/adr/0020).
 */
import { amqp, mapGet, type Typed, type TypedMap } from '../amqp/codec/value.ts';

const ANNOTATION = 'x-opt-skuprt-affinity';

/** What a client is known by: the same for `::ffff:10.0.0.1` and `10.0.0.1`. */
export function clientHash(address: string): number {
  return hashOf(address.replace(MAPPED, ''), 0);
}

const MAPPED = /^::ffff:(?=[0-9.]+$)/i;

/** The delivery annotations of a client's stream. */
export function affinityAnnotations(client: number): TypedMap {
  return amqp.map([[amqp.symbol(ANNOTATION), amqp.uint(client)]]);
}

/** Undefined when the stream is not bound. */
export function affinityOf(deliveryAnnotations: Typed | undefined): number | undefined {
  if (deliveryAnnotations?.type !== 'map') return undefined;
  const value = mapGet(deliveryAnnotations, ANNOTATION);
  return value?.type === 'uint' ? value.value : undefined;
}

/**
 * @param choice its name, the same at every router and for as long as it exists
 * @param weight above 0: twice the weight gets twice the clients
 * @returns above 0
 */
export function scoreOf(client: number, choice: string, weight = 1): number {
  // Uniform in (0, 1), so the score is exponentially distributed and the largest is a choice's with odds by its weight.
  const uniform = (hashOf(choice, client) + 0.5) / 2 ** 32;
  return -weight / Math.log(uniform);
}

/** The choice of highest score; undefined when there is none. */
export function choose<T>(
  client: number,
  choices: readonly T[],
  describe: (choice: T) => { name: string; weight?: number },
): T | undefined {
  let best: T | undefined;
  let bestScore = -1;
  for (const choice of choices) {
    const { name, weight } = describe(choice);
    const score = scoreOf(client, name, weight);
    if (score <= bestScore) continue;
    best = choice;
    bestScore = score;
  }
  return best;
}

/** 32 bits; FNV-1a over the characters, then the finish of MurmurHash3, so that near texts are far apart. */
export function hashOf(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
