import { describe, expect, it } from 'vitest';
import type { PolicyDocument, PolicyRequest, PolicyRule, PolicyService, PolicySpec } from '../../lib/policy/types.ts';
import { policyWarnings, warningText } from '../../lib/policy/warnings.ts';
import { type PolicyWorld, selectedBy } from '../../lib/policy/world.ts';
import { allow, deny } from '../support/policies.ts';

const service = (name: string, namespace = 'shop'): PolicyService => ({
  name,
  namespace,
  routingKey: `${name}:8080`,
  labels: { app: name },
});
const link = (siteName: string): PolicyRequest => ({
  operation: 'Link',
  client: { siteName, siteId: `${siteName}-id`, verification: 'link' },
  namespace: 'shop',
  direction: 'Incoming',
});
const WORLD: PolicyWorld = {
  documents: [],
  services: [
    { kind: 'Connector', service: service('backend') },
    { kind: 'Listener', service: service('backend') },
    { kind: 'Listener', service: service('other', 'tools') },
  ],
  sites: ['west', 'east', 'here'].map((name) => ({ id: `${name}-id`, name })),
  site: { id: 'here-id', name: 'here', namespace: 'shop' },
  links: [link('west'), link('east')],
};
const policy = (spec: PolicySpec, name = 'a', namespace = 'shop'): PolicyDocument => ({
  kind: 'AccessPolicy',
  name,
  namespace,
  spec,
});
const cluster = (spec: PolicySpec, name = 'c'): PolicyDocument => ({ kind: 'ClusterAccessPolicy', name, spec });
const west = [{ sites: ['west'] }];
const links = { operations: ['Link' as const] };

const warned = (document: PolicyDocument, world: Partial<PolicyWorld> = {}) =>
  policyWarnings(document, { ...WORLD, ...world });
const reasons = (document: PolicyDocument, world: Partial<PolicyWorld> = {}) =>
  warned(document, world).map(({ reason }) => reason);

describe('nothing is warned of', () => {
  it.each<[string, PolicyDocument, Partial<PolicyWorld>?]>([
    ['a rule for a site', policy({ rules: [allow(west)] })],
    ['limits', policy({ rules: [{ action: 'Limit', from: west, limits: { concurrentConnections: 1 } }] })],
    ['everybody but one site', policy({ rules: [allow(), deny(west)] })],
    ['a Deny for everybody, which is meant', policy({ rules: [deny()] })],
    [
      'a Deny beside another policy that allows',
      policy({ rules: [deny(west)] }),
      { documents: [policy({ rules: [allow()] }, 'b')] },
    ],
    [
      'both kinds that agree',
      policy({ rules: [allow(west)] }),
      { documents: [cluster({ rules: [allow([{ sites: ['w*'] }])] })] },
    ],
    [
      'a rule that allows half of what another denies',
      policy({ rules: [allow()] }),
      { documents: [cluster({ rules: [allow(), deny(west)] })] },
    ],
    ['links as they are', cluster({ rules: [allow([{ sites: ['west', 'east'] }], links)] })],
    ['its own earlier version', policy({ rules: [allow(west)] }), { documents: [policy({ rules: [deny()] })] }],
    ['sites that are not known', policy({ rules: [allow([{ sites: ['nobody'] }])] }), { sites: [] }],
  ])('by %s', (_what, document, world) => {
    expect(warned(document, world)).toEqual([]);
  });
});

describe('a policy that selects nothing', () => {
  it('is told, with where it looked', () => {
    expect(warned(policy({ services: [{ names: ['backed'] }], rules: [allow(west)] }))).toEqual([
      {
        reason: 'SelectsNothing',
        message: 'it selects no Listener or Connector of namespace shop, so it does nothing',
      },
    ]);
    expect(reasons(policy({ rules: [allow(west)] }, 'a', 'empty'))).toEqual(['SelectsNothing']);
    expect(reasons(cluster({ services: [{ namespaces: ['empty'] }], rules: [allow(west, links)] }))).toEqual([
      'SelectsNothing',
    ]);
  });

  it('is told by the entry when others select something', () => {
    const spec = { services: [{ names: ['backend'] }, { names: ['x'] }], rules: [allow(west)] };
    expect(warningText(warned(policy(spec)))).toBe(
      'spec.services[1] selects no Listener or Connector of namespace shop',
    );
  });

  it('is counted otherwise', () => {
    expect(selectedBy(cluster({ rules: [allow()] }), WORLD)).toEqual({ listeners: 2, connectors: 1, sites: 0 });
    expect(selectedBy(policy({ rules: [allow(undefined, links)] }), WORLD)).toEqual({
      listeners: 0,
      connectors: 0,
      sites: 1,
    });
    expect(selectedBy(policy({ rules: [allow(undefined, links)] }, 'a', 'tools'), WORLD).sites).toBe(0);
  });
});

describe('rules', () => {
  it('that only deny refuse everybody', () => {
    expect(warned(policy({ rules: [deny(west)] }))).toEqual([
      {
        reason: 'RefusesAll',
        message:
          'it has rules of Connect that deny and none that allows, and no other policy has one: it refuses Connect of service backend to everybody',
      },
    ]);
  });

  it('behind a Deny of the same policy are never reached', () => {
    expect(warned(policy({ rules: [allow(west), deny([{ sites: ['w*'] }]), allow([{ sites: ['east'] }])] }))).toEqual([
      { reason: 'NeverMatches', message: 'spec.rules[0] allows nobody: AccessPolicy/shop/a, rule 1, denies them' },
    ]);
  });

  it('that another policy denies contradict it', () => {
    expect(
      warned(policy({ rules: [allow(west)] }), { documents: [cluster({ rules: [allow(), deny(west)] })] }),
    ).toEqual([
      { reason: 'Contradicts', message: 'spec.rules[0] allows nobody: ClusterAccessPolicy/c, rule 1, denies them' },
    ]);
  });

  it('that the other kind of policies does not allow contradict it', () => {
    const documents = [cluster({ rules: [allow([{ sites: ['east'] }])] })];
    expect(warned(policy({ rules: [allow(west)] }), { documents })).toEqual([
      { reason: 'Contradicts', message: 'spec.rules[0] allows nobody: ClusterAccessPolicy/c, allows none of them' },
    ]);
  });

  it('are not contradicted by a rehearsal, and are looked at in one', () => {
    const opposite = cluster({ rules: [allow(), deny(west)], dryRun: true });
    expect(reasons(policy({ rules: [allow(west)] }), { documents: [opposite] })).toEqual([]);
    expect(reasons(opposite, { documents: [policy({ rules: [allow(west)] })] })).toEqual([]);
    expect(reasons(policy({ rules: [deny(west)], dryRun: true }))).toEqual(['RefusesAll']);
  });

  it.each<[string, PolicyRule]>([
    ['pods where there are none', allow([{ workloads: ['frontend'] }], { operations: ['Expose'] })],
    ['other sites as local ones', allow([{ sites: ['west'], verification: 'local' }])],
    [
      'labels that exclude each other',
      allow([{ selector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] } }]),
    ],
  ])('that ask for %s never match', (_what, rule) => {
    expect(reasons(policy({ rules: [allow(undefined, { operations: ['Connect', 'Expose'] }), rule] }))).toEqual([
      'NeverMatches',
    ]);
  });
});

describe('what has no effect', () => {
  it.each<[string, PolicySpec, string]>([
    [
      'how well a client is known, for a Deny',
      { rules: [allow(), deny([{ sites: ['west'], verification: 'link' }])] },
      'spec.rules[1].from[0].verification has no effect: a Deny holds however a client is known',
    ],
    [
      'services, for links beside connections',
      { services: [{ names: ['backend'] }], rules: [allow(west, { operations: ['Link', 'Connect'] })] },
      'spec.rules[0] has no effect on links: they are of no service, and spec.services names some',
    ],
  ])('is told of %s', (_what, spec, message) => {
    expect(warned(policy(spec))).toEqual([{ reason: 'NoEffect', message }]);
  });
});

describe('sites', () => {
  it('that the network has not are told, with the one that may be meant', () => {
    expect(warningText(warned(policy({ rules: [allow([{ sites: ['wset'] }])] })))).toBe(
      'no site of the network is called "wset" now; did you mean "west"?',
    );
    expect(reasons(policy({ rules: [allow([{ sites: ['north*', '-'] }])] }))).toEqual([]);
  });

  it('of one name are told apart by their ids', () => {
    const sites = [...WORLD.sites, { id: 'w2', name: 'west' }];
    expect(warned(policy({ rules: [allow(west)] }), { sites })).toEqual([
      {
        reason: 'AmbiguousSite',
        message: '2 sites are called "west": name the one that is meant by its id (west-id, w2)',
      },
    ]);
  });
});

describe('links that are up', () => {
  it('and would be refused are told, and when', () => {
    const spec = { rules: [allow(west, links)] };
    expect(warningText(warned(cluster(spec)))).toBe('it refuses links (east) that are up now, when they come up again');
    expect(warningText(warned(cluster({ ...spec, enforceExisting: true })))).toMatch(/, at once$/);
  });

  it('are not told again when another policy refuses them already', () => {
    const documents = [cluster({ rules: [allow(west, links)] }, 'before')];
    expect(reasons(cluster({ rules: [allow(west, links)] }), { documents })).toEqual([]);
  });

  it('cut the console off from the network when all of them go', () => {
    expect(reasons(cluster({ rules: [deny(undefined, links)] }))).toEqual(['CutsLinks', 'CutsConsole']);
  });
});

describe('the console', () => {
  const console_ = service('console');
  const services = [{ kind: 'Connector' as const, service: console_ }];
  const from = (siteName: string) => ({ siteId: `${siteName}-id`, siteName, verification: 'path' as const });
  const consoles: PolicyRequest[] = [
    { operation: 'Expose', client: from('here'), service: console_ },
    { operation: 'Connect', client: from('west'), service: console_ },
    { operation: 'Connect', client: from('east'), service: console_ },
    { operation: 'Import', client: from('here'), service: service('console', 'tools') },
  ];
  const cuts = (document: PolicyDocument) =>
    warned(document, { consoles, services })
      .filter(({ reason }) => reason === 'CutsConsole')
      .map(({ message }) => message);
  const by = 'it cuts off the console, which is reached by service console of namespace';

  it.each<[string, PolicyDocument, string[]]>([
    ['Connect of some', policy({ rules: [allow(west)] }), [`${by} shop: it refuses clients of east`]],
    ['Connect of nobody', policy({ rules: [allow()] }), []],
    [
      'Connect of a pod of one of them',
      policy({ rules: [allow(), deny([{ sites: ['west'], workloads: ['x'] }])] }),
      [],
    ],
    [
      'Connect of all but some pods, which are not known',
      policy({ rules: [allow([{ sites: ['west', 'east'], workloads: ['x'] }])] }),
      [],
    ],
    [
      'Expose',
      policy({ rules: [deny(undefined, { operations: ['Expose'] })] }),
      [`${by} shop: it refuses to Expose it`],
    ],
    [
      'Import and Connect',
      cluster({ rules: [deny(undefined, { operations: ['Import', 'Connect'] })] }),
      [`${by} shop: it refuses clients of west, east`, `${by} tools: it refuses to Import it`],
    ],
    [
      'one link of those who use it',
      cluster({ rules: [allow([{ sites: ['east'] }], links)] }),
      ['clients of west use the console by these links'],
    ],
  ])('is told to be cut off by what refuses %s', (_what, document, messages) => {
    expect(cuts(document)).toEqual(messages);
  });

  it('that another policy has cut off already is not told of again', () => {
    const documents = [policy({ rules: [deny()] }, 'before')];
    expect(reasons(policy({ rules: [allow(), deny(west)] }), { consoles, services, documents })).not.toContain(
      'CutsConsole',
    );
  });
});
