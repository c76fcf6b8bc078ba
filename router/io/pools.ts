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

export interface PoolCount {
  readonly typeName: string;
  /** Octets of an item. */
  readonly typeSize: number;
  readonly totalCount: number;
  /** Items that lie ready, of those there are. */
  readonly idleCount: number;
}

export function poolCounts(slabs: SlabPool | undefined): PoolCount[] {
  const counts = getHeapSpaceStatistics().map(({ space_name: name, space_size: size, space_used_size: used }) => ({
    typeName: `heap_${name}`,
    typeSize: PAGE_BYTES,
    totalCount: pagesOf(size),
    idleCount: pagesOf(size) - pagesOf(used),
  }));
  if (slabs === undefined) return counts;
  return [
    ...counts,
    { typeName: 'slab', typeSize: slabs.sizeBytes, totalCount: slabs.madeCount, idleCount: slabs.idleCount },
  ];
}

export function pools(slabs: SlabPool | undefined): ShownEntity[] {
  return poolCounts(slabs).map((count) => ({
    ...pool(count),
    ...(count.typeName === 'slab' && { localFreeListMax: slabs?.idleMax ?? 0 }),
  }));
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES);
}

function pool({ typeName, typeSize, totalCount, idleCount }: PoolCount): ShownEntity {
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
