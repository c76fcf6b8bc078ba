/**
 * Reused buffers for what is written to TLS sockets. Several buffers handed to such a socket in one write are joined by
 * it into a new one each time, and that garbage costs more than the copy; joined here, the memory is used again.
 */
export const SLAB_BYTES = 256 * 1024;
const IDLE_MAX = 16;

export class SlabPool {
  readonly sizeBytes = SLAB_BYTES;
  readonly idleMax = IDLE_MAX;
  /** Slabs that were taken from the system and not dropped. */
  madeCount = 0;
  private readonly idle: Buffer[] = [];

  get idleCount(): number {
    return this.idle.length;
  }

  /** A buffer of at least `sizeBytes`. */
  take(sizeBytes: number): Buffer {
    if (sizeBytes > SLAB_BYTES) return Buffer.allocUnsafeSlow(sizeBytes);
    const idle = this.idle.pop();
    if (idle) return idle;
    this.madeCount++;
    return Buffer.allocUnsafeSlow(SLAB_BYTES);
  }

  give(slab: Buffer): void {
    if (slab.length !== SLAB_BYTES) return;
    if (this.idle.length < IDLE_MAX) this.idle.push(slab);
    else this.madeCount--;
  }
}

/** The pieces one after the other in a slab of the pool, from its start. */
export function join(pieces: readonly Buffer[], sizeBytes: number, pool: SlabPool): Buffer {
  const slab = pool.take(sizeBytes);
  let at = 0;
  for (let i = 0; i < pieces.length; i++) at += pieces[i]!.copy(slab, at);
  return slab;
}
