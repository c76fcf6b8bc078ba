/** What the console makes of resources: tokens without their codes, events, policies in words, how a service's connections are spread. */
import { describe, expect, it } from 'vitest';
import { explainService } from '../../cli/console/explain-service.ts';
import { governingPolicies, policyView, ruleSentence } from '../../cli/console/policies.ts';
import { RedemptionWatch, resourceEvents } from '../../cli/console/resource-events.ts';
import { ResourcePlace } from '../../cli/console/resource-place.ts';
import { tokenViews } from '../../cli/console/tokens.ts';
import type { ResourceOf } from '../../config/api/index.ts';
import type { PolicyDocument, PolicyRule } from '../../lib/policy/types.ts';
import { NOW, resource } from '../support/observed.ts';

const at = (ms: number) => new Date(NOW + ms).toISOString();
const CODE = 'c0de-that-nobody-may-see';

function grant(name: string, spec: object, status: object): ResourceOf<'AccessGrant'> {
  const metadata = { creationTimestamp: at(0) };
  return { ...resource('AccessGrant', name, spec, metadata), status } as ResourceOf<'AccessGrant'>;
}

function redeemed(name: string, condition: object): ResourceOf<'AccessToken'> {
  const spec = { url: 'https://east:9090/x', code: CODE, ca: 'ca' };
  const conditions = [{ type: 'Redeemed', message: 'OK', lastTransitionTime: at(5000), ...condition }];
  const status = { conditions, redeemed: 'status' in condition && condition.status === 'True' };
  return { ...resource('AccessToken', name, spec), status } as unknown as ResourceOf<'AccessToken'>;
}

describe('tokens', () => {
  it('are told with what has become of them, and never with their codes', () => {
    const expirationTime = at(60_000);
    const grants = [
      grant('waiting', { redemptionsAllowed: 2 }, { redemptions: 1, expirationTime, code: CODE }),
      grant('used', {}, { redemptions: 1, expirationTime, code: CODE }),
      grant('expired', {}, { expirationTime: at(-1), code: CODE }),
      grant('failed', {}, { conditions: [{ status: 'False', reason: 'Error' }], message: 'no server' }),
    ];
    const tokens = [
      redeemed('done', { status: 'True', reason: 'Ready' }),
      redeemed('refused', { status: 'False', reason: 'Error' }),
    ];
    const views = tokenViews(grants, tokens, NOW);
    expect(Object.fromEntries(views.map(({ name, status }) => [name, status]))).toEqual({
      waiting: 'waiting',
      used: 'used',
      expired: 'expired',
      failed: 'failed',
      done: 'used',
      refused: 'failed',
    });
    expect(views.find(({ name }) => name === 'waiting')).toMatchObject({ redemptions: 1, redemptionsAllowed: 2 });
    expect(JSON.stringify(views)).not.toContain(CODE);
  });
});

describe('events', () => {
  it('tell tokens that were issued and redeemed, and what is at fault, without codes', () => {
    const link = {
      ...resource('Link', 'east', { endpoints: [] }),
      status: {
        conditions: [
          { type: 'Configured', status: 'False', reason: 'Error', message: 'no Secret', lastTransitionTime: at(7000) },
          { type: 'Operational', status: 'False', reason: 'Pending', message: 'waits', lastTransitionTime: at(7000) },
          { type: 'Ready', status: 'False', reason: 'Error', message: 'no Secret', lastTransitionTime: at(7000) },
        ],
      },
    } as unknown as ResourceOf<'Link'>;
    const resources = [grant('a', {}, { code: CODE }), redeemed('b', { status: 'True', reason: 'Ready' }), link];
    const events = resourceEvents(resources, 'west-id');
    expect(events.map(({ type, object, severity }) => [type, object, severity])).toEqual([
      ['token-issued', 'token/a', 'info'],
      ['token-redeemed', 'token/b', 'info'],
      ['link-fault', 'link/east', 'error'],
    ]);
    expect(new Set(events.map(({ key }) => key)).size).toBe(3);
    expect(JSON.stringify(events)).not.toContain(CODE);
  });

  it('tell what a policy in dry run would refuse, and no other warnings', () => {
    const warned = (name: string, status: string, reason: string) => {
      const conditions = [{ type: 'Warnings', status, reason, message: 'told', lastTransitionTime: at(7000) }];
      return {
        ...resource('Connector', name, { routingKey: 'a', host: 'a', port: 1 }),
        status: { conditions },
      } as unknown as ResourceOf<'Connector'>;
    };
    const resources = [
      warned('a', 'True', 'WouldBeRefused'),
      warned('b', 'False', 'NoWarnings'),
      warned('c', 'True', 'SelectsNothing'),
    ];
    expect(resourceEvents(resources, 'west-id')).toMatchObject([
      { type: 'connector-would-be-refused', object: 'connector/a', severity: 'warning', message: 'told' },
    ]);
  });

  it('tell redemptions that are seen to happen, each once, and not those of before', () => {
    const watch = new RedemptionWatch();
    const look = (redemptions: number, now: number) =>
      watch.look([grant('a', {}, { redemptions })], 'west-id', now).map(({ key, at: when }) => [key, when]);
    expect(look(1, 10)).toEqual([]);
    expect(look(1, 20)).toEqual([]);
    expect(look(2, 30)).toEqual([['redemption uid-a 2', 30]]);
    expect(look(2, 40)).toEqual([['redemption uid-a 2', 30]]);
    const made = watch.look([grant('b', {}, { redemptions: 1 })], 'west-id', 50);
    expect(made.map(({ object }) => object)).toEqual(['token/a', 'token/b']);
  });
});

describe('policies', () => {
  it.each<[PolicyRule, string]>([
    [{ action: 'Allow' }, 'allows everyone to connect'],
    [
      { action: 'Deny', operations: ['Expose', 'Import'], from: [{ sites: ['west', 'n*'] }] },
      'denies site west|n* to expose and to import',
    ],
    [
      {
        action: 'Limit',
        from: [{ workloads: ['web'], namespaces: ['shop'], selector: { matchLabels: { tier: 'front' } } }],
        limits: { connectionsPerSecond: 5, concurrentConnections: 9, per: 'Site', queue: { length: 3, seconds: 2 } },
      },
      'allows within limits workload web, labels tier=front, namespace shop to connect: 5 connections per second, ' +
        '9 connections at a time, for each site; 3 more wait for up to 2 s',
    ],
  ])('say %j in words', (rule, words) => {
    expect(ruleSentence(rule)).toBe(words);
  });

  it('are shown with what they govern and what about them is wrong', () => {
    const policy = {
      apiVersion: 'skuprt.io/v1alpha1',
      kind: 'AccessPolicy',
      metadata: { name: 'only-west', namespace: 'shop' },
      spec: { rules: [{ action: 'Allow', from: [{ sites: ['west'] }] }], dryRun: true },
      status: {
        selected: { listeners: 1, connectors: 2 },
        conditions: [
          { type: 'Ready', status: 'True', reason: 'Ready', message: 'OK', lastTransitionTime: at(0) },
          {
            type: 'Warnings',
            status: 'True',
            reason: 'CutsConsole',
            message: 'cuts it off',
            lastTransitionTime: at(0),
          },
        ],
      },
    } as unknown as ResourceOf<'AccessPolicy'>;
    expect(policyView(policy, 'other')).toEqual({
      reference: 'AccessPolicy/shop/only-west',
      kind: 'AccessPolicy',
      name: 'only-west',
      namespace: 'shop',
      dryRun: true,
      enforceExisting: false,
      rules: ['allows site west to connect'],
      selected: 3,
      ready: true,
      warnings: ['cuts it off'],
    });
  });

  const documents: PolicyDocument[] = [
    { kind: 'AccessPolicy', name: 'own', namespace: 'shop', spec: { rules: [{ action: 'Allow' }] } },
    {
      kind: 'AccessPolicy',
      name: 'other',
      namespace: 'shop',
      spec: { services: [{ names: ['else'] }], rules: [{ action: 'Deny' }] },
    },
    { kind: 'ClusterAccessPolicy', name: 'links', spec: { rules: [{ action: 'Allow', operations: ['Link'] }] } },
  ];

  it('are named for a service when they say who may connect to it', () => {
    const service = { name: 'backend', namespace: 'shop', routingKey: 'backend:80', labels: {} };
    expect(governingPolicies(documents, [service])).toEqual(['AccessPolicy/shop/own']);
  });

  it('and how its connections are spread are one sentence each', () => {
    const facts = {
      address: 'backend:80',
      namespace: 'shop',
      listeners: [],
      connectors: [
        resource('Connector', 'backend', {
          routingKey: 'backend:80',
          port: 80,
          host: 'x',
          settings: { 'skuprt.io/share': '30', 'skuprt.io/max-connections': '7' },
        }) as ResourceOf<'Connector'>,
      ],
      multiKeyListeners: [
        resource('MultiKeyListener', 'front', {
          host: 'front',
          port: 80,
          strategy: { priority: { routingKeys: ['first:80', 'backend:80'] } },
        }) as ResourceOf<'MultiKeyListener'>,
      ],
      documents,
    };
    expect(explainService(facts)).toEqual({
      policies: ['AccessPolicy/shop/own'],
      explain: [
        'AccessPolicy/shop/own allows everyone to connect',
        'multi-key listener front sends connections here while none of first:80 is reachable',
        'connector backend takes a share of 30 among the connectors of this site',
        'connector backend gives each server 7 connections at a time',
      ],
    });
    const elsewhere = explainService({ ...facts, address: 'elsewhere:1' });
    expect(elsewhere).toEqual({ policies: [], explain: [expect.stringContaining('not seen from here')] });
    expect(explainService({ ...facts, documents: [] }).explain[0]).toContain('everyone may connect');
  });

  it('that have no meaning, and so are not in force, are not told to say anything', async () => {
    const policy = (name: string, spec: object) => ({ kind: 'AccessPolicy', metadata: { name }, spec });
    const lists: Record<string, object[]> = {
      Listener: [resource('Listener', 'backend', { routingKey: 'backend:80', host: 'backend', port: 80 })],
      AccessPolicy: [policy('good', { rules: [{ action: 'Allow' }] }), policy('bad', { rules: [{ action: 'Limit' }] })],
    };
    const place = {
      resources: { list: async (kind: string) => lists[kind] ?? [] },
      credential: async () => undefined,
    } as unknown as ConstructorParameters<typeof ResourcePlace>[0]['place'];
    const clock = { now: () => 0, wall: () => NOW };
    const issue = () => Promise.reject(new Error('makes no tokens'));
    const { policies, explain } = await new ResourcePlace({ place, namespace: 'shop', clock, issue }).explain(
      'backend:80',
    );
    expect(policies).toEqual(['AccessPolicy/shop/good']);
    expect(explain.join()).not.toContain('bad');
  });
});
