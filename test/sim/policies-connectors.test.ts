/** Access policies where one router has several connectors of an address: one after the other is tried, and a limit may be of all or of one. */
import { describe, expect, it } from 'vitest';
import type { Limits, PolicySpec } from '../../lib/policy/types.ts';
import type { FlowPlan } from '../support/sim/apps.ts';
import { countsOf, inUse, setPolicy } from '../support/sim/policies.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { addConnector } from '../support/sim/services.ts';

const SMALL = { requestBytes: 500, responseBytes: 2000 } as const;
const FOREVER = { ...SMALL, answers: 'at once', staysOpen: true } as const;

/** A listens, C has so many backends. */
function made(seed: number, count: number): RouterNetwork {
  const network = new RouterNetwork(seed);
  for (const id of ['A', 'B', 'C']) network.addRouter(id);
  network.connect('A', 'B');
  network.connect('B', 'C');
  network.addService('echo', ['C']);
  for (let at = 1; at < count; at++) addConnector(network, 'C', `C echo ${at}`, 'echo');
  network.scheduler.runFor(500);
  return network;
}

function start(network: RouterNetwork, plan: Partial<FlowPlan>) {
  return network.startFlow('A', 'echo', plan)!;
}

function rule(services: PolicySpec['services'], limits: Limits): PolicySpec {
  return { services, rules: [{ action: 'Limit', limits }] };
}

describe('a limit that all connectors share', () => {
  it.each([2, 5])('lets a connection wait once, and counts it once, with %i of them', (count) => {
    const network = made(1, count);
    const limits = { concurrentConnections: 1, queue: { length: 3, seconds: 2 } };
    setPolicy(network, 'C', 'few', rule([{ routingKeys: ['echo'] }], limits));
    start(network, FOREVER);
    network.scheduler.runFor(300);
    const late = start(network, SMALL);
    network.scheduler.runFor(1500);
    expect(late.isBroken).toBe(false);
    network.scheduler.runFor(800);
    expect(late.isBroken).toBe(true);
    expect(countsOf(network, 'C', 'few')).toMatchObject({ limited: 1, waited: 0 });
    expect(network.router('C').router.bridge.refusals.policyLimit).toBe(1);
    expect(inUse(network, 'C', 'few')).toEqual({ queued: 0, inUse: 1 });
  });
});

describe('a limit of one connector', () => {
  it('leaves what it has no place for to the others', () => {
    const network = made(2, 2);
    setPolicy(network, 'C', 'one', rule([{ names: ['C echo'] }], { concurrentConnections: 1 }));
    const clients = Array.from({ length: 6 }, () => start(network, FOREVER));
    network.scheduler.runFor(300);
    expect(clients.filter(({ receivedBytes }) => receivedBytes > 0)).toHaveLength(6);
    expect(inUse(network, 'C', 'one')).toEqual({ queued: 0, inUse: 1 });
  });
});

describe('a policy that allows none of them', () => {
  it('refuses a connection once', () => {
    const network = made(3, 3);
    setPolicy(network, 'C', 'closed', { rules: [{ action: 'Deny' }] });
    const client = start(network, SMALL);
    network.scheduler.runFor(300);
    expect([client.isBroken, network.dialled]).toEqual([true, []]);
    expect(countsOf(network, 'C', 'closed')).toMatchObject({ refused: 1 });
    expect(network.router('C').router.bridge.refusals.policy).toBe(1);
  });
});
