import { describe, expect, it } from 'vitest';
import { Admission } from '../../router/bridge/admission.ts';
import { FlowBudget } from '../../router/bridge/flow-budget.ts';
import { FLOW_COUNT_MIN } from '../../router/core/limits.ts';
import { descriptorLimit, flowCountMax } from '../../router/io/flow-count.ts';

const MIB = 1024 * 1024;

describe('how many TCP connections a router may have', () => {
  it.each([
    ['what file descriptors bear, less a reserve', 20_000, 512, 18_976],
    ['of few descriptors an eighth is kept', 4096, 512, 3584],
    ['of very few as many as links and health need', 256, 512, 192],
    ['no more than memory bears', 1_048_576, 512, 65_536],
    ['and some with little memory', 1_048_576, 1, FLOW_COUNT_MIN],
    ['also where the system sets no limit', Number.POSITIVE_INFINITY, 512, 65_536],
  ])('%s', (_, descriptors, memoryMib, count) => {
    expect(flowCountMax({}, memoryMib * MIB, descriptors)).toBe(count);
  });

  it('is what the environment says, as far as descriptors bear it', () => {
    expect(flowCountMax({ SKUPRT_CONNECTIONS_MAX: '500' }, MIB, 20_000)).toBe(500);
    expect(flowCountMax({ SKUPRT_CONNECTIONS_MAX: '100000' }, MIB, 20_000)).toBe(18_976);
    expect(flowCountMax({ SKUPRT_CONNECTIONS_MAX: '100000' }, MIB, 1_048_576)).toBe(100_000);
  });

  it.each(['0', '-1', 'many', '1e9', '12345678901'])('%s is refused', (text) => {
    expect(() => flowCountMax({ SKUPRT_CONNECTIONS_MAX: text }, MIB, 20_000)).toThrow(
      `SKUPRT_CONNECTIONS_MAX is '${text}'`,
    );
  });

  it('is read of the system, and where that says nothing there is no limit of it', () => {
    expect(descriptorLimit()).toBeGreaterThan(0);
    expect(descriptorLimit('/nowhere')).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('one more connection', () => {
  it('is refused beyond the number, and while twice the memory is held', () => {
    const budget = new FlowBudget(8 * MIB);
    const admission = new Admission(10, budget);
    expect([9, 10].map((count) => admission.shortage(count))).toEqual([undefined, 'router']);
    budget.take(16 * MIB - 1);
    expect(admission.shortage(0)).toBeUndefined();
    budget.take(1);
    expect(admission.shortage(0)).toBe('memory');
    budget.give(1);
    expect(admission.shortage(0)).toBeUndefined();
  });
});
