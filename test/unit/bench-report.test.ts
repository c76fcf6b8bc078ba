/** The parts of the benchmark that could mislead silently: what it reads from wrk, how it forms ratios, what it checks. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { withGenerated } from '../bench/net/document.ts';
import type { Goal, Row } from '../bench/net/figures/figure.ts';
import { renderGoals } from '../bench/net/report.ts';
import { parseWrk } from '../bench/net/requests.ts';
import { Results } from '../bench/net/results.ts';
import { PatternChecker, patternAt } from '../support/pattern.ts';

const WRK_OUTPUT = `Running 2s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.00ms  200.00us   9.00ms   90.00%
  Latency Distribution
     50%  812.00us
     75%    1.10ms
     90%    1.52ms
     99%    2.35ms
  60000 requests in 2.00s, 70.00MB read
Requests/sec:  29876.54
Transfer/sec:     35.00MB
`;

describe('wrk', () => {
  test('rate and percentiles are read in their units', () => {
    expect(parseWrk(WRK_OUTPUT)).toEqual({ count: 60_000, perSecond: 29876.54, p50Ms: 0.812, p99Ms: 2.35 });
  });

  test('a run with failed requests is no result', () => {
    const failed = WRK_OUTPUT.replace(
      'Requests/sec',
      '  Socket errors: connect 0, read 3, write 0, timeout 0\nRequests/sec',
    );
    expect(() => parseWrk(failed)).toThrow('read 3');
  });
});

describe('ratios', () => {
  const row = { id: 'rate', label: 'rate', unit: '1/s', better: 'more' } as const;

  test('are formed within a round, so that a slow machine cancels out', () => {
    const results = new Results(3);
    [10, 20, 40].forEach((speed, round) => {
      results.add(round, 'ours', 'rate', speed * 3);
      results.add(round, 'peer', 'rate', speed * 2);
    });
    expect(results.ratio('ours', 'peer', row)).toEqual({ median: 1.5, min: 1.5, max: 1.5 });
  });

  test('leave out the rounds that one side is missing', () => {
    const results = new Results(2);
    results.add(0, 'ours', 'rate', 3);
    results.add(1, 'ours', 'rate', 4);
    results.add(1, 'peer', 'rate', 2);
    expect(results.ratio('ours', 'peer', row)).toEqual({ median: 2, min: 2, max: 2 });
    expect(results.ratio('ours', 'nobody', row)).toBeUndefined();
  });
});

describe('goals', () => {
  const row = (better: 'more' | 'less', goal: Goal): Row => ({
    id: 'x',
    label: 'x',
    unit: 'ms',
    better,
    goals: [goal],
  });
  const verdict = (values: { skuprt?: number; skrouterd?: number }, wanted: Row): string => {
    const results = new Results(1);
    for (const [system, value] of Object.entries(values)) results.add(0, system, 'x', value);
    const lines = renderGoals([wanted], results).trim().split('\n');
    return lines.at(-1)?.split('|').at(-2)?.trim() ?? '';
  };

  test.each([
    ['a rate at the goal', { skuprt: 15, skrouterd: 10 }, row('more', { times: 1.5, of: 'skrouterd' }), 'yes'],
    ['a rate below it', { skuprt: 14, skrouterd: 10 }, row('more', { times: 1.5, of: 'skrouterd' }), '**no**'],
    ['a time below the goal', { skuprt: 4, skrouterd: 10 }, row('less', { times: 0.5, of: 'skrouterd' }), 'yes'],
    ['a time above it', { skuprt: 6, skrouterd: 10 }, row('less', { times: 0.5, of: 'skrouterd' }), '**no**'],
    ['a value of its own', { skuprt: 91 }, row('less', { value: 90 }), '**no**'],
    ['what has no peer', { skuprt: 91 }, row('less', { times: 2, of: 'skrouterd' }), 'not measured'],
  ])('%s', (_, values, wanted, expected) => {
    expect(verdict(values, wanted)).toBe(expected);
  });
});

describe('the document', () => {
  const MARKED = readFileSync('docs/performance.md', 'utf8');

  test('keeps what is written by hand, and one generated part', () => {
    const once = withGenerated(MARKED, 'first figures');
    const twice = withGenerated(once, 'second figures');
    expect(twice).not.toContain('first figures');
    expect(twice.replace('second figures', 'first figures')).toBe(once);
    expect(twice.startsWith(MARKED.slice(0, MARKED.indexOf('<!--')))).toBe(true);
  });

  test('without markers stays as it is', () => {
    expect(() => withGenerated('# Performance', 'figures')).toThrow('needs the lines');
  });
});

describe('pattern', () => {
  test('is the same however it is cut', () => {
    const checker = new PatternChecker();
    for (const length of [1, 65_536, 262_139, 7]) checker.accept(patternAt(checker.position, length));
    expect(checker.position).toBe(1 + 65_536 + 262_139 + 7);
  });

  test.each([
    ['lost', 0, 4096],
    ['doubled', 4096, 0],
  ])('a block that is %s shows at its place', (_, due, sentFrom) => {
    const checker = new PatternChecker();
    checker.accept(patternAt(0, due));
    expect(() => checker.accept(patternAt(sentFrom, 4096))).toThrow(`wrong byte at ${due}`);
  });
});
