/** Many policies, each seen as if it alone were changed: the answers are those of a set made anew, and the work is that of one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePolicies, decide, referenceOf } from '../../lib/policy/decide.ts';
import { judgeWith, judgeWithout } from '../../lib/policy/judge.ts';
import type { PolicyDocument, PolicyRequest, PolicySpec } from '../../lib/policy/types.ts';
import { policyWarnings } from '../../lib/policy/warnings.ts';
import type { PolicyWorld } from '../../lib/policy/world.ts';

const SITES = ['west', 'east'];
const SERVICES = ['web', 'db'];
const operations = fc.constantFrom<PolicyRequest['operation'][]>(['Connect'], ['Link'], ['Expose', 'Connect']);
const spec: fc.Arbitrary<PolicySpec> = fc.record(
  {
    services: fc.option(fc.constantFrom([{ names: ['web'] }], [{ names: ['*'] }], [{ routingKeys: ['db'] }]), {
      nil: undefined,
    }),
    rules: fc.array(
      fc.record({
        action: fc.constantFrom('Allow', 'Deny'),
        operations,
        from: fc.constantFrom([{ sites: ['west'] }], [{ sites: ['e*'] }], [{ verification: 'none' }]),
      }),
      { minLength: 1, maxLength: 2 },
    ),
    dryRun: fc.boolean(),
  },
  { requiredKeys: ['rules', 'dryRun'] },
) as fc.Arbitrary<PolicySpec>;
const document: fc.Arbitrary<PolicyDocument> = fc.record({
  kind: fc.constantFrom('AccessPolicy', 'ClusterAccessPolicy'),
  name: fc.constantFrom('a', 'b', 'c'),
  namespace: fc.constant('shop'),
  spec,
}) as fc.Arbitrary<PolicyDocument>;

const services = SERVICES.map((name) => ({ name, namespace: 'shop', routingKey: name, labels: {} }));
const requests: PolicyRequest[] = SITES.flatMap((siteName) => {
  const client = { siteName, siteId: `${siteName}-id`, verification: 'link' } as const;
  const ofServices = services.flatMap((service) =>
    (['Connect', 'Expose'] as const).map((operation) => ({ operation, client, service })),
  );
  return [...ofServices, { operation: 'Link', client, namespace: 'shop', direction: 'Incoming' } as const];
});

describe('policies as if one of them were another', () => {
  it('decide as a set that is made of them anew', () => {
    fc.assert(
      fc.property(fc.array(document, { maxLength: 6 }), document, (documents, changed) => {
        const others = documents.filter((other) => referenceOf(other) !== referenceOf(changed));
        const inForce = { ...changed, spec: { ...changed.spec, dryRun: false } };
        const [after, before] = [compilePolicies([...others, inForce]), compilePolicies(others)];
        for (const request of requests) {
          expect(judgeWith(changed, documents).decide(request)).toEqual(decide(after, request));
          expect(judgeWithout(changed, documents).decide(request)).toEqual(decide(before, request));
        }
      }),
      { numRuns: 200, seed: 11 },
    );
  });
});

describe('warnings of many policies', () => {
  const COUNT = 60;

  /** Each tells when it is read for a set that decides. */
  function counted(specOf: (at: number) => PolicySpec): { documents: PolicyDocument[]; reads: () => number } {
    let reads = 0;
    const documents = Array.from({ length: COUNT }, (_, at): PolicyDocument => {
      const { rules, ...rest } = specOf(at);
      const get = () => {
        reads++;
        return rules;
      };
      const read = { get, enumerable: true };
      return {
        kind: 'AccessPolicy',
        name: `p-${at}`,
        namespace: 'shop',
        spec: Object.defineProperty(rest, 'rules', read) as PolicySpec,
      };
    });
    return { documents, reads: () => reads };
  }

  const world = (documents: readonly PolicyDocument[]): PolicyWorld => ({
    documents,
    services: services.map((service) => ({ kind: 'Connector', service })),
    sites: [...SITES, 'here'].map((name) => ({ id: `${name}-id`, name })),
    site: { id: 'here-id', name: 'here', namespace: 'shop' },
    links: requests.filter(({ operation }) => operation === 'Link'),
    consoles: requests.filter(({ operation }) => operation === 'Connect'),
  });

  it.each<[string, (at: number) => PolicySpec]>([
    ['in force', (at) => ({ rules: [{ action: 'Allow', from: [{ sites: [`site-${at}`] }] }] })],
    ['in dry run', (at) => ({ dryRun: true, rules: [{ action: 'Allow', from: [{ sites: [`site-${at}`] }] }] })],
    ['that cut links and consoles', () => ({ rules: [{ action: 'Deny', operations: ['Link', 'Connect'] }] })],
  ])('read each of those %s a bounded number of times, however many there are', (_name, specOf) => {
    const { documents, reads } = counted(specOf);
    const seen = world(documents);
    for (const one of documents) policyWarnings(one, seen);
    expect(reads()).toBeLessThan(COUNT * 30);
  });

  it('offer a near name for a few sites that nobody knows, and tell of no more than can be read', () => {
    const sites = Array.from({ length: 40 }, (_, at) => `wes${at}`);
    const one: PolicyDocument = {
      kind: 'AccessPolicy',
      name: 'a',
      namespace: 'shop',
      spec: { rules: [{ action: 'Allow', from: [{ sites }] }] },
    };
    const unknown = policyWarnings(one, world([one])).filter(({ reason }) => reason === 'UnknownSite');
    expect(unknown.length).toBeLessThanOrEqual(16);
    expect(unknown.filter(({ message }) => message.includes('did you mean "west"?'))).toHaveLength(3);
  });
});
