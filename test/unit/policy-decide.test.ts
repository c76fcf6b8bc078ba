import { describe, expect, it } from 'vitest';
import { compilePolicies, decide, decideEarly } from '../../lib/policy/decide.ts';
import { matchesPattern } from '../../lib/policy/match.ts';
import type {
  ClientSelector,
  PolicyClient,
  PolicyDocument,
  PolicyRequest,
  PolicyRule,
  PolicySpec,
  ServiceSelector,
} from '../../lib/policy/types.ts';
import { allow, deny } from '../support/policies.ts';

const WEST: PolicyClient = {
  siteId: 'w1',
  siteName: 'west',
  namespace: 'web',
  workload: 'frontend',
  pod: 'frontend-1',
  serviceAccount: 'default',
  labels: { app: 'frontend', tier: 'a' },
  listener: 'backend',
  verification: 'link',
};
const SHOP: NonNullable<PolicyRequest['service']> = {
  name: 'backend',
  namespace: 'shop',
  routingKey: 'backend:8080',
  labels: { app: 'backend' },
};
const connect = (client: Partial<PolicyClient> = {}, service: Partial<typeof SHOP> = {}): PolicyRequest => ({
  operation: 'Connect',
  client: { ...WEST, ...client },
  service: { ...SHOP, ...service },
});
const cluster = (name: string, spec: PolicySpec): PolicyDocument => ({ kind: 'ClusterAccessPolicy', name, spec });
const policy = (name: string, spec: PolicySpec, namespace = 'shop'): PolicyDocument => ({
  kind: 'AccessPolicy',
  name,
  namespace,
  spec,
});
const answer = (documents: PolicyDocument[], request = connect()) => decide(compilePolicies(documents), request);
const isAllowed = (documents: PolicyDocument[], request = connect()) => answer(documents, request).allowed;

describe('what no policy selects', () => {
  it('is allowed, and nobody has decided it', () => {
    const decision = answer([]);
    expect(decision).toMatchObject({ allowed: true, limits: [], enforceExisting: false });
    expect(decision).not.toHaveProperty('by');
    expect(decision.reason).toBe(
      'no policy selects this, so it is allowed: workload frontend of namespace web at site west connects to service backend of ' +
        'namespace shop (routing key backend:8080)',
    );
  });

  it.each<[string, PolicyDocument]>([
    ['of another namespace', policy('a', { rules: [deny()] }, 'other')],
    ['of another service', policy('a', { services: [{ names: ['frontend'] }], rules: [deny()] })],
    ['of another operation', policy('a', { rules: [deny(undefined, { operations: ['Expose', 'Import', 'Link'] })] })],
    ['of other namespaces of the cluster', cluster('a', { services: [{ namespaces: ['other'] }], rules: [deny()] })],
    ['with dryRun', policy('a', { rules: [deny()], dryRun: true })],
  ])('is not touched by a policy %s', (_what, document) => {
    expect(isAllowed([document])).toBe(true);
  });
});

describe('a service is selected', () => {
  const rows: [string, ServiceSelector[] | undefined, boolean][] = [
    ['without a selector', undefined, true],
    ['by an empty selector', [{}], true],
    ['by its name', [{ names: ['backend'] }], true],
    ['by a part of its name', [{ names: ['back*'] }], true],
    ['not by half of its name', [{ names: ['back'] }], false],
    ['by its routing key', [{ routingKeys: ['*:8080'] }], true],
    ['by its routing key, however the policy writes it', [{ routingKeys: ['amqp://host/backend:8080/'] }], true],
    ['by its labels', [{ selector: { matchLabels: { app: 'backend' } } }], true],
    ['not by labels that it has not', [{ selector: { matchLabels: { app: 'frontend' } } }], false],
    ['by the lack of a label', [{ selector: { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] } }], true],
    ['only by all of one entry', [{ names: ['backend'], routingKeys: ['other'] }], false],
    ['by any entry', [{ names: ['other'] }, { routingKeys: ['backend:8080'] }], true],
  ];
  it.each(rows)('%s', (_how, services, isSelected) => {
    expect(isAllowed([policy('a', { services, rules: [deny()] })])).toBe(!isSelected);
  });

  it.each(['amqp:/backend:8080', 'amqps://any/backend:8080', '/backend:8080', 'backend:8080/', 'backend:8080..'])(
    'by its routing key written as %s, which leads to the same connectors',
    (routingKey) => {
      expect(
        isAllowed(
          [policy('a', { services: [{ routingKeys: ['backend:8080'] }], rules: [deny()] })],
          connect({}, { routingKey }),
        ),
      ).toBe(false);
    },
  );

  it('by its namespace, in a policy of the cluster', () => {
    const documents = [cluster('a', { services: [{ namespaces: ['sh*'] }], rules: [deny()] })];
    expect(isAllowed(documents)).toBe(false);
    expect(isAllowed(documents, connect({}, { namespace: 'other' }))).toBe(true);
  });
});

describe('a client is matched', () => {
  const rows: [string, ClientSelector, Partial<PolicyClient>, boolean][] = [
    ['by the name of its site', { sites: ['west'] }, {}, true],
    ['by the id of its site', { sites: ['w1'] }, {}, true],
    ['not by another site', { sites: ['east'] }, {}, false],
    [
      'by namespace, workload and service account',
      { namespaces: ['web'], workloads: ['front*'], serviceAccounts: ['default'] },
      {},
      true,
    ],
    ['not when one of these differs', { namespaces: ['web'], workloads: ['backend'] }, {}, false],
    [
      'by the labels of its pod',
      { selector: { matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }] } },
      {},
      true,
    ],
    [
      'not by a value among those it may not have',
      { selector: { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['a'] }] } },
      {},
      false,
    ],
    ['by a label that it has', { selector: { matchExpressions: [{ key: 'tier', operator: 'Exists' }] } }, {}, true],
    [
      'not by labels when they are not known',
      { selector: { matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] } },
      { labels: undefined },
      false,
    ],
    ['by an empty label selector when they are not known', { selector: {} }, { labels: undefined }, true],
    ['not by what is not known of it', { workloads: ['*'] }, { workload: undefined }, false],
    ['when it is known as well as asked', { sites: ['west'], verification: 'link' }, {}, true],
    ['not when it should be known better', { sites: ['west'], verification: 'local' }, {}, false],
    ['by a path unless the rule says otherwise', { sites: ['west'] }, { verification: 'path' }, true],
    ['by a selector that names nothing of it, known or not', {}, { verification: 'none' }, true],
    ['not when that asks to know who it is', { verification: 'path' }, { verification: 'none' }, false],
    ['not by what it only says of itself', { sites: ['west'] }, { verification: 'none' }, false],
    [
      'by what it only says of itself where that is enough',
      { sites: ['west'], verification: 'none' },
      { verification: 'none' },
      true,
    ],
  ];
  it.each(rows)('%s', (_how, selector, client, isMatched) => {
    expect(isAllowed([policy('a', { rules: [allow([selector])] })], connect(client))).toBe(isMatched);
  });

  it('by a Deny however it is known', () => {
    const documents = [policy('a', { rules: [allow(), deny([{ sites: ['west'] }])] })];
    expect(isAllowed(documents, connect({ verification: 'none' }))).toBe(false);
  });

  it('by a rule that names nobody, known or not', () => {
    expect(isAllowed([policy('a', { rules: [allow()] })], { ...connect(), client: { verification: 'none' } })).toBe(
      true,
    );
  });
});

describe('several policies', () => {
  const west = [{ sites: ['west'] }];
  const east = [{ sites: ['east'] }];

  it('of one kind allow together', () => {
    expect(isAllowed([policy('a', { rules: [allow(east)] }), policy('b', { rules: [allow(west)] })])).toBe(true);
  });

  it('a Deny of one wins over an Allow of another', () => {
    const decision = answer([policy('a', { rules: [allow(west)] }), policy('b', { rules: [allow(), deny(west)] })]);
    expect(decision).toMatchObject({ allowed: false, by: { policy: 'AccessPolicy/shop/b', rule: 1 } });
  });

  it('of both kinds must agree', () => {
    const ofCluster = cluster('c', { rules: [allow(west)] });
    expect(answer([ofCluster, policy('a', { rules: [allow(east)] })])).toMatchObject({
      allowed: false,
      by: { policy: 'AccessPolicy/shop/a' },
    });
    expect(isAllowed([ofCluster, policy('a', { rules: [allow(west)] })])).toBe(true);
    expect(isAllowed([ofCluster, policy('a', { rules: [deny(west)] })])).toBe(false);
    expect(answer([cluster('c', { rules: [allow(east)] }), policy('a', { rules: [allow(west)] })])).toMatchObject({
      allowed: false,
      by: { policy: 'ClusterAccessPolicy/c' },
    });
  });

  it('reset open connections when one that governs says so', () => {
    const asks = policy('a', { rules: [allow()], enforceExisting: true });
    expect(answer([asks, policy('b', { rules: [allow()] })]).enforceExisting).toBe(true);
    expect(answer([{ ...asks, namespace: 'other' }, policy('b', { rules: [allow()] })]).enforceExisting).toBe(false);
    expect(answer([{ ...asks, spec: { ...asks.spec, dryRun: true } }]).enforceExisting).toBe(false);
  });
});

describe('Limit', () => {
  const limit = (bytesPerSecond: number, from?: ClientSelector[]): PolicyRule => ({
    action: 'Limit',
    from,
    limits: { bytesPerSecond },
  });

  it('allows what it matches, with all limits that match, of both kinds', () => {
    const documents = [
      policy('a', { rules: [limit(1, [{ sites: ['west'] }]), limit(2, [{ sites: ['east'] }]), limit(3)] }),
      cluster('c', { rules: [allow(), limit(4)] }),
    ];
    expect(answer(documents)).toMatchObject({
      allowed: true,
      limits: [
        { by: { policy: 'ClusterAccessPolicy/c', rule: 1 }, limits: { bytesPerSecond: 4 } },
        { by: { policy: 'AccessPolicy/shop/a', rule: 0 }, limits: { bytesPerSecond: 1 } },
        { by: { policy: 'AccessPolicy/shop/a', rule: 2 }, limits: { bytesPerSecond: 3 } },
      ],
    });
  });

  it('refuses whom it does not match, and has no limits for who is refused', () => {
    const decision = answer([policy('a', { rules: [limit(1, [{ sites: ['east'] }])] })]);
    expect(decision).toMatchObject({ allowed: false, limits: [] });
    expect(answer([policy('a', { rules: [limit(1), deny()] })])).toMatchObject({ allowed: false, limits: [] });
  });
});

describe('dryRun', () => {
  it('tells what would be refused, and by whom', () => {
    const decision = answer([policy('a', { rules: [allow()] }), policy('b', { rules: [deny()], dryRun: true })]);
    expect(decision).toMatchObject({
      allowed: true,
      by: { policy: 'AccessPolicy/shop/a' },
      dryRun: { allowed: false, by: { policy: 'AccessPolicy/shop/b', rule: 0 } },
    });
  });

  it('tells what would be allowed', () => {
    const decision = answer([
      policy('a', { rules: [allow([{ sites: ['east'] }])] }),
      policy('b', { rules: [allow()], dryRun: true }),
    ]);
    expect(decision).toMatchObject({
      allowed: false,
      dryRun: { allowed: true, by: { policy: 'AccessPolicy/shop/b' } },
    });
  });

  it('says nothing where the answer is the same', () => {
    expect(answer([policy('a', { rules: [allow()], dryRun: true })])).not.toHaveProperty('dryRun');
  });
});

describe('Link', () => {
  const incoming = (siteName: string, rest: Partial<PolicyRequest> = {}): PolicyRequest => ({
    operation: 'Link',
    client: { siteName, siteId: `${siteName}-id`, verification: 'link' },
    namespace: 'shop',
    direction: 'Incoming',
    ...rest,
  });
  const outgoing = (host: string): PolicyRequest => ({
    operation: 'Link',
    client: { verification: 'none' },
    namespace: 'shop',
    direction: 'Outgoing',
    host,
  });
  const link = { operations: ['Link'] } as const;

  it('is governed by policies of the cluster and of the namespace of the site', () => {
    const rules = [allow([{ sites: ['west'] }], link)];
    for (const document of [cluster('c', { rules }), policy('a', { rules })]) {
      expect(isAllowed([document], incoming('west'))).toBe(true);
      expect(isAllowed([document], incoming('east'))).toBe(false);
      expect(isAllowed([document], connect())).toBe(true);
    }
    expect(isAllowed([policy('a', { rules }, 'other')], incoming('east'))).toBe(true);
  });

  it('is asked of policies of all namespaces when its own is not told', () => {
    const document = policy('a', { rules: [deny(undefined, link)] }, 'any');
    expect(isAllowed([document], incoming('west', { namespace: undefined }))).toBe(false);
  });

  it('is not governed by a policy that is about services', () => {
    const rules = [deny(undefined, link)];
    expect(isAllowed([policy('a', { services: [{ names: ['*'] }], rules })], incoming('west'))).toBe(true);
    expect(isAllowed([cluster('c', { services: [{ namespaces: ['shop'] }], rules })], incoming('west'))).toBe(false);
    expect(isAllowed([cluster('c', { services: [{ namespaces: ['other'] }], rules })], incoming('west'))).toBe(true);
  });

  it('goes by who dials, and where to', () => {
    const document = cluster('c', {
      rules: [allow([{ direction: 'Incoming' }, { hosts: ['*.example.com'] }], link)],
    });
    expect(isAllowed([document], incoming('west'))).toBe(true);
    expect(isAllowed([document], outgoing('router.example.com'))).toBe(true);
    expect(isAllowed([document], outgoing('router.example.org'))).toBe(false);
  });

  it('is judged early by what is known: refused only when no site would be allowed', () => {
    const judge = (rules: PolicyRule[], host: string) =>
      decideEarly(compilePolicies([cluster('c', { rules })]), outgoing(host)).allowed;
    expect(judge([allow([{ sites: ['west'] }], link)], 'a')).toBe(true);
    expect(judge([allow([{ hosts: ['b'] }], link)], 'a')).toBe(false);
    expect(judge([allow([{ direction: 'Incoming' }], link)], 'a')).toBe(false);
    expect(judge([allow(undefined, link), deny([{ sites: ['west'] }], link)], 'a')).toBe(true);
    expect(judge([allow(undefined, link), deny([{ hosts: ['a'] }], link)], 'a')).toBe(false);
  });
});

describe('a reason', () => {
  it('names the policy, the rule, the client and the service', () => {
    expect(answer([policy('a', { rules: [deny()] })]).reason).toBe(
      'AccessPolicy/shop/a, rule 0, denies this: workload frontend of namespace web at site west connects to service backend of ' +
        'namespace shop (routing key backend:8080)',
    );
  });

  it('says that a rule asks for more than is known', () => {
    const { reason } = answer(
      [policy('a', { rules: [allow([{ sites: ['west'] }])] })],
      connect({ verification: 'none', doubt: 'router R of another make is on the way' }),
    );
    expect(reason).toMatch(
      /^no rule of AccessPolicy\/shop\/a allows this: .*could not be verified: router R of another make/,
    );
    expect(reason).toMatch(/AccessPolicy\/shop\/a, rule 0, asks for more$/);
  });

  it('names no more policies than can be read', () => {
    const documents = Array.from({ length: 9 }, (_, index) =>
      policy(`p${index}`, { rules: [allow([{ sites: ['x'] }])] }),
    );
    expect(answer(documents).reason).toMatch(/^no rule of AccessPolicy\/shop\/p0, .*p1, .*p2 and 6 more allows this/);
  });
});

describe('a pattern', () => {
  it.each([
    ['', '', true],
    ['a', 'a', true],
    ['a', 'ab', false],
    ['*', '', true],
    ['a*', 'a', true],
    ['*a', 'ba', true],
    ['a*a', 'a', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['*b*b*', 'b', false],
    ['*.example.com', 'a.b.example.com', true],
    ['a.c', 'abc', false],
  ])('%j matches %j: %j', (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected);
  });

  it('is matched in no more than the product of the lengths, whatever it is', () => {
    expect(matchesPattern(`${'a*'.repeat(120)}b`, 'a'.repeat(253))).toBe(false);
  });
});
