/**
 * The memory pools of the process as `allocator` shows them: the spaces of the JavaScript heap, in pages, and the slabs that
 * writes to TLS sockets are joined in. They are what skupper-router's pools of fixed-size items are there: `typeSize` octets
 * an item, items taken from the system, and items that lie ready for use.
 */
import { getHeapSpaceStatistics } from 'node:v8';
import type { ShownEntity } from '../management/managed-router.ts';
import type { SlabPool } from './slab-pool.ts';

/** Of the JavaScript heap; a larger object has pages to itself. */
const PAGE_BYTES = 256 * 1024;

export function pools(slabs: SlabPool | undefined): ShownEntity[] {
  const spaces = getHeapSpaceStatistics().map(({ space_name: name, space_size: size, space_used_size: used }) =>
    pool(`heap_${name}`, PAGE_BYTES, pagesOf(size), pagesOf(size) - pagesOf(used)),
  );
  return slabs === undefined
    ? spaces
    : [
        ...spaces,
        { ...pool('slab', slabs.sizeBytes, slabs.madeCount, slabs.idleCount), localFreeListMax: slabs.idleMax },
      ];
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES);
}

/** @param idleCount items that lie ready, of those there are */
function pool(typeName: string, typeSize: number, totalCount: number, idleCount: number): ShownEntity {
  return {
    name: `allocator/${typeName}`,
    identity: `allocator/${typeName}`,
    typeName,
    typeSize,
    // Items come and go one by one, and one thread has them all.
    transferBatchSize: 1,
    localFreeListMax: idleCount,
    globalFreeListMax: -1,
    totalAllocFromHeap: totalCount,
    totalFreeToHeap: 0,
    heldByThreads: totalCount,
    batchesRebalancedToThreads: 0,
    batchesRebalancedToGlobal: 0,
  };
}
