/** When the buffers of reads are collected: by what was read, and by what is still held of it. */
import { describe, expect, it } from 'vitest';
import { YoungGarbage } from '../../router/io/young-garbage.ts';

const MIB = 1024 * 1024;

/** Looks taken while so many MiB were read in turns of 1 MiB, as many being held all the time. */
function looks(readMib: number, heldMib: number): number {
  let count = 0;
  const young = new YoungGarbage(() => count++);
  for (let i = 0; i < readMib; i++) {
    young.read(MIB);
    young.sweep(heldMib * MIB);
  }
  return count;
}

describe('buffers of finished reads', () => {
  it('are collected each 4 MiB while little is held', () => {
    expect(looks(3, 0)).toBe(0);
    expect(looks(4, 0)).toBe(1);
    expect(looks(48, 2)).toBe(12);
  });

  it('are collected no more often than what is held has been replaced, so that none of it grows old', () => {
    expect(looks(48, 12)).toBe(4);
  });

  it('are collected each 24 MiB however much is held', () => {
    expect(looks(48, 500)).toBe(2);
  });

  it('are collected by V8 itself when nobody else is given', () => {
    const young = new YoungGarbage();
    young.read(4 * MIB);
    expect(() => young.sweep(0)).not.toThrow();
  });
});
