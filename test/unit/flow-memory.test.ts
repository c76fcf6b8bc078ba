/** How much memory a router takes for flows, by its environment and by the memory there is. */
import { describe, expect, it } from 'vitest';
import { FLOW_MEMORY_BYTES_DEFAULT, FLOW_MEMORY_BYTES_MIN } from '../../router/core/limits.ts';
import { flowMemoryBytes } from '../../router/io/flow-memory.ts';

const MIB = 1024 * 1024;

describe('the memory for flows', () => {
  it('is an eighth of what there is, within bounds', () => {
    expect(flowMemoryBytes({}, 1024 * MIB)).toBe(128 * MIB);
    expect(flowMemoryBytes({}, 64 * 1024 * MIB)).toBe(FLOW_MEMORY_BYTES_DEFAULT);
    expect(flowMemoryBytes({}, MIB)).toBe(FLOW_MEMORY_BYTES_MIN);
    expect(flowMemoryBytes({})).toBeGreaterThanOrEqual(FLOW_MEMORY_BYTES_MIN);
  });

  it.each([
    ['268435456', 256 * MIB],
    ['262144Ki', 256 * MIB],
    [' 256Mi', 256 * MIB],
    ['2Gi', 2048 * MIB],
    ['1', FLOW_MEMORY_BYTES_MIN],
  ])('is what SKUPRT_FLOW_MEMORY says: %s', (text, bytes) => {
    expect(flowMemoryBytes({ SKUPRT_FLOW_MEMORY: text }, MIB)).toBe(bytes);
  });

  it('goes by the memory that skupper-router is told of', () => {
    expect(flowMemoryBytes({ SKUPPER_ROUTER_MEMORY_CEILING: '1073741824' }, MIB)).toBe(128 * MIB);
  });

  it.each(['256MB', '-1', '1.5Gi', 'much'])('is not %s', (text) => {
    expect(() => flowMemoryBytes({ SKUPRT_FLOW_MEMORY: text })).toThrow(`SKUPRT_FLOW_MEMORY is '${text}'`);
  });
});
