import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convertPolicies, type SkupperClusterPolicy } from '../../lib/policy/convert.ts';
import { compilePolicies, decide } from '../../lib/policy/decide.ts';
import { parsePolicySpec } from '../../lib/policy/parse.ts';
import { patternsOf } from '../../lib/policy/regular-expression.ts';
import type { PolicyRequest } from '../../lib/policy/types.ts';

const policy = (name: string, spec: SkupperClusterPolicy['spec']): SkupperClusterPolicy => ({ name, spec });
const client = { siteName: 'here', namespace: 'east', verification: 'local' as const };
const link = (namespace: string, host?: string): PolicyRequest => ({
  operation: 'Link',
  client: { verification: 'none' },
  namespace,
  direction: host === undefined ? 'Incoming' : 'Outgoing',
  host,
});
const service = (
  operation: 'Expose' | 'Import',
  namespace: string,
  name: string,
  routingKey = name,
): PolicyRequest => ({
  operation,
  client,
  service: { name, namespace, routingKey, labels: {} },
});

function judge(policies: SkupperClusterPolicy[]) {
  const { documents } = convertPolicies(policies);
  for (const { kind, spec } of documents) expect(parsePolicySpec(kind, spec)).toEqual({ spec });
  const set = compilePolicies(documents);
  return (request: PolicyRequest) => decide(set, request).allowed;
}

describe('a regular expression', () => {
  it.each<[string, string[] | undefined]>([
    ['*', ['*']],
    ['.*', ['*']],
    ['west', ['west']],
    ['^west$', ['west']],
    ['hello-world-.*', ['hello-world-*']],
    ['.*\\.example\\.com', ['*.example.com']],
    ['router.example.com', ['router.example.com']],
    ['east|west', ['east', 'west']],
    ['(east|west)-[0-9]+', undefined],
    ['hello-(front|back)end', ['hello-frontend', 'hello-backend']],
    ['(?:a|b).*', ['a*', 'b*']],
    ['ab*', undefined],
    ['(ab)+', undefined],
    ['\\d', undefined],
    ['\\*', undefined],
    ['a(b', undefined],
    ['a)b', undefined],
    ['a b', undefined],
    ['(a|b)'.repeat(9), undefined],
  ])('%j is as patterns %j', (expression, patterns) => {
    expect(patternsOf(expression)).toEqual(patterns);
  });

  it('never becomes patterns that mean more', () => {
    const piece = fc.constantFrom('a', 'b', '.', '.*', '(a|b)', '|', '(', ')', '\\.', '*', '+', '^', '$', '[ab]', '?');
    const text = fc.stringMatching(/^[ab.]{0,4}$/);
    let judged = 0;
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), text, (pieces, sample) => {
        const expression = pieces.join('');
        const patterns = patternsOf(expression);
        if (patterns === undefined || expression === '*') return;
        judged += 1;
        const whole = new RegExp(`^(?:${expression.replace(/^\^/, '').replace(/(?<!\\)\$$/, '')})$`);
        const isMeant = patterns.some((pattern) =>
          new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(sample),
        );
        if (isMeant) expect(sample).toMatch(whole);
      }),
      { seed: 8, numRuns: 5000 },
    );
    expect(judged).toBeGreaterThan(500);
  });
});

describe('policies of Skupper 1', () => {
  it('allow nothing else', () => {
    const isAllowed = judge([]);
    for (const request of [
      link('east'),
      link('east', 'h'),
      service('Expose', 'east', 'a'),
      service('Import', 'east', 'a'),
    ]) {
      expect(isAllowed(request)).toBe(false);
    }
    expect(isAllowed({ ...service('Import', 'east', 'a'), operation: 'Connect' })).toBe(true);
  });

  it('allow links to sites of their namespaces, and to their hosts', () => {
    const isAllowed = judge([
      policy('west', { namespaces: ['west'], allowIncomingLinks: true }),
      policy('east', { namespaces: ['east'], allowedOutgoingLinksHostnames: ['.*\\.example\\.com$'] }),
    ]);
    expect(isAllowed(link('west'))).toBe(true);
    expect(isAllowed(link('east'))).toBe(false);
    expect(isAllowed(link('east', 'router.example.com'))).toBe(true);
    expect(isAllowed(link('east', 'router.example.org'))).toBe(false);
    expect(isAllowed(link('west', 'router.example.com'))).toBe(false);
  });

  it('allow services by their address, with any port', () => {
    const isAllowed = judge([policy('west', { namespaces: ['*'], allowedServices: ['backend', 'shop-.*'] })]);
    for (const key of ['backend', 'backend:8080', 'shop-a'])
      expect(isAllowed(service('Import', 'any', 'x', key))).toBe(true);
    for (const key of ['backends', 'shop']) expect(isAllowed(service('Import', 'any', 'x', key))).toBe(false);
    expect(isAllowed(service('Expose', 'any', 'backend'))).toBe(false);
  });

  it('allow what is exposed by its workload and its address, which two policies may say', () => {
    const isAllowed = judge([
      policy('resources', { namespaces: ['east'], allowedExposedResources: ['deployment/backend'] }),
      policy('services', { namespaces: ['.*'], allowedServices: ['backend'] }),
    ]);
    expect(isAllowed(service('Expose', 'east', 'backend'))).toBe(true);
    expect(isAllowed(service('Expose', 'west', 'backend'))).toBe(false);
    expect(isAllowed(service('Expose', 'east', 'other', 'backend'))).toBe(false);
    expect(isAllowed(service('Expose', 'east', 'backend', 'other'))).toBe(false);
  });

  it('allow all where they say so', () => {
    const all = ['*'];
    const isAllowed = judge([
      policy('all', {
        namespaces: all,
        allowIncomingLinks: true,
        allowedOutgoingLinksHostnames: all,
        allowedExposedResources: all,
        allowedServices: all,
      }),
    ]);
    for (const request of [link('a'), link('a', 'h'), service('Expose', 'a', 'b'), service('Import', 'a', 'b')]) {
      expect(isAllowed(request)).toBe(true);
    }
  });

  it('are told about where they say what ours cannot', () => {
    const { notes, documents } = convertPolicies([
      policy('a', { namespaces: ['team=red'], allowIncomingLinks: true }),
      policy('b', { namespaces: ['b-.*'], allowedServices: ['x[0-9]'], allowedExposedResources: ['deployment/a'] }),
    ]);
    expect(notes).toEqual([
      'a: namespaces by label (team=red) are not known to policies: name them instead',
      'a: it is about no namespace, so nothing comes of it',
      'Resources to be exposed are meant by the names of their Connectors: their type is not looked at',
      'b: allowedServices "x[0-9]" is more than names and * can say: it is left out',
    ]);
    expect(documents.map(({ name }) => name)).toEqual(['skupper-v1-nothing-else']);
  });

  it('with more names than one list takes are spread over several', () => {
    const hosts = Array.from({ length: 600 }, (_, index) => `h${index}`);
    const isAllowed = judge([
      policy('many', { namespaces: ['a'], allowedOutgoingLinksHostnames: hosts, allowedServices: hosts }),
    ]);
    expect(isAllowed(link('a', 'h599'))).toBe(true);
    expect(isAllowed(service('Import', 'a', 'x', 'h599:80'))).toBe(true);
    expect(isAllowed(link('a', 'h600'))).toBe(false);
  });

  it('with more pairs of workloads and addresses than one policy takes become several', () => {
    const many = Array.from({ length: 70 }, (_, index) =>
      policy(`p${index}`, { namespaces: ['a'], allowedServices: [`s${index}`], allowedExposedResources: ['*'] }),
    );
    const isAllowed = judge(many);
    expect(isAllowed(service('Expose', 'a', 'x', 's69'))).toBe(true);
    expect(isAllowed(service('Expose', 'a', 'x', 's70'))).toBe(false);
  });
});
