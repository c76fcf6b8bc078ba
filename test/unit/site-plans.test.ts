/** The plans of the kinds: what status a resource gets for what is observed. */
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import { routerStateOf } from '../../lib/router-client/state.ts';
import { endedGrants, planAccessGrants } from '../../site-controller/reconcile/accessgrant/plan.ts';
import { planAccessTokens, tokensDue } from '../../site-controller/reconcile/accesstoken/plan.ts';
import { planConnectors } from '../../site-controller/reconcile/connector/plan.ts';
import { linkEntities, planLinks } from '../../site-controller/reconcile/link/plan.ts';
import { planListeners } from '../../site-controller/reconcile/listener/plan.ts';
import { planMultiKeyListeners } from '../../site-controller/reconcile/multikeylistener/plan.ts';
import type { Observed, Outcome } from '../../site-controller/reconcile/observed.ts';
import { planOutcomes, statusFrom } from '../../site-controller/reconcile/outcomes.ts';
import { planRouterAccesses } from '../../site-controller/reconcile/routeraccess/plan.ts';
import { activeSite } from '../../site-controller/reconcile/site/identity.ts';
import { planSites } from '../../site-controller/reconcile/site/plan.ts';
import { credential, NOW, observed, remoteSite, resource, routerState, site } from '../support/observed.ts';

const DAY_MS = 86_400_000;

/** `Type: message` of a condition that is not True, `Type` of one that is. */
function findings(outcome: Outcome | undefined): string[] {
  return outcome!.findings.map(({ type, status, reason, message }) =>
    status === 'True' ? type : `${type} ${reason}: ${message}`,
  );
}

const listener = (name: string, spec: object = {}, metadata: object = {}): Resource =>
  resource('Listener', name, { routingKey: name, host: '127.0.0.1', port: 8080, ...spec }, metadata);

describe('Site', () => {
  it('is running when its router answers, and counts itself and the others', () => {
    const before = observed([site()]);
    expect(findings(planSites(before)[0])).toContain('Running Pending: The router is not running');
    const after = observed([site()], {
      router: routerState(),
      network: { sites: [remoteSite('east')], settled: true, gone: new Set<string>() },
    });
    const outcome = planSites(after)[0]!;
    expect(findings(outcome)).toContain('Running');
    expect(outcome.status).toMatchObject({ sitesInNetwork: 2, network: [{ name: 'west' }, { name: 'east' }] });
    expect(statusFrom(outcome, NOW)).toMatchObject({ status: 'Ready', message: 'OK' });
  });

  it('needs an endpoint to be ready only when it has link access', () => {
    const linkable = observed([site({ linkAccess: 'default' })], { router: routerState() });
    expect(statusFrom(planSites(linkable)[0]!, NOW)).toMatchObject({ status: 'Pending' });
  });

  it('is refused beside an older one', () => {
    const late = resource('Site', 'late', {}, { creationTimestamp: '2026-03-02T00:00:00Z' });
    expect(findings(planSites(observed([late, site()]))[0])).toEqual([
      'Configured Error: An active site already exists in the namespace (west)',
    ]);
  });

  it('stays when another one of the same second comes before it by name', () => {
    const twin = resource('Site', 'east', {}, { creationTimestamp: site().metadata.creationTimestamp });
    const accepted = planSites(observed([site()]))[0]!;
    const known = { ...site(), status: statusFrom(accepted, NOW) } as Resource;
    expect(activeSite(observed([twin, site()]))?.metadata.name).toBe('east');
    expect(activeSite(observed([twin, known]))?.metadata.name).toBe('west');
  });

  it('says that edge with ha cannot be', () => {
    const outcome = planSites(observed([site({ edge: true, ha: true })]))[0];
    expect(findings(outcome)[0]).toBe('Configured Error: Edge sites cannot have HA enabled');
  });
});

describe('Listener', () => {
  it('is matched when a connector is reachable', () => {
    const router = routerState({ consumers: new Map([['web', 1]]) });
    expect(findings(planListeners(observed([site(), listener('web')], { router }))[0])).toEqual([
      'Configured',
      'Matched',
    ]);
    expect(planListeners(observed([site(), listener('web')]))[0]).toMatchObject({
      status: { hasMatchingConnector: false },
    });
  });

  it('names the port and itself when the port is taken', () => {
    const state = { operStatus: 'down', message: 'listen EADDRINUSE: address already in use 127.0.0.1:8080' };
    const router = routerState({ listeners: new Map([['listener/web', state]]) });
    expect(findings(planListeners(observed([site(), listener('web')], { router }))[0])[0]).toBe(
      'Configured Error: Listener web cannot listen: port 8080 on 127.0.0.1 is in use by another process',
    );
  });

  it('leaves host and port to the older of two', () => {
    const young = listener('a', {}, { creationTimestamp: '2026-03-02T00:00:00Z' });
    const [a, b] = planListeners(observed([site(), young, listener('b')]));
    expect(findings(a)[0]).toBe(
      'Configured Error: Listener b with host 127.0.0.1 and port 8080 already exists in namespace',
    );
    expect(findings(b)[0]).toBe('Configured');
  });

  it('waits for a site and for its TLS material', () => {
    expect(findings(planListeners(observed([listener('web')]))[0])[0]).toContain('No active site in namespace');
    const tls = listener('web', { tlsCredentials: 'web-tls' });
    expect(findings(planListeners(observed([site(), tls]))[0])[0]).toContain('"web-tls" not found');
  });
});

describe('Connector', () => {
  it('refuses a selector with what to do instead', () => {
    const connector = resource('Connector', 'web', { routingKey: 'web', port: 80, selector: 'app=web' });
    expect(findings(planConnectors(observed([site(), connector]))[0])[0]).toMatch(/needs Kubernetes.*give spec.host/);
  });

  it('is matched by a listener here or at another site', () => {
    const connector = resource('Connector', 'web', { routingKey: 'web', port: 80, host: '127.0.0.1' });
    const endpoint = { name: 'web', routingKey: 'web', host: '127.0.0.1', port: 80 };
    const elsewhere = {
      sites: [remoteSite('east', { listeners: [endpoint] })],
      settled: true,
      gone: new Set<string>(),
    };
    expect(findings(planConnectors(observed([site(), connector]))[0])[1]).toContain('No matching listeners');
    expect(findings(planConnectors(observed([site(), connector, listener('web')]))[0])[1]).toBe('Matched');
    expect(findings(planConnectors(observed([site(), connector], { network: elsewhere }))[0])[1]).toBe('Matched');
  });

  it('shows a workload that cannot be reached', () => {
    const connector = resource('Connector', 'web', { routingKey: 'web', port: 80, host: '127.0.0.1' });
    const state = { operStatus: 'down', message: 'connect ECONNREFUSED 127.0.0.1:80' };
    const router = routerState({ tcpConnectors: new Map([['connector/web@127.0.0.1', state]]) });
    expect(findings(planConnectors(observed([site(), connector], { router }))[0])[0]).toContain(
      'workload at 127.0.0.1:80 cannot be reached',
    );
  });
});

describe('a listener at another site', () => {
  const connector = resource('Connector', 'web', { routingKey: 'web', port: 80, host: '127.0.0.1' });
  const listeners = [{ name: 'web', routingKey: 'web', host: 'web', port: 80 }];
  const edgeLink = { name: 'l', role: 'edge', direction: 'outgoing', cost: 1, operational: true } as const;
  const remote = { remoteSiteId: '', remoteSiteName: '', remoteRouterId: '', message: '' };
  const matches = (routerIds: string[], spec: object = {}, links: object[] = []) => {
    const east = remoteSite('east', {
      listeners,
      routers: [{ id: 'east-router', links: links as never, routerAccess: [] }],
    });
    const network = { sites: [east], settled: true, gone: new Set<string>() };
    const [outcome] = planConnectors(
      observed([site(spec), connector], { network, router: routerState({ routerIds }) }),
    );
    return statusFrom(outcome!, NOW) as { hasMatchingListener?: boolean };
  };

  it('counts as long as the routers of its site are in reach', () => {
    expect(matches(['west-11111111', 'east-router']).hasMatchingListener).toBe(true);
    expect(matches(['west-11111111']).hasMatchingListener).toBe(false);
  });

  it('counts where an edge is between: routers do not tell of those', () => {
    expect(matches(['west-11111111'], { edge: true }).hasMatchingListener).toBe(true);
    expect(matches(['west-11111111'], {}, [{ ...edgeLink, ...remote }]).hasMatchingListener).toBe(true);
  });
});

describe('MultiKeyListener', () => {
  it('lists the keys that can be reached in the order of the strategy', () => {
    const spec = { host: '127.0.0.1', port: 80, strategy: { priority: { routingKeys: ['a', 'b', 'c'] } } };
    const router = routerState({
      consumers: new Map([
        ['c', 1],
        ['a', 2],
        ['b', 0],
      ]),
    });
    const state = observed([site(), resource('MultiKeyListener', 'all', spec)], { router });
    expect(planMultiKeyListeners(state)[0]!.status).toEqual({
      hasDestination: true,
      strategy: { priority: { routingKeysReachable: ['a', 'c'] } },
    });
  });
});

describe('Link', () => {
  const spec = { endpoints: [{ name: 'inter-router', host: 'east.example', port: '55671' }], tlsCredentials: 'east' };
  const link = resource('Link', 'to-east', spec);
  const credentials = new Map([['east', credential('east')]]);
  const withConnector = (status: string, message: string, parts: Partial<Observed> = {}) =>
    observed([site(), link], {
      credentials,
      router: routerState({ connectors: new Map([['to-east', { status, message }]]) }),
      ...parts,
    });

  it('names the remote site once its routers have met', () => {
    const connection = { host: 'east.example:55671', container: 'east-router', role: 'inter-router', opened: true };
    const state = observed([site(), link], {
      credentials,
      network: { sites: [remoteSite('east')], settled: true, gone: new Set<string>() },
      router: routerState({
        connectors: new Map([['to-east', { status: 'SUCCESS', message: '' }]]),
        connections: [{ ...connection, direction: 'out' }],
      }),
    });
    expect(planLinks(state)[0]).toMatchObject({ status: { remoteSiteId: 'id-east', remoteSiteName: 'east' } });
    expect(findings(planLinks(state)[0])).toEqual(['Configured', 'Operational']);
  });

  it.each([
    ['connect ECONNREFUSED 10.0.0.1:55671', 'Pending', 'east.example:55671 refuses connections'],
    ['getaddrinfo ENOTFOUND east.example', 'Pending', 'cannot be resolved'],
    ['connect ETIMEDOUT', 'Pending', 'cannot be reached'],
    ['certificate has expired', 'Error', 'the certificate of east.example:55671 has expired'],
    ['self-signed certificate in certificate chain', 'Error', 'of another CA than this link trusts'],
    ['unable to verify the first certificate', 'Error', 'of another CA than this link trusts'],
    ["Hostname/IP does not match certificate's altnames", 'Error', 'is for another host'],
    ['tlsv1 alert unknown ca:SSL alert number 48', 'Error', 'refuses the certificate of this link'],
    ['something new', 'Pending', 'east.example:55671: something new'],
  ])('says what "%s" means', (message, reason, text) => {
    const [, operational] = planLinks(withConnector('FAILED', message))[0]!.findings;
    expect(operational).toMatchObject({ status: 'False', reason });
    expect(operational!.message).toContain(text);
  });

  it('says that its own certificate expired, whatever the router reports', () => {
    const expired = new Map([['east', credential('east', { notAfter: NOW - DAY_MS })]]);
    const state = withConnector('FAILED', 'connect ECONNREFUSED', { credentials: expired });
    expect(findings(planLinks(state)[0])[1]).toContain('("east") expired on 2026-02-28T12:00:00Z: use a new token');
  });

  it('says that its own certificate is of another CA when the other site does not take it', () => {
    const strange = new Map([['east', { ...credential('east'), fault: 'issued by another CA' as const }]]);
    const state = withConnector('FAILED', 'the other end closed the connection', { credentials: strange });
    expect(findings(planLinks(state)[0])[1]).toContain('"east" is of another CA; use a new token');
  });

  it('is held back without credentials', () => {
    const outcome = planLinks(observed([site(), link]))[0];
    expect(findings(outcome)[0]).toBe('Configured Error: TLS credentials "east" not found');
  });

  describe('with several endpoints', () => {
    const others = [
      { name: 'inter-router', host: '2001:db8::1', port: '55671' },
      { name: 'edge', host: 'east.example', port: '45671' },
    ];
    const several = resource('Link', 'to-east', { ...spec, endpoints: [...spec.endpoints, ...others] });
    const state = (status: string, message: string) =>
      observed([site(), several], {
        credentials,
        router: routerState({
          connectors: new Map([['to-east', { status, message }]]),
          connections: [
            {
              host: '2001:db8::1:55671',
              container: 'east-router',
              role: 'inter-router',
              opened: true,
              direction: 'out',
            },
          ],
        }),
        network: { sites: [remoteSite('east')], settled: true, gone: new Set<string>() },
      });

    it('gives the router those of its role, to be tried in turn', () => {
      const [, connector] = linkEntities(state('CONNECTING', '')).find(([type]) => type === 'connector')!;
      expect(connector).toMatchObject({ host: 'east.example', port: '55671', endpoints: '[2001:db8::1]:55671' });
      const [, one] = linkEntities(withConnector('CONNECTING', '')).find(([type]) => type === 'connector')!;
      expect(one).not.toHaveProperty('endpoints');
    });

    it('says which one was tried last, and knows the remote site by any', () => {
      const [failing] = planLinks(state('FAILED', '[2001:db8::1]:55671: connect ECONNREFUSED 2001:db8::1:55671'));
      expect(findings(failing)[1]).toContain('[2001:db8::1]:55671 refuses connections');
      expect(planLinks(state('SUCCESS', ''))[0]).toMatchObject({ status: { remoteSiteName: 'east' } });
    });
  });
});

describe('RouterAccess', () => {
  const access = resource('RouterAccess', 'west', {
    roles: [{ name: 'inter-router' }],
    tlsCredentials: 'skupper-site-server',
  });
  const ports = new Map([['routeraccess/west/inter-router', 55672]]);

  it('offers its port at each host of the machine, or at those the site names', () => {
    const state = observed([site(), access], { ports, hosts: ['192.0.2.7', 'box'] });
    expect(planRouterAccesses(state)[0]!.status).toEqual({
      endpoints: ['192.0.2.7', 'box'].map((host) => ({ name: 'inter-router', host, port: '55672', group: 'west' })),
    });
    const named = site({ settings: { 'skuprt.io/link-hosts': 'west.example' } });
    expect(planRouterAccesses(observed([named, access], { ports }))[0]!.status).toMatchObject({
      endpoints: [{ host: 'west.example' }],
    });
  });

  it('names the port that is taken', () => {
    const state = { operStatus: 'down', message: 'EADDRINUSE' };
    const router = routerState({ listeners: new Map([['west-inter-router', state]]) });
    expect(findings(planRouterAccesses(observed([site(), access], { ports, router }))[0])[0]).toContain(
      'RouterAccess west cannot listen: port 55672 on every address is in use',
    );
  });
});

describe('AccessGrant', () => {
  const grant = resource('AccessGrant', 'g', { expirationWindow: '5m' });
  const access = resource('RouterAccess', 'west', {
    roles: [{ name: 'inter-router', port: 55671 }],
    tlsCredentials: 'skupper-site-server',
  });
  const served = { grantUrls: ['https://192.0.2.7:9443', 'https://127.0.0.1:9443'] };

  it('gets its url, code and end once, and keeps them', () => {
    const [first] = planAccessGrants(
      observed([site(), access, grant], served),
      () => 'drawn',
      () => 0,
    );
    expect(first!.status).toMatchObject({
      url: 'https://192.0.2.7:9443/uid-g',
      code: 'drawn',
      expirationTime: '2026-03-01T12:05:00Z',
      redemptions: 0,
    });
    expect(findings(first)).toEqual(['Processed', 'Resolved']);
    const known = { ...grant, status: statusFrom(first!, NOW) } as Resource;
    const later = observed([site(), access, known], { ...served, now: NOW + DAY_MS });
    expect(
      planAccessGrants(
        later,
        () => 'another',
        () => 2,
      )[0]!.status,
    ).toMatchObject({
      code: 'drawn',
      expirationTime: '2026-03-01T12:05:00Z',
      redemptions: 2,
    });
    expect(endedGrants(later)).toEqual(['g']);
    expect(endedGrants({ ...later, now: NOW + 6 * 60_000 })).toEqual([]);
  });

  it('is not resolved while nobody can dial this site', () => {
    const [outcome] = planAccessGrants(
      observed([site(), grant], served),
      () => 'drawn',
      () => 0,
    );
    expect(findings(outcome)[1]).toContain('no link access');
  });
});

describe('AccessToken', () => {
  const token = resource('AccessToken', 't', { url: 'https://x/1', code: 'c', ca: 'PEM' });
  const { uid } = token.metadata;
  const attempt = { uid, generation: 1, message: 'unreachable', isFinal: false, retryAt: NOW + 5000 };

  it('is tried at once, again after a while, and never again after a refusal', () => {
    const state = observed([site(), token]);
    expect(tokensDue(state, new Map())).toHaveLength(1);
    expect(tokensDue(state, new Map([['t', attempt]]))).toHaveLength(0);
    expect(tokensDue({ ...state, now: NOW + 5000 }, new Map([['t', attempt]]))).toHaveLength(1);
    expect(tokensDue({ ...state, now: NOW + 5000 }, new Map([['t', { ...attempt, isFinal: true }]]))).toHaveLength(0);
    expect(tokensDue(state, new Map([['t', { ...attempt, generation: 0, isFinal: true }]]))).toHaveLength(1);
    expect(tokensDue(state, new Map([['t', { ...attempt, uid: 'former', isFinal: true }]]))).toHaveLength(1);
  });

  it('shows a refusal as an error and an unreachable site as pending', () => {
    const state = observed([site(), token]);
    const shown = (isFinal: boolean) =>
      findings(planAccessTokens(state, new Map([['t', { ...attempt, isFinal }]]))[0])[0];
    expect(shown(true)).toBe('Redeemed Error: unreachable');
    expect(shown(false)).toBe('Redeemed Pending: unreachable');
  });
});

describe('the state of a router', () => {
  it('names the routers in reach: not one that is only listed still', () => {
    const nodes = [
      { id: 'west', nextHop: '(self)', cost: null },
      { id: 'far', nextHop: 'east', cost: 2 },
      { id: 'lost', nextHop: null, cost: null },
      { id: 'east', nextHop: null, cost: 1 },
    ];
    const nothing = { router: [{ id: 'west' }], 'router.address': [], connection: [], connector: [], listener: [] };
    const state = routerStateOf({ ...nothing, tcpListener: [], tcpConnector: [], 'router.node': nodes });
    expect(state.id).toBe('west');
    expect(state.routerIds).toEqual(['east', 'far', 'west']);
  });
});

describe('status', () => {
  it('does not change when the same is observed again', () => {
    const resources = [site(), listener('web'), resource('AccessGrant', 'g', { code: 'c' })];
    const inputs = { newCode: () => 'c', redemptions: () => 0, attempts: new Map() };
    for (const outcome of planOutcomes(observed(resources), inputs)) {
      const first = statusFrom(outcome, NOW);
      const again = { ...outcome, resource: { ...outcome.resource, status: first } as Resource };
      expect(statusFrom(again, NOW + 1000)).toEqual(first);
    }
  });
});
