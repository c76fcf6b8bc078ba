/** What an end of a flow keeps until the other has taken it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK_BYTES, BlockPool } from '../../router/bridge/resume/block-pool.ts';
import { Retained } from '../../router/bridge/resume/retained.ts';

const pattern = (from: number, size: number): Buffer =>
  Buffer.from(Array.from({ length: size }, (_, i) => (from + i) % 251));
const kept = (retained: Retained): Buffer => Buffer.concat([...retained.all()]);

describe('retained octets', () => {
  it('are those between what was released and what was pushed, whatever the pieces', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 0, max: 2 * BLOCK_BYTES }) }),
      fc.record({ push: fc.integer({ min: 0, max: 200 }) }),
      fc.record({ release: fc.double({ min: 0, max: 1.2, noNaN: true }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const pool = new BlockPool();
        const retained = new Retained(pool);
        const other = new Retained(pool);
        for (const each of steps) {
          if ('push' in each) {
            retained.push(pattern(retained.toOffset, each.push));
            other.push(Buffer.alloc(50, 255));
          } else {
            const { fromOffset, bytes } = retained;
            retained.release(fromOffset + Math.floor(bytes * Math.min(each.release, 1)));
            other.clear();
          }
          expect(kept(retained)).toEqual(pattern(retained.fromOffset, retained.bytes));
        }
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it('stay as they are when their block is used again', () => {
    const pool = new BlockPool();
    const retained = new Retained(pool);
    retained.push(pattern(0, 100));
    const sentAgain = [...retained.all()];
    retained.clear();
    const next = new Retained(pool);
    next.push(Buffer.alloc(100, 255));
    expect(Buffer.concat(sentAgain)).toEqual(pattern(0, 100));
  });

  it('of many small reads share blocks, which go from flow to flow', () => {
    const pool = new BlockPool();
    const blocks = new Set<ArrayBufferLike>();
    const take = pool.take.bind(pool);
    pool.take = () => {
      const block = take();
      blocks.add(block.buffer);
      return block;
    };
    for (let flow = 0; flow < 100; flow++) {
      const retained = new Retained(pool);
      for (let read = 0; read < 30; read++) retained.push(pattern(0, 100));
      retained.clear();
    }
    expect(blocks.size).toBe(1);
  });

  it('of an earlier offset than was released change nothing', () => {
    const retained = new Retained(new BlockPool());
    retained.push(pattern(0, 10));
    retained.release(6);
    retained.release(3);
    expect([retained.fromOffset, retained.bytes]).toEqual([6, 4]);
  });
});
