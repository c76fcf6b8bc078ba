/**
 * Collects the buffers of finished reads in time. Each read gives a buffer whose octets lie outside V8's heap; V8 counts
 * them towards a collection of the whole heap, which takes a third of a busy router's time, although a look at the
 * young objects alone frees them all. So that look is asked for after a fixed number of octets.
 *
 * Seldom enough that the looks cost little; often enough that what is read lands in memory that the processor's caches still hold, and that the
 * whole heap is never looked at on a machine where V8's helper threads get no time: the memory is given back by the thread that took it.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const BYTES_BETWEEN = 4 * 1024 * 1024;

type Collect = (options: { type: 'minor'; execution: 'sync' }) => void;

export class YoungGarbage {
  private readonly collect: Collect;
  private readBytes = 0;

  constructor() {
    setFlagsFromString('--no-concurrent-array-buffer-sweeping');
    setFlagsFromString('--expose-gc');
    this.collect = runInNewContext('gc') as Collect;
  }

  /** So many octets were read. */
  read(sizeBytes: number): void {
    this.readBytes += sizeBytes;
  }

  /** Collects when enough was read; to be called between turns. */
  sweep(): void {
    if (this.readBytes < BYTES_BETWEEN) return;
    this.readBytes = 0;
    this.collect({ type: 'minor', execution: 'sync' });
  }
}
