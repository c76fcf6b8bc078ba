/**
 * Passing control messages on: to whom a message for all routers goes, and which copies of it have been seen.
 *
 * Decides only; `Mesh` sends. Rules of wire reference 3.2, 5.2 and 7.2.
 */
import type { RouterAnnotations } from '../amqp/message/router-annotations.ts';
import { FLOOD_MEMORY_MAX } from './limits.ts';
import type { ControlMessage } from './messages.ts';
import type { Path } from './paths.ts';

/** A router as it stands in ingress and trace: area and id. */
export function hopOf(routerId: string): string {
  return `0/${routerId}`;
}

export function routerOf(hop: string): string {
  return hop.slice(hop.indexOf('/') + 1);
}

/** The annotations of a message that leaves `self`; without any at hand the message enters the network here. */
export function stamp(annotations: RouterAnnotations | undefined, self: string): RouterAnnotations {
  const own = hopOf(self);
  if (annotations === undefined) return { flags: 0, ingress: own, trace: [own] };
  return { ...annotations, ingress: annotations.ingress ?? own, trace: [...annotations.trace, own] };
}

/** Every neighbour that the message has not passed. */
export function floodTargets(neighbours: Iterable<string>, trace: readonly string[]): string[] {
  return [...neighbours].filter((id) => !trace.includes(hopOf(id)));
}

/** The neighbours behind which there is a router that messages from `ingress` reach by way of this one. */
export function onceTargets(paths: ReadonlyMap<string, Path>, ingress: string, trace: readonly string[]): string[] {
  const nextHops = new Set<string>();
  for (const path of paths.values()) if (path.validOrigins.has(ingress)) nextHops.add(path.nextHop);
  return floodTargets(nextHops, trace);
}

/**
 * Recognises copies of a flooded message that came another way. A copy is passed on again only if it came by fewer hops than
 * those before, since the first may have ended at an original's radius. Identical messages in later intervals are not copies.
 */
export class FloodMemory {
  readonly #seen = new Map<string, { readonly at: number; hops: number }>();
  readonly #windowMs: number;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** 'new': handle and pass on; 'shorter': pass on; 'copy': drop; 'unknown': not one that is remembered. */
  see(message: ControlMessage | undefined, hops: number, now: number): 'new' | 'shorter' | 'copy' | 'unknown' {
    const key = message === undefined ? undefined : identityOf(message);
    if (key === undefined) return 'unknown';
    const seen = this.#seen.get(key);
    if (seen !== undefined && now - seen.at < this.#windowMs) {
      if (hops >= seen.hops) return 'copy';
      seen.hops = hops;
      return 'shorter';
    }
    this.#seen.delete(key);
    this.#forget(now);
    this.#seen.set(key, { at: now, hops });
    return 'new';
  }

  #forget(now: number): void {
    for (const [key, { at }] of this.#seen) {
      if (now - at < this.#windowMs && this.#seen.size < FLOOD_MEMORY_MAX) return;
      this.#seen.delete(key);
    }
  }
}

/** Only RA, LSU and differential MAU are flooded; what else comes that way is bounded by the radius alone. */
function identityOf(message: ControlMessage): string | undefined {
  if (message.opcode === 'RA') {
    return `RA ${message.instance ?? ''} ${message.lsSeq} ${message.mobileSeq} ${message.id}`;
  }
  if (message.opcode === 'LSU') return `LSU ${message.instance ?? ''} ${message.lsSeq} ${message.id}`;
  return message.opcode === 'MAU' ? `MAU ${message.mobileSeq} ${message.id}` : undefined;
}
