/** Access policies in whole networks: who is let in at either end, who waits for whom, and what becomes of open connections. */
import { describe, expect, it } from 'vitest';
import type { Limits, PolicySpec } from '../../lib/policy/types.ts';
import type { ClientApp, FlowPlan } from '../support/sim/apps.ts';
import { countsOf, deletePolicy, inUse, setPolicy } from '../support/sim/policies.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { addConnector, addTiers, servedBy } from '../support/sim/services.ts';
import type { SimSite } from '../support/sim/sim-router.ts';

const SMALL = { requestBytes: 500, responseBytes: 2000 } as const;
const DENY: PolicySpec = { services: [{ routingKeys: ['echo'] }], rules: [{ action: 'Deny' }] };
const ALLOW: PolicySpec = { services: [{ routingKeys: ['echo'] }], rules: [{ action: 'Allow' }] };
const FOREVER = { ...SMALL, answers: 'at once', staysOpen: true } as const;

/** A listens, C and D have backends. */
function made(seed: number): RouterNetwork {
  const network = new RouterNetwork(seed);
  for (const id of ['A', 'B', 'C', 'D']) network.addRouter(id);
  network.connect('A', 'B');
  network.connect('B', 'C');
  network.connect('B', 'D');
  network.addService('echo', ['C']);
  network.scheduler.runFor(500);
  return network;
}

function limited(limits: Limits): PolicySpec {
  return { services: [{ names: ['echo', 'C echo'] }], rules: [{ action: 'Limit', limits }] };
}

function start(network: RouterNetwork, plan: Partial<FlowPlan> = SMALL, count = 1): ClientApp[] {
  return Array.from({ length: count }, () => network.startFlow('A', 'echo', plan)!);
}

function served(network: RouterNetwork, plan: Partial<FlowPlan> = SMALL): boolean {
  const [client] = start(network, plan);
  network.scheduler.runFor(200);
  return client!.isComplete;
}

function refusals(network: RouterNetwork, at: string) {
  return network.router(at).router.bridge.refusals;
}

describe('a policy at the importing router', () => {
  it('resets clients before a stream is made, and only as long as it is there', () => {
    const network = made(1);
    setPolicy(network, 'A', 'closed', DENY);
    const before = network.dialled.length;
    const [client] = start(network);
    network.scheduler.runFor(200);
    expect([client!.isComplete, client!.isBroken]).toEqual([false, true]);
    expect([network.dialled.length - before, refusals(network, 'A').policy]).toEqual([0, 1]);
    expect(network.router('B').router.deliveries.transit).toBe(0);
    expect(network.router('A').notes).toContain('connection refused by a policy');
    setPolicy(network, 'A', 'closed', ALLOW);
    expect(served(network)).toBe(true);
    setPolicy(network, 'A', 'closed', DENY);
    expect(served(network)).toBe(false);
    deletePolicy(network, 'A', 'closed');
    expect(served(network)).toBe(true);
    expect(network.leftovers()).toEqual([]);
  });

  it('has no say in services that it does not select', () => {
    const network = made(2);
    setPolicy(network, 'A', 'closed', { ...DENY, services: [{ routingKeys: ['other'] }] });
    expect(served(network)).toBe(true);
  });

  it('sends clients to those of several addresses that it allows', () => {
    const network = made(3);
    addConnector(network, 'D', 'D other', 'other');
    network.scheduler.runFor(300);
    addTiers(network, 'A', 'both', { echo: { value: 2 }, other: { value: 1 } });
    network.scheduler.runFor(300);
    expect(servedBy(network, 'A', 'both')).toEqual(['C echo']);
    setPolicy(network, 'A', 'closed', DENY);
    expect(servedBy(network, 'A', 'both')).toEqual(['D other']);
    setPolicy(network, 'A', 'closed too', { ...DENY, services: [{ routingKeys: ['other'] }] });
    const client = network.startFlow('A', 'both', SMALL);
    network.scheduler.runFor(200);
    expect([client?.isComplete, client?.isBroken]).toEqual([false, true]);
  });
});

describe('a policy at the exporting router', () => {
  it('refuses before the backend is dialled; both ends say which and why', () => {
    const network = made(4);
    setPolicy(network, 'C', 'closed', DENY);
    const [client] = start(network);
    network.scheduler.runFor(300);
    expect([client!.isBroken, network.dialled]).toEqual([true, []]);
    expect([refusals(network, 'C').policy, refusals(network, 'A').policyRemote]).toEqual([1, 1]);
    expect(network.router('C').notes).toContain('connection refused by a policy');
    expect(network.router('A').notes).toContain('connection refused by a policy at the other end');
    expect(network.router('C').router.bridge.connectors.get('C echo')?.passedOver).toBe(false);
    deletePolicy(network, 'C', 'closed');
    expect(served(network)).toBe(true);
    expect(network.leftovers()).toEqual([]);
  });

  it('leaves the connection to another connector that allows it', () => {
    const network = made(5);
    addConnector(network, 'D', 'D echo', 'echo');
    network.scheduler.runFor(300);
    setPolicy(network, 'C', 'closed', DENY);
    for (let i = 0; i < 8; i++) expect(servedBy(network, 'A', 'echo', undefined, 300)).toEqual(['D echo']);
    expect(refusals(network, 'C').policy).toBeGreaterThan(0);
    expect(refusals(network, 'A').policyRemote).toBe(0);
  });

  it('tells the next address of the listener from one that has failed: no penalty', () => {
    const network = made(6);
    addConnector(network, 'D', 'D other', 'other');
    network.scheduler.runFor(300);
    addTiers(network, 'A', 'both', { echo: { value: 2 }, other: { value: 1 } });
    network.scheduler.runFor(300);
    setPolicy(network, 'C', 'closed', DENY);
    expect(servedBy(network, 'A', 'both')).toEqual(['D other']);
    deletePolicy(network, 'C', 'closed');
    expect(servedBy(network, 'A', 'both')).toEqual(['C echo']);
  });
});

describe('a policy at a router between', () => {
  it('has no say in what goes through it', () => {
    const network = made(20);
    const [open] = start(network, FOREVER);
    network.scheduler.runFor(200);
    setPolicy(network, 'B', 'closed', { ...DENY, enforceExisting: true });
    expect(served(network)).toBe(true);
    setPolicy(network, 'B', 'closed', limited({ connectionsPerSecond: 1, connectionsBurst: 1 }));
    expect(Array.from({ length: 5 }, () => served(network))).toEqual([true, true, true, true, true]);
    expect([open!.isBroken, refusals(network, 'B').policy, refusals(network, 'B').policyLimit]).toEqual([false, 0, 0]);
  });
});

describe('in dry run', () => {
  it('a policy refuses nobody, and says whom it would', () => {
    const network = made(7);
    for (const at of ['A', 'C']) setPolicy(network, at, 'closed', { ...DENY, dryRun: true });
    expect(served(network)).toBe(true);
    for (const at of ['A', 'C']) {
      expect(countsOf(network, at, 'closed')).toMatchObject({ refused: 0, wouldRefuse: 1 });
      expect(refusals(network, at)).toMatchObject({ policy: 0, policyDryRun: 1 });
      expect(network.router(at).notes).toContain('connection would be refused by a policy in dry run');
    }
  });
});

describe('open connections', () => {
  it.each(['A', 'C'])('are reset by a changed policy that says so, and only by one, at %s', (at) => {
    const network = made(8);
    const [client] = start(network, FOREVER);
    network.scheduler.runFor(200);
    expect(client!.receivedBytes).toBe(2000);
    setPolicy(network, at, 'closed', DENY);
    network.scheduler.runFor(500);
    expect(client!.isBroken).toBe(false);
    setPolicy(network, at, 'closed', { ...DENY, enforceExisting: true });
    network.scheduler.runFor(500);
    expect(client!.isBroken).toBe(true);
    expect(refusals(network, at).policyReset).toBe(1);
    expect(network.leftovers().filter((left) => !left.startsWith('flow '))).toEqual([]);
  });

  it('that are still allowed go on', () => {
    const network = made(9);
    const [client] = start(network, FOREVER);
    network.scheduler.runFor(200);
    setPolicy(network, 'A', 'open', { ...ALLOW, enforceExisting: true });
    setPolicy(network, 'C', 'other', { ...DENY, services: [{ names: ['other'] }], enforceExisting: true });
    network.scheduler.runFor(500);
    expect(client!.isBroken).toBe(false);
  });
});

describe.each(['A', 'C'])('limits at %s', (at) => {
  it('let in so many at a time; who waits comes in as others leave', () => {
    const network = made(10);
    setPolicy(network, at, 'few', limited({ concurrentConnections: 2, queue: { length: 3, seconds: 20 } }));
    const clients = start(network, FOREVER, 6);
    network.scheduler.runFor(300);
    const open = clients.filter(({ receivedBytes }) => receivedBytes > 0);
    expect([open.length, clients.filter(({ isBroken }) => isBroken).length]).toEqual([2, 1]);
    expect(inUse(network, at, 'few')).toEqual({ queued: 3, inUse: 2 });
    expect(countsOf(network, at, 'few')).toMatchObject({ limited: 1, refused: 0 });
    open[0]!.leave();
    network.scheduler.runFor(300);
    expect(clients.filter(({ receivedBytes }) => receivedBytes > 0)).toHaveLength(3);
    for (const client of clients) if (!client.isOver) client.leave();
    network.scheduler.runFor(1000);
    expect(inUse(network, at, 'few')).toEqual({ queued: 0, inUse: 0 });
    expect(network.leftovers().filter((left) => !left.startsWith('flow '))).toEqual([]);
  });

  it('refuse who has waited as long as it may', () => {
    const network = made(11);
    setPolicy(network, at, 'few', limited({ concurrentConnections: 1, queue: { length: 3, seconds: 2 } }));
    start(network, FOREVER);
    network.scheduler.runFor(300);
    const [late] = start(network);
    network.scheduler.runFor(1500);
    expect(late!.isBroken).toBe(false);
    network.scheduler.runFor(1500);
    expect(late!.isBroken).toBe(true);
  });

  it('forget who leaves while it waits', () => {
    const network = made(12);
    setPolicy(network, at, 'few', limited({ concurrentConnections: 1, queue: { length: 3, seconds: 60 } }));
    const [first] = start(network, FOREVER);
    network.scheduler.runFor(300);
    const [gone] = start(network);
    network.scheduler.runFor(300);
    gone!.leave();
    network.scheduler.runFor(300);
    expect(inUse(network, at, 'few')).toEqual({ queued: 0, inUse: 1 });
    first!.leave();
    network.scheduler.runFor(300);
    expect(served(network)).toBe(true);
  });

  it('let in so many a second', () => {
    const network = made(13);
    const limits = { connectionsPerSecond: 10, connectionsBurst: 1, queue: { length: 50, seconds: 60 } };
    setPolicy(network, at, 'slow', limited(limits));
    const clients = start(network, SMALL, 30);
    network.scheduler.runFor(1050);
    const done = clients.filter(({ isComplete }) => isComplete).length;
    expect(done).toBeGreaterThanOrEqual(9);
    expect(done).toBeLessThanOrEqual(11);
    network.scheduler.runFor(2500);
    expect(clients.every(({ isComplete }) => isComplete)).toBe(true);
    expect(countsOf(network, at, 'slow')).toMatchObject({ waited: 29 });
  });

  it.each(['requestBytes', 'responseBytes'] as const)('let so many octets a second pass, of %s', (direction) => {
    const network = made(14);
    setPolicy(network, at, 'thin', limited({ bytesPerSecond: 200_000 }));
    const [client] = start(network, { requestBytes: 0, responseBytes: 0, [direction]: 3_000_000 });
    network.scheduler.runFor(10_000);
    expect(client!.isComplete).toBe(false);
    network.scheduler.runFor(6000);
    expect(client!.isComplete).toBe(true);
    expect(network.leftovers()).toEqual([]);
  });

  it('of octets come to open connections that were limited otherwise', () => {
    const network = made(19);
    setPolicy(network, at, 'p', limited({ concurrentConnections: 5 }));
    const [client] = start(network, { requestBytes: 0, responseBytes: 20_000_000 });
    network.scheduler.runFor(50);
    setPolicy(network, at, 'p', limited({ concurrentConnections: 5, bytesPerSecond: 100_000 }));
    network.scheduler.runFor(20_000);
    expect(client!.isOver).toBe(false);
    deletePolicy(network, at, 'p');
    network.scheduler.runFor(20_000);
    expect(client!.isComplete).toBe(true);
  });

  it('let nobody in who waits when the policy has become one that refuses', () => {
    const network = made(18);
    setPolicy(network, at, 'few', limited({ concurrentConnections: 1, queue: { length: 9, seconds: 60 } }));
    const clients = start(network, FOREVER, 4);
    network.scheduler.runFor(300);
    setPolicy(network, at, 'few', DENY);
    network.scheduler.runFor(300);
    expect(clients.map(({ isBroken }) => isBroken).sort()).toEqual([false, true, true, true]);
    expect(network.dialled).toHaveLength(1);
  });

  it.each(['requestBytes', 'responseBytes'] as const)(
    'that change hold for open connections: octets of %s',
    (direction) => {
      const network = made(17);
      setPolicy(network, at, 'thin', limited({ bytesPerSecond: 100_000 }));
      const [client] = start(network, { requestBytes: 0, responseBytes: 0, [direction]: 5_000_000 });
      network.scheduler.runFor(3000);
      setPolicy(network, at, 'thin', limited({ bytesPerSecond: 10_000 }));
      network.scheduler.runFor(30_000);
      expect(client!.isOver).toBe(false);
      deletePolicy(network, at, 'thin');
      network.scheduler.runFor(3000);
      expect(client!.isComplete).toBe(true);
      expect(inUse(network, at, 'thin')).toEqual({ queued: 0, inUse: 0 });
    },
  );

  it('are asked anew when they change: who waits comes in', () => {
    const network = made(15);
    setPolicy(network, at, 'few', limited({ concurrentConnections: 1, queue: { length: 9, seconds: 60 } }));
    const clients = start(network, FOREVER, 4);
    network.scheduler.runFor(300);
    expect(clients.filter(({ receivedBytes }) => receivedBytes > 0)).toHaveLength(1);
    setPolicy(network, at, 'few', limited({ concurrentConnections: 3, queue: { length: 9, seconds: 60 } }));
    network.scheduler.runFor(300);
    expect(clients.filter(({ receivedBytes }) => receivedBytes > 0)).toHaveLength(3);
    deletePolicy(network, at, 'few');
    network.scheduler.runFor(300);
    expect(clients.filter(({ receivedBytes }) => receivedBytes > 0)).toHaveLength(4);
  });
});

describe('links of other sites', () => {
  const fromElsewhere = (client: object): PolicySpec => ({
    rules: [{ action: 'Allow', operations: ['Link'], from: [{ ...client, verification: 'none' }] }],
  });
  const isLinked = (network: RouterNetwork, from: string, to: string) =>
    [...network.router(from).router.peers.values()].some(({ linked, containerId }) => linked && containerId === to);

  it('are refused as long as no policy allows them, and closed by one that says so', () => {
    const network = made(30);
    network.router('B').router.site = { siteId: 'site-b', siteName: 'b' };
    setPolicy(network, 'B', 'links', fromElsewhere({ sites: ['nobody'] }));
    network.scheduler.runFor(1000);
    expect(isLinked(network, 'A', 'B')).toBe(true);
    network.cut(network.links[0]!);
    network.restore(network.links[0]!);
    network.scheduler.runFor(1000);
    expect([isLinked(network, 'A', 'B'), isLinked(network, 'B', 'C')]).toEqual([false, true]);
    expect(refusals(network, 'B').policyLink).toBeGreaterThan(0);
    setPolicy(network, 'B', 'links', { ...fromElsewhere({ sites: ['nobody'] }), enforceExisting: true });
    network.scheduler.runFor(1000);
    expect(isLinked(network, 'B', 'C')).toBe(false);
    deletePolicy(network, 'B', 'links');
    network.scheduler.runFor(3000);
    expect([isLinked(network, 'A', 'B'), isLinked(network, 'B', 'C'), served(network)]).toEqual([true, true, true]);
  });

  it('are refused too where a router says that it is of this site, or by the name of another, and its certificate does not', () => {
    const linked = (names: Readonly<Record<string, SimSite>>, sites: string[]) => {
      const network = new RouterNetwork(32);
      for (const [id, site] of Object.entries(names)) {
        network.sites.set(id, site);
        network.addRouter(id);
      }
      setPolicy(network, 'B', 'links', { rules: [{ action: 'Allow', operations: ['Link'], from: [{ sites }] }] });
      // One after the other: of two that say one name, the first has it.
      for (const id of Object.keys(names)) {
        if (id !== 'B') network.connect(id, 'B');
        network.scheduler.runFor(1000);
      }
      return Object.keys(names).filter((id) => isLinked(network, id, 'B'));
    };
    const B = { siteId: 'b', siteName: 'east' };
    expect(linked({ B, B2: B, A: { ...B, certified: null } }, ['nobody'])).toEqual(['B2']);
    expect(linked({ B, A: { siteId: 'a', siteName: 'west' }, L: { siteId: 'l', siteName: 'west' } }, ['west'])).toEqual(
      ['A'],
    );
    expect(linked({ B, L: { siteId: 'l', siteName: 'east' } }, ['east'])).toEqual([]);
    const id = '5f3c1a52-8d0e-4a53-9a35-0b6a2f2a9c11';
    expect(linked({ B, L: { siteId: 'l', siteName: id } }, [id])).toEqual([]);
    expect(linked({ B, L: { siteId: id, siteName: 'any' } }, [id])).toEqual(['L']);
  });

  it('are no matter of policies about connections', () => {
    const network = made(31);
    setPolicy(network, 'B', 'closed', { ...DENY, services: undefined, enforceExisting: true });
    network.cut(network.links[0]!);
    network.restore(network.links[0]!);
    network.scheduler.runFor(1000);
    expect(isLinked(network, 'A', 'B')).toBe(true);
  });
});

describe('a limit at a router that has both ends', () => {
  it('counts a connection once', () => {
    const network = made(16);
    setPolicy(network, 'C', 'few', limited({ concurrentConnections: 2 }));
    const clients = [1, 2, 3].map(() => network.startFlow('C', 'echo', FOREVER)!);
    network.scheduler.runFor(300);
    expect(clients.filter(({ isBroken }) => isBroken)).toHaveLength(1);
  });
});

describe('whatever happens beside', () => {
  it.each([21, 22, 23, 24])('nothing is left, seed %i', (seed) => {
    const network = made(seed);
    const { random, scheduler } = network;
    const specs: PolicySpec[] = [
      DENY,
      { ...DENY, enforceExisting: true },
      ALLOW,
      limited({ concurrentConnections: 3, bytesPerSecond: 2_000_000, queue: { length: 5, seconds: 1 } }),
      limited({ connectionsPerSecond: 20, queue: { length: 5, seconds: 1 } }),
    ];
    for (let at = 0; at < 4000; at += 40) {
      scheduler.after(at, () => {
        const router = network.pick(['A', 'C']);
        if (random.next() < 0.3) deletePolicy(network, router, 'p');
        else setPolicy(network, router, 'p', network.pick(specs));
      });
      scheduler.after(at + random.next() * 40, () => {
        const client = network.startFlow('A', 'echo', { ...SMALL, responseBytes: 200_000, answers: 'at once' });
        if (random.next() < 0.3) scheduler.after(random.next() * 50, () => client?.leave());
      });
    }
    scheduler.after(1500, () => network.cut(network.links[0]!));
    scheduler.after(2000, () => network.restore(network.links[0]!));
    scheduler.runFor(4000);
    for (const at of ['A', 'C']) deletePolicy(network, at, 'p');
    scheduler.runFor(20_000);
    expect([network.flowFaults(), network.leftovers()]).toEqual([[], []]);
    for (const at of ['A', 'C']) expect(inUse(network, at, 'p')).toEqual({ queued: 0, inUse: 0 });
    expect(served(network)).toBe(true);
  });
});

describe('a client whose router nobody has vouched for yet', () => {
  const FROM_A: PolicySpec = { rules: [{ action: 'Allow', from: [{ sites: ['a'] }] }] };

  /** C hears no introduction until it is let. */
  function made(): { network: RouterNetwork; hear: () => void } {
    const network = new RouterNetwork(31);
    for (const id of ['A', 'B', 'C']) {
      network.sites.set(id, { siteId: id.toLowerCase(), siteName: `name of ${id}` });
      network.addRouter(id);
    }
    const node = network.router('C');
    const { identity } = node.router.identity!.links;
    const receive = identity.receive.bind(identity);
    const missed: Parameters<typeof receive>[] = [];
    identity.receive = (...introduction) => {
      missed.push(introduction);
      return undefined;
    };
    network.connect('A', 'B');
    network.connect('B', 'C');
    network.addService('echo', ['C']);
    network.scheduler.runFor(500);
    setPolicy(network, 'C', 'from a', FROM_A);
    const hear = () =>
      node.input(() => {
        identity.receive = receive;
        for (const [connection, text] of missed) receive(connection, text, network.now);
      });
    return { network, hear };
  }

  it('waits for that a moment, and is let in', () => {
    const { network, hear } = made();
    const [client] = start(network);
    network.scheduler.runFor(1000);
    expect([client!.isComplete, client!.isBroken, network.dialled]).toEqual([false, false, []]);
    hear();
    network.scheduler.runFor(200);
    expect(client!.isComplete).toBe(true);
    expect(network.leftovers()).toEqual([]);
  });

  it('is refused after that, the next ones at once, and let in when somebody does', () => {
    const { network, hear } = made();
    const [client] = start(network);
    network.scheduler.runFor(1900);
    expect(client!.isBroken).toBe(false);
    network.scheduler.runFor(300);
    expect(client!.isBroken).toBe(true);
    const [next] = start(network);
    network.scheduler.runFor(200);
    expect(next!.isBroken).toBe(true);
    hear();
    expect(served(network)).toBe(true);
    expect(network.leftovers()).toEqual([]);
  });

  it('goes elsewhere, or is refused, when the tcpConnector is deleted meanwhile', () => {
    const { network } = made();
    const [client] = start(network);
    network.scheduler.runFor(500);
    const node = network.router('C');
    node.input(() => node.router.bridge.deleteConnector('C echo', true));
    network.scheduler.runFor(500);
    expect([client!.isBroken, network.dialled]).toEqual([true, []]);
    expect(network.leftovers()).toEqual([]);
  });

  it('does not wait where it is let in as it is', () => {
    const { network } = made();
    setPolicy(network, 'C', 'from a', ALLOW);
    expect(served(network)).toBe(true);
  });
});
