/**
 * Who is believed in networks of routers of several sites: known along every chain of certificates and introductions, soon, whatever
 * breaks, and nobody by the word of one who is not.
 */
import { describe, expect, it } from 'vitest';
import type { PolicyClient } from '../../lib/policy/types.ts';
import { ConnectorFlow } from '../../router/bridge/connector-flow.ts';
import type { Identity } from '../../router/identity/identity.ts';
import { introductionText } from '../../router/identity/introduction.ts';
import { INTRODUCTION_LEASE_MS, NEIGHBOUR_GRACE_MS } from '../../router/identity/limits.ts';
import { makeKeyring } from '../../router/io/identity-keys.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';
import type { SimSite } from '../support/sim/sim-router.ts';

const SETTLED_MS = 1000;

/** @param sites by router; one without has no key, as the original */
function networkOf(
  sites: Readonly<Record<string, SimSite | undefined>>,
  links: [string, string][],
  seed = 7,
): RouterNetwork {
  const network = new RouterNetwork(seed);
  for (const [id, site] of Object.entries(sites)) {
    if (site !== undefined) network.sites.set(id, site);
    network.addRouter(id);
  }
  for (const [from, to] of links) network.connect(from, to);
  network.scheduler.runFor(SETTLED_MS);
  return network;
}

function identityOf(network: RouterNetwork, id: string): Identity {
  return network.router(id).router.identity!.links.identity;
}

function keyOf(network: RouterNetwork, id: string): string {
  return identityOf(network, id).keys.publicKey;
}

/** `router site via`, without those that are not believed. */
function known(network: RouterNetwork, id: string): string[] {
  const beliefs = [...identityOf(network, id).trust.beliefs.values()].filter(({ rival }) => rival === undefined);
  return beliefs.map(({ router, siteId, via }) => [router, siteId, ...via].join(' ')).sort();
}

const site = (siteId: string): SimSite => ({ siteId, siteName: `name of ${siteId}` });
const LINE = { A: site('a'), B: site('b'), C: site('c'), D: site('d') };
const LINE_LINKS: [string, string][] = [
  ['A', 'B'],
  ['B', 'C'],
  ['C', 'D'],
];

describe('introductions', () => {
  it('tell everybody of everybody, with the sites that vouch, the nearest first', () => {
    const network = networkOf(LINE, LINE_LINKS);
    expect(known(network, 'A')).toEqual(['B b', 'C c b', 'D d b c']);
    expect(known(network, 'D')).toEqual(['A a c b', 'B b c', 'C c']);
  });

  it('of one site count as its own word, also of its routers at edges', () => {
    const network = new RouterNetwork(7);
    for (const [id, of] of Object.entries({ A: 'a', B1: 'b', B2: 'b', C: 'c', E: 'b' }))
      network.sites.set(id, site(of));
    for (const id of ['A', 'B1', 'B2', 'C']) network.addRouter(id);
    network.addRouter('E', 'edge');
    for (const ends of [
      ['A', 'B1'],
      ['B1', 'B2'],
      ['B2', 'C'],
      ['E', 'B2'],
    ] as const)
      network.connect(ends[0], ends[1]);
    network.scheduler.runFor(SETTLED_MS);
    expect(known(network, 'A')).toEqual(['B1 b', 'B2 b', 'C c b', 'E b']);
    expect(known(network, 'E')).toEqual(['A a', 'B1 b', 'B2 b', 'C c']);
  });

  it('reach who comes later, and each other again when two parts of the network meet', () => {
    const network = networkOf(LINE, [LINE_LINKS[0]!, LINE_LINKS[2]!]);
    expect(known(network, 'A')).toEqual(['B b']);
    network.connect('B', 'C');
    network.scheduler.runFor(SETTLED_MS);
    expect(known(network, 'A')).toEqual(['B b', 'C c b', 'D d b c']);
    expect(known(network, 'D')).toEqual(['A a c b', 'B b c', 'C c']);
  });

  it('of a router that has restarted name its new key at once, and its old one no more', () => {
    const network = networkOf(LINE, LINE_LINKS);
    const before = keyOf(network, 'D');
    network.restart('D', 100);
    network.scheduler.runFor(2 * SETTLED_MS + 2000);
    const after = keyOf(network, 'D');
    expect(after).not.toBe(before);
    expect(identityOf(network, 'A').belief('D', after)).toMatchObject({ siteId: 'd', via: ['b', 'c'] });
    expect(identityOf(network, 'A').belief('D', before)).toBeUndefined();
  });

  it('of a router in the middle that has restarted are believed by its new key, those of its former life are not', () => {
    const network = networkOf(LINE, LINE_LINKS);
    const before = keyOf(network, 'B');
    network.restart('B', 100);
    network.scheduler.runFor(5000);
    expect(known(network, 'A')).toEqual(['B b', 'C c b', 'D d b c']);
    expect(identityOf(network, 'A').belief('B', before)).toBeUndefined();
  });

  it('are taken back when a neighbour stays away, and not for a link that is back soon', () => {
    const network = networkOf(LINE, LINE_LINKS);
    network.cut(network.links[2]!);
    network.scheduler.runFor(NEIGHBOUR_GRACE_MS / 2);
    expect(known(network, 'A')).toContain('D d b c');
    network.scheduler.runFor(NEIGHBOUR_GRACE_MS);
    expect(known(network, 'A')).toEqual(['B b', 'C c b']);
    network.restore(network.links[2]!);
    network.scheduler.runFor(10_000);
    expect(known(network, 'A')).toEqual(['B b', 'C c b', 'D d b c']);
  });

  it('are repeated before they are forgotten, and take no more room', () => {
    const network = networkOf(LINE, LINE_LINKS);
    const count = identityOf(network, 'A').introductions.count;
    network.scheduler.runFor(4 * INTRODUCTION_LEASE_MS);
    expect(known(network, 'A')).toEqual(['B b', 'C c b', 'D d b c']);
    expect(identityOf(network, 'A').introductions.count).toBe(count);
  });

  it('do not cross a router that knows nothing of them: beyond it nobody is believed', () => {
    const network = networkOf({ A: site('a'), O: undefined, C: site('c') }, [
      ['A', 'O'],
      ['O', 'C'],
    ]);
    expect(network.router('A').router.mesh.path('C')).toBeDefined();
    expect(known(network, 'A')).toEqual([]);
  });

  it('of a router whose certificate names no site are not made, nor believed', () => {
    const network = networkOf({ A: site('a'), B: { ...site('b'), certified: null }, C: site('c') }, [
      ['A', 'B'],
      ['B', 'C'],
    ]);
    expect(known(network, 'A')).toEqual([]);
    expect(known(network, 'C')).toEqual([]);
    // Their certificates name theirs.
    expect(known(network, 'B')).toEqual(['A a', 'C c']);
  });
});

describe('a stream', () => {
  it('brings who its client is, believed as far as the router where it began is known', () => {
    const network = networkOf(LINE, LINE_LINKS);
    network.addService('web', ['D']);
    network.scheduler.runFor(SETTLED_MS);
    expect(clientAt(network, 'D', 'A')).toEqual({
      siteId: 'a',
      siteName: 'name of a',
      listener: 'web',
      verification: 'path',
      via: ['c', 'b'],
    });
    expect(clientAt(network, 'D', 'C')).toMatchObject({ siteId: 'c', verification: 'link' });
    expect(clientAt(network, 'D', 'D')).toMatchObject({ siteId: 'd', listener: 'web', verification: 'local' });
  });

  it('of a router that has just restarted is believed from its first client on', () => {
    const verifications: (string | undefined)[] = [];
    for (let seed = 1; seed <= 20; seed++) {
      const network = networkOf(LINE, LINE_LINKS, seed);
      network.addService('web', ['D']);
      network.scheduler.runFor(SETTLED_MS);
      let isOpen = false;
      network.onListening = (entry, on) => {
        if (entry === 'A web') isOpen = on;
      };
      network.restart('A', 50);
      for (let step = 0; step < 5000 && !isOpen; step++) network.scheduler.runFor(1);
      verifications.push(clientAt(network, 'D', 'A')?.verification);
    }
    expect(verifications).toEqual(verifications.map(() => 'path'));
  });

  it('from beyond a router that knows nothing of this says what it says, and nobody vouches for it', () => {
    const network = networkOf({ A: site('a'), O: undefined, C: site('c') }, [
      ['A', 'O'],
      ['O', 'C'],
    ]);
    network.addService('web', ['C']);
    network.scheduler.runFor(SETTLED_MS);
    expect(clientAt(network, 'C', 'A')).toEqual({
      siteId: 'a',
      siteName: 'name of a',
      listener: 'web',
      verification: 'none',
      doubt: 'nobody who is believed here vouches for router A',
    });
    expect(clientAt(network, 'C', 'O')).toMatchObject({
      verification: 'none',
      doubt: expect.stringContaining('nothing'),
    });
  });

  it('is believed by a neighbour that says nothing of its clients to be of the site in its certificate', () => {
    const network = new RouterNetwork(7);
    network.sites.set('C', site('c'));
    network.addRouter('C');
    network.addRouter('O');
    // An original whose certificate was issued with its site's name.
    network.sites.set('O', site('o'));
    network.connect('O', 'C');
    network.addService('web', ['C']);
    network.scheduler.runFor(SETTLED_MS);
    expect(clientAt(network, 'C', 'O')).toMatchObject({ siteId: 'o', verification: 'link' });
  });

  it('is believed by an edge router of that kind too, whose mesh id tells nobody who it is', () => {
    const network = networkOf({ C: site('c') }, []);
    network.addRouter('O', 'edge');
    network.sites.set('O', site('o'));
    joinMesh(network, 'O');
    network.connect('O', 'C');
    network.addService('web', ['C']);
    network.scheduler.runFor(SETTLED_MS);
    expect(clientAt(network, 'C', 'O')).toMatchObject({ siteId: 'o', verification: 'link' });
  });
});

describe('a router that lies', () => {
  it('is refused when its certificate is of another site than it says', () => {
    const network = networkOf({ A: site('a'), L: { ...site('b'), certified: 'l' } }, [['L', 'A']]);
    expect(known(network, 'A')).toEqual([]);
    expect(network.router('A').router.mesh.path('L')).toBeUndefined();
    expect(network.router('A').router.identity!.links.refusedCount).toBeGreaterThan(0);
    expect(network.router('A').logs.join()).toContain('connection refused');
  });

  it('is let in, and not believed, with a certificate that this site has handed out to another', () => {
    const network = networkOf({ A: site('a'), B: { ...site('b'), certified: 'a' } }, [['B', 'A']]);
    expect(network.router('A').router.mesh.path('B')).toBeDefined();
    expect(known(network, 'A')).toEqual([]);
  });

  it('of another site does not take the place of a router that is known', () => {
    // Two routers of one id; the liar's certificate is its own.
    const network = networkOf({ ...LINE, L: site('l') }, LINE_LINKS);
    const { router } = network.router('A');
    const facts = { router: 'D', certified: 'l', siteId: 'l', key: makeKeyring().publicKey };
    expect(router.identity!.links.identity.refusal(facts)).toContain('known as one of site d');
    expect(router.identity!.links.identity.refusal({ ...facts, certified: 'd', siteId: 'd' })).toBeUndefined();
  });

  it('cannot say of a router that is known nearer that it is of its own site', () => {
    const network = networkOf({ ...LINE, L: site('l') }, [...LINE_LINKS, ['D', 'L']]);
    const liar = identityOf(network, 'L');
    const forged = makeKeyring();
    tell(network, 'L', 'D', {
      of: { router: 'B', key: forged.publicKey, siteId: 'l', siteName: 'name of l' },
      by: 'L',
      byKey: liar.keys.publicKey,
      sequence: 1000,
    });
    expect(identityOf(network, 'A').belief('B', forged.publicKey)).toMatchObject({ siteId: 'l', rival: 'b' });
    expect(network.router('A').notes.join()).toContain('said to be of two sites');
    expect(known(network, 'A')).toEqual(['B b', 'C c b', 'D d b c', 'L l b c d']);
  });

  it('cannot use what another has said of its clients, at an edge in whatever mesh it says it is', () => {
    const network = networkOf({ A: site('a'), B: site('b') }, [['A', 'B']]);
    network.sites.set('L', site('l'));
    network.addRouter('L', 'edge');
    joinMesh(network, 'L');
    network.connect('L', 'B');
    network.addService('web', ['B']);
    network.scheduler.runFor(SETTLED_MS);
    expect(clientAt(network, 'B', 'L')).toMatchObject({ siteId: 'l', verification: 'link' });
    const { identity, clients } = network.router('A').router;
    const overheard = identity!.claims.textFor(clients.accepted(undefined, 'web'), 'web');
    Object.assign(network.router('L').router.identity!.claims, { textFor: () => overheard });
    expect(clientAt(network, 'B', 'L')).toMatchObject({
      verification: 'none',
      doubt: 'the stream entered the network at router L, which did not say it',
    });
  });

  it('is known by those it introduces as who vouches for them', () => {
    const network = networkOf({ A: site('a'), B: site('b'), L: site('l') }, [
      ['A', 'B'],
      ['B', 'L'],
    ]);
    const invented = makeKeyring().publicKey;
    const of = { router: 'X', key: invented, siteId: 'a' };
    tell(network, 'L', 'B', { of, by: 'L', byKey: keyOf(network, 'L'), sequence: 1000 });
    // It says that it is of A's own site: what is known of it is by the word of two others.
    expect(identityOf(network, 'A').belief('X', invented)).toMatchObject({ siteId: 'a', via: ['b', 'l'] });
  });

  it('cannot speak for another: what is not signed by its maker is dropped, counted and not passed on', () => {
    const network = networkOf({ ...LINE, L: site('l') }, [...LINE_LINKS, ['L', 'A']]);
    const forged = makeKeyring();
    const of = { router: 'X', key: forged.publicKey, siteId: 'x' };
    const claim = { of, by: 'B', byKey: keyOf(network, 'B'), sequence: 5000, gone: false };
    network.router('A').input(() => {
      const text = introductionText(forged, claim);
      const { links } = network.router('A').router.identity!;
      expect(links.identity.receive(connectionTo(network, 'A', 'L'), text, network.now)).toContain('not signed');
    });
    network.scheduler.runFor(SETTLED_MS);
    expect(identityOf(network, 'A').forgedCount).toBe(1);
    expect(known(network, 'A')).toEqual(['B b', 'C c b', 'D d b c', 'L l']);
  });

  it('fills no more than its share with introductions by routers that nobody knows', () => {
    const network = networkOf({ A: site('a'), B: site('b'), L: site('l') }, [
      ['A', 'B'],
      ['L', 'A'],
    ]);
    const keys = makeKeyring();
    const connection = connectionTo(network, 'A', 'L');
    const identity = identityOf(network, 'A');
    const before = identity.introductions.count;
    for (let sequence = 0; sequence < 2000; sequence++) {
      const of = { router: `X${sequence}`, key: keys.publicKey, siteId: 'x' };
      identity.receive(
        connection,
        introductionText(keys, { of, by: 'Z', byKey: keys.publicKey, sequence, gone: false }),
        network.now,
      );
    }
    expect(identity.introductions.count).toBe(before);
    expect(identity.introductions.droppedCount).toBe(2000 - 512);
  });
});

/** Who the connector at `at` takes a client at `from` for. */
function clientAt(network: RouterNetwork, at: string, from: string): PolicyClient | undefined {
  const { bridge } = network.router(at).router;
  const before = new Set(bridge.flows.keys());
  network.startFlow(from, 'web', { requestBytes: 1000, responseBytes: 3_000_000 });
  for (let step = 0; step < 200; step++) {
    network.scheduler.runFor(1);
    for (const flow of bridge.flows.values()) {
      if (flow instanceof ConnectorFlow && !before.has(flow.id)) return flow.policyClient;
    }
  }
  return undefined;
}

/** The edge router's mesh id is not made of its own id, as with originals, and with those of ours that are joined to others. */
function joinMesh(network: RouterNetwork, edge: string): void {
  Object.assign(Reflect.get(network.router(edge).router, 'edgeMesh') as object, { id: 'of-several-edge' });
}

/** A router sends its neighbour an introduction of its own making. */
function tell(
  network: RouterNetwork,
  from: string,
  to: string,
  said: { of: Parameters<typeof introductionText>[1]['of']; by: string; byKey: string; sequence: number },
): void {
  const text = introductionText(identityOf(network, from).keys, { ...said, gone: false });
  network.router(to).input(() => {
    identityOf(network, to).receive(connectionTo(network, to, from), text, network.now);
    network.router(to).router.step(network.now);
  });
  network.scheduler.runFor(SETTLED_MS);
}

function connectionTo(network: RouterNetwork, at: string, router: string): number {
  const peers = [...network.router(at).router.peers.values()];
  return peers.find(({ containerId, role }) => containerId === router && role === 'inter-router')!.id;
}
