/** Whatever octets a traced connection carries, however they are cut: the trace ends well, and says the same. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameTrace } from '../../router/telemetry/frame-trace.ts';

const frames = readFileSync(new URL('../support/vectors/pair.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => Buffer.from(JSON.parse(line).frame, 'hex'));

function traced(pieces: readonly Buffer[]): string[] {
  const told: string[] = [];
  const trace = new FrameTrace({
    frame: (channel, frame) => told.push(`${channel} ${frame}`),
    attach: (channel, { name }) => told.push(`${channel} attach ${name}`),
    delivery: (channel, handle, start) => told.push(`${channel} ${handle} ${start.toString('hex')}`),
  });
  for (const piece of pieces) trace.push(piece);
  return told;
}

/** Captured frames with some octets changed. */
const damaged = fc
  .record({
    chosen: fc.array(fc.nat(frames.length - 1), { minLength: 1, maxLength: 8 }),
    changes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
  })
  .map(({ chosen, changes }) => {
    const octets = Buffer.concat(chosen.map((at) => frames[at]!));
    for (const [at, octet] of changes) octets[at % octets.length] = octet;
    return octets;
  });

describe('the trace of frames', () => {
  it.each([
    ['garbage', fc.uint8Array({ maxLength: 200 }).map((octets) => Buffer.from(octets))],
    ['damaged frames', damaged],
  ])('takes %s, cut anywhere', (_, octets) => {
    fc.assert(
      fc.property(octets, fc.array(fc.nat({ max: 300 }), { maxLength: 6 }), (bytes, cuts) => {
        const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index]!, end));
        expect(traced(pieces)).toEqual(traced([bytes]));
      }),
      { seed: 6, numRuns: 2000 },
    );
  });
});
