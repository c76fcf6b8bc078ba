/** Rules are found by whom they name: what is found is what a look at all of them finds, and those that name others are not looked at. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientMatch } from '../../lib/policy/match.ts';
import { RuleIndex } from '../../lib/policy/rule-index.ts';
import type { ClientSelector, PolicyClient } from '../../lib/policy/types.ts';

const word = fc.constantFrom('a', 'b', 'c');
const names = fc.option(fc.array(fc.constantFrom('a', 'b', 'c', '*', 'a*'), { minLength: 1, maxLength: 2 }), {
  nil: undefined,
});
const selector = fc.record({ sites: names, namespaces: names, workloads: names, serviceAccounts: names });
const from = fc.option(fc.array(selector as fc.Arbitrary<ClientSelector>, { minLength: 1, maxLength: 2 }), {
  nil: undefined,
});
const optional = fc.option(word, { nil: undefined });
const client: fc.Arbitrary<PolicyClient> = fc.record({
  siteId: optional,
  siteName: optional,
  namespace: optional,
  workload: optional,
  serviceAccount: optional,
  verification: fc.constantFrom('local', 'link', 'path', 'none'),
});

describe('an index of rules', () => {
  it('finds the first and all that a look at each finds, in their order', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ from }), { maxLength: 12 }), client, fc.boolean(), (rules, who, isStrict) => {
        const isWanted = (rule: { from: ClientSelector[] | undefined }) =>
          clientMatch(rule.from)({ operation: 'Connect', client: who }, isStrict ? 'strict' : 'unverified');
        const index = new RuleIndex(rules as { from: ClientSelector[] | undefined }[]);
        expect(index.first(who, isWanted)).toBe(rules.find((rule) => isWanted(rule as never)));
        expect(index.all(who, isWanted)).toEqual(rules.filter((rule) => isWanted(rule as never)));
      }),
      { numRuns: 1500, seed: 8 },
    );
  });

  it('looks at those alone that name the client, however many there are', () => {
    const rules = Array.from({ length: 1000 }, (_, at) => ({ from: [{ sites: [`site-${at}`] }], at }));
    const index = new RuleIndex([...rules, { from: [{ sites: ['*'] }], at: 1000 }]);
    let lookCount = 0;
    const look = (at: number) => (rule: { at: number }) => {
      lookCount++;
      return rule.at === at;
    };
    const who = { siteId: 'id', siteName: 'site-700', verification: 'link' } as const;
    expect(index.first(who, look(700))?.at).toBe(700);
    expect(index.all(who, look(1000)).map(({ at }) => at)).toEqual([1000]);
    expect(lookCount).toBeLessThanOrEqual(4);
  });
});
