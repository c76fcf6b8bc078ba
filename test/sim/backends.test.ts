/** Backends that fail, fill up and come back, in whole networks: who is told, who waits, who is turned away. */
import { describe, expect, it } from 'vitest';
import { type ConnectorSettings, DEFAULT_SETTINGS } from '../../router/bridge/tcp-connector.ts';
import type { ClientApp } from '../support/sim/apps.ts';
import { RouterNetwork } from '../support/sim/router-network.ts';
import { addConnector, deleteConnector, servedBy } from '../support/sim/services.ts';

const CHECK = { path: undefined, intervalMs: 1000, timeoutMs: 500, healthyThreshold: 2, unhealthyThreshold: 2 };
const SLOW_PAUSES = 20;
const SLOW_BYTES = (SLOW_PAUSES + 1) * 64 * 1024;
const SEEDS = [1, 2, 3, 4, 5, 6];

/** A in the middle, backends at C and D. */
function network(seed: number): RouterNetwork {
  const made = new RouterNetwork(seed);
  for (const id of ['A', 'C', 'D']) made.addRouter(id);
  made.connect('A', 'C');
  made.connect('A', 'D');
  made.addService('one', []);
  return made;
}

function offer(made: RouterNetwork, name: string, settings: Partial<ConnectorSettings> = {}): void {
  addConnector(made, name[0]!, name, 'one', settings);
  made.scheduler.runFor(500);
}

/** Which routers A knows to have the service. */
function known(made: RouterNetwork): string[] {
  return [...(made.router('A').router.addresses.get('Mone')?.remotes ?? [])].sort();
}

/** Clients that take about so long, each: their server reads slowly. */
function start(made: RouterNetwork, count: number, lastsMs = 0): ClientApp[] {
  const plan = {
    requestBytes: lastsMs === 0 ? 10 : SLOW_BYTES,
    responseBytes: 10,
    serverPauseMs: lastsMs / SLOW_PAUSES,
  };
  return Array.from({ length: count }, () => made.startFlow('A', 'one', plan)!);
}

describe('the address of a backend that a health check finds unfit', () => {
  it.each(SEEDS)('is withdrawn while another has it, and is back when it is well, seed %d', (seed) => {
    const made = network(seed);
    offer(made, 'C 1', { healthCheck: CHECK });
    offer(made, 'D 1');
    expect(known(made)).toEqual(['C', 'D']);
    made.refusing.add('C 1');
    made.scheduler.runFor(5000);
    expect(known(made)).toEqual(['D']);
    expect(made.router('C').router.bridge.connectorCounts().withdrawn).toBe(1);
    const before = made.dialled.length;
    for (let i = 0; i < 20; i++) expect(servedBy(made, 'A', 'one')).toEqual(['D 1']);
    expect(made.dialled.slice(before)).not.toContain('C 1');
    made.refusing.clear();
    made.scheduler.runFor(5000);
    expect(known(made)).toEqual(['C', 'D']);
    expect(made.router('C').router.bridge.connectorCounts().withdrawn).toBe(0);
  });

  it.each(SEEDS)('stays when it is the last, though others are as unfit, seed %d', (seed) => {
    const made = network(seed);
    const events: string[] = [];
    for (const name of ['C 1', 'D 1']) offer(made, name, { healthCheck: CHECK });
    made.onListening = (entry, on) => events.push(`${entry} ${on}`);
    for (const name of ['C 1', 'D 1']) made.refusing.add(name);
    for (let step = 0; step < 300; step++) {
      made.scheduler.runFor(100);
      expect(made.isListening('A', 'one')).toBe(true);
    }
    expect(known(made).length).toBe(1);
    expect(events).toEqual([]);
    made.refusing.clear();
    made.scheduler.runFor(5000);
    expect(known(made)).toEqual(['C', 'D']);
  });

  it.each(SEEDS)('is back at once when the others have gone, seed %d', (seed) => {
    const made = network(seed);
    offer(made, 'C 1', { healthCheck: CHECK });
    offer(made, 'D 1');
    made.refusing.add('C 1');
    made.scheduler.runFor(5000);
    expect(known(made)).toEqual(['D']);
    deleteConnector(made, 'D', 'D 1');
    made.scheduler.runFor(500);
    expect(known(made)).toEqual(['C']);
    made.refusing.clear();
    expect(servedBy(made, 'A', 'one')).toEqual(['C 1']);
    made.scheduler.runFor(5000);
    expect(known(made)).toEqual(['C']);
  });

  it('is withdrawn without a health check when the router itself has not reached it either', () => {
    const made = network(7);
    offer(made, 'C 1');
    offer(made, 'D 1');
    made.refusing.add('C 1');
    for (let i = 0; i < 4; i++) servedBy(made, 'A', 'one');
    expect(known(made)).toEqual(['C', 'D']);
    made.scheduler.runFor(4000);
    expect(known(made)).toEqual(['D']);
    made.refusing.clear();
    made.scheduler.runFor(5000);
    expect(known(made)).toEqual(['C', 'D']);
  });

  it('is gone for good when the connector is deleted meanwhile', () => {
    const made = network(8);
    offer(made, 'C 1', { healthCheck: CHECK });
    offer(made, 'D 1');
    made.refusing.add('C 1');
    made.scheduler.runFor(5000);
    deleteConnector(made, 'C', 'C 1');
    deleteConnector(made, 'D', 'D 1');
    made.refusing.clear();
    made.scheduler.runFor(5000);
    expect(known(made)).toEqual([]);
    expect(made.isListening('A', 'one')).toBe(false);
  });
});

describe('a connector with as many connections as it may have', () => {
  it('leaves more of them to others', () => {
    const made = network(9);
    offer(made, 'C 1', { maxConnections: 3, maxQueuedConnections: 100 });
    offer(made, 'D 1');
    const clients = start(made, 20, 2000);
    made.scheduler.runFor(300);
    const { connectors, refusals } = made.router('C').router.bridge;
    expect(connectors.get('C 1')?.flows.size).toBe(3);
    expect(made.router('D').router.bridge.connectors.get('D 1')?.flows.size).toBe(17);
    expect(refusals.connector).toBeGreaterThan(0);
    made.scheduler.runFor(20_000);
    expect(clients.every(({ isComplete }) => isComplete)).toBe(true);
    expect(made.leftovers()).toEqual([]);
  });

  it('lets so many wait when it is the only one, and refuses the others', () => {
    const made = network(10);
    offer(made, 'C 1', { maxConnections: 2, maxQueuedConnections: 5 });
    const clients = start(made, 10, 500);
    made.scheduler.runFor(300);
    const { bridge } = made.router('C').router;
    expect(bridge.connectorCounts().queued).toBe(5);
    expect(made.dialled.length).toBe(2);
    expect(clients.filter(({ isBroken }) => isBroken).length).toBe(3);
    made.scheduler.runFor(20_000);
    expect(clients.filter(({ isComplete }) => isComplete).length).toBe(7);
    expect(bridge.connectorCounts().queued).toBe(0);
    expect(bridge.refusals.connector).toBe(3);
    expect(made.flowFaults()).toEqual([]);
    expect(made.leftovers()).toEqual([]);
  });

  it('does not let them wait for ever', () => {
    const made = network(11);
    offer(made, 'C 1', { maxConnections: 1, maxQueuedConnections: 5, connectTimeoutMs: 3000 });
    const clients = start(made, 3, 60_000);
    const broken = () => clients.filter(({ isBroken }) => isBroken).length;
    made.scheduler.runFor(2500);
    expect(broken()).toBe(0);
    made.scheduler.runFor(1500);
    expect(broken()).toBe(2);
    const { bridge } = made.router('C').router;
    expect([bridge.refusals.queue, bridge.connectorCounts().queued]).toEqual([2, 0]);
    // That says nothing about the backend.
    expect(bridge.passedOverCount()).toBe(0);
  });

  it.each([true, false])('refuses who waits when it is deleted, though its flows may go on: %s', (keepFlows) => {
    const made = network(15);
    offer(made, 'C 1', { maxConnections: 1, maxQueuedConnections: 5 });
    const clients = start(made, 3, 20_000);
    made.scheduler.runFor(300);
    expect(made.router('C').router.bridge.connectorCounts().queued).toBe(2);
    deleteConnector(made, 'C', 'C 1', keepFlows);
    made.scheduler.runFor(1000);
    expect(clients.filter(({ isBroken }) => isBroken).length).toBe(keepFlows ? 2 : 3);
    made.scheduler.runFor(30_000);
    expect(clients.filter(({ isComplete }) => isComplete).length).toBe(keepFlows ? 1 : 0);
    expect(made.leftovers()).toEqual([]);
  });

  it('gives a place that was waited for in vain to the next', () => {
    const made = network(12);
    offer(made, 'C 1', { maxConnections: 1, maxQueuedConnections: 5 });
    start(made, 4, 1000);
    made.scheduler.runFor(200);
    made.refusing.add('C 1');
    made.scheduler.runFor(10_000);
    expect(made.leftovers()).toEqual([]);
    expect(made.router('C').router.bridge.connectorCounts().queued).toBe(0);
  });
});

describe('a connector whose settings change', () => {
  function adjust(made: RouterNetwork, settings: Partial<ConnectorSettings>): void {
    const { router } = made.router('C');
    made.router('C').input(() => {
      router.bridge.adjustConnector('C 1', { ...DEFAULT_SETTINGS, ...settings });
      router.step(made.now);
    });
  }

  it('gives new places to those that wait, and keeps its connections', () => {
    const made = network(17);
    offer(made, 'C 1', { maxConnections: 1, maxQueuedConnections: 5 });
    const clients = start(made, 4, 5000);
    made.scheduler.runFor(300);
    const { bridge } = made.router('C').router;
    expect([made.dialled.length, bridge.connectorCounts().queued]).toEqual([1, 3]);
    adjust(made, { maxConnections: 3, maxQueuedConnections: 5 });
    made.scheduler.runFor(300);
    expect([made.dialled.length, bridge.connectorCounts().queued]).toEqual([3, 1]);
    adjust(made, {});
    made.scheduler.runFor(20_000);
    expect(clients.every(({ isComplete }) => isComplete)).toBe(true);
    expect(made.leftovers()).toEqual([]);
  });

  it('is watched from then on, and forgets what a check has found that is gone', () => {
    const made = network(18);
    offer(made, 'C 1');
    offer(made, 'D 1');
    made.refusing.add('C 1');
    made.scheduler.runFor(5000);
    expect([made.probes, known(made)]).toEqual([[], ['C', 'D']]);
    adjust(made, { healthCheck: CHECK });
    made.scheduler.runFor(5000);
    expect(known(made)).toEqual(['D']);
    adjust(made, {});
    made.scheduler.runFor(500);
    expect(known(made)).toEqual(['C', 'D']);
    const count = made.probes.length;
    made.scheduler.runFor(5000);
    expect(made.probes.length).toBe(count);
  });
});

describe('the time that a dial may take', () => {
  it.each([3000, 30_000])('is what is set, when the flow has no other way: %d ms', (connectTimeoutMs) => {
    const made = network(16);
    offer(made, 'C 1', { connectTimeoutMs });
    made.swallowing.add('C 1');
    const [client] = start(made, 1);
    made.scheduler.runFor(connectTimeoutMs - 500);
    expect(client!.isBroken).toBe(false);
    made.scheduler.runFor(1000);
    expect(client!.isBroken).toBe(true);
  });
});

it('a tcpListener with as many connections as it may have refuses more, and counts them', () => {
  const made = network(13);
  offer(made, 'C 1');
  const { bridge } = made.router('A').router;
  bridge.tcpListeners.adjust('one', { maxConnections: 4 });
  const clients = start(made, 10, 500);
  made.scheduler.runFor(300);
  expect(clients.filter(({ isBroken }) => isBroken).length).toBe(6);
  expect([bridge.flows.size, bridge.refusals.listener]).toEqual([4, 6]);
  made.scheduler.runFor(20_000);
  expect(start(made, 4).length).toBe(4);
  made.scheduler.runFor(2000);
  expect(clients.filter(({ isComplete }) => isComplete).length).toBe(4);
  expect(bridge.refusals.listener).toBe(6);
  expect(made.leftovers()).toEqual([]);
});

it('clients that no backend takes are counted as refused, those that leave or lose it later as reset', () => {
  const made = network(17);
  offer(made, 'C 1');
  const { bridge } = made.router('A').router;
  const counted = () => {
    const { connectionsOpened, connectionsRefused, connectionsReset } = bridge.listeners.get('one')!.counters;
    return { opened: connectionsOpened, refused: connectionsRefused, reset: connectionsReset };
  };
  made.refusing.add('C 1');
  const refused = start(made, 3);
  made.scheduler.runFor(5000);
  expect(refused.map(({ isBroken }) => isBroken)).toEqual([true, true, true]);
  expect(counted()).toEqual({ opened: 3, refused: 3, reset: 0 });
  made.refusing.clear();
  made.swallowing.add('C 1');
  start(made, 1);
  made.scheduler.runFor(100);
  for (const flow of [...bridge.flows.values()]) flow.socketLost('it has left');
  expect(counted()).toEqual({ opened: 4, refused: 3, reset: 1 });
  made.swallowing.clear();
  made.scheduler.runFor(5000);
  const [lost] = start(made, 1, 20_000);
  made.scheduler.runFor(1000);
  made.restart('C', 60_000);
  made.scheduler.runFor(30_000);
  expect(lost!.isBroken).toBe(true);
  expect(counted()).toEqual({ opened: 5, refused: 3, reset: 2 });
});
