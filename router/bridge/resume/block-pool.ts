/** Blocks of memory in which flows keep copies of small reads for a moment, used again by the next flow. */
export const BLOCK_BYTES = 4096;
/** Blocks that wait for their next use at most; as many as a burst wants beyond that go back to the system. */
const IDLE_MAX = 1024;

export class BlockPool {
  private readonly idle: Buffer[] = [];

  take(): Buffer {
    return this.idle.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  /** @param block one that was taken from here, and that nobody reads any more */
  give(block: Buffer): void {
    if (this.idle.length < IDLE_MAX) this.idle.push(block);
  }
}
