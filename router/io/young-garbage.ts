/**
 * Collects the buffers of finished reads in time. Each read gives a buffer whose octets lie outside V8's heap; V8 counts
 * them towards a collection of the whole heap, which takes a third of a busy router's time, although a look at the
 * young objects alone frees them all. So that look is asked for after a fixed number of octets.
 *
 * Seldom enough that the looks cost little, and that what flows hold until it is acknowledged goes with the next look or the one after: what lives
 * through two is taken for old, and only a collection of the whole heap frees it. Often enough that what is read lands in memory which the
 * processor's caches still hold. The memory is given back by the thread that took it: V8's helper threads get no time on a busy machine.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const BYTES_BETWEEN_MIN = 4 * 1024 * 1024;
/** V8 looks at the whole heap when 64 MiB have come to it. */
const BYTES_BETWEEN_MAX = 24 * 1024 * 1024;

type Collect = (options: { type: 'minor'; execution: 'sync' }) => void;

/** V8's own collector. */
function youngCollector(): Collect {
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}

export class YoungGarbage {
  private readonly collect: Collect;
  private readBytes = 0;

  constructor(collect: Collect = youngCollector()) {
    this.collect = collect;
  }

  /** So many octets were read. */
  read(sizeBytes: number): void {
    this.readBytes += sizeBytes;
  }

  /**
   * Collects when enough was read; to be called between turns.
   * @param heldBytes octets of what was read that are still wanted
   */
  sweep(heldBytes: number): void {
    const { readBytes } = this;
    if (readBytes < BYTES_BETWEEN_MIN || (readBytes < heldBytes && readBytes < BYTES_BETWEEN_MAX)) return;
    this.readBytes = 0;
    this.collect({ type: 'minor', execution: 'sync' });
  }
}
