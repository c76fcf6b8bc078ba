/** Connections at a router that has policies: who is waited for until it is known, decisions that are kept, policies that change. */
import { describe, expect, it } from 'vitest';
import type { PolicyDocument, PolicySpec } from '../../lib/policy/types.ts';
import { BridgePolicies } from '../../router/bridge/policies.ts';
import { newRefusals } from '../../router/bridge/refusals.ts';
import { TcpListener } from '../../router/bridge/tcp-listener.ts';
import { Effects } from '../../router/core/effects.ts';
import { Clients } from '../../router/identity/client.ts';
import { WorkloadTable } from '../../router/identity/workloads.ts';
import { IDENTITY_LOOK_MS, IDENTITY_WAIT_MS, IDENTITY_WAITS_MAX } from '../../router/policy/limits.ts';
import type { Refusal, Ticket } from '../../router/policy/ticket.ts';

const BY_WORKLOAD: PolicySpec = { rules: [{ action: 'Allow', from: [{ workloads: ['frontend'] }] }] };
const BY_SITE: PolicySpec = { rules: [{ action: 'Allow', from: [{ sites: ['west'] }] }] };

class World {
  readonly workloads = new WorkloadTable();
  readonly effects = new Effects();
  readonly refusals = newRefusals();
  readonly flows = new Map();
  readonly clients = new Clients({ site: () => SITE, workloads: this.workloads });
  now = 0;
  readonly policies = new BridgePolicies(this);
  readonly listener = new TcpListener(
    { name: 'web', address: 'web', multiAddressStrategy: 'none' },
    { now: 0, random: () => 0, isReachable: () => true, adjustListening: () => {} },
  );

  constructor() {
    const counts = { value: 0, weight: 1, penaltyUntil: 0, connectionsOpened: 0 };
    this.listener.addresses.push({ name: 'web', address: 'web', key: 'Mweb', ...counts });
    this.learn({ '10.0.0.9': 'other' });
  }

  learn(hosts: Readonly<Record<string, string>>): void {
    const set = new Map(Object.entries(hosts).map(([host, workload]) => [host, { namespace: 'shop', workload }]));
    this.workloads.change({ revision: this.workloads.revision + 1, replace: false, set, gone: [] });
  }

  set(spec: PolicySpec, name = 'p'): void {
    const document: PolicyDocument = { kind: 'ClusterAccessPolicy', name, spec };
    this.policies.table.set(`ClusterAccessPolicy/${name}`, document);
  }

  come(host: string): { ticket: Ticket | undefined; told: string[] } {
    const told: string[] = [];
    const ticket = this.policies.atListener(this.listener, host);
    ticket?.attach({
      passed: () => told.push('passed'),
      turnedAway: ({ by }: Refusal) => told.push(`refused by ${by?.policy}`),
    });
    return { ticket, told };
  }

  at(now: number): void {
    this.now = now;
    this.policies.tick(now);
  }
}

const SITE = { siteId: 'id', siteName: 'west' };

describe('a client of which it is not known yet what it is', () => {
  it('is waited for, and let in when it is known', () => {
    const world = new World();
    world.set(BY_WORKLOAD);
    const { ticket, told } = world.come('10.0.0.1');
    expect(ticket?.state).toBe('identity');
    world.at(IDENTITY_LOOK_MS);
    expect(told).toEqual([]);
    world.learn({ '10.0.0.1': 'frontend' });
    expect(world.policies.deadline).toBe(2 * IDENTITY_LOOK_MS);
    world.at(2 * IDENTITY_LOOK_MS);
    expect([told, ticket?.state]).toEqual([['passed'], 'in']);
    expect(world.policies.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  it('is decided upon as it is after the wait, and not waited for again', () => {
    const world = new World();
    world.set(BY_WORKLOAD);
    const { told } = world.come('10.0.0.1');
    world.at(IDENTITY_WAIT_MS - 1);
    expect(told).toEqual([]);
    world.at(IDENTITY_WAIT_MS + IDENTITY_LOOK_MS);
    expect(told).toEqual(['refused by ClusterAccessPolicy/p']);
    expect(world.come('10.0.0.1').ticket?.state).toBe('refused');
    expect(world.come('10.0.0.2').ticket?.state).toBe('identity');
  });

  it('is not waited for where no policy asks, nobody could say, or too many wait', () => {
    const bySite = new World();
    bySite.set(BY_SITE);
    expect(bySite.come('10.0.0.1').ticket?.state).toBe('in');
    const untold = new World();
    untold.workloads.revision = 0;
    untold.set(BY_WORKLOAD);
    expect(untold.come('10.0.0.1').ticket?.state).toBe('refused');
    const busy = new World();
    busy.set(BY_WORKLOAD);
    for (let i = 0; i < IDENTITY_WAITS_MAX; i++) busy.come(`10.1.${i >> 8}.${i & 255}`);
    expect(busy.come('10.0.0.1').ticket?.state).toBe('refused');
    expect(busy.come('10.0.0.9').ticket?.state).toBe('refused');
  });

  it('is sent to those addresses that are allowed as it is known then', () => {
    const world = new World();
    world.set(BY_WORKLOAD);
    const [web] = world.listener.addresses;
    world.listener.addresses.push({ ...web!, name: 'other', address: 'other', key: 'Mother' });
    const rules = world.policies.rulesOf(world.listener, '10.0.0.1', undefined)!;
    expect(rules.permits(web!)).toBe(false);
    world.learn({ '10.0.0.1': 'frontend' });
    expect(rules.permits(web!)).toBe(true);
  });

  it('is waited for too when only a policy that came while it waited for a place asks', () => {
    const world = new World();
    const ONE: PolicySpec = {
      rules: [{ action: 'Limit', limits: { concurrentConnections: 1, queue: { length: 9, seconds: 9 } } }],
    };
    world.set(ONE);
    expect(world.come('10.0.0.9').ticket?.state).toBe('in');
    const { ticket, told } = world.come('10.0.0.1');
    world.flows.set(1, { ticket });
    expect(ticket?.state).toBe('limits');
    world.set(BY_WORKLOAD, 'later');
    world.set({ rules: [{ action: 'Allow' }] });
    world.at(10);
    expect(ticket?.state).toBe('identity');
    world.learn({ '10.0.0.1': 'frontend' });
    world.at(10 + IDENTITY_LOOK_MS);
    expect([told, ticket?.state]).toEqual([['passed'], 'in']);
  });

  it('is forgotten when it leaves', () => {
    const world = new World();
    world.set(BY_WORKLOAD);
    const { ticket, told } = world.come('10.0.0.1');
    world.policies.left({ ticket, meter: undefined } as Parameters<BridgePolicies['left']>[0]);
    world.learn({ '10.0.0.1': 'frontend' });
    world.at(IDENTITY_WAIT_MS * 2);
    expect([told, ticket?.state]).toEqual([[], 'over']);
  });
});

describe('refusals by policies of the other end', () => {
  it('are told seldom for each service, however many words the other end finds', () => {
    const world = new World();
    const told = () => world.effects.take().flatMap((effect) => (effect.type === 'log' ? [Object(effect.fields)] : []));
    for (let at = 0; at < 100; at++) world.policies.refusedElsewhere('web', 'web', `reason ${at}`);
    expect(told()).toMatchObject([{ listener: 'web', reason: 'reason 0', count: 1 }]);
    world.policies.refusedElsewhere('web', 'other', 'reason of another service');
    expect(told()).toMatchObject([{ reason: 'reason of another service', count: 1 }]);
    world.now = 60_000;
    world.policies.refusedElsewhere('web', 'web', 'a last one');
    expect(told()).toMatchObject([{ reason: 'a last one', count: 100 }]);
    expect(world.refusals.policyRemote).toBe(102);
  });
});

describe('decisions', () => {
  it('are none where no policy selects the service', () => {
    const world = new World();
    expect(world.come('10.0.0.1').ticket).toBeUndefined();
    world.set({ ...BY_WORKLOAD, services: [{ names: ['other'] }] });
    expect(world.come('10.0.0.1').ticket).toBeUndefined();
  });

  it('follow a changed policy, a changed service and a changed workload at once', () => {
    const world = new World();
    world.learn({ '10.0.0.1': 'frontend' });
    world.set(BY_WORKLOAD);
    expect(world.come('10.0.0.1').ticket?.state).toBe('in');
    world.learn({ '10.0.0.1': 'backend' });
    expect(world.come('10.0.0.1').ticket?.state).toBe('refused');
    world.set({ rules: [{ action: 'Allow', from: [{ workloads: ['backend'] }] }] });
    expect(world.come('10.0.0.1').ticket?.state).toBe('in');
    world.set({ ...BY_WORKLOAD, services: [{ selector: { matchLabels: { app: 'web' } } }] });
    expect(world.come('10.0.0.1').ticket).toBeUndefined();
    world.listener.options = { ...world.listener.options, policyLabels: 'tier=1, app=web' };
    for (const address of world.listener.addresses) address.checkpoint = undefined;
    expect(world.come('10.0.0.1').ticket?.state).toBe('refused');
    world.policies.table.delete('ClusterAccessPolicy/p');
    expect(world.come('10.0.0.1').ticket).toBeUndefined();
  });

  it('are told in the log at once, then seldom and with how many there were', () => {
    const world = new World();
    world.set(BY_WORKLOAD);
    const lines = () => world.effects.take().filter(({ type }) => type === 'log');
    world.come('10.0.0.9');
    expect(lines()).toMatchObject([
      {
        level: 'warn',
        module: 'POLICY',
        fields: { listener: 'web', policy: 'ClusterAccessPolicy/p', reason: expect.stringContaining('no rule of') },
      },
    ]);
    for (let i = 0; i < 100; i++) world.come('10.0.0.9');
    expect(lines()).toEqual([]);
    world.now = 60_000;
    world.come('10.0.0.9');
    expect(lines()).toMatchObject([{ fields: { count: 101 } }]);
    expect(world.refusals.policy).toBe(102);
  });
});
