/** Ways round a policy that the owner of a namespace might try: other addresses, other names, other times. None leads past it. */
import { describe, expect, it } from 'vitest';
import type { PolicySpec } from '../../lib/policy/types.ts';
import type { ClientApp, FlowPlan } from '../support/sim/apps.ts';
import { countsOf, inUse, setPolicy } from '../support/sim/policies.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { addConnector, addTiers, deleteConnector } from '../support/sim/services.ts';

const SMALL = { requestBytes: 500, responseBytes: 2000 } as const;
const FOREVER = { ...SMALL, answers: 'at once', staysOpen: true } as const;
const DENY: PolicySpec = { services: [{ routingKeys: ['echo'] }], rules: [{ action: 'Deny' }] };
const TWO: PolicySpec = {
  services: [{ routingKeys: ['echo'] }],
  rules: [{ action: 'Limit', limits: { concurrentConnections: 2 } }],
};

/** A listens, C has a backend. */
function made(seed: number): RouterNetwork {
  const network = new RouterNetwork(seed);
  for (const id of ['A', 'C']) network.addRouter(id);
  network.connect('A', 'C');
  network.addService('echo', ['C']);
  network.scheduler.runFor(500);
  return network;
}

function start(network: RouterNetwork, service: string, count: number, plan: Partial<FlowPlan> = FOREVER): ClientApp[] {
  const clients = Array.from({ length: count }, () => network.startFlow('A', service, plan)!);
  network.scheduler.runFor(400);
  return clients;
}

const served = (clients: readonly ClientApp[]) => clients.filter(({ receivedBytes }) => receivedBytes > 0).length;
const broken = (clients: readonly ClientApp[]) => clients.filter(({ isBroken }) => isBroken).length;

describe('a limit of one routing key', () => {
  it('holds for connections by a listener that has another key beside it, which nobody limits and nobody has', () => {
    const network = made(1);
    setPolicy(network, 'A', 'two', TWO);
    addTiers(network, 'A', 'both', { nobody: { value: 2 }, echo: { value: 1 } });
    network.scheduler.runFor(300);
    const clients = start(network, 'both', 5);
    expect([served(clients), broken(clients)]).toEqual([2, 3]);
    expect(inUse(network, 'A', 'two')).toEqual({ queued: 0, inUse: 2 });
    expect(countsOf(network, 'A', 'two')).toMatchObject({ limited: 3 });
    // The same places as those who come by the key alone.
    expect(broken(start(network, 'echo', 1))).toBe(1);
    clients.find(({ receivedBytes }) => receivedBytes > 0)!.leave();
    network.scheduler.runFor(300);
    expect(served(start(network, 'echo', 1))).toBe(1);
    expect(inUse(network, 'A', 'two')).toEqual({ queued: 0, inUse: 2 });
  });

  it('leads to the next key who finds no place, and takes none from those who are sent elsewhere', () => {
    const network = made(2);
    addConnector(network, 'C', 'C other', 'other');
    network.scheduler.runFor(300);
    setPolicy(network, 'A', 'two', TWO);
    addTiers(network, 'A', 'both', { echo: { value: 2 }, other: { value: 1 } });
    network.scheduler.runFor(300);
    const clients = start(network, 'both', 5);
    expect([served(clients), network.dialled.filter((name) => name === 'C other').length]).toEqual([5, 3]);
    expect(inUse(network, 'A', 'two')).toEqual({ queued: 0, inUse: 2 });
  });

  it('is given back when the key that was tried has refused, and the next is tried', () => {
    const network = made(3);
    addConnector(network, 'C', 'C other', 'other');
    network.scheduler.runFor(300);
    setPolicy(network, 'A', 'two', TWO);
    setPolicy(network, 'C', 'closed', DENY);
    addTiers(network, 'A', 'both', { echo: { value: 2 }, other: { value: 1 } });
    network.scheduler.runFor(300);
    expect(served(start(network, 'both', 4))).toBe(4);
    expect(inUse(network, 'A', 'two')).toEqual({ queued: 0, inUse: 0 });
  });

  it('is waited for where all keys of the listener share it', () => {
    const network = made(4);
    addConnector(network, 'C', 'C other', 'other');
    network.scheduler.runFor(300);
    const limits = { concurrentConnections: 1, queue: { length: 3, seconds: 20 } };
    setPolicy(network, 'A', 'one', { services: [{ names: ['both'] }], rules: [{ action: 'Limit', limits }] });
    addTiers(network, 'A', 'both', { echo: { value: 2 }, other: { value: 1 } });
    network.scheduler.runFor(300);
    const clients = start(network, 'both', 3);
    expect([served(clients), broken(clients)]).toEqual([1, 0]);
    expect(inUse(network, 'A', 'one')).toEqual({ queued: 2, inUse: 1 });
  });

  it('of octets holds for what is sent there too', () => {
    const network = made(5);
    const limits = { bytesPerSecond: 20_000 };
    setPolicy(network, 'A', 'slow', { services: [{ routingKeys: ['echo'] }], rules: [{ action: 'Limit', limits }] });
    addTiers(network, 'A', 'both', { nobody: { value: 2 }, echo: { value: 1 } });
    network.scheduler.runFor(300);
    const client = network.startFlow('A', 'both', { requestBytes: 10, responseBytes: 60_000 })!;
    network.scheduler.runFor(1000);
    expect(client.isComplete).toBe(false);
    network.scheduler.runFor(4000);
    expect(client.isComplete).toBe(true);
  });
});

describe('a connection whose service is no more what it was when it came', () => {
  it.each(['A', 'C'])('is reset by a policy that says so, at %s', (at) => {
    const network = made(6);
    const clients = start(network, 'echo', 1);
    if (at === 'C') deleteConnector(network, 'C', 'C echo');
    else {
      const { router } = network.router('A');
      network.router('A').input(() => {
        router.bridge.tcpListeners.delete('echo', true);
        router.bridge.tcpListeners.add({ name: 'renamed', address: 'echo', multiAddressStrategy: 'none' });
        router.step(network.now);
      });
    }
    network.scheduler.runFor(300);
    expect(broken(clients)).toBe(0);
    setPolicy(network, at, 'closed', { ...DENY, enforceExisting: true });
    network.scheduler.runFor(300);
    expect(broken(clients)).toBe(1);
  });
});

describe('a connection that has no backend yet', () => {
  it.each(['A', 'C'])('is refused by a policy that comes while it waits for a place of the connector, at %s', (at) => {
    const network = made(7);
    deleteConnector(network, 'C', 'C echo');
    addConnector(network, 'C', 'C echo', 'echo', {
      maxConnections: 1,
      maxQueuedConnections: 5,
      connectTimeoutMs: 20_000,
    });
    network.scheduler.runFor(300);
    const [open] = start(network, 'echo', 1);
    const [waiting] = start(network, 'echo', 1);
    const before = network.dialled.length;
    expect([open!.receivedBytes > 0, waiting!.isBroken]).toEqual([true, false]);
    setPolicy(network, at, 'closed', DENY);
    network.scheduler.runFor(300);
    expect([open!.isBroken, waiting!.isBroken]).toEqual([false, true]);
    open!.leave();
    network.scheduler.runFor(300);
    expect(network.dialled.length).toBe(before);
    expect(network.router(at).router.bridge.refusals).toMatchObject({ policy: 1, policyReset: 0 });
    expect(network.router('A').router.bridge.refusals.policyRemote).toBe(at === 'C' ? 1 : 0);
  });
});

describe('a listener that is given another key while a connection waits', () => {
  it('sends nobody there whom a policy refuses', () => {
    const network = made(8);
    const limits = { concurrentConnections: 1, queue: { length: 3, seconds: 20 } };
    setPolicy(network, 'A', 'one', { services: [{ routingKeys: ['nobody'] }], rules: [{ action: 'Limit', limits }] });
    setPolicy(network, 'A', 'closed', DENY);
    addConnector(network, 'C', 'C nobody', 'nobody');
    addTiers(network, 'A', 'both', { nobody: { value: 1 } });
    network.scheduler.runFor(300);
    const [open] = start(network, 'both', 1);
    const [waiting] = start(network, 'both', 1);
    expect([open!.receivedBytes > 0, waiting!.isBroken]).toEqual([true, false]);
    const { router } = network.router('A');
    network.router('A').input(() => {
      router.bridge.tcpListeners.addAddress('both', 'echo', 'echo', { value: 2 });
      router.step(network.now);
    });
    const before = network.dialled.length;
    open!.leave();
    network.scheduler.runFor(500);
    expect(network.dialled.slice(before)).toEqual(['C nobody']);
  });
});
