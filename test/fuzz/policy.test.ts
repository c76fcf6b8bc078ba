/** Decisions of access policies: against a second, plain reading of the rules, and by what must hold whatever the policies are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { POLICY_API_VERSION } from '../../config/api/access-policy.ts';
import { parseResource, ResourceError } from '../../config/api/parse.ts';
import { compilePolicies, decide, decideBy, decideEarly, governing } from '../../lib/policy/decide.ts';
import { parsePolicySpec, parsePolicyText } from '../../lib/policy/parse.ts';
import {
  ACTIONS,
  type ClientSelector,
  type LabelSelector,
  OPERATIONS,
  type PolicyClient,
  type PolicyDocument,
  type PolicyRequest,
  type PolicyRule,
  type PolicySpec,
  type ServiceSelector,
  VERIFICATIONS,
} from '../../lib/policy/types.ts';
import { meaningFaults } from '../../lib/policy/valid.ts';

const RUNS = { seed: 8, numRuns: 1500 };
const word = fc.constantFrom('a', 'b', 'c');
const pattern = fc.constantFrom('a', 'b', '*', 'a*', '*b');
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const names = optional(fc.array(pattern, { minLength: 1, maxLength: 2 }));
const labels = fc.dictionary(fc.constantFrom('x', 'y'), word, { maxKeys: 2 });

const expression = fc.oneof(
  fc.record({
    key: fc.constantFrom('x', 'y'),
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.array(word, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key: fc.constantFrom('x', 'y'), operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
);
const labelSelector: fc.Arbitrary<LabelSelector> = fc.record({
  matchLabels: optional(labels),
  matchExpressions: optional(fc.array(expression, { maxLength: 2 })),
});
const service: fc.Arbitrary<ServiceSelector> = fc.record({
  names,
  routingKeys: names,
  selector: optional(labelSelector),
});
const client: fc.Arbitrary<ClientSelector> = fc.record({
  sites: names,
  namespaces: names,
  workloads: names,
  selector: optional(labelSelector),
  verification: optional(fc.constantFrom(...VERIFICATIONS)),
});
const rule: fc.Arbitrary<PolicyRule> = fc
  .record({
    action: fc.constantFrom(...ACTIONS),
    operations: optional(fc.uniqueArray(fc.constantFrom(...OPERATIONS), { minLength: 1 })),
    from: optional(fc.array(client, { minLength: 1, maxLength: 2 })),
  })
  .map((made) =>
    made.action === 'Limit' ? { ...made, operations: undefined, limits: { concurrentConnections: 1 } } : made,
  );
const document: fc.Arbitrary<PolicyDocument> = fc
  .record({
    isOfCluster: fc.boolean(),
    name: word,
    namespace: fc.constantFrom('n', 'm'),
    services: optional(fc.array(service, { minLength: 1, maxLength: 2 })),
    rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
    dryRun: fc.boolean(),
    enforceExisting: fc.boolean(),
  })
  .map(({ isOfCluster, name, namespace, ...spec }) =>
    isOfCluster ? { kind: 'ClusterAccessPolicy', name, spec } : { kind: 'AccessPolicy', name, namespace, spec },
  );
const documents = fc.array(document, { maxLength: 5 });
const identity: fc.Arbitrary<PolicyClient> = fc.record({
  siteId: optional(word),
  siteName: optional(word),
  namespace: optional(word),
  workload: optional(word),
  labels: optional(labels),
  verification: fc.constantFrom(...VERIFICATIONS),
});
const request: fc.Arbitrary<PolicyRequest> = fc
  .record({
    operation: fc.constantFrom(...OPERATIONS),
    client: identity,
    service: fc.record({ name: word, namespace: fc.constantFrom('n', 'm'), routingKey: word, labels }),
  })
  .map(({ operation, client: asking, service: asked }) =>
    operation === 'Link'
      ? { operation, client: asking, namespace: asked.namespace }
      : { operation, client: asking, service: asked },
  );

/** The rules as they are written down, read one after the other. */
function plainly(all: readonly PolicyDocument[], asked: PolicyRequest): boolean {
  const governs = all.filter(
    ({ spec }) =>
      !spec.dryRun &&
      spec.rules.some(({ operations = ['Connect'] }) => operations.includes(asked.operation)) &&
      (spec.services === undefined || spec.services.some((one) => selects(one, asked))),
  );
  const here = asked.service?.namespace ?? asked.namespace;
  const levels = [
    governs.filter(({ kind }) => kind === 'ClusterAccessPolicy'),
    governs.filter(({ kind, namespace }) => kind === 'AccessPolicy' && namespace === here),
  ];
  return levels.every((level) => {
    const rules = level
      .flatMap(({ spec }) => spec.rules)
      .filter(({ operations = ['Connect'] }) => operations.includes(asked.operation));
    const isDenied = rules.some(
      ({ action, from }) => action === 'Deny' && (from?.some((one) => means(one, asked.client, 'none')) ?? true),
    );
    const isAllowed = rules.some(
      ({ action, from }) => action !== 'Deny' && (from?.some((one) => means(one, asked.client, undefined)) ?? true),
    );
    return level.length === 0 || (isAllowed && !isDenied);
  });
}

function selects(one: ServiceSelector, { operation, service: asked }: PolicyRequest): boolean {
  if (operation === 'Link') return !one.names && !one.routingKeys && !one.selector;
  return (
    (one.names ?? ['*']).some((name) => isLike(name, asked!.name)) &&
    (one.routingKeys ?? ['*']).some((key) => isLike(key, asked!.routingKey)) &&
    hasLabels(one.selector ?? {}, asked!.labels)
  );
}

function means(one: ClientSelector, who: PolicyClient, verification: 'none' | undefined): boolean {
  const isLabelled =
    Object.keys(one.selector?.matchLabels ?? {}).length + (one.selector?.matchExpressions?.length ?? 0) > 0;
  const isAnybody = !one.sites && !one.namespaces && !one.workloads && !isLabelled;
  const least = verification ?? one.verification ?? (isAnybody ? 'none' : 'path');
  const among = (list: readonly string[] | undefined, ...texts: (string | undefined)[]) =>
    list === undefined || texts.some((text) => text !== undefined && list.some((like) => isLike(like, text)));
  return (
    VERIFICATIONS.indexOf(who.verification) <= VERIFICATIONS.indexOf(least) &&
    among(one.sites, who.siteId, who.siteName) &&
    among(one.namespaces, who.namespace) &&
    among(one.workloads, who.workload) &&
    (!isLabelled || (who.labels !== undefined && hasLabels(one.selector!, who.labels)))
  );
}

function isLike(like: string, text: string): boolean {
  return new RegExp(`^${like.replaceAll('*', '.*')}$`).test(text);
}

function hasLabels({ matchLabels = {}, matchExpressions = [] }: LabelSelector, has: Record<string, string>): boolean {
  const holds = { In: true, NotIn: false, Exists: true, DoesNotExist: false };
  return (
    Object.entries(matchLabels).every(([key, value]) => has[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      const isThere = key in has && (values === undefined || values.includes(has[key]!));
      return isThere === holds[operator];
    })
  );
}

const isAllowed = (all: readonly PolicyDocument[], asked: PolicyRequest) => decide(compilePolicies(all), asked).allowed;

describe('decisions', () => {
  it('are those of the rules as they are written down', () => {
    const seen = { allowed: 0, refused: 0 };
    fc.assert(
      fc.property(documents, request, (all, asked) => {
        const allowed = isAllowed(all, asked);
        seen[allowed ? 'allowed' : 'refused'] += 1;
        expect(allowed).toBe(plainly(all, asked));
      }),
      { ...RUNS, numRuns: 6000 },
    );
    // Both answers are common, so the comparison means something.
    expect(Math.min(seen.allowed, seen.refused)).toBeGreaterThan(1000);
  });

  it('do not depend on the order of the policies', () => {
    const shuffled = documents.chain((all) =>
      fc.record({ all: fc.constant(all), other: fc.shuffledSubarray(all, { minLength: all.length }) }),
    );
    fc.assert(
      fc.property(shuffled, request, ({ all, other }, asked) => {
        expect(decide(compilePolicies(other), asked)).toEqual(decide(compilePolicies(all), asked));
      }),
      RUNS,
    );
  });

  it('are refusals where a Deny for everybody is added, of either kind', () => {
    fc.assert(
      fc.property(documents, request, fc.boolean(), (all, asked, isOfCluster) => {
        const spec = { rules: [{ action: 'Deny' as const, operations: [asked.operation] }] };
        const namespace = asked.service?.namespace ?? asked.namespace;
        const deny: PolicyDocument = isOfCluster
          ? { kind: 'ClusterAccessPolicy', name: 'deny', spec }
          : { kind: 'AccessPolicy', name: 'deny', namespace, spec };
        expect(isAllowed([...all, deny], asked)).toBe(false);
      }),
      RUNS,
    );
  });

  it('are not changed by policies with dryRun, which tell what they would change', () => {
    fc.assert(
      fc.property(documents, request, (all, asked) => {
        const { dryRun, ...decision } = decide(compilePolicies(all), asked);
        expect(decision).toEqual(decide(compilePolicies(all.filter(({ spec }) => !spec.dryRun)), asked));
        const inForce = all.map((one) => ({ ...one, spec: { ...one.spec, dryRun: false } }));
        expect(dryRun?.allowed ?? decision.allowed).toBe(isAllowed(inForce, asked));
      }),
      RUNS,
    );
  });

  it('do not turn into refusals by an Allow in a policy that governs already', () => {
    fc.assert(
      fc.property(documents, request, client, (all, asked, from) => {
        fc.pre(isAllowed(all, asked));
        const added: PolicyRule = { action: 'Allow', operations: [asked.operation], from: [from] };
        const more = all.map((one) =>
          one.spec.rules.some(({ operations = ['Connect'] }) => operations.includes(asked.operation))
            ? { ...one, spec: { ...one.spec, rules: [...one.spec.rules, added] } }
            : one,
        );
        expect(isAllowed(more, asked)).toBe(true);
      }),
      RUNS,
    );
  });

  it('do not turn into refusals when a client is better known', () => {
    fc.assert(
      fc.property(documents, request, fc.constantFrom(...VERIFICATIONS), (all, asked, verification) => {
        fc.pre(isAllowed(all, asked));
        const before = VERIFICATIONS.indexOf(asked.client.verification);
        const better = VERIFICATIONS[Math.min(before, VERIFICATIONS.indexOf(verification))]!;
        expect(isAllowed(all, { ...asked, client: { ...asked.client, verification: better } })).toBe(true);
      }),
      RUNS,
    );
  });

  it('that are refusals early stay so, whatever becomes known', () => {
    fc.assert(
      fc.property(documents, request, identity, (all, asked, known) => {
        const early = { ...asked, client: { verification: 'none' as const } };
        fc.pre(!decideEarly(compilePolicies(all), early).allowed);
        expect(isAllowed(all, { ...asked, client: known })).toBe(false);
      }),
      RUNS,
    );
  });

  it('name a policy that there is, and limits only where they allow', () => {
    fc.assert(
      fc.property(documents, request, (all, asked) => {
        const set = compilePolicies(all);
        const decision = decide(set, asked);
        const references = all.map(({ kind, namespace, name }) =>
          kind === 'AccessPolicy' ? `${kind}/${namespace}/${name}` : `${kind}/${name}`,
        );
        if (decision.by !== undefined) expect(references).toContain(decision.by.policy);
        if (!decision.allowed) expect(decision).toMatchObject({ by: expect.anything(), limits: [] });
        expect(decision.reason).toMatch(/\S/);
        expect(decideBy(governing(set, asked), asked)).toEqual(decision);
      }),
      RUNS,
    );
  });
});

describe('specs of policies', () => {
  it('that are made of the words are taken as they are', () => {
    const plain = document.map(({ kind, spec }) => ({ kind, spec: JSON.parse(JSON.stringify(spec)) as object }));
    fc.assert(
      fc.property(plain, ({ kind, spec }) => {
        expect(parsePolicyText(kind, JSON.stringify(spec))).toEqual({ spec });
      }),
      RUNS,
    );
  });

  it('are read without a throw, whatever they are', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.anything(), (text, value) => {
        const parsed = [parsePolicyText('AccessPolicy', text), parsePolicySpec('ClusterAccessPolicy', value)];
        for (const { faults } of parsed) expect(faults?.length).toBeGreaterThan(0);
      }),
      RUNS,
    );
  });

  it('are read by routers as resources are read by controllers', () => {
    const odd = fc.constantFrom<unknown>(
      0,
      -1,
      1.5,
      '',
      'x',
      'Deny',
      true,
      null,
      [],
      ['a'],
      [{}],
      {},
      { a: 1 },
      'a'.repeat(400),
    );
    const spot = fc.array(fc.nat(5), { minLength: 1, maxLength: 5 });
    const seen = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(document, spot, odd, fc.boolean(), ({ kind, spec }, steps, value, isAdded) => {
        const changed = JSON.parse(JSON.stringify(spec)) as object;
        change(changed, steps, value, isAdded);
        const resource = { apiVersion: POLICY_API_VERSION, kind, metadata: { name: 'a' }, spec: changed };
        const { faults } = parsePolicySpec(kind, changed);
        let isTaken = true;
        try {
          parseResource(resource, 'fuzz');
        } catch (error) {
          expect(error).toBeInstanceOf(ResourceError);
          isTaken = false;
        }
        seen[isTaken ? 'taken' : 'refused'] += 1;
        // What has no meaning is beyond schemas.
        if (isTaken) expect(faults ?? []).toEqual(meaningFaults(kind, changed as PolicySpec));
        else expect(faults?.length).toBeGreaterThan(0);
      }),
      { ...RUNS, numRuns: 3000 },
    );
    expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(300);
  });
});

/** Puts the value somewhere inside. */
function change(node: object, [step = 0, ...rest]: readonly number[], value: unknown, isAdded: boolean): void {
  const keys = Object.keys(node);
  const key = keys[step % Math.max(1, keys.length)];
  const inner = key === undefined ? undefined : (node as Record<string, unknown>)[key];
  if (rest.length > 0 && typeof inner === 'object' && inner !== null) change(inner, rest, value, isAdded);
  else (node as Record<string, unknown>)[isAdded || key === undefined ? 'limits' : key] = value;
}
