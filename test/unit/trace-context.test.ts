import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../lib/random.ts';
import { isSampled, newSpanId, newTraceId, parseTraceparent, traceparentOf } from '../../lib/trace/context.ts';
import { traceSettings } from '../../lib/trace/settings.ts';

const TEXT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const CONTEXT = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', sampled: true };

describe('traceparent', () => {
  it('is read and written as the W3C says it', () => {
    expect(parseTraceparent(TEXT)).toEqual(CONTEXT);
    expect(traceparentOf(CONTEXT)).toBe(TEXT);
    expect(parseTraceparent(TEXT.replace(/01$/, '00'))).toEqual({ ...CONTEXT, sampled: false });
  });

  it('of a later version is read as far as it is known', () => {
    expect(parseTraceparent(`${TEXT.replace(/^00/, 'cc')}-more`)).toEqual(CONTEXT);
  });

  it.each([
    ['version ff', TEXT.replace(/^00/, 'ff')],
    ['more behind version 00', `${TEXT}-more`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    ['a span of zeros', `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`],
    ['upper case', TEXT.toUpperCase()],
    ['nothing', ''],
    ['more than any has', `${TEXT.replace(/^00/, 'cc')}-${'x'.repeat(200)}`],
  ])('is none with %s', (_, text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  it('that is made is read again, whatever the dice say', () => {
    fc.assert(
      fc.property(fc.integer(), fc.boolean(), (seed, sampled) => {
        const random = new SeededRandom(seed);
        const context = { traceId: newTraceId(() => random.next()), spanId: newSpanId(() => random.next()), sampled };
        expect(parseTraceparent(traceparentOf(context))).toEqual(context);
      }),
      { seed: 8 },
    );
    expect(parseTraceparent(`00-${newTraceId(() => 0)}-${newSpanId(() => 0)}-01`)).toBeDefined();
  });
});

describe('the share of traces that are kept', () => {
  it('is about the ratio, none at 0 and all at 1', () => {
    const random = new SeededRandom(7);
    const ids = Array.from({ length: 4000 }, () => newTraceId(() => random.next()));
    const share = (ratio: number) => ids.filter((id) => isSampled(id, ratio)).length / ids.length;
    expect(share(0)).toBe(0);
    expect(share(1)).toBe(1);
    expect(share(0.25)).toBeGreaterThan(0.22);
    expect(share(0.25)).toBeLessThan(0.28);
  });
});

describe('settings of traces', () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318';

  it('are none without a collector, or when it is said so', () => {
    expect(traceSettings({}, 1)).toBeUndefined();
    expect(traceSettings({ OTEL_TRACES_SAMPLER: 'always_on' }, 1)).toBeUndefined();
    expect(traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' }, 1)).toBeUndefined();
    expect(traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, 1)).toBeUndefined();
  });

  it('take the share from the environment, else as the process wants it', () => {
    const ratio = (sampler: string, argument?: string) =>
      traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: argument }, 0)
        ?.ratio;
    expect(traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT }, 0)).toEqual({ ratio: 0 });
    expect(ratio('always_on')).toBe(1);
    expect(ratio('', '0.5')).toBe(0.5);
    expect(ratio('parentbased_always_off')).toBe(0);
    expect(ratio('parentbased_traceidratio', '0.05')).toBe(0.05);
    expect(ratio('traceidratio')).toBe(1);
  });

  it('that do not hold are refused with the variable they are in', () => {
    const settings = (env: Record<string, string>) => () => traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, ...env }, 0);
    expect(settings({ OTEL_TRACES_SAMPLER: 'jaeger_remote' })).toThrow(/OTEL_TRACES_SAMPLER: "jaeger_remote"/);
    expect(settings({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '5' })).toThrow(/"5" is no number/);
    expect(settings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'not a url' })).toThrow(/no URL/);
  });
});
